"""What holds for every gazetteer and every text."""

from __future__ import annotations

import re

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from redaction import EntityType, EntryTable, Gazetteer, GazetteerEntry, Span
from redaction.gazetteer.lexicon import is_whole_word
from redaction.gazetteer.variants import phrases_of
from redaction.gazetteer.wording import Words, words_of
from redaction.gazetteer.words import is_everyday_word
from redaction.normalise import Reading, fold_value, normalise

from .test_gazetteer import PEOPLE, SPELLINGS

ENTRIES = [entry for _, entries in PEOPLE for entry in entries]
EVERYBODY = Gazetteer.build(ENTRIES)
AROUND = [
    "",
    " ",
    "(",
    ")",
    "“",
    "”",
    "'",
    '"',
    "\n",
    "\t",
    ", ",
    ". ",
    ": ",
    "*",
    "/",
    " – ",
    "\u00a0",
    "<",
    ">",
]
LETTERS = "abgmnosstuzäöüéñłßøžАбвγδλ田中नमскด\u0301'’-. ,&+/@#0123456789ABGMNOSTUZ\u200b"
VALUES = st.text(st.sampled_from(LETTERS), min_size=2, max_size=24)
WORD = re.compile(r"(?:[^\W_][\u0300-\u036f]*)+")
TYPES = st.sampled_from(
    [EntityType.PERSON, EntityType.ORGANIZATION, EntityType.ADDRESS, EntityType.ACCOUNT, EntityType.USERNAME]
)


def covers(spans: list[Span], text: str, start: int, end: int) -> bool:
    covered = {place for span in spans for place in range(span.start, span.end)}
    return all(place in covered or not text[place].isalnum() for place in range(start, end))


@given(st.sampled_from(ENTRIES), st.sampled_from(SPELLINGS), st.sampled_from(AROUND), st.sampled_from(AROUND))
@settings(max_examples=1500, deadline=None)
def test_every_clean_mention_of_everybody_is_found(
    entry: GazetteerEntry, spelling: object, before: str, after: str
) -> None:
    written = spelling(entry.value)  # type: ignore[operator]
    text = f"Ask{before or ' '}{written}{after or ' '}now"
    start = text.index(written)
    spans = EVERYBODY.find(text)
    assert covers(spans, text, start, start + len(written))
    assert any(entry.entity in span.entities for span in spans)


@given(VALUES, TYPES, st.sampled_from(AROUND), st.sampled_from(AROUND))
@settings(max_examples=2000, deadline=None)
def test_whatever_reads_like_a_value_as_a_whole_word_is_found(
    value: str, kind: EntityType, before: str, after: str
) -> None:
    gazetteer = Gazetteer.build([GazetteerEntry(value, kind, "contact:1", "name")])
    text = f"x{before or ' '}{value}{after or ' '}x"
    folded, key = Reading(text).folded, fold_value(value)
    place = folded.text.find(key)
    assume(gazetteer.skipped == 0 and place >= 0 and is_whole_word(folded.text, place, place + len(key)))
    assume(" " in key or not is_everyday_word(key))
    start, end = folded.original(place, place + len(key))
    assert covers(gazetteer.find(text), text, start, end)


@given(st.lists(st.sampled_from(ENTRIES), max_size=12, unique_by=id), st.integers(0, 12), st.data())
@settings(max_examples=200, deadline=None)
def test_a_delta_finds_what_a_build_from_everything_finds(
    entries: list[GazetteerEntry], cut: int, draw: st.DataObject
) -> None:
    mentions = draw.draw(st.lists(st.sampled_from(ENTRIES), max_size=5))
    text = " and ".join(entry.value for entry in mentions)
    grown = Gazetteer.build(entries[:cut])
    for entry in entries[cut:]:
        grown = grown.with_delta([entry])
    whole = Gazetteer.build(entries)
    assert facts(grown.find(text)) == facts(whole.find(text))
    prefer = {mentions[0].entity or ""} if mentions else set()
    assert facts(grown.find(text, prefer)) == facts(whole.find(text, prefer))
    assert len(grown) == len(whole) == len(entries)
    assert all(entry in grown for entry in entries)


def facts(spans: list[Span]) -> list[tuple[object, ...]]:
    return [(span.start, span.end, span.type, span.entity, span.entities) for span in spans]


@given(
    st.lists(st.sampled_from(ENTRIES), min_size=1, max_size=6),
    st.lists(st.sampled_from(AROUND), min_size=6, max_size=6),
)
@settings(max_examples=400, deadline=None)
def test_nothing_is_found_that_is_no_form_of_an_entry(
    mentions: list[GazetteerEntry], around: list[str]
) -> None:
    words = [word for entry in mentions for word in entry.value.split()]
    text = "".join(f"{word}{gap or ' '}" for word, gap in zip(words, around * len(words), strict=False))
    for span in EVERYBODY.find(text):
        if span.type is EntityType.PHONE or span.score < 1:
            continue
        phrase = " ".join(words_of(text[span.start : span.end]))
        owners = [entry for entry in ENTRIES if entry.entity in span.entities and entry.type is span.type]
        forms = {form for entry in owners for form in phrases_of(entry.value, entry.type)}
        compact = {"".join(words_of(entry.value)) for entry in owners}
        assert phrase in forms or phrase.removesuffix("s") in forms or phrase.replace(" ", "") in compact


@given(st.sampled_from(ENTRIES), st.text(st.sampled_from(LETTERS), max_size=6), st.integers(0, 40))
@settings(max_examples=500, deadline=None)
def test_a_stream_that_waits_at_the_open_end_finds_what_the_whole_does(
    entry: GazetteerEntry, after: str, cut: int
) -> None:
    assume(entry.type not in (EntityType.PHONE, EntityType.EMAIL))
    text = f"Ask {entry.value} {after}"
    found = [span for span in EVERYBODY.find(text) if span.score == 1]
    first = text[: 4 + cut]
    limit = EVERYBODY.open_from(first)
    cut_through = [span for span in found if span.start < len(first) < span.end]
    assert all(limit <= span.start for span in cut_through)


@given(st.lists(st.builds(GazetteerEntry, VALUES, TYPES, st.sampled_from([None, "a:1", "b:2"]), st.none())))
@settings(max_examples=200, deadline=None)
def test_a_table_gives_back_what_was_put_into_it(entries: list[GazetteerEntry]) -> None:
    table = EntryTable(entries)
    assert list(table) == entries
    assert [table.entity(row) for row in range(len(table))] == [entry.entity for entry in entries]


@given(st.text(st.sampled_from(LETTERS + "\x7f\x80_ẹ")) | st.text())
@settings(max_examples=1000, deadline=None)
def test_words_of_a_text_are_found_where_they_stand(text: str) -> None:
    words = Words(normalise(text).text)
    written = [words.written(index) for index in range(len(words))]
    assert written == [found.group() for found in WORD.finditer(words.text)]
    assert words.folded == [fold_value(word).replace(" ", "") for word in written]
    assert "".join(words.gap(index) for index in range(len(words) - 1)).strip("_") == "".join(
        WORD.split(words.text)[1:-1]
    ).strip("_")
