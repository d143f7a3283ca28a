"""What was found is doubted by what it says, not by how it ranks."""

from retrieval.search.doubt import goodness, is_weak
from retrieval.search.legs import Seen, Spot
from retrieval.search.rank import Scores

HERE = Spot("article", "1", "body", 0)


def test_what_says_nothing_of_the_question_is_weak() -> None:
    assert is_weak(Seen(meaning={HERE: 0.2}), [Scores(words=0.1)])
    assert not is_weak(Seen(meaning={HERE: 0.7}), [Scores(words=0.8, phrases=0.5)])


def test_a_named_record_is_never_weak() -> None:
    assert not is_weak(Seen(meaning={HERE: 0.1}, named={"case:1": None}), [Scores()])


def test_without_vectors_nothing_is_doubted() -> None:
    assert not is_weak(Seen(terms={HERE: 3.0}), [Scores()])


def test_what_says_more_is_never_doubted_more() -> None:
    steps = [part / 10 for part in range(11)]
    for name in ("words", "phrases"):
        found = [goodness(0.4, [Scores(**{name: step})]) for step in steps]
        assert found == sorted(found)
    assert [goodness(step, [Scores(words=0.3)]) for step in steps] == sorted(
        goodness(step, [Scores(words=0.3)]) for step in steps
    )
