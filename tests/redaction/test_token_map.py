from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redaction import (
    BadTokenMap,
    EntityType,
    Gazetteer,
    GazetteerEntry,
    Redactor,
    Source,
    Span,
    TokenConflict,
    TokenMap,
    TokenRecord,
    parse_token,
    redact,
    restore,
)

ASKED = st.tuples(
    st.sampled_from([EntityType.PERSON, EntityType.ORGANIZATION, EntityType.EMAIL]),
    st.sampled_from(["Anna", "anna", "ANNA", "Ánna", "Anna Schmidt", "Schmidt", "a@x.example", "\ud800", ""]),
    st.sampled_from([None, None, "contact:1", "contact:2"]),
    st.sampled_from([None, "FIRST", "LAST", "EMAIL"]),
    st.sampled_from([None, "Anna Schmidt", "Anna Braun"]),
)
Asked = tuple[EntityType, str, str | None, str | None, str | None]


def token(book: TokenMap, asked: Asked) -> str:
    stem, value, entity, facet, root = asked
    if entity is not None or facet not in ("FIRST", "LAST"):
        root = None
    if root is not None:
        book.token_for(stem, root, None, None)  # the full name stands in the same text
    return book.token_for(stem, value, entity, facet if entity or root else None, root)


@given(st.lists(ASKED, max_size=20))
@settings(max_examples=300)
def test_each_token_has_one_value_and_each_value_of_a_record_one_token(asked: list[Asked]) -> None:
    book = TokenMap()
    given_out: dict[str, set[tuple[str | None, str]]] = {}
    for one in asked:
        given_out.setdefault(token(book, one), set()).add((one[2], one[1]))
    assert [book.value_of(name) for name in given_out] == [
        value for pairs in given_out.values() for value in {value for _, value in pairs}
    ]
    owned = [(record.owner, record.value) for record in book.records()]
    assert len(owned) == len(set(owned))
    assert all(len({entity for entity, _ in pairs if entity}) <= 1 for pairs in given_out.values())


@given(st.lists(ASKED, max_size=14), st.integers(0, 14))
@settings(max_examples=400)
def test_a_map_that_was_stored_gives_the_tokens_that_it_would_have_given(
    asked: list[Asked], place: int
) -> None:
    kept, stored = TokenMap(), TokenMap()
    for number, one in enumerate(asked):
        if number == place:
            stored = TokenMap.from_json(stored.to_json())
        assert token(kept, one) == token(stored, one)
    assert stored.records() == kept.records()
    assert stored.added() == kept.records()[len(kept.records()) - len(stored.added()) :]


@pytest.mark.parametrize("written", ["", "[]", "{}", '{"tokens": [1]}', '{"tokens": [{"token": "<A_1>"}]}'])
def test_what_is_no_map_is_refused_without_showing_it(written: str) -> None:
    with pytest.raises(BadTokenMap) as refused:
        TokenMap.from_json(written)
    assert refused.value.__cause__ is None
    assert "<A_1>" not in str(refused.value)


@pytest.mark.parametrize(
    "records",
    [
        [TokenRecord("<NOBODY_1>", "x")],
        [TokenRecord("<PERSON_1>", "x"), TokenRecord("<PERSON_1>", "y")],
        [TokenRecord("<PERSON_1>", "x"), TokenRecord("<PERSON_1>", "x", "contact:1")],
    ],
)
def test_records_that_contradict_each_other_are_refused(records: list[TokenRecord]) -> None:
    with pytest.raises(TokenConflict):
        TokenMap(records)


@pytest.fixture
def threads_that_switch_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("threads_that_switch_often")
def test_threads_that_redact_at_once_agree_on_every_token() -> None:
    threads, rounds = 8, 10
    for _ in range(rounds):
        book = TokenMap()
        together = Barrier(threads)

        def work(
            number: int, book: TokenMap = book, together: Barrier = together
        ) -> list[tuple[str, str, dict[str, str]]]:
            together.wait()
            done: list[tuple[str, str, dict[str, str]]] = []
            for one in range(12):
                text = f"Person{(one + number) % 12:02d} and Person{one:02d} <PERSON_{one + 1}>"
                half = text.index(" and ")
                spans = [
                    Span(0, half, EntityType.PERSON, 0.9, Source.NER),
                    Span(half + 5, half + 13, EntityType.PERSON, 0.9, Source.NER),
                ]
                done.append((text, redact(text, spans, book).text, book.values()))
                assert book.dictionary()
            return done

        with ThreadPoolExecutor(threads) as pool:
            everything = [pair for done in pool.map(work, range(threads)) for pair in done]
        values = book.values()
        assert len(set(values.values())) == len(values)
        assert all(restore(redacted, values) == text for text, redacted, _ in everything)
        assert all(values.items() >= seen.items() for _, _, seen in everything)


@pytest.mark.parametrize("known", [(), ("Anna Quux",), ("Anna Zorblax",), ("Anna Quux", "Anna Zorblax")])
def test_a_first_name_that_two_people_share_is_neithers(known: tuple[str, ...]) -> None:
    entries = [
        GazetteerEntry(name, EntityType.PERSON, f"contact:{number}", "name")
        for number, name in enumerate(known)
    ]
    redactor = Redactor([], Gazetteer.build(entries))
    strangers = [
        GazetteerEntry("Anna Quux", EntityType.PERSON),
        GazetteerEntry("Anna Zorblax", EntityType.PERSON),
    ]
    tokens = TokenMap()
    first, second = "Anna Quux wrote. Anna is glad.", "Anna Zorblax called. Anna wants a refund."
    redact(first, redactor.detect(first, [*strangers[:1], *tokens.dictionary()]), tokens)
    later = redact(second, redactor.detect(second, [*strangers[1:], *tokens.dictionary()]), tokens)
    numbers = [parsed.number for token in later.tokens if (parsed := parse_token(token))]
    assert len(set(numbers)) == 2
    assert 1 not in numbers
    assert restore(later.text, tokens.values()) == second
