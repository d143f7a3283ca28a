from __future__ import annotations

import pytest

from redaction import EntityType, Source
from redaction.detectors.national import NationalIdDetector
from redaction.normalise import Reading

DETECTOR = NationalIdDetector()


def found(text: str) -> dict[str, EntityType]:
    return {text[span.start : span.end]: span.type for span in DETECTOR.find(Reading(text))}


TAX_IDS = [
    ("SSN {}", "536904399"),
    ("{}", "536-90-4399"),
    ("ITIN {}", "912-90-3456"),
    ("our EIN is {}", "12-3456789"),
    ("UTR {}", "1955839661"),
    ("NI number {}", "AB 12 34 56 C"),
    ("Steuer-ID {}", "36574261809"),
    ("{}", "36 574 261 809"),
    ("Steuernummer {}", "181/815/08155"),
    ("SV-Nummer {}", "15070649C103"),
    ("{}", "2 95 10 99 126 111 93"),
    ("{}", "295109912611193"),
    ("numéro fiscal {}", "3023217600053"),
    ("DNI {}", "54362315K"),
    ("nie {}", "x2482300w"),
    ("CIF {}", "A13585625"),
    ("{}", "RCCMNL83S18D969H"),
    ("P.IVA {}", "00743110157"),
    ("BSN {}", "111222333"),
    ("{}", "ACUPA7085R"),
    ("{}", "27AAPFU0939F1ZV"),
    ("{}", "DE136695976"),
    ("{}", "ATU13585627"),
    ("{}", "FR 61 954 506 077"),
    ("vat number {}", "gb474889349"),
    ("{}", "NL004495445B01"),
    ("NIF {}", "501 964 843"),
]
IDS = [
    ("NHS {}", "943 476 5919"),
    ("Aadhaar {}", "234123412346"),
    ("{}", "2341 2341 2346"),
    ("Personalausweis {}", "L01X00T471"),
    ("{}", "85.07.30-033.28"),
    ("{}", "756.9217.0769.85"),
]


@pytest.mark.parametrize(("text", "number"), TAX_IDS)
def test_tax_and_insurance_numbers_are_found(text: str, number: str) -> None:
    assert found(text.format(number)).get(number) is EntityType.TAX_ID


@pytest.mark.parametrize(("text", "number"), IDS)
def test_other_national_numbers_are_found(text: str, number: str) -> None:
    assert found(text.format(number)).get(number) is EntityType.ID


@pytest.mark.parametrize(
    "number",
    ["536904399", "1955839661", "36574261809", "3023217600053", "00743110157", "111222333", "943 476 5919",
     "234123412346", "A13585625", "12-3456789", "181/815/08155", "501964843"],
)  # fmt: skip
def test_a_check_digit_alone_does_not_make_an_order_number_an_identity(number: str) -> None:
    assert found(f"The order {number} was sent on Friday") == {}


@pytest.mark.parametrize(("text", "number"), [pair for pair in TAX_IDS + IDS if "AB 12" not in pair[1]])
def test_a_number_with_a_wrong_digit_is_no_proof(text: str, number: str) -> None:
    place = max(index for index, character in enumerate(number) if character.isdigit())
    rejected = 0
    for digit in "0123456789":
        wrong = number[:place] + digit + number[place + 1 :]
        spans = DETECTOR.find(Reading(text.format(wrong)))
        rejected += all(span.source is not Source.CHECKSUM for span in spans)
    assert rejected >= (0 if number in UNCHECKED else 7)


UNCHECKED = set(
    "gb474889349 536904399 536-90-4399 912-90-3456 12-3456789 ACUPA7085R 181/815/08155 NL004495445B01".split()
)
"""Only their form is fixed, or their last digit is no part of the check."""
