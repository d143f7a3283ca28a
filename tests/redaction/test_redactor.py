from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
from hypothesis import given, settings

from redaction import (
    DetectorFailed,
    EntityType,
    Gazetteer,
    GazetteerEntry,
    MemorySpanCache,
    Redactor,
    Source,
    Span,
    TokenMap,
    load_redactor,
    ner_spans_in_worker,
    redact,
    restore,
    start_ner_worker,
)
from redaction.normalise import Reading

from .conftest import ANNA
from .texts import texts


def found(redactor: Redactor, text: str, *dictionary: GazetteerEntry) -> list[tuple[str, str, str]]:
    return [
        (text[span.start : span.end], span.type, span.source) for span in redactor.detect(text, dictionary)
    ]


@given(texts())
@settings(max_examples=300, deadline=None)
def test_any_text_is_restored_to_the_letter(quick_redactor: Redactor, text: str) -> None:
    tokens = TokenMap()
    redaction = redact(text, quick_redactor.detect(text), tokens)
    assert restore(redaction.text, tokens.values()) == text


@given(texts())
@settings(max_examples=100, deadline=None)
def test_any_text_with_names_is_restored_to_the_letter(redactor: Redactor, text: str) -> None:
    tokens = TokenMap()
    redaction = redact(text, redactor.detect(text), tokens)
    assert restore(redaction.text, tokens.values()) == text


@pytest.mark.parametrize(
    ("text", "value", "kind", "source"),
    [
        ("Ask Anna Schmidt.", "Anna Schmidt", EntityType.PERSON, Source.GAZETTEER),
        ("card 4111 1111 1111 1111 ok", "4111 1111 1111 1111", EntityType.CARD, Source.CHECKSUM),
        ("to DE89370400440532013000 please", "DE89370400440532013000", EntityType.IBAN, Source.CHECKSUM),
        ("mail bob@corp.example now", "bob@corp.example", EntityType.EMAIL, Source.PATTERN),
        ("mail bob@crm.local now", "bob@crm.local", EntityType.EMAIL, Source.PATTERN),
        ("from 10.1.2.3 again", "10.1.2.3", EntityType.IP, Source.PATTERN),
        ("call +44 20 7946 0958 today", "+44 20 7946 0958", EntityType.PHONE, Source.PATTERN),
        ("SSN 460-89-9847 given", "460-89-9847", EntityType.TAX_ID, Source.CHECKSUM),
        ("born on 3 May 1981 in", "3 May 1981", EntityType.DATE_OF_BIRTH, Source.PATTERN),
        ("password: hunter2! ok", "hunter2!", EntityType.SECRET, Source.PATTERN),
        ("at 221 Baker Street today", "221 Baker Street", EntityType.ADDRESS, Source.PATTERN),
        ("Yesterday Bob Miller called.", "Bob Miller", EntityType.PERSON, Source.NER),
        ("yesterday robert johnson called us", "robert johnson", EntityType.PERSON, Source.NER),
    ],
)
def test_each_kind_is_found_by_its_detector(
    redactor: Redactor, text: str, value: str, kind: EntityType, source: Source
) -> None:
    assert (value, kind, source) in found(redactor, text)


@pytest.mark.parametrize(
    "text", ["Order 4711 of 3 May 2024 costs 1,299.00 EUR.", "Please call me back at 10:30.", "", " \n"]
)
def test_everyday_text_is_left_alone(redactor: Redactor, text: str) -> None:
    assert found(redactor, text) == []


def test_what_was_found_once_is_masked_everywhere(redactor: Redactor) -> None:
    text = "Bob Miller wrote. Later bob answered, and MILLER agreed; bob miller left."
    tokens = TokenMap()
    redacted = redact(text, redactor.detect(text), tokens).text.lower()
    assert "bob" not in redacted
    assert "miller" not in redacted
    assert {token.split("_")[1].strip(">") for token in tokens.tokens()} == {"1"}


def test_a_wrong_guess_at_half_a_sentence_does_not_spread(quick_redactor: Redactor) -> None:
    wrong = GazetteerEntry("Mon mot de passe est", EntityType.PERSON)
    assert found(quick_redactor, "Le contrat est fini, il est tard pour le mot.", wrong) == []


def test_a_mail_address_is_masked_whole_where_the_name_in_it_is_known(quick_redactor: Redactor) -> None:
    known = GazetteerEntry("Gwendolyn Ashby", EntityType.PERSON)
    text = "Gwendolyn Ashby has g.ashby@postbox.example now."
    assert [value for value, _, _ in found(quick_redactor, text, known)] == [
        "Gwendolyn Ashby",
        "g.ashby@postbox.example",
    ]


def test_what_the_conversation_knows_is_masked_without_a_detector(quick_redactor: Redactor) -> None:
    known = GazetteerEntry("Zorblax Quux", EntityType.PERSON)
    assert [value for value, _, _ in found(quick_redactor, "zorblax quux, then Quux", known)] == [
        "zorblax quux",
        "Quux",
    ]


def test_a_book_gives_the_dictionary_of_its_conversation(redactor: Redactor) -> None:
    tokens = TokenMap()
    first = "Bob Miller and Anna Schmidt met."
    redact(first, redactor.detect(first), tokens)
    later = "did miller, BOB MILLER or schmidt pay?"
    spans = redactor.detect(later, tokens.dictionary(), ner_spans=[])
    assert redact(later, spans, tokens).text == "did miller, <PERSON_1_ALT> or <PERSON_2_LAST> pay?"


def test_a_name_part_that_two_people_share_links_to_neither(quick_redactor: Redactor) -> None:
    known = [GazetteerEntry("Zora Quux", EntityType.PERSON), GazetteerEntry("Milo Quux", EntityType.PERSON)]
    (span,) = quick_redactor.detect("Quux paid", known)
    assert (span.root, span.entity) == (None, None)


class Broken:
    name = "broken"
    version = "1"

    def find(self, reading: Reading) -> list[Span]:
        raise ValueError(f"secret: {reading.text}")


def broken_gazetteer() -> Redactor:
    class BrokenGazetteer(Gazetteer):
        def find_in(self, reading: Reading) -> list[Span]:
            raise MemoryError

    return Redactor([], BrokenGazetteer.build([]))


class BrokenCache:
    def get(self, digest: bytes) -> None:
        raise OSError("no disk")

    def put(self, digest: bytes, spans: object) -> None:
        raise OSError("no disk")


@pytest.mark.parametrize(
    ("build", "name"),
    [
        (lambda: Redactor([Broken()]), "broken"),
        (lambda: Redactor([], ner=Broken()), "ner"),
        (broken_gazetteer, "gazetteer"),
        (lambda: Redactor([], cache=BrokenCache(), cache_key=b"k" * 32), "ner cache"),
        (lambda: load_redactor(ner=True, ner_elsewhere=True), "ner"),
    ],
)
def test_a_broken_detector_fails_the_whole_and_names_itself(build: Callable[[], Redactor], name: str) -> None:
    with pytest.raises(DetectorFailed) as failed:
        build().detect("Anna Schmidt")
    assert failed.value.detector == name
    assert "Anna" not in str(failed.value)
    assert failed.value.__cause__ is None


class Counting:
    name = "counting"
    version = "1"

    def __init__(self) -> None:
        self.calls = 0

    def find(self, reading: Reading) -> list[Span]:
        self.calls += 1
        return [Span(0, 3, EntityType.PERSON, 0.8, Source.NER)]


def test_names_are_read_once_and_everything_else_always() -> None:
    names, cache = Counting(), MemorySpanCache()
    redactor = Redactor([], ner=names, cache=cache, cache_key=b"k" * 32)
    assert redactor.detect("Bob pays") == redactor.detect("Bob pays")
    assert names.calls == 1
    more = redactor.with_gazetteer(Gazetteer.build([GazetteerEntry("pays", EntityType.PERSON, ANNA)]))
    assert len(more.detect("Bob pays")) == 2
    assert names.calls == 1


def test_the_cache_keeps_no_text_and_forgets_the_oldest() -> None:
    cache = MemorySpanCache(size=1)
    redactor = Redactor([], ner=Counting(), cache=cache, cache_key=b"k" * 32)
    redactor.detect("Bob pays")
    assert redactor.cached_ner_spans("Bob pays") is not None
    redactor.detect("Eve pays")
    assert redactor.cached_ner_spans("Bob pays") is None
    assert b"Eve" not in repr(vars(cache)).encode()


def test_names_found_in_a_worker_count_like_those_found_here(
    redactor: Redactor, gazetteer: Gazetteer
) -> None:
    text = "Bob Miller asked Anna Schmidt."
    beside = load_redactor(gazetteer, ner_elsewhere=True)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=start_ner_worker) as pool:
        names = pool.submit(ner_spans_in_worker, text).result(timeout=60)
    assert beside.detect(text, ner_spans=names) == redactor.detect(text)


def test_a_worker_that_was_not_started_is_an_error() -> None:
    with pytest.raises(DetectorFailed):
        ner_spans_in_worker("Anna")
