"""What the search found, as the model may see it: redacted, numbered, and made into sources."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gateway import RedactedPart, TextPart
from retrieval import FACTS, Listing, Passage, SearchResult

from .counting import count_sentences
from .statements import read_facts, state_all
from .support import Source


@dataclass(frozen=True)
class Evidence:
    """Sources for the model, passages and facts for the page, what was hidden, and the customer's marks.

    A `listing` and the `words` of the map for words of the question are what the search found of them;
    `missing` says which records that the question names are not there for the asker.
    """

    sources: tuple[Source, ...]
    passages: tuple[Mapping[str, Any], ...]
    facts: tuple[Mapping[str, Any], ...]
    hidden: Mapping[str, int]
    tags: frozenset[str] = frozenset()
    listing: Listing | None = None
    words: tuple[str, ...] = ()
    missing: str = ""


def parts_of(result: SearchResult) -> list[TextPart]:
    """Title and texts of every passage, then title and value of every fact.

    Names are guessed in prose, in titles, which may quote it, and in facts in which anything may stand: a
    stranger's name in a column of free text is nobody's whom the CRM knows. Of the other columns the map has
    said which are identities; a wrong guess must not hide a date or a status.
    """
    parts: list[TextPart] = []
    for passage in result.passages:
        parts.append(TextPart("", passage.title, entity=passage.entity, field="title"))
        parts += [
            TextPart("", text, entity=passage.entity, field=passage.field, guess=free)
            for text, free in _texts_of(passage)
        ]
    for fact in result.facts:
        of = fact.entity or None
        # the title of a count over all records is made of the map's words
        parts.append(TextPart("", fact.title, entity=of, field="title", guess=of is not None))
        parts.append(TextPart("", fact.value, entity=of, field=fact.field, guess=fact.free))
    return [replace(part, id=str(number)) for number, part in enumerate(parts)]


def _texts_of(passage: Passage) -> list[tuple[str, bool]]:
    """Prose as a whole; a piece of columns line by line, and whether anything may stand in each."""
    if passage.free is None:
        return [(passage.text, True)]
    return [(line, number in passage.free) for number, line in enumerate(passage.text.split("\n"))]


def evidence_of(
    result: SearchResult, redacted: Sequence[RedactedPart], hidden: Mapping[str, int]
) -> Evidence:
    """The evidence out of the redacted `parts_of` the same result, in the same order."""
    clean = iter([part.text for part in redacted])
    passages: list[dict[str, Any]] = [
        {
            "n": number,
            "id": passage.id,
            "entity": passage.entity,
            "field": passage.field,
            "title": next(clean),
            "text": "\n".join(next(clean) for _ in _texts_of(passage)),
            "url": passage.url,
            "internal": passage.internal,
            "open": passage.open,
            "reference": passage.reference,
            "as_of": passage.as_of.isoformat(),
        }
        for number, passage in enumerate(result.passages, 1)
    ]
    facts: list[dict[str, Any]] = [
        {
            "entity": fact.entity,
            "label": fact.label,
            "kind": fact.kind,
            "title": next(clean),
            "value": next(clean),
            "as_of": fact.as_of.isoformat(),
            **({} if fact.entity else {"open": True}),  # no record whose rights could be lost
        }
        for fact in result.facts
    ]
    numbers = {entity: len(passages) + 1 + i for i, entity in enumerate(dict.fromkeys(_entities(facts)))}
    facts = [{"n": numbers[fact["entity"]], **fact} for fact in facts]
    sources = [_source(passage) for passage in passages]
    read: dict[str, list[str]] = {}
    for fact in result.facts:
        read.setdefault(fact.entity, []).append(fact.field)
    stated = [replace(one, field=_joined(read[one.entity])) for one in _fact_sources(facts, result.listing)]
    return Evidence(
        (*stated, *sources),
        tuple(passages),
        tuple(facts),
        hidden,
        _tags(result),
        result.listing,
        result.words,
    )


def _tags(result: SearchResult) -> frozenset[str]:
    """Marks that the policy may know: those of the CRM, and the facts that answer yes, such as `vip`."""
    said = {fact.field for fact in result.facts if fact.kind == "boolean" and fact.value == "yes"}
    return frozenset({*result.flags, *said})


def _fact_sources(facts: Sequence[Mapping[str, Any]], listing: Listing | None) -> list[Source]:
    grouped: dict[int, list[Mapping[str, Any]]] = {}
    for fact in facts:
        grouped.setdefault(fact["n"], []).append(fact)
    found = [
        _stating(n, rows[0]["title"], rows[0]["entity"], [(row["label"], row["value"]) for row in rows])
        for n, rows in grouped.items()
    ]
    return [_counting(found[0], listing), *found[1:]] if listing and found else found


def _counting(source: Source, listing: Listing) -> Source:
    """The source of a list's count, which is the first fact, with the count in words."""
    about = source.title if source.entity in listing.about else ""
    told = " ".join(count_sentences(listing, about, len(listing.records)))
    return replace(source, text=f"{told}\n{source.text}", counts=about)


def _source(passage: Mapping[str, Any]) -> Source:
    n, title, text = passage["n"], passage["title"], str(passage["text"])
    if passage["field"] == FACTS and (facts := read_facts(text)):
        stated = _stating(n, title, passage["entity"], facts, published=passage["open"])
        return replace(stated, field=FACTS)
    entity = passage["entity"]
    return Source(
        n,
        title,
        text,
        published=passage["open"],
        kind=_kind(entity),
        entity=entity,
        reference=passage["reference"],
        field=passage["field"],
    )


def _joined(fields: Sequence[str]) -> str:
    """All the columns that a text was made of; counts of other records (`case.status`) are of none."""
    return "|".join(dict.fromkeys(field for field in fields if "." not in field)) or "title"


def _stating(
    n: int, title: str, entity: str, facts: Sequence[tuple[str, str]], *, published: bool = False
) -> Source:
    """Facts as sentences, each of which says what it is about."""
    return Source(n, title, state_all(title, facts), published, _kind(entity), tuple(facts), entity)


def _kind(entity: str) -> str:
    return entity.partition(":")[0]


def _entities(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(str(row["entity"]) for row in rows))
