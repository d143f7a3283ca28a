from __future__ import annotations

import pytest

from redaction import EntityType
from redaction.detectors.checksums import ChecksumDetector
from redaction.normalise import Reading


def found(text: str) -> set[tuple[str, EntityType]]:
    return {(text[span.start : span.end], span.type) for span in ChecksumDetector().find(Reading(text))}


@pytest.mark.parametrize(
    "card",
    [
        "4111.1111.1111.1111",
        "4111/1111/1111/1111",
        "4111 - 1111 - 1111 - 1111",
        "4111\n1111\n1111\n1111",
        "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        "4111\u200b 1111\u200b 1111\u200b 1111",
        "3782-822463-10005",
        "4111 1111 1111\n1111",
    ],
)
def test_a_card_is_a_card_whatever_divides_its_groups(card: str) -> None:
    assert found(f"card {card}, please") == {(card, EntityType.CARD)}


@pytest.mark.parametrize(
    "iban",
    [
        "DE89.3704.0044.0532.0130.00",
        "DE 89 3704 0044 0532 0130 00",
        "DE89/3704/0044/0532/0130/00",
        "GB82\nWEST 1234 5698 7654 32",
        "DE89\n3704  0044  0532  0130  00",
        "de89 3704 0044 0532 0130 00",
    ],
)
def test_an_iban_is_an_iban_whatever_divides_its_groups(iban: str) -> None:
    assert (iban, EntityType.IBAN) in found(f"at 12 to {iban} and 99 more")


def test_different_signs_between_groups_are_no_card() -> None:
    assert found("4111.1111/1111-1111") == set()
