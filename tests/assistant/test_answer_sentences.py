from hypothesis import given
from hypothesis import strategies as st

from assistant.answer.sentences import SentenceSplitter, split_sentences

TEXTS = st.text(alphabet=st.sampled_from("ab AB.!?…\n [1]23,<PERSON_>\"'-"), max_size=200)


def _chunked(text: str, cuts: list[int]) -> list[str]:
    splitter, found, start = SentenceSplitter(), [], 0
    for cut in [*sorted({cut % (len(text) + 1) for cut in cuts}), len(text)]:
        found += splitter.feed(text[start:cut])
        start = cut
    return found + splitter.finish()


def test_abbreviations_and_decimals_do_not_end_a_sentence() -> None:
    text = "Mr. Smith owes 1,200.50 EUR, e.g. for order 12. It is due."
    assert split_sentences(text) == ["Mr. Smith owes 1,200.50 EUR, e.g. for order 12.", " It is due."]


def test_a_citation_after_the_full_stop_belongs_to_its_sentence() -> None:
    assert split_sentences("It is due. [1] [2] It was paid.") == ["It is due. [1] [2]", " It was paid."]


def test_a_line_break_ends_a_sentence_and_stays_in_front_of_the_next() -> None:
    assert split_sentences("Two things:\n- one\n- two") == ["Two things:", "\n- one", "\n- two"]


def test_a_text_without_an_end_is_cut() -> None:
    assert [len(part) for part in split_sentences("x" * 3000)] == [1200, 1200, 600]


@given(TEXTS, st.lists(st.integers(0, 300), max_size=8))
def test_any_chunking_gives_the_sentences_of_the_whole(text: str, cuts: list[int]) -> None:
    assert _chunked(text, cuts) == split_sentences(text)


@given(TEXTS)
def test_nothing_but_white_space_is_lost(text: str) -> None:
    assert "".join("".join(split_sentences(text)).split()) == "".join(text.split())
