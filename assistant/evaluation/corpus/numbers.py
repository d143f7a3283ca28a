"""Numbers with right check digits: cards, and the tax and national ids of seven countries.

Each function draws a number and works out its check digits by the published rule. Nothing here is shared
with the detectors, so that an error in one shows in the other.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from string import ascii_uppercase
from string import digits as decimal_digits

_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_VALUES_AT_ODD_PLACES = (
    *(1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18),
    *(20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
)
_ODD = dict(zip(ascii_uppercase, _VALUES_AT_ODD_PLACES, strict=True)) | dict(
    zip(decimal_digits, _VALUES_AT_ODD_PLACES, strict=False)
)
_MONTHS = "ABCDEHLMPRST"
_CONSONANTS = "BCDFGLMNPRSTVZ"


def card(draw: Random) -> str:
    """A Visa, Mastercard or American Express number (ISO/IEC 7812, Luhn), in its usual groups."""
    kind = draw.choice(("visa", "visa", "mastercard", "amex"))
    if kind == "amex":
        digits = _luhn(draw.choice(("34", "37")) + _digits(draw, 12))
        return f"{digits[:4]} {digits[4:10]} {digits[10:]}"
    lead = "4" + _digits(draw, 1) if kind == "visa" else str(draw.randint(51, 55))
    digits = _luhn(lead + _digits(draw, 13))
    return " ".join(digits[start : start + 4] for start in range(0, 16, 4))


def tax_id(draw: Random, locale: str) -> str:
    """A person's tax or national number of the locale's country."""
    return {
        "en_GB": _nino,
        "en_US": _ssn,
        "de_DE": _steuer_id,
        "fr_FR": _nir,
        "es_ES": _dni,
        "it_IT": _codice_fiscale,
        "nl_NL": _bsn,
        "pt_PT": _nif,
    }[locale](draw)


def vat_id(draw: Random, locale: str) -> str:
    """A company's VAT number (for the United States, its employer number)."""
    makers: dict[str, Callable[[Random], str]] = {
        "en_GB": _vat_gb,
        "en_US": _ein,
        "de_DE": lambda some: "DE" + _mod_11_10(str(some.randint(1, 9)) + _digits(some, 7)),
        "fr_FR": _vat_fr,
        "es_ES": _cif,
        "it_IT": lambda some: "IT" + _luhn("0" + _digits(some, 6) + f"{some.randint(1, 100):03}"),
        "nl_NL": lambda some: f"NL{_bsn(some)}B{some.randint(1, 12):02}",
        "pt_PT": lambda some: "PT" + _mod_11_pt("5" + _digits(some, 7)),
    }
    return makers[locale](draw)


def _digits(draw: Random, count: int) -> str:
    return "".join(str(draw.randint(0, 9)) for _ in range(count))


def _luhn(digits: str) -> str:
    doubled = (
        sum(divmod(int(digit) * 2, 10)) if place % 2 == 0 else int(digit)
        for place, digit in enumerate(reversed(digits))
    )
    return digits + str(-sum(doubled) % 10)


def _mod_11_10(digits: str) -> str:
    """ISO 7064, MOD 11,10: German tax and VAT numbers."""
    product = 10
    for digit in digits:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return digits + str((11 - product) % 10)


def _steuer_id(draw: Random) -> str:
    """Ten digits of which one occurs twice and one not at all, and a check digit."""
    while True:
        digits = draw.sample("0123456789", 9)
        digits.insert(draw.randint(0, 9), draw.choice(digits))
        if digits[0] != "0":
            whole = _mod_11_10("".join(digits))
            return f"{whole[:2]} {whole[2:5]} {whole[5:8]} {whole[8:]}"


def _vat_gb(draw: Random) -> str:
    digits = str(draw.randint(1, 9)) + _digits(draw, 6)
    total = sum(int(digit) * weight for digit, weight in zip(digits, range(8, 1, -1), strict=True))
    return f"GB{digits}{97 - total % 97:02}"


def _nino(draw: Random) -> str:
    """A National Insurance number; it has no check digit."""
    letters = draw.choice("ABCEGHJLMPRSTWXYZ") + draw.choice("ABCEHJLMPRSWXY")
    return f"{letters} {_digits(draw, 2)} {_digits(draw, 2)} {_digits(draw, 2)} {draw.choice('ABCD')}"


def _ssn(draw: Random) -> str:
    """A Social Security number; it has no check digit."""
    area = draw.choice([number for number in range(1, 900) if number != 666])
    return f"{area:03}-{draw.randint(1, 99):02}-{draw.randint(1, 9999):04}"


def _ein(draw: Random) -> str:
    return f"{draw.choice((12, 26, 36, 45, 58, 74, 81, 94))}-{_digits(draw, 7)}"


def _nir(draw: Random) -> str:
    body = (
        f"{draw.randint(1, 2)}{draw.randint(40, 99):02}{draw.randint(1, 12):02}{draw.randint(1, 95):02}"
        f"{draw.randint(1, 990):03}{draw.randint(1, 990):03}"
    )
    key = 97 - int(body) % 97
    return f"{body[0]} {body[1:3]} {body[3:5]} {body[5:7]} {body[7:10]} {body[10:]} {key:02}"


def _vat_fr(draw: Random) -> str:
    siren = _luhn(str(draw.randint(3, 8)) + _digits(draw, 7))
    return f"FR{(12 + 3 * (int(siren) % 97)) % 97:02}{siren}"


def _dni(draw: Random) -> str:
    number = draw.randint(10_000_000, 89_999_999)
    return f"{number}{_DNI_LETTERS[number % 23]}"


def _cif(draw: Random) -> str:
    digits = f"{draw.randint(1, 52):02}" + _digits(draw, 5)
    return "ESB" + _luhn(digits)


def _codice_fiscale(draw: Random) -> str:
    letters = "".join(draw.choice(_CONSONANTS) for _ in range(6))
    day = draw.randint(1, 28) + draw.choice((0, 40))
    body = (
        f"{letters}{draw.randint(40, 99):02}{draw.choice(_MONTHS)}{day:02}"
        f"{draw.choice('ABCDEFGHL')}{draw.randint(1, 990):03}"
    )
    total = sum(
        _ODD[character] if place % 2 == 0 else _even(character) for place, character in enumerate(body)
    )
    return body + chr(ord("A") + total % 26)


def _even(character: str) -> int:
    return int(character) if character.isdigit() else ascii_uppercase.index(character)


def _bsn(draw: Random) -> str:
    """Nine digits that pass the Dutch eleven test."""
    while True:
        digits = str(draw.randint(1, 9)) + _digits(draw, 7)
        check = sum(int(digit) * weight for digit, weight in zip(digits, range(9, 1, -1), strict=True)) % 11
        if check < 10:
            return digits + str(check)


def _nif(draw: Random) -> str:
    return _mod_11_pt(draw.choice("12") + _digits(draw, 7))


def _mod_11_pt(digits: str) -> str:
    total = sum(int(digit) * weight for digit, weight in zip(digits, range(9, 1, -1), strict=True))
    check = 11 - total % 11
    return digits + str(check if check < 10 else 0)
