from datetime import date

import pytest

from assistant.answer.prose import (
    body_sentences,
    commitment,
    dates,
    has_amount,
    has_date,
    has_moment,
    is_inward,
    leans_back,
    looks_ahead,
)

LETTER = """Dear <PERSON_1>,

thank you for the photographs.

The pump is replaced free of charge. It arrives on 3 May 2026.

Kind regards
Jo Marsh
Alder Pumps, Service"""


def test_greetings_courtesies_and_signatures_are_never_evidence() -> None:
    assert body_sentences(LETTER) == ["The pump is replaced free of charge.", "It arrives on 3 May 2026."]


def test_a_signature_without_a_sign_off_is_left_out_too() -> None:
    assert body_sentences("Hello,\n\nthe valve leaks.\n\nJo Marsh\nAlder Bakery") == ["the valve leaks."]


def test_lines_of_a_text_that_is_no_letter_are_kept() -> None:
    assert body_sentences("3 × filter\n1 × pump") == ["3 × filter", "1 × pump"]


@pytest.mark.parametrize(
    "text", ["2026-05-03", "3 May 2026", "May 3, 2026", "03.05.2026", "3rd of May 2026", "3. Mai 2026"]
)
def test_a_day_is_known_in_the_ways_people_write_it(text: str) -> None:
    assert has_date(f"due {text}")
    assert dates(f"due {text}") == [date(2026, 5, 3)]


def test_days_that_do_not_exist_and_telephone_numbers_are_no_days() -> None:
    assert dates("2026-13-41, or call 0113 496 0707 or +1 646-555-0141") == []
    assert not has_date("call 0113 496 0707 or +1 646-555-0141")
    assert not has_date("It costs EUR 20.00. It is new.")
    assert has_date("bis 3.5. kommt Ersatz")


@pytest.mark.parametrize("text", ["within 30 days", "on Friday", "after twelve months", "nach 14 Tagen"])
def test_spans_of_time_and_weekdays_are_moments(text: str) -> None:
    assert has_moment(text)
    assert not has_date(text)


@pytest.mark.parametrize(
    ("text", "amount"), [("EUR 20.00", True), ("£5", True), ("10 %", True), ("20 units", False)]
)
def test_sums_have_a_currency_or_are_a_share(text: str, amount: bool) -> None:
    assert has_amount(text) is amount


@pytest.mark.parametrize(
    "sentence",
    [
        "Promised a new valve.",
        "We will send a new valve.",
        "Our engineer calls you on Friday.",
        "Agreed on half the price.",
        "Will mail the corrected page.",
        "As agreed, the fee of EUR 20 is waived and we send the rest.",
    ],
)
def test_what_we_bound_ourselves_to_is_a_commitment(sentence: str) -> None:
    assert commitment(sentence) >= 0.5


@pytest.mark.parametrize(
    "sentence",
    [
        "They want a call on Friday.",
        "The customer will send photographs.",
        "Follow-up set for 3 May 2026.",
        "Will look at it again on Monday.",
        "Rang them back as agreed.",
        "The promised call never came.",
        "I will ring if there is news.",
        "Please send the serial number.",
        "The valve leaks.",
    ],
)
def test_what_others_want_and_what_was_not_kept_binds_little(sentence: str) -> None:
    assert commitment(sentence) < 0.5


def test_a_note_that_names_a_later_day_looks_ahead() -> None:
    assert looks_ahead("The date of 3 May 2026 is firm.", "Note of 2026-04-01")
    assert not looks_ahead("Bought on 3 May 2025.", "Note of 2026-04-01")
    assert not looks_ahead("The date of 3 May 2026 is firm.", "Summary")


def test_a_sentence_that_stands_for_the_one_before_leans_on_it() -> None:
    assert leans_back("It arrives on Friday.")
    assert not leans_back("Items arrive on Friday.")
    assert is_inward("Reminder: call before ten.")
