from __future__ import annotations

import socket

import pytest

from redaction import DetectorFailed, EntityType
from redaction.detectors import default_detectors
from redaction.detectors.checksums import is_iban, is_luhn
from redaction.detectors.patterns import PatternDetector
from redaction.normalise import Reading


def test_patterns_never_reach_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("a pattern wanted to go online")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    reading = Reading("mail bob@corp.co.uk or call +44 20 7946 0958, bob at corp dot co dot uk")
    spans = [span for detector in default_detectors() for span in detector.find(reading)]
    assert {span.type for span in spans} >= {EntityType.EMAIL, EntityType.PHONE}


def test_a_pattern_that_runs_out_of_time_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("redaction.detectors.patterns._SECONDS", 1e-9)
    with pytest.raises(DetectorFailed, match="out of time"):
        PatternDetector().find(Reading("mail bob@corp.example now " * 2000))


EVIL = [
    "a@", "1-", "+1", "x.y", "12 a b c ", "zip ", "A1 ", "[at] ", "Str. ", "one ", "a at b dot ", "de89 ",
    "1111.", "0171 ", "pin: ", "eyJ", "password=", "-----BEGIN PRIVATE KEY-----", "https://a:", "IT1 ",
    "tel 1 ", "ssn 12 ", "x", "ä", "9",
]  # fmt: skip


@pytest.mark.parametrize("evil", EVIL)
@pytest.mark.timeout(20)
def test_a_hundred_thousand_characters_are_read_in_time(evil: str) -> None:
    reading = Reading((evil * 100_000)[:100_000])
    for detector in default_detectors():
        detector.find(reading)


@pytest.mark.parametrize("digits", ["4111111111111111", "378282246310005", "6011111111111117"])
def test_card_numbers_have_their_check_digit(digits: str) -> None:
    assert is_luhn(digits)
    assert not any(is_luhn(digits[:-1] + other) for other in "0123456789" if other != digits[-1])


@pytest.mark.parametrize(
    "iban", ["DE89370400440532013000", "GB82WEST12345698765432", "FR1420041010050500013M02606"]
)
def test_ibans_have_length_and_check_digits(iban: str) -> None:
    assert is_iban(iban)
    assert is_iban(iban.lower())
    assert not is_iban(iban[:-1])
    assert not is_iban(iban[:4] + iban[5] + iban[4] + iban[6:])


@pytest.mark.parametrize(
    "text",
    [
        "900 has been promised to Lane Group by Friday",
        "We owe EUR 100.00 to Lane.",
        "EUR 100.00 Lane Group",
        "paid 900 to Lane Group",
        "The 5 orders are on the way.",
    ],
)
def test_an_amount_before_a_name_is_no_address(text: str) -> None:
    spans = PatternDetector().find(Reading(text))
    assert EntityType.ADDRESS not in {span.type for span in spans}


@pytest.mark.parametrize(
    "address",
    ["12 main street", "12 Rose and Crown Lane", "1600 Pennsylvania Avenue NW", "4 The Old Forge Way"],
)
def test_a_number_and_a_street_are_an_address(address: str) -> None:
    spans = PatternDetector().find(Reading(f"She lives at {address}, they say"))
    assert address in {f"She lives at {address}, they say"[span.start : span.end] for span in spans}
