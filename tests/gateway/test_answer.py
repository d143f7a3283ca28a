import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.door.answer import AnswerStream, ChoiceDelta, Restoring, StreamScanner
from gateway.door.strangers import WITHHELD
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


def said(stream: AnswerStream, chunks: list[str], reason: str | None = "stop", choice: int = 0) -> str:
    given = [
        delta
        for chunk in chunks
        for delta in stream.deltas({"choices": [{"index": choice, "delta": {"content": chunk}}]})
    ]
    given += stream.deltas({"choices": [{"index": choice, "delta": {}, "finish_reason": reason}]})
    return "".join(each.delta["content"] for each in [*given, *stream.rest()] if each.choice == choice)


def called(stream: AnswerStream, pieces: list[str], choice: int = 0) -> str:
    given: list[ChoiceDelta] = []
    for number, piece in enumerate(pieces):
        name = {"name": "f"} if number == 0 else {}
        call = {"index": 0, "id": "a", "function": {**name, "arguments": piece}}
        given += stream.deltas({"choices": [{"index": choice, "delta": {"tool_calls": [call]}}]})
    given += stream.rest()
    return "".join(
        each.delta["tool_calls"][0]["function"]["arguments"] for each in given if each.choice == choice
    )


def test_restored_values_are_not_scanned_again() -> None:
    stream = AnswerStream(ANALYZER, Restoring({"<PERSON_1>": "Anna Weidenbach"}))
    assert said(stream, ["Ask <PERSON_1>."]) == "Ask Anna Weidenbach."
    assert (stream.withheld, stream.unresolved) == (0, 0)


VALUES = {
    "<PERSON_1>": "Anna Weidenbach",
    "<PERSON_1_FIRST>": "Anna",
    "<PERSON_10>": 'Bo "B"\\ \n\u2028 Ek',
    "<EMAIL_1>": "bo@ek.example",
}
SLIPS = [
    "<PERSON_1>",
    "[PERSON_1]",
    "&lt;PERSON_10&gt;",
    "<person 10>",
    "PERSON\\_1",
    "<PERSON_1_FIR>",
    "<PERSON_3>",
]
SLIPS += [
    "<PERSON_1",
    "Anna Weidenbach",
    "Nordlicht",
    "the order",
    "17",
    "<EMAIL_1>",
    ".",
    "+49 30",
    "PERSON_10",
]


@example(words=["+49 30", "+49 30"], cuts=[275], reason="length", kept=False)
@example(words=["<PERSON_1", "17", "the order", "<PERSON_1>"], cuts=[190], reason="length", kept=False)
@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(SLIPS), max_size=8),
    st.lists(st.integers(0, 400), max_size=12),
    st.sampled_from(["stop", "length", None]),
    st.booleans(),
)
def test_an_answer_is_the_same_however_the_stream_is_cut(
    words: list[str], cuts: list[int], reason: str | None, kept: bool
) -> None:
    text = " ".join(words)
    whole = AnswerStream(ANALYZER, Restoring(VALUES, kept=kept))
    streamed = AnswerStream(ANALYZER, Restoring(VALUES, kept=kept))
    assert said(streamed, pieces(text, cuts), reason) == said(whole, [text], reason)
    assert (streamed.withheld, streamed.unresolved) == (whole.withheld, whole.unresolved)


@settings(max_examples=300, deadline=None)
@given(
    st.recursive(
        st.lists(st.sampled_from(SLIPS), max_size=4).map(" ".join)
        | st.text(max_size=5)
        | st.integers()
        | st.floats()
        | st.none(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(SLIPS) | st.text(max_size=3), inner, max_size=3)
        ),
        max_leaves=8,
    ),
    st.lists(st.integers(0, 900), max_size=8),
    st.booleans(),
)
def test_arguments_stay_json_whatever_the_values_are(
    arguments: object, cuts: list[int], escaped: bool
) -> None:
    try:
        written = json.dumps(arguments, ensure_ascii=escaped, allow_nan=False)
    except ValueError:
        written = json.dumps(str(arguments))
    stream = AnswerStream(ANALYZER, Restoring(VALUES), functions={"f": "f"})
    given_out = called(stream, pieces(written, cuts))
    assert given_out == called(AnswerStream(ANALYZER, Restoring(VALUES)), [written])
    again = json.loads(given_out)
    assert type(again) is type(json.loads(written)) or isinstance(again, str)
    given_out.encode()


def test_values_inside_arguments_stay_json() -> None:
    value = 'Anna "Ann"\\ Weidenbach'
    stream = AnswerStream(ANALYZER, Restoring({"<PERSON_1>": value}))
    arguments = called(stream, ['{"to": "<PER', "SON_1", '>", "n": [1.5, "\\u003cperson_1\\u003e"]}'])
    assert json.loads(arguments) == {"to": value, "n": [1.5, value]}


def test_arguments_that_broke_off_hold_no_half_token() -> None:
    stream = AnswerStream(ANALYZER, Restoring(VALUES))
    assert called(stream, ['{"to": "<PERSON_1>", "cc": "<PERSON_1']) == '{"to": "Anna Weidenbach", "cc": '


@pytest.mark.parametrize("reason", ["length", "content_filter", None])
@pytest.mark.parametrize(
    "end", ["<PERSON_1", "<PERS", "PERSON_1", "Nordlicht Op", "a.weidenbach@nordli", "Anna W"]
)
def test_an_answer_that_was_cut_off_gives_no_half_token_and_no_half_name(
    end: str, reason: str | None
) -> None:
    stream = AnswerStream(ANALYZER, Restoring(VALUES))
    assert said(stream, [f"So ask {end}"], reason).strip() == "So ask"


def test_an_answer_that_ends_by_itself_gives_its_last_word() -> None:
    stream = AnswerStream(ANALYZER, Restoring(VALUES))
    assert said(stream, ["So ask PERSON_1"]) == "So ask Anna Weidenbach"


def test_choices_and_their_calls_do_not_mix() -> None:
    stream = AnswerStream(ANALYZER, Restoring(VALUES), functions={"f": "look_up"})

    def chunk(*choices: dict[str, object]) -> dict[str, object]:
        return {"choices": list(choices)}

    call = {"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"a": "<PERSON_10>"}'}}
    steps = [
        chunk(
            {"index": 0, "delta": {"content": "Ask <PER"}},
            {"index": 1, "delta": {"content": "Not <PERSON_1"}},
        ),
        chunk({"index": 1, "delta": {"content": "0>", "tool_calls": [call]}}),
        chunk({"index": 0, "delta": {"content": "SON_1>"}, "finish_reason": "stop"}),
        chunk({"index": 1, "delta": {}, "finish_reason": "tool_calls"}),
    ]
    given_out = [delta for step in steps for delta in stream.deltas(step)]
    given_out += stream.rest()
    texts = ["".join(each.delta.get("content", "") for each in given_out if each.choice == n) for n in (0, 1)]
    assert texts == ["Ask Anna Weidenbach", f"Not {VALUES['<PERSON_10>']}"]
    assert {each.choice for each in given_out if "tool_calls" in each.delta} == {1}
    assert stream.finish_reasons == {0: "stop", 1: "tool_calls"}


def test_what_the_model_was_not_given_is_counted_and_nobodys_in_a_conversation() -> None:
    text = "Ask <PERSON_7>, [PERSON_1_PHONE] or <person_1>."
    shown, stored = (AnswerStream(ANALYZER, Restoring(VALUES, kept=kept)) for kept in (False, True))
    assert said(shown, [text]) == "Ask <PERSON_7>, [PERSON_1_PHONE] or Anna Weidenbach."
    assert said(stored, [text]) == "Ask [withheld], [withheld] or Anna Weidenbach."
    assert (shown.unresolved, stored.unresolved) == (2, 2)
    assert (shown.withheld, stored.withheld) == (0, 0)


def test_a_name_inside_a_token_of_the_models_own_is_withheld() -> None:
    stream = AnswerStream(ANALYZER, Restoring(VALUES))
    assert "WEIDENBACH" not in said(stream, ["It is <PERSON_9_ANNA_WEIDENBACH>, you know."])
