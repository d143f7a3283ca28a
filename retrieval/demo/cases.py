"""Cases with their notes and mails, written from the records they are about."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from retrieval.demo.company import Account, Contact, Order, at_morning
from retrieval.demo.phrases import Phrases, Promise, Scenario, load_phrases
from retrieval.demo.products import Product
from retrieval.demo.staff import DOMAIN, ESCALATION, Employee, escalation_desk

CASES = 2100
_MAIN_FAMILIES = ("heat pump", "water filter", "thermostat")
_ANSWER_DAYS = {"Bronze": 3, "Silver": 1, "Gold": 0, "Platinum": 0}


@dataclass(slots=True)
class Case:
    """A case with the truth that its notes and mails tell: who was promised what until when."""

    id: int
    case_no: str
    account: Account = field(repr=False)
    contact: Contact = field(repr=False)
    order: Order = field(repr=False)
    product: Product
    scenario: Scenario = field(repr=False)
    agent: Employee
    promise: Promise = field(repr=False)
    promised_for: date
    amount: Decimal
    row: dict[str, Any] = field(repr=False)
    notes: list[dict[str, Any]] = field(default_factory=list, repr=False)
    mails: list[dict[str, Any]] = field(default_factory=list, repr=False)

    @property
    def promised_day(self) -> str:
        """The promised date as the notes and mails write it."""
        return written_day(self.promised_for, self.account)

    @property
    def amount_text(self) -> str:
        return f"EUR {self.amount:,.2f}"


class CaseBuilder:
    """Draws cases for the accounts of a company."""

    def __init__(self, seed: int, anchor: date, accounts: list[Account]) -> None:
        self.anchor = anchor
        self.random = random.Random(f"cases/{seed}")  # noqa: S311  invented data, not a secret
        self.phrases: Phrases = load_phrases()
        self._bought = {account.id: _bought(account) for account in accounts}
        self._accounts = [account for account in accounts if self._bought[account.id]]
        self._unused: dict[tuple[str, ...], list[str]] = {}
        self._notes = 0
        self._mails = 0

    def build(self) -> list[Case]:
        weights = [3 if account.row["segment"] == "business" else 1 for account in self._accounts]
        drawn = [self._draw(account) for account in self.random.choices(self._accounts, weights, k=CASES)]
        drawn.sort(key=lambda parts: parts[3])
        return [self._case(number, *parts) for number, parts in enumerate(drawn, 1)]

    def _draw(self, account: Account) -> tuple[Account, Order, Product, date, Scenario]:
        order, product = self.random.choice(self._bought[account.id])
        fitting = [
            scenario
            for scenario in self.phrases.scenarios
            if product.family in scenario.families and (not scenario.codes or product.code in scenario.codes)
        ]
        latest = (self.anchor - order.ordered_on).days
        days_after = min(
            latest, self.random.choice((12, 15, 20, 35, 60, 120, 240, 400)) + self.random.randint(0, 20)
        )
        return (
            account,
            order,
            product,
            order.ordered_on + timedelta(days=days_after),
            self.random.choice(fitting),
        )

    def _case(
        self,
        number: int,
        account: Account,
        order: Order,
        product: Product,
        opened_on: date,
        scenario: Scenario,
    ) -> Case:
        draw = self.random
        contact = draw.choice([contact for contact in account.contacts if contact.consent])
        kind = draw.choice(scenario.promises)
        age = (self.anchor - opened_on).days
        status = self._status(age)
        agent, team = self._assigned(account, status)
        promised_for = self._promised_for(opened_on, status)
        case = Case(
            number, f"CS-{30000 + number}", account, contact, order, product, scenario, agent,
            self.phrases.promises[kind], promised_for, self._amount(kind), {},
        )  # fmt: skip
        values = self._values(case, opened_on)
        event = draw.randrange(len(scenario.mail_in))
        closed_on = (
            min(promised_for + timedelta(days=draw.randint(0, 6)), self.anchor)
            if status == "closed"
            else None
        )
        answer_days = _ANSWER_DAYS[account.row["sla_tier"]]
        case.row = {
            "id": number,
            "case_no": case.case_no,
            "account_id": account.id,
            "contact_id": contact.id,
            "order_id": order.id,
            "product_id": product.id,
            "assigned_to": agent.id,
            "team_id": team,
            "subject": _tell(scenario.subjects, event, values),
            "description": _tell(scenario.descriptions, event, values),
            "resolution": self._say(scenario.resolutions, values) if status == "closed" else None,
            "category": scenario.category,
            "priority": draw.choice(scenario.priority),
            "status": status,
            "opened_on": opened_on,
            "answer_due_on": opened_on + timedelta(days=answer_days),
            "replacement_due_on": promised_for if kind == "replacement" else None,
            "refund_offered": case.amount if kind == "refund" else None,
            "closed_on": closed_on,
            "updated_at": at_morning(closed_on or min(opened_on + timedelta(days=2), self.anchor)),
        }
        self._correspond(case, event, values, opened_on)
        return case

    def _status(self, age: int) -> str:
        if age > 75:
            return "closed"
        return self.random.choice(("open", "open", "waiting", "escalated", "closed"))

    def _assigned(self, account: Account, status: str) -> tuple[Employee, int | None]:
        """Restricted accounts stay with their owner; of the others, escalated cases go to the desk."""
        if account.restricted or status != "escalated":
            return account.owner, None
        return self.random.choice(escalation_desk()), ESCALATION

    def _promised_for(self, opened_on: date, status: str) -> date:
        if status == "closed":
            return min(opened_on + timedelta(days=self.random.randint(2, 16)), self.anchor)
        return self.anchor + timedelta(days=self.random.randint(1, 18))

    def _amount(self, kind: str) -> Decimal:
        if kind == "credit":
            return Decimal(self.random.choice((15, 20, 25, 30, 35, 40, 45, 50)))
        whole = self.random.choice((60, 85, 95, 120, 145, 180, 210, 235, 249, 290, 340, 480, 620, 890, 1250))
        return Decimal(whole) + self.random.choice((Decimal("0.00"), Decimal("0.50"), Decimal("0.90")))

    def _correspond(self, case: Case, event: int, values: dict[str, str], opened_on: date) -> None:
        draw, lists = self.random, self.phrases.lists
        second = min(opened_on + timedelta(days=draw.randint(0, 2)), self.anchor)
        by_mail = draw.random() < 0.55
        if by_mail:
            told = _tell(case.scenario.mail_in, event, values)
            self._mail(case, "in", opened_on, self._framed("mail_in", told, values))
            told = self._say(case.promise.mail_out, values)
            self._mail(case, "out", second, self._framed("mail_out", told, values))
        if not by_mail or draw.random() < 0.7:
            said = [self._say(lists["note_openings"], values), _tell(case.scenario.notes, event, values)]
            if not by_mail or draw.random() < 0.5:
                said.append(self._say(case.promise.note, values))
            if draw.random() < 0.7:
                said.append(self._say(lists["note_closings"], values))
            self._note(case, second, " ".join(said))
        if draw.random() < 0.22:
            self._note(case, second, self._say(lists["internal_notes"], values), internal=True)
        if draw.random() < (0.5 if case.account.restricted else 0.015):
            self._note(
                case, second, self._say(lists["confidential_notes"], values), internal=True, confidential=True
            )

    def _note(
        self, case: Case, day: date, body: str, *, internal: bool = False, confidential: bool = False
    ) -> None:
        self._notes += 1
        case.notes.append(
            {
                "id": self._notes,
                "case_id": case.id,
                "case_no": case.case_no,
                "author_id": case.agent.id,
                "internal": internal,
                "confidential": confidential,
                "written_on": day,
                "body": body,
                "updated_at": at_morning(day),
            }
        )

    def _mail(self, case: Case, direction: str, day: date, paragraphs: list[str]) -> None:
        self._mails += 1
        ours = f"service@{DOMAIN}"
        sender, recipient = (case.contact.email, ours) if direction == "in" else (ours, case.contact.email)
        subject = case.row["subject"] if direction == "in" else f"Re: {case.row['subject']} [{case.case_no}]"
        case.mails.append(
            {
                "id": self._mails,
                "case_id": case.id,
                "contact_id": case.contact.id,
                "direction": direction,
                "sender": sender,
                "recipient": recipient,
                "subject": subject,
                "body": "\n\n".join(paragraphs),
                "sent_on": day,
                "updated_at": at_morning(day),
            }
        )

    def _framed(self, kind: str, told: str, values: dict[str, str]) -> list[str]:
        """``told`` between an opening and a closing, as paragraphs."""
        lists = self.phrases.lists
        opening = self._say(lists[f"{kind}_openings"], values)
        return [
            opening,
            told if opening.endswith(",") else _capital(told),
            self._say(lists[f"{kind}_closings"], values),
        ]

    def _say(self, choices: tuple[str, ...], values: dict[str, str]) -> str:
        """The next of ``choices`` in a shuffled round, so that each is used as often as the others."""
        left = self._unused.setdefault(choices, [])
        if not left:
            left.extend(self.random.sample(choices, len(choices)))
        return left.pop().format_map(values)

    def _values(self, case: Case, opened_on: date) -> dict[str, str]:
        contact, account, order = case.contact, case.account, case.order
        year = "23" if case.scenario.codes else f"{order.ordered_on:%y}"
        number = 4000 + (order.id * 7) % 1200 if case.scenario.codes else 10000 + order.id * 13
        follow_up = min(case.promised_for, opened_on + timedelta(days=self.random.randint(3, 12)))
        return {
            "contact": contact.name,
            "first": contact.first,
            "last": contact.last,
            "phone": contact.phone,
            "mobile": contact.mobile,
            "email": contact.email,
            "account": account.name,
            "account_no": account.account_no,
            "city": account.city,
            "address": str(account.address),
            "agent": case.agent.full_name,
            "case": case.case_no,
            "order": order.order_no,
            "ordered": written_day(order.ordered_on, account),
            "invoice": order.row["invoice_no"] or f"for {order.order_no}",
            "tracking": order.row["tracking_no"] or "not yet known",
            "product": case.product.name,
            "serial": f"{case.product.serial}-{year}-{number:05d}",
            "amount": case.amount_text,
            "date": case.promised_day,
            "follow_up": written_day(follow_up, account),
        }


def _tell(choices: tuple[str, ...], event: int, values: dict[str, str]) -> str:
    return choices[event % len(choices)].format_map(values)


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def written_day(day: date, account: Account) -> str:
    """A date as people of the account's country write it in English."""
    if account.row["country"] == "United States":
        return f"{day:%B} {day.day}, {day.year}"
    return f"{day.day} {day:%B} {day.year}"


def _bought(account: Account) -> list[tuple[Order, Product]]:
    return [
        (order, product)
        for order in account.orders
        if order.row["status"] != "cancelled"
        for product, _, _ in order.lines
        if product.family in _MAIN_FAMILIES
    ]
