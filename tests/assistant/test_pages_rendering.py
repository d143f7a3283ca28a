"""How values are written for a person."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from approvals import By, ItemKind, ItemState, Occasion, RemarkKind, Verdict
from assistant.pages import QueueQuery, ReviewState
from assistant.pages.rendering import _environment, briefly, plainly


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "–"),
        ([], "–"),
        (True, "yes"),
        (0, "0"),
        ("question", "question"),
        (["a", "b"], "a, b"),
        ({"PERSON": 2, "IBAN": 1}, "PERSON: 2, IBAN: 1"),
        ([{"rule": "x", "hit": False}, {"rule": "y"}], "rule: x, hit: no; rule: y"),
    ],
)
def test_details_read_as_names_and_values(value: object, words: str) -> None:
    assert plainly(value, lambda text: text) == words


def macro(name: str) -> Callable[..., str]:
    """A macro of the templates, as a page calls it."""
    made: Callable[..., str] = getattr(_environment("en").get_template("macros.html").module, name)
    return made


def test_a_difference_of_words_is_marked_and_escaped() -> None:
    diff = [("kept", "We pay "), ("removed", "<b>400</b>"), ("added", "40 & no more"), ("kept", ".")]
    assert macro("word_diff")(diff) == (
        '<p class="diff">We pay <del>&lt;b&gt;400&lt;/b&gt;</del><ins>40 &amp; no more</ins>.</p>'
    )


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("kind_name", list(ItemKind)),
        ("verdict_name", list(Verdict)),
        ("happened", [*Verdict, *RemarkKind, "taken_back", "redrafted"]),
        ("outcome_name", [state for state in ItemState if state is not ItemState.PENDING]),
        ("notice_words", [one for one in Occasion if one is not Occasion.RELEASED]),
    ],
)
def test_every_value_that_a_page_can_get_has_words(name: str, values: list[str]) -> None:
    words = [str(macro(name)(value)) for value in values]
    assert len(set(words)) == len(words)
    assert all(word[0].isupper() and word != value for word, value in zip(words, values, strict=True))


def test_every_way_in_which_a_rule_was_met_has_words() -> None:
    found = [SimpleNamespace(by=by.value, share=None, example=None) for by in By]
    words = [str(macro("found_by")(one)) for one in found]
    assert len(set(words)) == len(words)
    assert all(word.startswith("By ") for word in words)


def test_an_escalation_names_its_queue_and_escapes_it() -> None:
    said = macro("happened")("escalated", queue="Law & order")
    assert str(said) == "Escalated to Law &amp; order"


@pytest.mark.parametrize(
    ("query", "address"),
    [
        (QueueQuery(), ""),
        (QueueQuery(sort="-age"), "?sort=-age"),
        (QueueQuery(ReviewState.MINE, text="a&b=c"), "?state=mine&text=a%26b%3Dc"),
        (
            QueueQuery(queue="legal", rule="tone", risk="top", kind="mail"),
            "?queue=legal&rule=tone&risk=top&kind=mail",
        ),
    ],
)
def test_an_address_says_only_what_is_filtered_for(query: QueueQuery, address: str) -> None:
    assert query.part() == address
    assert query.part(state=ReviewState.PENDING, sort="urgency", text="").count("text") == 0


def test_of_an_event_it_is_told_first_what_was_decided() -> None:
    detail = {"held": "a" * 100, "hash": "b" * 100, "round": 1, "entry": "page", "verdict": "edit"}
    assert briefly(detail, {}, lambda text: text) == "verdict edit, entry page, round 1, …"
    assert briefly({"round": 1}, {}, lambda text: text) == "round 1"
    assert briefly({}, {}, lambda text: text) == ""
    assert briefly({"editor": "id-7"}, {"id-7": "olga"}, lambda text: text) == "editor olga"
