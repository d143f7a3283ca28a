"""Which class a column probably has: by its name, its type, and what its values have in common."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from retrieval.crm.map import FactKind, IdentityType, Markup, Split
from retrieval.crm.names import snake_case
from retrieval.crm.suggest.schema import LiveColumn
from retrieval.crm.suggest.traits import Traits

Said = str | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Guess:
    """The parts of a column's entry, class first, and what a person should look at."""

    parts: tuple[tuple[str, Said], ...]
    check: str | None = None

    @property
    def kind(self) -> Said:
        return dict(self.parts)["class"]


PEOPLE: Final = frozenset("contact person people lead candidate patient student member individual".split())
COMPANIES: Final = frozenset(
    "account company organization organisation firm vendor supplier business client partner".split()
)
EITHER: Final = frozenset("customer buyer user guest subscriber partner".split())

_SECRET: Final = re.compile(
    r"(^|_)(password|passwd|pwd|passphrase|hash|salt|secret|token|otp|totp|pin|cvv|cvc|credentials?|"
    r"api_?key|private_key|session)(_|$)"
)
_IDENTITIES: Final = tuple(
    (re.compile(rf"(^|_)({words})(_|$)"), kind)
    for words, kind in (
        ("e_?mails?|email_?addresse?s?|mailbox", IdentityType.EMAIL),
        ("phones?|mobile|fax|telephone|tel|cell|whatsapp", IdentityType.PHONE),
        ("iban", IdentityType.IBAN),
        ("vat|vatin|tax_?(id|no|nr|number|code)|ssn|ein|steuernummer|ust_?id", IdentityType.TAX_ID),
        ("card_?(no|nr|number)|pan", IdentityType.CARD),
        ("birth_?date|birthday|date_of_birth|dob|born_on|birth", IdentityType.DATE_OF_BIRTH),
        ("ip|ip_?addr(ess)?", IdentityType.IP),
        ("website|homepage|web|url|linkedin|facebook|twitter|domain", IdentityType.URL),
        ("(account|customer|client|member)_?(no|nr|number)|kundennummer", IdentityType.ACCOUNT),
        ("tracking_?(no|nr|number|code)|passport|licen[cs]e_?(no|nr|number)", IdentityType.ID),
        ("user_?name|login|nick_?name|handle", IdentityType.USERNAME),
        (
            "(full|contact|customer|person|first|last|middle|sur|given|family|maiden|sender|author|signed_by)"
            "_?name|contact_person(_name)?|vorname|nachname|ansprechpartner",
            IdentityType.PERSON,
        ),
        (
            "(company|business|legal|organi[sz]ation|firm|employer|partner)_?(name)?|firma",
            IdentityType.ORGANIZATION,
        ),
        ("address|street|addr|postal_?code|post_?code|zip(_?code)?|city|town", IdentityType.ADDRESS),
        ("latitude|longitude|geo", IdentityType.LOCATION),
    )
)
_PROSE: Final = re.compile(
    r"(^|_)(description|body|content|text|message|comments?|notes?|summary|resolution|solution|details|"
    r"subject|question|answer|remarks?|about|transcript|post|bio|history|feedback|beschreibung|notiz)(_|$)"
)
_TITLE: Final = re.compile(r"^(title|headline|topic)$")
_INTERNAL: Final = re.compile(r"(^|_)(internal|private|staff|intern)(_|$)")
_STATE: Final = re.compile(r"(^|_)(status|state|stage|phase)(_|$)")
_CHOICE: Final = re.compile(
    r"(^|_)(type|category|priority|severity|segment|industry|plan|tier|channel|kind|rating|source|country|"
    r"language|currency|gender|salutation|reason)(_|$)"
)
_MONEY: Final = re.compile(
    r"(^|_)(amount|total|price|balance|revenue|cost|subtotal|limit|credit|refund|fee|budget|value|salary)(_|$)"
)
_LIVE: Final = re.compile(r"(^|_)(balance|stock|due|open|credit|available|remaining|last|next)(_|$)")
_NUMBERS: Final = re.compile(r"(^|_)(no|nr|number|code|sku|ref|reference)$")
_FEW_CHOICES: Final = 12
_ENOUGH: Final = 20
_LONG: Final = 60
_LIKELY: Final = 0.5


def guess(column: LiveColumn, table: str, traits: Traits) -> Guess | str:
    """The column's class; or, for one that is better left out, why."""
    name = snake_case(column.name)
    if _SECRET.search(name):
        return Guess((("class", "secret"),))
    if column.is_text:
        return _of_text(column, name, table, traits)
    identity = _identity(name, table)
    if column.type_name in ("inet", "cidr"):
        return Guess((("class", "identity"), ("type", IdentityType.IP)))
    if identity and column.type_name in ("date", "int4", "int8", "numeric", "float8"):
        return Guess(
            (("class", "identity"), ("type", identity)), None if column.type_name == "date" else "by its name"
        )
    if column.type_name == "bool":
        return Guess((("class", "fact"), ("kind", FactKind.BOOLEAN)))
    if column.type_name == "date" or column.is_moment:
        kind = FactKind.DATE if column.type_name == "date" else FactKind.TIME
        return Guess((("class", "fact"), ("kind", kind), *_live(name)))
    if column.is_number:
        return _of_number(name)
    return f"its type is {column.type_name}"


def is_named(column: LiveColumn, table: str) -> bool:
    """Whether the name alone says the class, so that no value has to be looked at."""
    name = snake_case(column.name)
    return bool(
        column.labels
        or _SECRET.search(name)
        or _identity(name, table)
        or _PROSE.search(name)
        or _STATE.search(name)
        or _TITLE.search(name)
        or _NUMBERS.search(name)
    )


def _of_text(column: LiveColumn, name: str, table: str, traits: Traits) -> Guess | str:
    if column.labels:
        return Guess((("class", "fact"), *_live(name), ("choice", column.labels)))
    identity = _identity(name, table)
    if identity:
        return Guess((("class", "identity"), ("type", identity)))
    if _PROSE.search(name) or _TITLE.search(name):
        return Guess((("class", "text"), *_manner(name, traits)))
    if _STATE.search(name):
        return Guess((("class", "fact"), ("live", True), ("choice", True)))
    if _NUMBERS.search(name):
        return Guess(
            (("class", "fact"),), "of the record? one that a person is known by is identity, type: ID"
        )
    return _by_values(name, table, traits)


def _by_values(name: str, table: str, traits: Traits) -> Guess:
    commonest = traits.commonest
    if _CHOICE.search(name) and 0 < traits.distinct <= 2 * _FEW_CHOICES:
        return Guess((("class", "fact"), *_live(name), ("choice", True)))
    if commonest and commonest[1] >= _LIKELY * traits.looked_at:
        kind, count = commonest
        return Guess(
            (("class", "identity"), ("type", kind)),
            f"{count} of {traits.looked_at} values look like {kind}",
        )
    is_name = name in ("name", "display_name")
    if is_name and _words(table) & EITHER:
        return Guess((("class", "identity"), ("type", IdentityType.PERSON)), "a person, or an ORGANIZATION?")
    if traits.mean > _LONG or traits.has_lines:
        return Guess((("class", "text"), *_manner(name, traits)), "by the length of its values")
    if traits.seen >= _ENOUGH and traits.distinct <= _FEW_CHOICES:
        return Guess((("class", "fact"), *_live(name), ("choice", True)))
    if is_name:
        return Guess((("class", "text"),))
    if not traits.seen:
        return Guess((("class", "fact"), *_live(name)), "it holds no value to judge by")
    also = " (some look like it)" if commonest else ""
    return Guess((("class", "fact"), *_live(name)), f"anything may stand in it; is it an identity{also}?")


def _of_number(name: str) -> Guess | str:
    if name.endswith("_id"):
        return "it names rows of no table that is known"
    if _MONEY.search(name):
        return Guess(
            (("class", "fact"), ("kind", FactKind.NUMBER), *_live(name)),
            "money? then kind: money and its currency, as in currency: EUR",
        )
    return Guess((("class", "fact"), ("kind", FactKind.NUMBER), *_live(name)))


def _identity(name: str, table: str) -> IdentityType | None:
    if name.endswith("_id") and not re.search(r"(vat|tax)_id$", name):
        return None
    if name in ("name", "display_name"):
        words = _words(table)
        if words & COMPANIES:
            return IdentityType.ORGANIZATION
        return IdentityType.PERSON if words & PEOPLE else None
    return next((kind for pattern, kind in _IDENTITIES if pattern.search(name)), None)


def _words(table: str) -> set[str]:
    words = set(snake_case(table).split("_"))
    return (
        words
        | {word.removesuffix("s") for word in words}
        | {f"{word[:-3]}y" for word in words if word.endswith("ies")}
    )


def _manner(name: str, traits: Traits) -> tuple[tuple[str, Said], ...]:
    found: list[tuple[str, Said]] = []
    if _INTERNAL.search(name):
        found.append(("internal", True))
    if traits.split is not Split.PROSE:
        found.append(("split", traits.split))
    if traits.is_html:
        found.append(("markup", Markup.HTML))
    return tuple(found)


def _live(name: str) -> tuple[tuple[str, Said], ...]:
    return (("live", True),) if _LIVE.search(name) or _STATE.search(name) else ()
