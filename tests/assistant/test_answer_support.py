import pytest

from assistant.answer.support import Source, check_sentence, is_published, is_quoted, overlap

NOTE = Source(
    1,
    "Case 4711: leaking heat pump",
    "We promised <PERSON_1> a refund of 1,200.00 EUR by 2026-12-01. A technician visits on Friday.",
)
ARTICLE = Source(2, "Refund limits", "Representatives may refund up to 100 EUR without asking.")
SOURCES = (NOTE, ARTICLE)


def test_a_carried_sentence_gets_the_citation_of_its_source() -> None:
    checked = check_sentence("<PERSON_1> was promised a refund of 1200 EUR by 2026-12-01.", SOURCES)
    assert (checked.supported, checked.citations) == (True, (1,))
    assert checked.text.endswith("2026-12-01. [1]")


def test_a_citation_that_does_not_carry_the_sentence_is_replaced() -> None:
    checked = check_sentence("A technician visits on Friday [2].", SOURCES)
    assert checked.citations == (1,)
    assert "[2]" not in checked.text


@pytest.mark.parametrize(
    "sentence",
    [
        "We promised <PERSON_1> a refund of 1,300 EUR.",
        "We promised <PERSON_2> a refund of 1,200 EUR.",
        "We promised <PERSON_1> a refund by 2026-12-02.",
        "A technician from Berlin visits on Friday.",
        "The warranty covers water damage in the cellar.",
    ],
)
def test_a_number_a_date_or_a_name_that_no_source_has_is_not_supported(sentence: str) -> None:
    checked = check_sentence(sentence, SOURCES)
    assert not checked.supported
    assert checked.citations == ()


def test_what_is_missing_is_named() -> None:
    checked = check_sentence("We promised <PERSON_2> a refund of 1,300 EUR.", SOURCES)
    assert checked.missing == ("1300", "<PERSON_2>")


@pytest.mark.parametrize("spelling", ["1200", "1,200", "1.200,00", "1200.00", "1,200.00"])
def test_a_number_is_the_same_number_however_it_is_written(spelling: str) -> None:
    assert check_sentence(f"We promised a refund of {spelling} EUR.", SOURCES).supported


def test_a_percentage_is_not_the_bare_number() -> None:
    assert not check_sentence("We promised a refund of 1200% EUR.", SOURCES).supported


def test_the_line_break_in_front_of_a_sentence_is_kept() -> None:
    assert check_sentence("\nA technician visits on Friday.", SOURCES).text.startswith("\nA technician")


def test_overlap_counts_the_words_that_matter() -> None:
    assert overlap("What is the refund limit?", "The limit of a refund is 100 EUR.") == 1.0
    assert overlap("What is the refund limit?", "Open on Sundays.") == 0.0


def test_only_the_very_words_of_a_published_source_are_published() -> None:
    published = (Source(2, ARTICLE.title, ARTICLE.text, published=True),)
    assert is_published("Representatives may refund up to 100 EUR without asking. [2]", published)
    assert not is_published("Representatives may refund up to 900 EUR without asking. [2]", published)
    assert not is_published("Representatives may refund up to 100 EUR without asking.", published)
    assert not is_published("Representatives may refund up to 100 EUR without asking. [2]", (ARTICLE,))


def test_a_part_of_a_published_sentence_is_not_published() -> None:
    never = (Source(2, "Limits", "We never refund 500 euros. Ask a lead.", published=True),)
    assert is_published("We never refund 500 euros. [2]", never)
    assert not is_published("refund 500 euros. [2]", never)


@pytest.mark.parametrize(
    "text",
    ["We will refund EUR 4,000 at once.", "In such a case we'll replace it.", "Wir werden es erstatten."],
)
def test_a_published_sentence_in_which_we_bind_ourselves_is_weighed_like_any_other(text: str) -> None:
    assert not is_published(f"{text} [1]", [Source(1, "Terms", text, published=True)])


def test_a_quotation_is_a_whole_sentence_of_what_it_cites() -> None:
    note = Source(1, "Note", "We agreed on EUR 290.00. Nothing else.")
    assert is_quoted("We agreed on EUR 290.00. [1]", [note])
    assert not is_quoted("We agreed on EUR 2,900.00. [1]", [note])
    assert not is_quoted("We agreed on EUR 290.00. [2]", [note])
    assert not is_quoted("agreed on EUR 290.00. [1]", [note])
