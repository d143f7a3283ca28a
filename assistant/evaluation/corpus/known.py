"""The customers of the demo company, with the records that their values belong to."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from functools import cache

from redaction import EntityType, GazetteerEntry
from retrieval import Company, CrmMap, identities_in, load_map, shipped_map

from .subjects import CLEAN, Subject, Value

_LEGAL = re.compile(
    r"(?:[ ,]+(?:GmbH|AG|KG|KGaA|OHG|GbR|mbH|Stiftung|e\.V\.|& Co\.|Ltd|LLC|PLC|Inc|Group|and Sons))+$"
)
_LOCALES = {"United Kingdom": "en_GB", "Germany": "de_DE", "United States": "en_US"}


def gazetteer_entries(company: Company) -> list[GazetteerEntry]:
    """What the CRM of `company` knows: the identities that a sync of it would publish."""
    return identities_in(_demo_map(), dict(company.tables()))


def known_subjects(company: Company) -> list[Subject]:
    """Every contact with their account's values. Those without consent too: they must be masked as well."""
    owners: dict[tuple[EntityType, str], list[str]] = defaultdict(list)
    for entry in gazetteer_entries(company):
        if entry.entity and not entry.entity.startswith("mail:"):
            owners[entry.type, entry.value].append(entry.entity)
    found = []
    for account in company.accounts:
        row, address, country = account.row, account.address, str(account.row["country"])
        shipped = [order.row for order in account.orders if order.row["tracking_no"]]
        of_account = {
            "company": (EntityType.ORGANIZATION, account.name),
            "account": (EntityType.ACCOUNT, account.account_no),
            "office": (EntityType.PHONE, row["phone"]),
            "desk": (EntityType.EMAIL, row["email"]),
            "web": (EntityType.URL, row["website"]),
            "vat": (EntityType.TAX_ID, row["vat_id"]),
            "iban": (EntityType.IBAN, row["iban"]),
            "tracking": (EntityType.ID, shipped[-1]["tracking_no"] if shipped else None),
        }
        for contact in account.contacts:
            born = contact.row["birth_date"]
            of_contact = {
                "name": (EntityType.PERSON, contact.name),
                "email": (EntityType.EMAIL, contact.email),
                "phone": (EntityType.PHONE, contact.phone),
                "mobile": (EntityType.PHONE, contact.mobile),
                "birth": (EntityType.DATE_OF_BIRTH, born.isoformat() if born else None),
            }
            values = {
                slot: Value(text, kind, _owner(owners[kind, text]), CLEAN)
                for slot, (kind, text) in {**of_account, **of_contact}.items()
                if text
            }
            ref = f"account:{account.id}"
            values["address"] = Value(str(address), EntityType.ADDRESS, ref, CLEAN)
            values["street"] = Value(address.line, EntityType.ADDRESS, ref, "street")
            if born:
                values["born"] = replace(values["birth"], text=_written(country, born), form="written")
            if alias := _alias(account.name):
                values["alias"] = Value(alias, EntityType.ORGANIZATION, ref, "alias")
            lines = _address_lines(country, address.line, address.postcode, address.city)
            found.append(Subject(contact.first, contact.last, _LOCALES[country], values, lines))
    return found


@cache
def _demo_map() -> CrmMap:
    return load_map(shipped_map("demo"))


def _owner(refs: Iterable[str]) -> str:
    """Several records with one value are written `contact:3|contact:9`."""
    return "|".join(dict.fromkeys(refs))


def _written(country: str, day: date) -> str:
    """A date of birth as people of the country write it; the CRM has it as 1976-06-02."""
    if country == "Germany":
        return f"{day:%d.%m.%Y}"
    return f"{day.day} {day:%B} {day.year}" if country == "United Kingdom" else f"{day:%m/%d/%Y}"


def _alias(name: str) -> str | None:
    """What people call a company: its name without the legal form. None for a name without one."""
    short = _LEGAL.sub("", name)
    return short if short != name and len(short) >= 4 else None


def _address_lines(country: str, line: str, postcode: str, city: str) -> tuple[str, ...]:
    """An address as it stands on an envelope of its country."""
    street = tuple(line.split(", "))
    if country == "Germany":
        return *street, f"{postcode} {city}"
    return (*street, city, postcode) if country == "United Kingdom" else (*street, f"{city} {postcode}")
