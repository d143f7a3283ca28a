"""Likeness compares what is said, not whom it names, and in doubt the answer is held."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from approvals import (
    By,
    PolicyFaults,
    Weighing,
    load_policy,
    shipped_examples,
    to_embed,
    train_likeness,
    weigh_question,
    weigh_sentence,
)
from approvals.concepts import concepts
from approvals.likeness import letters_of, pieces_of, plain
from gateway import Role
from tests.encoder import embed

POLICY = load_policy()
FACT = "The router was delivered on 3 June. [1]"


def sentence(text: str, vectors: Sequence[Sequence[float]] | None) -> Weighing:
    return weigh_sentence(POLICY, text, question="", roles=[Role.REP], supported=True, vectors=vectors)


@given(st.text(max_size=600))
@settings(max_examples=80)
def test_pieces_lie_within_the_text_in_order_and_none_is_empty(text: str) -> None:
    end = 0
    for piece in pieces_of(text):
        assert end <= piece.start < piece.end <= len(text)
        assert piece.text.strip()
        end = piece.end


def test_a_very_long_text_is_compared_to_its_end() -> None:
    pieces = pieces_of("The lamp is dark. " * 2_000 + "She is thirteen.")
    assert len(pieces) <= 64
    assert pieces[-1].text.endswith("She is thirteen.")


def test_one_sentence_without_an_end_is_cut_so_that_nothing_hides_behind_it() -> None:
    pieces = pieces_of("lamp " * 400 + "she is thirteen")
    assert max(len(piece.text) for piece in pieces) <= 700
    assert pieces[-1].text.endswith("she is thirteen")


def test_names_amounts_and_citations_do_not_matter() -> None:
    one = plain("<PERSON_1> of <ORGANIZATION_2> gets EUR 4,000 by <IBAN_1>. [1]")
    assert one == plain("<PERSON_9> of <ORGANIZATION_1> gets 12 EUR by <IBAN_3>. [2][3]")
    assert "<" not in one


def test_letters_are_pieces_of_words_with_their_ends() -> None:
    assert letters_of("ab c") == {
        " a": 1,
        "ab": 1,
        "b ": 1,
        " ab": 1,
        "ab ": 1,
        " ab ": 1,
        " c": 1,
        "c ": 1,
        " c ": 1,
    }


def test_a_word_is_about_the_same_in_both_languages() -> None:
    for english, german in (("her doctor", "ihr Hausarzt"), ("a schoolboy", "ein Grundschüler")):
        assert set(concepts().of(english)) & set(concepts().of(german))


def test_without_vectors_the_question_and_the_sentence_are_held_and_say_why() -> None:
    for weighing in (
        weigh_question(POLICY, "Which cases are open?", roles=[Role.REP]),
        sentence(FACT, None),
        sentence(FACT, [[0.0] * 3]),
        sentence(FACT, []),
    ):
        assert weighing.risky
        assert weighing.rules == ("likeness_unread",)
        assert "embedded" in weighing.reasons[0][1]


def test_an_ordinary_sentence_is_not_like_a_risky_one() -> None:
    assert not sentence(FACT, embed(to_embed(POLICY, FACT))).risky


def test_what_no_phrase_knows_is_found_by_likeness() -> None:
    text = "Her parents never agreed, she is still in seventh grade."
    assert not weigh_sentence(POLICY.by_words, text, question="", roles=[Role.REP], supported=True).risky
    hits = sentence(text, embed(to_embed(POLICY, text))).hits
    assert {hit.by for hit in hits} == {By.LIKENESS}
    assert "minors" in {hit.rule for hit in hits}


def test_the_same_examples_give_the_same_weights() -> None:
    few = shipped_examples()[::9]
    first, second = (train_likeness(few, embed, encoder="e") for _ in range(2))
    assert first.sha256 == second.sha256
    assert len(first.unseen) == len(few)


def test_the_shipped_weights_are_made_of_the_shipped_examples() -> None:
    """Another machine's arithmetic may differ in the last digit, so shares are compared and not bytes."""
    assert POLICY.weights is not None
    examples = shipped_examples()
    trained = train_likeness(examples, embed, encoder=POLICY.weights.encoder)
    assert trained.categories == POLICY.weights.categories
    from approvals.likeness import Likeness

    made = Likeness(trained.content, sha256=trained.sha256)
    for example in examples[::97]:
        for piece in pieces_of(example.text):
            [vector] = embed([piece.text])
            one, other = made.shares(piece.text, vector), POLICY.weights.shares(piece.text, vector)
            assert one == pytest.approx(other, abs=0.02)


def test_weights_that_the_policy_does_not_name_are_refused(tmp_path: Path) -> None:
    content = yaml.safe_load((files("approvals") / "policy.yaml").read_text("utf-8"))
    (tmp_path / content["likeness"]["weights"]).write_bytes(b"other")
    file = tmp_path / "policy.yaml"
    file.write_text(yaml.safe_dump(content), "utf-8")
    with pytest.raises(PolicyFaults, match="not those of the policy"):
        load_policy(file)
