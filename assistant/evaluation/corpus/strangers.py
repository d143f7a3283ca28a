"""People and companies that the CRM has never heard of: the only module here that imports Faker.

Mail addresses end in names that are reserved for examples. Telephone numbers are well-formed, and come from
ranges kept free for fiction where a country has one that is still valid; none is ever dialled.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from datetime import date
from random import Random
from typing import TYPE_CHECKING

from redaction import EntityType

from .numbers import card, tax_id, vat_id
from .subjects import Subject, Value

if TYPE_CHECKING:
    from faker import Faker

LOCALES = {
    "en": ("en_GB", "en_US"),
    "de": ("de_DE",),
    "fr": ("fr_FR",),
    "es": ("es_ES",),
    "it": ("it_IT",),
    "nl": ("nl_NL",),
    "pt": ("pt_PT",),
}
_PHONES = {
    "en_GB": ("020 7946 0###", "+44 20 7946 0###", "0117 496 0###", "07911 12####", "+44 7911 12####"),
    "en_US": ("(614) 555-01##", "+1 503-555-01##", "206-555-01##", "617.555.01##", "1-312-555-01##"),
    "de_DE": ("030 23125 ###", "0151 2345 ####", "+49 171 234 ####", "089/99998###", "0049 40 66969###"),
    "fr_FR": (
        "01 99 00 ## ##",
        "06 12 3# ## ##",
        "+33 6 12 3# ## ##",
        "04.65.71.##.##",
        "0033 1 99 00 ## ##",
    ),
    "es_ES": ("612 34# ###", "+34 612 34# ###", "91 123 ## ##", "93 412 ## ##", "0034 645 12 ## ##"),
    "it_IT": ("333 123 ####", "+39 347 123 ####", "02 4951 ####", "06 6988 ####", "+39 051 233 ####"),
    "nl_NL": ("06-1234 ####", "+31 6 1234 ####", "020 794 ####", "010-214 ####", "+31 30 231 ####"),
    "pt_PT": ("912 345 ###", "+351 912 345 ###", "21 342 ####", "+351 22 339 ####", "00351 965 12# ###"),
}
_DATES = {
    "en_GB": "{0.day} {month} {0.year}",
    "en_US": "{0:%m}/{0:%d}/{0.year}",
    "fr_FR": "{0:%d}/{0:%m}/{0.year}",
    "es_ES": "{0:%d}/{0:%m}/{0.year}",
    "it_IT": "{0:%d}/{0:%m}/{0.year}",
    "nl_NL": "{0:%d}-{0:%m}-{0.year}",
    "pt_PT": "{0:%d}/{0:%m}/{0.year}",
    "de_DE": "{0:%d}.{0:%m}.{0.year}",
}
_MONTHS = "January February March April May June July August September October November December".split()
_COUNTRY = {"en_US": "en_GB"}  # the United States have no IBAN
_MAIL_HOSTS = ("example.com", "example.org", "example.net", "mail.example.com", "post.example")
_TITLES = re.compile(r"\b(?:Dr|Prof|Mr|Mrs|Ms|Miss|Dipl|Ing|Univ|Herr|Frau|B|M|Sc|Eng|MBA)\.?\s|,|\.")
_LATIN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})


class Strangers:
    """Draws strangers, the same for the same seed; `taken` are names and numbers that they must not have."""

    def __init__(self, seed: int, taken: Collection[str]) -> None:
        self._seed = seed
        self._taken = frozenset(value.casefold() for value in taken)
        self._fakers: dict[str, Faker] = {}

    def draw(self, draw: Random, language: str) -> Subject:
        """Somebody who speaks `language`, with everything that a template can ask for."""
        locale = draw.choice(LOCALES[language])
        fake = self._faker(locale)
        first, last = self._name(fake)
        company = self._company(fake)
        street = [part.strip() for part in re.split(r"[\n,]+", fake.street_address()) if part.strip()]
        postcode, city = fake.postcode(), fake.city()
        place = f"{city} {postcode}" if locale.startswith("en") else f"{postcode} {city}"
        of = {
            "name": (EntityType.PERSON, f"{first} {last}"),
            "email": (EntityType.EMAIL, _mail(draw, first, last, company)),
            "phone": (EntityType.PHONE, self._phone(draw, locale)),
            "mobile": (EntityType.PHONE, self._phone(draw, locale)),
            "company": (EntityType.ORGANIZATION, company),
            "address": (EntityType.ADDRESS, f"{', '.join(street)}, {place}"),
            "city": (EntityType.LOCATION, city),
            "web": (
                EntityType.URL,
                f"https://www.{slug(company)[:24].strip('-')}.example/{draw.choice(_PATHS)}",
            ),
            "vat": (EntityType.TAX_ID, vat_id(draw, locale)),
            "tax": (EntityType.TAX_ID, tax_id(draw, locale)),
            "iban": (EntityType.IBAN, _groups(self._faker(_COUNTRY.get(locale, locale)).iban())),
            "card": (EntityType.CARD, card(draw)),
            "birth": (EntityType.DATE_OF_BIRTH, _birth(draw, locale)),
            "user": (
                EntityType.USERNAME,
                f"{slug(first)[:1]}{slug(last).replace('-', '')}{draw.randint(2, 99)}",
            ),
            "ip": (EntityType.IP, _ip(draw)),
            "secret": (EntityType.SECRET, _secret(draw)),
            "passport": (EntityType.ID, _passport(draw)),
        }
        values = {slot: Value(text, kind) for slot, (kind, text) in of.items()}
        return Subject(first, last, locale, values, (*street, place))

    def _faker(self, locale: str) -> Faker:
        if locale not in self._fakers:
            from faker import Faker

            self._fakers[locale] = Faker(locale, use_weighting=False)
            self._fakers[locale].seed_instance(f"strangers/{locale}/{self._seed}")
        return self._fakers[locale]

    def _name(self, fake: Faker) -> tuple[str, str]:
        while True:
            first, last = fake.first_name(), fake.last_name()
            if f"{first} {last}".casefold() not in self._taken and not _TITLES.search(f"{first} {last} "):
                return first, last

    def _company(self, fake: Faker) -> str:
        while (name := fake.company().replace("\n", " ").strip()).casefold() in self._taken:
            continue
        return name

    def _phone(self, draw: Random, locale: str) -> str:
        while True:
            pattern = draw.choice(_PHONES[locale])
            number = re.sub("#", lambda _: str(draw.randint(0, 9)), pattern)
            if number.casefold() not in self._taken:
                return number


_PATHS = ("kontakt", "contact", "team", "login", "account/17", "about-us")
_GROUP = 4


def slug(text: str) -> str:
    """`Jürgen Groß` → `juergen-gross`."""
    plain = unicodedata.normalize("NFKD", text.translate(_LATIN)).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


def _mail(draw: Random, first: str, last: str, company: str) -> str:
    one, two = slug(first).replace("-", ""), slug(last).replace("-", "")
    local = draw.choice(
        (f"{one}.{two}", f"{one[:1]}.{two}", f"{two}_{one}", f"{one}{two}{draw.randint(1, 99)}")
    )
    host = draw.choice((*_MAIL_HOSTS, f"{slug(company)[:20].strip('-')}.example"))
    return f"{local}@{host}"


def _groups(iban: str) -> str:
    return " ".join(iban[start : start + _GROUP] for start in range(0, len(iban), _GROUP))


def _birth(draw: Random, locale: str) -> str:
    day = date(draw.randint(1944, 2005), draw.randint(1, 12), draw.randint(1, 28))
    return _DATES[locale].format(day, month=_MONTHS[day.month - 1])


def _ip(draw: Random) -> str:
    """An address of the ranges for documentation (RFC 5737, RFC 3849)."""
    if draw.random() < 0.75:
        return f"{draw.choice(('192.0.2', '198.51.100', '203.0.113'))}.{draw.randint(1, 254)}"
    return f"2001:db8:{draw.randint(1, 65535):x}::{draw.randint(1, 65535):x}"


def _secret(draw: Random) -> str:
    letters = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
    kind = draw.choice(("sk_live_", "ghp_", "xoxb-", "AKIA"))
    if kind == "AKIA":
        return kind + "".join(draw.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(16))
    length = {"sk_live_": 24, "ghp_": 36, "xoxb-": 32}[kind]
    return kind + "".join(draw.choice(letters) for _ in range(length))


def _passport(draw: Random) -> str:
    return (
        draw.choice("CFGHJKLP")
        + "".join(draw.choice("CFGHJKLMNPRTVWXYZ0123456789") for _ in range(7))
        + (str(draw.randint(0, 9)))
    )
