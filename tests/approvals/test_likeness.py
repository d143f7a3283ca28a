"""Likeness compares what is said, not whom it names, and in doubt the answer is held."""

import hashlib
import io
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from approvals import (
    By,
    PolicyFaults,
    Weighing,
    evaluate_unseen,
    load_policy,
    shipped_examples,
    to_embed,
    train_likeness,
    weigh_question,
    weigh_sentence,
)
from approvals.risk.likeness import Likeness, pieces_of, plain
from approvals.risk.nearest import most_like
from approvals.risk.training import embedded_as, fitted
from gateway import Role
from tests.encoder import embed

POLICY = load_policy()
FACT = "The router was delivered on 3 June. [1]"


def sentence(text: str, vectors: Sequence[Sequence[float]] | None) -> Weighing:
    return weigh_sentence(POLICY, text, question="", roles=[Role.REP], supported=True, vectors=vectors)


@given(st.text(max_size=600))
@settings(max_examples=80, deadline=None)
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


def test_without_vectors_the_question_and_the_sentence_are_held_and_say_why() -> None:
    for weighing in (
        weigh_question(POLICY, "Which cases are open?", roles=[Role.REP]),
        sentence(FACT, None),
        sentence(FACT, [[0.0] * 3]),
        sentence(FACT, []),
        sentence(FACT, [[float("nan")] * 384]),
        sentence(FACT, [[float("inf")] * 384]),
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


def test_a_likeness_says_how_much_it_is_and_to_which_example() -> None:
    wanted = next(one for one in shipped_examples() if one.categories == ("minors",))
    assert POLICY.weights is not None
    assert most_like(POLICY.weights, embed([embedded_as(wanted)])[0], "minors") == wanted.text
    text = "Her parents never agreed, she is still in seventh grade."
    (hit,) = [hit for hit in sentence(text, embed(to_embed(POLICY, text))).hits if hit.rule == "minors"]
    assert hit.share is not None
    assert 0.3 < hit.share <= 1
    assert hit.example in {one.text for one in shipped_examples() if "minors" in one.categories}
    (said,) = [hit for hit in sentence("The buyer is underage.", None).hits if hit.rule == "minors"]
    assert (said.by, said.share, said.example) == (By.WORDS, None, "")


def test_weights_of_a_companys_own_name_no_example() -> None:
    own = train_likeness(shipped_examples()[::400], embed, encoder="e")
    weights = Likeness(own.content, sha256=own.sha256)
    assert most_like(weights, embed(["She is fourteen."])[0], "minors") == ""


def test_the_same_examples_give_the_same_weights() -> None:
    few = shipped_examples()[::40]
    first, second = (train_likeness(few, embed, encoder="e") for _ in range(2))
    assert first.sha256 == second.sha256


def test_the_shipped_weights_are_made_of_the_shipped_examples() -> None:
    """Some of the vectors are made anew, and the weights from all of them.

    Another machine's arithmetic may differ in the last digit: numbers are compared and not bytes.
    """
    shipped, examples = POLICY.weights, shipped_examples()
    assert shipped is not None
    assert len(shipped.vectors) == len(examples)
    for place in range(0, len(examples), 211):
        [vector] = embed([embedded_as(examples[place])])
        moved = np.asarray(vector) - shipped.centre
        assert shipped.vectors[place] == pytest.approx(moved / np.linalg.norm(moved), abs=2e-3)

    weights = fitted(examples, shipped.vectors, shipped.categories)
    assert np.abs(weights - shipped.weights).max() < 0.02


@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04 cut off"])
def test_weights_that_cannot_be_read_are_refused(content: bytes) -> None:
    with pytest.raises(PolicyFaults, match="cannot be read"):
        Likeness(content, sha256=hashlib.sha256(content).hexdigest())


def test_weights_of_a_former_kind_are_refused() -> None:
    assert POLICY.weights is not None
    vectors = POLICY.weights.vectors[:2].astype("float16")
    arrays = {"centre": POLICY.weights.centre, "weights": POLICY.weights.weights[:2]}
    content = io.BytesIO()
    np.savez_compressed(content, encoder="e", categories=POLICY.weights.categories, vectors=vectors, **arrays)
    sha256 = hashlib.sha256(content.getvalue()).hexdigest()
    with pytest.raises(PolicyFaults, match="make them anew"):
        Likeness(content.getvalue(), sha256=sha256)


def test_a_title_of_a_letter_or_a_part_of_a_word_blanks_nothing() -> None:
    text = "We will refund EUR 4,000 to <PERSON_1>."
    assert to_embed(POLICY, text, ["e", "ref", "fund EUR"]) == to_embed(POLICY, text)
    assert to_embed(POLICY, text, ["refund EUR 4,000"]) != to_embed(POLICY, text)


def test_unseen_texts_are_weighed_by_weights_that_know_neither_them_nor_their_source() -> None:
    own = [one for one in shipped_examples() if one.split == "open" and not one.source][::25]
    copies = [one.model_copy(update={"source": "elsewhere"}) for one in own[:12]]
    given: list[str] = []

    def watched(texts: Sequence[str]) -> list[Sequence[float]]:
        given.extend(texts)
        return embed(texts)

    found = evaluate_unseen(POLICY, [*own, *copies], watched, encoder="e")
    assert found.splits == ["elsewhere", "open"]
    counted = [tally.texts for (split, _, language), tally in found.tallies.items() if split and not language]
    assert sum(counted) == sum(len(one.categories) or 1 for one in [*own, *copies])
    assert set(given) >= {embedded_as(one) for one in own}


def test_likeness_on_trial_reports_and_holds_nothing_while_words_hold() -> None:
    assert POLICY.likeness is not None
    trial = POLICY.model_copy(update={"likeness": POLICY.likeness.model_copy(update={"trial": True})})
    text = "Her parents never agreed, she is still in seventh grade."
    alike = weigh_sentence(
        trial, text, question="", roles=[Role.REP], supported=True, vectors=embed(to_embed(trial, text))
    )
    assert not alike.risky
    assert "minors" in alike.shadowed
    unread = weigh_sentence(trial, FACT, question="", roles=[Role.REP], supported=True, vectors=None)
    assert not unread.risky
    assert unread.shadowed == ("likeness_unread",)
    said = weigh_sentence(
        trial, "The buyer is underage.", question="", roles=[Role.REP], supported=True, vectors=None
    )
    assert said.rules == ("minors",)


def test_weights_that_the_policy_does_not_name_are_refused(tmp_path: Path) -> None:
    content = yaml.safe_load((files("approvals.risk") / "policy.yaml").read_text("utf-8"))
    (tmp_path / content["likeness"]["weights"]).write_bytes(b"other")
    file = tmp_path / "policy.yaml"
    file.write_text(yaml.safe_dump(content), "utf-8")
    with pytest.raises(PolicyFaults, match="not those of the policy"):
        load_policy(file)
