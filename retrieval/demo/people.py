"""Invented people and companies: the only module here that imports Faker.

Telephone numbers come from the ranges that the regulators keep free for fiction; mail addresses end in the
reserved ``.example``. Nobody can be reached by accident.
"""

from __future__ import annotations

import random
import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faker import Faker

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
_TITLES = re.compile(r"\b(?:Dr|Prof|Mr|Mrs|Ms|Miss|Dipl|Ing|Univ|B|M|Sc|Eng|MBA|jur|rer|nat|habil)\.?\s")


@dataclass(frozen=True, slots=True)
class Address:
    line: str
    postcode: str
    city: str

    def __str__(self) -> str:
        return f"{self.line}, {self.postcode} {self.city}"


class People:
    """Draws identities of one locale; the same ``seed`` draws the same people."""

    def __init__(self, locale: str, seed: int) -> None:
        from faker import Faker

        self._faker: Faker = Faker(locale, use_weighting=False)
        self._faker.seed_instance(f"{locale}/{seed}")
        self._random = random.Random(f"{locale}/{seed}/numbers")  # noqa: S311  invented data, not a secret
        self.locale = locale
        self._numbers: set[str] = set()
        self._names: set[str] = set()

    def name(self) -> tuple[str, str]:
        """First and last name; no two people of a company share both."""
        while True:
            first, last = self._faker.first_name(), self._faker.last_name()
            if f"{first} {last}" not in self._names and not _TITLES.search(f"{first} {last} "):
                self._names.add(f"{first} {last}")
                return first, last

    def company(self) -> str:
        return self._faker.company().replace("\n", " ")

    def address(self) -> Address:
        line = self._faker.street_address().replace("\n", ", ")
        return Address(line, self._faker.postcode(), self._faker.city())

    def job(self) -> str:
        return self._random.choice(JOBS)

    def birth_date(self, anchor: date) -> date:
        return date(
            anchor.year - self._random.randint(24, 78),
            self._random.randint(1, 12),
            self._random.randint(1, 28),
        )

    def phone(self) -> str:
        return self._unused(_LANDLINES[self.locale])

    def mobile(self) -> str:
        return self._unused(_MOBILES[self.locale])

    def iban(self) -> str | None:
        return None if self.locale == "en_US" else self._faker.iban()

    def tax_id(self) -> str:
        digits = "".join(str(self._random.randint(0, 9)) for _ in range(9))
        return {"en_GB": f"GB{digits}", "de_DE": f"DE{digits}", "en_US": f"{digits[:2]}-{digits[2:]}"}[
            self.locale
        ]

    def _unused(self, patterns: tuple[str, ...]) -> str:
        while True:
            pattern = self._random.choice(patterns)
            number = re.sub("#", lambda _: str(self._random.randint(0, 9)), pattern)
            if number not in self._numbers:
                self._numbers.add(number)
                return number


def mail_name(first: str, last: str) -> str:
    """``Jürgen``, ``Groß`` → ``juergen.gross``."""
    return f"{slug(first)}.{slug(last)}"


def slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.translate(_UMLAUTS)).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


JOBS = (
    "Facility manager",
    "Managing director",
    "Office manager",
    "Head of purchasing",
    "Property manager",
    "Site engineer",
    "Accountant",
    "Head of operations",
    "Caretaker",
    "Practice manager",
    "Headteacher",
    "Energy officer",
    "Project manager",
    "IT administrator",
    "Kitchen manager",
)

_LANDLINES = {
    "en_GB": ("+44 1632 960###", "01632 960###", "+44 117 496 0###", "0113 496 0###", "+44 20 7946 0###"),
    "de_DE": ("+49 30 23125 ###", "040 66969 ###", "+49 69 90009 ###", "089 99998 ###", "+49 221 4710 ###"),
    "en_US": ("(614) 555-01##", "+1 503-555-01##", "(212) 555-01##", "206-555-01##", "+1 303 555 01##"),
}
_MOBILES = {
    "en_GB": ("+44 7700 900###", "07700 900###"),
    "de_DE": ("+49 171 39200##", "0176 040690##", "+49 152 28895456 ##", "+49 172 9973185 ##"),
    "en_US": ("(415) 555-01##", "+1 646-555-01##", "(312) 555-01##", "617-555-01##", "+1 702 555 01##"),
}
