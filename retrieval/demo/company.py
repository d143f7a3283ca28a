"""The demo company's records: built in memory, the same for the same seed and day."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from retrieval.demo.people import Address, People, mail_name, slug
from retrieval.demo.phrases import load_articles, load_phrases
from retrieval.demo.products import BY_FAMILY, PRODUCTS, Product
from retrieval.demo.staff import EMPLOYEES, TEAMS, TERRITORIES, Employee, key_account_reps, lead_of, reps_of

ACCOUNTS = 220
ORDERS = 3200
RESTRICTED = 8

_INDUSTRIES = (
    *("hotel", "school", "dental practice", "housing association", "bakery", "care home", "brewery"),
    *("office park", "restaurant", "gym", "nursery", "laboratory", "workshop", "retail chain"),
)
_PLANS = ("Basic", "Care", "Care Plus")
_TIERS = {"Basic": ("Bronze",), "Care": ("Silver",), "Care Plus": ("Gold", "Gold", "Platinum")}
_STATES = ("active",) * 14 + ("on hold", "notice given")


@dataclass(slots=True)
class Contact:
    id: int
    account_id: int
    first: str
    last: str
    email: str
    phone: str
    mobile: str
    consent: bool
    row: dict[str, Any] = field(repr=False)

    @property
    def name(self) -> str:
        return f"{self.first} {self.last}"


@dataclass(slots=True)
class Account:
    id: int
    name: str
    account_no: str
    city: str
    address: Address
    territory: int
    owner: Employee
    restricted: bool
    row: dict[str, Any] = field(repr=False)
    contacts: list[Contact] = field(default_factory=list, repr=False)
    orders: list[Order] = field(default_factory=list, repr=False)


@dataclass(slots=True)
class Order:
    id: int
    order_no: str
    account: Account = field(repr=False)
    contact: Contact = field(repr=False)
    ordered_on: date
    lines: list[tuple[Product, int, Decimal]]
    row: dict[str, Any] = field(repr=False)

    @property
    def total(self) -> Decimal:
        return sum((price * quantity for _, quantity, price in self.lines), Decimal("0.00"))


class Builder:
    """Draws accounts, their contacts and their orders, in this order and only once."""

    def __init__(self, seed: int, anchor: date) -> None:
        self.seed = seed
        self.anchor = anchor
        self.random = random.Random(f"company/{seed}")  # noqa: S311  invented data, not a secret
        self.people = {
            locale: People(locale, seed) for locale in sorted({place.locale for place in TERRITORIES})
        }
        self.accounts: list[Account] = []
        self.orders: list[Order] = []
        self._contact_number = 0
        self._companies: set[str] = set()

    def build(self) -> None:
        restricted = set(self.random.sample(range(1, ACCOUNTS + 1), RESTRICTED))
        for number in range(1, ACCOUNTS + 1):
            self.accounts.append(self._account(number, number in restricted))
        self._place_orders()
        for account in self.accounts:
            last = max((order.ordered_on for order in account.orders), default=None)
            account.row["last_order_on"] = last
            account.row["balance"] = self._balance(account)

    def ago(self, first: int, last: int) -> date:
        """A day between ``first`` and ``last`` days before the anchor."""
        return self.anchor - timedelta(days=self.random.randint(first, last))

    def _account(self, number: int, restricted: bool) -> Account:
        territory = TERRITORIES[(number - 1) % len(TERRITORIES)]
        people = self.people[territory.locale]
        draw = self.random
        is_business = draw.random() < 0.68
        address = people.address()
        contacts = [people.name() for _ in range(draw.randint(3, 5) if is_business else draw.randint(1, 2))]
        name = self._company_name(people) if is_business else f"{contacts[0][1]} Household, {address.city}"
        domain = f"{slug(name)[:24].strip('-')}.example" if is_business else "post.example"
        plan = draw.choice(_PLANS)
        if restricted:
            owner = lead_of(territory.id)
        else:
            owner = draw.choice(key_account_reps() if draw.random() < 0.1 else reps_of(territory.id))
        row: dict[str, Any] = {
            "id": number,
            "account_no": f"C{700000 + number * 37 + draw.randint(0, 36)}",
            "name": name,
            "segment": "business" if is_business else "home",
            "industry": draw.choice(_INDUSTRIES) if is_business else None,
            "phone": people.phone(),
            "email": f"office@{domain}" if is_business else f"{mail_name(*contacts[0])}@{domain}",
            "website": f"https://www.{domain}" if is_business else None,
            "address_line": address.line,
            "postcode": address.postcode,
            "city": address.city,
            "country": territory.country,
            "vat_id": people.tax_id() if is_business else None,
            "iban": people.iban(),
            "territory_id": territory.id,
            "owner_id": owner.id,
            "plan": plan,
            "sla_tier": draw.choice(_TIERS[plan]),
            "status": draw.choice(_STATES),
            "balance": Decimal(0),
            "credit_limit": Decimal(draw.choice((2000, 5000, 10000, 25000, 50000)) if is_business else 1500),
            "last_order_on": None,
            "restricted": restricted,
            "portal_password_hash": f"$argon2id$demo${draw.getrandbits(64):016x}",
            "created_at": at_morning(self.ago(800, 2600)),
            "updated_at": at_morning(self.ago(1, 60)),
        }
        account = Account(
            number, name, row["account_no"], address.city, address, territory.id, owner, restricted, row
        )
        account.contacts = [
            self._contact(account, person, index == 0, domain, people)
            for index, person in enumerate(contacts)
        ]
        self._describe(account)
        return account

    def _company_name(self, people: People) -> str:
        while (name := people.company()) in self._companies:
            continue
        self._companies.add(name)
        return name

    def _contact(
        self, account: Account, person: tuple[str, str], is_primary: bool, domain: str, people: People
    ) -> Contact:
        self._contact_number += 1
        first, last = person
        draw = self.random
        is_business = account.row["segment"] == "business"
        email = f"{mail_name(first, last)}@{domain}"
        phone = people.phone() if is_business or not is_primary else account.row["phone"]
        mobile = people.mobile()
        consent = is_primary or draw.random() < 0.92
        row = {
            "id": self._contact_number,
            "account_id": account.id,
            "first_name": first,
            "last_name": last,
            "job_title": people.job() if is_business else None,
            "email": email,
            "phone": phone,
            "mobile": mobile,
            "birth_date": people.birth_date(self.anchor) if not is_business else None,
            "language": "German" if people.locale == "de_DE" else "English",
            "is_primary": is_primary,
            "consent": consent,
            "remarks": draw.choice(load_phrases().lists["remarks"]) if draw.random() < 0.35 else None,
            "updated_at": at_morning(self.ago(1, 400)),
        }
        return Contact(self._contact_number, account.id, first, last, email, phone, mobile, consent, row)

    def _describe(self, account: Account) -> None:
        phrases, draw = load_phrases(), self.random
        values = {
            "account": account.name,
            "industry": account.row["industry"] or "",
            "city": account.city,
            "plan": account.row["plan"],
            "contact": account.contacts[0].name,
            "units": str(draw.randint(3, 60) if account.row["segment"] == "business" else draw.randint(2, 7)),
            "since": str(account.row["created_at"].year),
        }
        account.row["summary"] = draw.choice(phrases.summaries[account.row["segment"]]).format_map(values)
        account.row["internal_note"] = (
            draw.choice(phrases.lists["account_internal"]) if draw.random() < 0.4 else None
        )

    def _place_orders(self) -> None:
        weights = [3 if account.row["segment"] == "business" else 1 for account in self.accounts]
        days = sorted(self.random.randint(0, 720) for _ in range(ORDERS))[::-1]
        for number, days_ago in enumerate(days, 1):
            account = (
                self.random.choices(self.accounts, weights)[0]
                if number > ACCOUNTS
                else self.accounts[number - 1]
            )
            order = self._order(number, account, self.anchor - timedelta(days=days_ago))
            account.orders.append(order)
            self.orders.append(order)

    def _order(self, number: int, account: Account, ordered_on: date) -> Order:
        draw = self.random
        lines = self._lines(account.row["segment"] == "business")
        is_large = any(product.family == "heat pump" for product, _, _ in lines)
        due = ordered_on + timedelta(days=draw.randint(14, 24) if is_large else draw.randint(3, 8))
        age = (self.anchor - ordered_on).days
        status = "cancelled" if draw.random() < 0.03 else _status(self.anchor, due, age, draw)
        delivered = min(due + timedelta(days=draw.choice((0, 0, 0, 0, 1, 3, 9))), self.anchor)
        order = Order(
            number, f"HT-{204000 + number * 3}", account, draw.choice(account.contacts), ordered_on, lines, {}
        )
        is_delivered = status == "delivered"
        invoice_due = delivered + timedelta(days=30 if account.row["segment"] == "business" else 14)
        order.row = {
            "id": number,
            "order_no": order.order_no,
            "account_id": account.id,
            "contact_id": order.contact.id,
            "items": "; ".join(
                f"{quantity} × {product.name} ({product.code})" for product, quantity, _ in lines
            ),
            "ordered_on": ordered_on,
            "status": status,
            "total": order.total,
            "delivery_due_on": None if status == "cancelled" else due,
            "delivered_on": delivered if is_delivered else None,
            "tracking_no": f"1Z{draw.randint(10**9, 10**10 - 1)}"
            if status in ("shipped", "delivered")
            else None,
            "shipping_address": str(account.address),
            "invoice_no": f"R{ordered_on.year}-{50000 + number}" if is_delivered else None,
            "invoice_due_on": invoice_due if is_delivered else None,
            "paid": is_delivered and (draw.random() < 0.93 if age > 60 else draw.random() < 0.5),
            "updated_at": at_morning(
                delivered if is_delivered else min(ordered_on + timedelta(days=1), self.anchor)
            ),
        }
        return order

    def _lines(self, is_business: bool) -> list[tuple[Product, int, Decimal]]:
        draw = self.random
        family = draw.choices(
            ("heat pump", "water filter", "thermostat", "part", "service"), (20, 22, 28, 22, 8)
        )[0]
        fitting = [product for product in BY_FAMILY[family] if is_business or "Pro" not in product.name]
        chosen = [draw.choice(fitting)]
        if family == "heat pump":
            chosen.append(PRODUCTS[14])
        if draw.random() < 0.4:
            chosen.append(draw.choice(BY_FAMILY["part"]))
        most = {"heat pump": 3, "water filter": 4, "thermostat": 24, "part": 12, "service": 2}
        lines = []
        for product in dict.fromkeys(chosen):
            quantity = draw.randint(1, most[product.family]) if is_business else draw.choice((1, 1, 1, 2))
            discount = Decimal("0.92") if is_business and draw.random() < 0.3 else Decimal(1)
            lines.append((product, quantity, (product.price * discount).quantize(Decimal("0.01"))))
        return lines

    def _balance(self, account: Account) -> Decimal:
        """What is delivered and not paid."""
        unpaid = (
            order.total
            for order in account.orders
            if order.row["status"] == "delivered" and not order.row["paid"]
        )
        return sum(unpaid, Decimal("0.00"))


def static_rows(anchor: date, draw: random.Random) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The tables that do not depend on the customers, in the order in which they may be written."""
    yield "territories", [{"id": t.id, "name": t.name, "country": t.country} for t in TERRITORIES]
    yield "teams", [{"id": team.id, "name": team.name} for team in TEAMS]
    yield (
        "users",
        [
            {
                "id": person.id,
                "email": person.login,
                "full_name": person.full_name,
                "role": person.role,
                "is_active": person.is_active,
            }
            for person in EMPLOYEES
        ],
    )
    yield (
        "team_members",
        [{"team_id": team, "user_id": person.id} for person in EMPLOYEES for team in person.teams],
    )
    yield (
        "team_territories",
        [{"team_id": team.id, "territory_id": territory} for team in TEAMS for territory in team.territories],
    )
    yield (
        "products",
        [
            {
                "id": product.id,
                "code": product.code,
                "name": product.name,
                "family": product.family,
                "description": product.description,
                "list_price": product.price,
                "warranty_months": product.warranty_months,
                "stock": draw.randint(0, 400),
                "updated_at": at_morning(anchor - timedelta(days=30)),
            }
            for product in PRODUCTS
        ],
    )
    yield (
        "articles",
        [
            {
                "id": number,
                "title": article.title,
                "category": article.category,
                "audience": article.audience,
                "staff_only": article.audience != "public",
                "body": article.body,
                "updated_on": anchor - timedelta(days=10 + number * 3),
                "updated_at": at_morning(anchor - timedelta(days=10 + number * 3)),
            }
            for number, article in enumerate(load_articles(), 1)
        ],
    )


def _status(anchor: date, due: date, age: int, draw: random.Random) -> str:
    if due < anchor - timedelta(days=10):
        return "delivered"
    if due < anchor:
        return draw.choice(("delivered", "delivered", "shipped"))
    return "confirmed" if age < 3 else draw.choice(("packed", "shipped", "confirmed"))


def at_morning(day: date) -> datetime:
    return datetime.combine(day, time(8, 30), tzinfo=UTC)
