"""Numbers that prove themselves: payment cards (Luhn) and IBANs (ISO 13616, modulo 97)."""

from __future__ import annotations

import re

from redaction.entities import EntityType, Source, Span
from redaction.normalise import Reading

_CARD = re.compile(r"(?<![\w.])\d(?:[ \-]?\d){11,18}(?!\w)")
_SIGN = r"\s?[./,_:|*•·\-–]\s?|\s{1,3}"
_CARD_DIVIDED = re.compile(
    rf"(?<!\w)(?<!\d[./\-])\d{{4}}(?P<by>{_SIGN})"
    r"(?:\d{4}(?P=by)\d{4}(?P=by)\d{4}|\d{6}(?P=by)\d{5})(?!\w)|"
    r"(?<!\w)(?<!\d[./\-])\d{4}(?:\s{1,3}\d{4}){3}(?!\w)|"
    rf"(?<!\w)\d(?P<each>{_SIGN})\d(?:(?P=each)\d){{12,17}}(?!\w)"
)
_NO_PART = re.compile(r"[^A-Za-z0-9]+")
_GROUPS = re.compile(r"[A-Za-z0-9]+")
_LENGTHS = """
AD:24 AE:23 AL:28 AT:20 AZ:28 BA:20 BE:16 BG:22 BH:22 BR:29 BY:28 CH:21 CR:22 CY:28 CZ:24 DE:22
DK:18 DO:28 EE:20 EG:29 ES:24 FI:18 FO:18 FR:27 GB:22 GE:22 GI:23 GL:18 GR:27 GT:28 HR:21 HU:28
IE:22 IL:23 IQ:23 IS:26 IT:27 JO:30 KW:30 KZ:20 LB:28 LC:32 LI:21 LT:20 LU:20 LV:21 LY:25 MC:27
MD:24 ME:22 MK:19 MR:27 MT:31 MU:30 NL:18 NO:15 PK:24 PL:28 PS:29 PT:25 QA:29 RO:24 RS:22 SA:24
SC:31 SE:24 SI:19 SK:24 SM:27 ST:25 SV:28 TL:23 TN:24 TR:26 UA:29 VA:22 VG:24 XK:20
"""
_IBAN_LENGTHS = {part[:2]: int(part[3:]) for part in _LENGTHS.split()}
_BY = r"(?:\s{1,3}|\s?[._/:\-]\s?)?"
_IBAN = re.compile(
    rf"(?<![A-Za-z0-9])(?=[A-Z]{{2}}\s?\d)(?:{'|'.join(_IBAN_LENGTHS)})\s?\d{_BY}\d(?:{_BY}[A-Za-z0-9]){{11,30}}(?![A-Za-z0-9])",
    re.IGNORECASE,
)


class ChecksumDetector:
    """Finds cards and IBANs in any grouping, whatever divides the groups.

    A number whose check digits are wrong is no such number.
    """

    name = "checksum"

    def find(self, reading: Reading) -> list[Span]:
        """Spans of the original text."""
        text = reading.normalised.text
        spans = []
        for found in (*_CARD.finditer(text), *_CARD_DIVIDED.finditer(text)):
            if _is_card(re.sub(r"\D", "", found.group())):
                spans.append(_span(reading, found.start(), found.end(), EntityType.CARD))
        position = 0
        while (begun := _IBAN.search(text, position)) is not None:
            end = _iban_end(text, begun.start(), begun.end())
            position = begun.start() + 2 if end is None else end
            if end is not None:
                spans.append(_span(reading, begun.start(), end, EntityType.IBAN))
        return spans


def is_luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 + place % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def is_iban(compact: str) -> bool:
    """Whether length and check digits are those of an IBAN (no separators, any case)."""
    upper = compact.upper()
    if _IBAN_LENGTHS.get(upper[:2]) != len(upper):
        return False
    return int("".join(str(int(character, 36)) for character in upper[4:] + upper[:4])) % 97 == 1


def _is_card(digits: str) -> bool:
    return digits[0] in "123456" and len(set(digits)) > 1 and is_luhn(digits)


def _iban_end(text: str, start: int, end: int) -> int | None:
    """Where the IBAN ends: words that follow may have been taken for groups."""
    for group in reversed(list(_GROUPS.finditer(text, start, end))):
        if is_iban(_NO_PART.sub("", text[start : group.end()])):
            return group.end()
    return None


def _span(reading: Reading, start: int, end: int, kind: EntityType) -> Span:
    return Span(*reading.normalised.original(start, end), kind, 1.0, Source.CHECKSUM)
