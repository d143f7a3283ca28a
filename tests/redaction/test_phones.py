from __future__ import annotations

import pytest

from redaction import EntityType
from redaction.detectors.phones import PhoneDetector
from redaction.normalise import Reading

PHONES = PhoneDetector()


def found(text: str) -> list[str]:
    spans = PHONES.find(Reading(text))
    assert {span.type for span in spans} <= {EntityType.PHONE}
    return [text[span.start : span.end] for span in spans]


@pytest.mark.parametrize(
    "number",
    [
        "+49 30 1234567",
        "+49 (0)30 1234567",
        "0171 2345678",
        "030/1234567",
        "(030) 1234567",
        "+44 20 7946 0958",
        "020 7946 0958",
        "(202) 555-0143 x12",
        "202-555-0143",
        "06 12 34 56 78",
        "06-12345678",
        "079 123 45 67",
        "0041 44 668 18 00",
        "600 123 456",
        "347 123 4567",
        "912 345 678",
        "98765 43210",
        "+39 06 1234 5678",
    ],
)
def test_numbers_are_found_as_each_country_writes_them(number: str) -> None:
    assert found(f"Please use {number}, thanks.") == [number]


@pytest.mark.parametrize(
    "word", ["call", "Tel.", "Handy:", "teléfono", "ligue", "appelez le", "gsm", "cellulare"]
)
def test_bare_digits_are_a_number_after_a_word_that_says_so(word: str) -> None:
    assert found(f"{word} 2025550143") == ["2025550143"]


@pytest.mark.parametrize(
    "text",
    [
        "order 4711002345",
        "Rechnung 0301234567",
        "pedido 600 123 456",
        "#2025550143",
        "ref 2025550143 here",
        "EUR 600 123 456",
        "600 123 456 €",
        "1 600 000 000",
        "on 01.02.2024 at 12:30",
        "02.03.2024 12 30",
        "2024-11-21 1234",
        "12345678",
        "version 10.20.3040",
        "4111 1111 1111 1111",
    ],
)
def test_orders_dates_and_amounts_are_no_telephone_numbers(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize("number", ["(37) 788-063", "3660170548", "21 253 109 8211"])
@pytest.mark.parametrize("label", ["-Office", " (mobile)", "-Fax", " [home]"])
def test_digits_with_a_label_behind_them_are_a_number(number: str, label: str) -> None:
    assert found(f"Hungary, {number}{label}, and more") == [number]


def test_numbers_in_a_table_are_numbers() -> None:
    assert found("x@post.example,01632 960778,07700 900547") == ["01632 960778", "07700 900547"]


def test_two_numbers_in_one_line_are_two() -> None:
    assert found("Call +44 20 7946 0958 or +49 30 901820.") == ["+44 20 7946 0958", "+49 30 901820"]
