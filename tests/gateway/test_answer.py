import json

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.door.answer import WITHHELD, AnswerStream, Restoring, StreamScanner
from redaction import EntityType, Gazetteer, GazetteerEntry, Redactor, load_redactor

KNOWN = [
    GazetteerEntry("Anna Weidenbach", EntityType.PERSON, "contact:1", "name"),
    GazetteerEntry("Nordlicht Optik GmbH", EntityType.ORGANIZATION, "account:1", "name"),
    GazetteerEntry("a.weidenbach@nordlicht.example", EntityType.EMAIL, "contact:1", "email"),
    GazetteerEntry("KD-2231-877", EntityType.ACCOUNT, "account:1", "number"),
    GazetteerEntry("Lindenstraße 14, 10969 Berlin", EntityType.ADDRESS, "account:1", "address"),
]
ANALYZER: Redactor = load_redactor(ner=False).with_gazetteer(Gazetteer.build(KNOWN))
WORDS = [
    *(entry.value for entry in KNOWN),
    "Anna",
    "Weidenbach, Anna",
    "lindenstrasse",
    "the",
    "order",
    "17",
    ".",
]
WORDS += ["<PERSON_1>", "[PERSON_1]", "<PERSON_10>", "Nordlicht", "GmbH", "<", "€", "\n", "KD-22"]

HARMLESS = [
    "the",
    "order",
    "17",
    "is",
    "late.",
    "<PERSON_1>",
    "[PERSON_1]",
    "<PERSON_10>",
    "<",
    "€",
    "\n",
    "(see",
    "+",
]


def pieces(text: str, cuts: list[int]) -> list[str]:
    places = sorted({cut % (len(text) + 1) for cut in cuts})
    return [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]


def scanned(chunks: list[str]) -> str:
    scanner = StreamScanner(ANALYZER)
    return "".join([*(scanner.feed(chunk) for chunk in chunks), scanner.finish()])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=8), st.lists(st.integers(0, 400), max_size=12))
def test_no_known_customer_leaves_in_the_clear_however_the_stream_is_cut(
    words: list[str], cuts: list[int]
) -> None:
    text = " ".join(words)
    answer = scanned(pieces(text, cuts))
    assert not any(entry.value in answer for entry in KNOWN)
    assert not ANALYZER.gazetteer.find(answer.replace(WITHHELD, "\n###\n"))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(HARMLESS), max_size=12), st.lists(st.integers(0, 400), max_size=12))
def test_what_names_nobody_passes_unchanged_however_the_stream_is_cut(
    words: list[str], cuts: list[int]
) -> None:
    text = " ".join(words)
    assert scanned(pieces(text, cuts)) == text


def test_plain_words_are_released_at_once() -> None:
    scanner = StreamScanner(ANALYZER)
    assert [scanner.feed(chunk) for chunk in ("The", " refund", " is", " on", " its", " way.")] == [
        "The",
        " refund",
        " is",
        " on",
        " its",
        " way.",
    ]


def test_restored_values_are_not_scanned_again() -> None:
    stream = AnswerStream(ANALYZER, Restoring({"<PERSON_1>": "Anna Weidenbach"}))
    chunk = {"choices": [{"delta": {"content": "Ask <PERSON_1>."}}]}
    said = [delta["content"] for delta in [*stream.deltas(chunk), *stream.rest()]]
    assert "".join(said) == "Ask Anna Weidenbach."
    assert stream.withheld == 0


def test_values_inside_arguments_stay_json() -> None:
    value = 'Anna "Ann"\\ Weidenbach'
    stream = AnswerStream(ANALYZER, Restoring({"<PERSON_1>": value}))
    call = {"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"to": "<PERSON_1>"}'}}
    deltas = [*stream.deltas({"choices": [{"delta": {"tool_calls": [call]}}]}), *stream.rest()]
    arguments = "".join(delta["tool_calls"][0]["function"]["arguments"] for delta in deltas)
    assert json.loads(arguments) == {"to": value}
