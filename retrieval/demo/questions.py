"""Questions about the demo company with the answers its records hold, for measuring."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import islice

from retrieval.demo.cases import Case, written_day
from retrieval.demo.company import Account, Order
from retrieval.demo.phrases import load_articles
from retrieval.demo.seed import Company
from retrieval.demo.staff import EMPLOYEES, ESCALATION, TEAMS

Ref = tuple[str, int]
"""An entity of the demo map and the key of its row."""


class QuestionKind(StrEnum):
    FACT = "fact"
    RECORD = "record"
    LIST = "list"
    PROMISE = "promise"
    ARTICLE = "article"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True, slots=True)
class DemoQuestion:
    """``gold`` are texts that a right answer contains, all of them; each may be written in any of its forms.

    ``refs`` are the records that hold the answer. A ``forbidden`` question has no gold value: ``refs``
    are then the records that must not be used, and the right answer is that nothing was found.
    """

    question: str
    login: str
    refs: tuple[Ref, ...]
    gold: tuple[tuple[str, ...], ...]
    kind: QuestionKind


def demo_questions(company: Company, each: int = 40) -> tuple[DemoQuestion, ...]:
    """Up to ``each`` questions of every kind, the same for the same company."""
    return tuple(
        question
        for ask in (_facts, _records, _lists, _promises, _articles, _forbidden)
        for question in islice(ask(company, random.Random(f"{ask.__name__}/{company.seed}")), each)  # noqa: S311
    )


def _facts(company: Company, draw: random.Random) -> Iterator[DemoQuestion]:
    asks: tuple[Callable[[Account], tuple[str, str, tuple[str, ...]]], ...] = (
        lambda a: (a.name, "Which service plan does {} have?", (a.row["plan"],)),
        lambda a: (a.name, "What is the SLA tier of {}?", (a.row["sla_tier"],)),
        lambda a: (a.name, "What is the open balance of {}?", _money(a.row["balance"])),
        lambda a: (a.name, "When did {} place its last order?", _day(a.row["last_order_on"], a)),
        lambda a: (a.name, "What is the account status of {}?", (a.row["status"],)),
    )
    for number, account in enumerate(draw.sample(company.accounts, len(company.accounts))):
        name, question, gold = asks[number % len(asks)](account)
        if "balance" in question and not account.row["balance"]:
            continue
        yield DemoQuestion(
            question.format(name), account.owner.login, (("account", account.id),), (gold,), QuestionKind.FACT
        )


def _records(company: Company, draw: random.Random) -> Iterator[DemoQuestion]:
    orders = [order for order in company.orders if order.row["status"] != "cancelled"]
    refunds = [case for case in company.cases if case.row["refund_offered"] is not None]
    replacements = [case for case in company.cases if case.row["replacement_due_on"] is not None]
    while True:
        order = draw.choice(orders)
        yield _about_order(order, f"What is the total of order {order.order_no}?", _money(order.total))
        order = draw.choice(orders)
        due = _day(order.row["delivery_due_on"], order.account)
        yield _about_order(order, f"When is the delivery of order {order.order_no} due?", due)
        case = draw.choice(refunds)
        yield _about_case(case, f"What refund did we offer in case {case.case_no}?", _money(case.amount))
        case = draw.choice(replacements)
        due = _day(case.promised_for, case.account)
        yield _about_case(case, f"When is the replacement in case {case.case_no} due?", due)


def _lists(company: Company, draw: random.Random) -> Iterator[DemoQuestion]:
    for account in draw.sample(company.accounts, len(company.accounts)):
        cases = [case for case in company.cases if case.account is account and case.row["status"] != "closed"]
        if 1 <= len(cases) <= 4:
            refs = tuple(("case", case.id) for case in cases)
            gold = tuple((case.case_no,) for case in cases)
            yield DemoQuestion(
                f"Which cases of {account.name} are not closed?",
                account.owner.login,
                refs,
                gold,
                QuestionKind.LIST,
            )


def _promises(company: Company, draw: random.Random) -> Iterator[DemoQuestion]:
    """What only notes and mails say, asked by the name of a contact who has exactly one case."""
    counts = Counter(case.contact.id for case in company.cases)
    for case in draw.sample(company.cases, len(company.cases)):
        texts = [("note", note["id"]) for note in case.notes if case.promised_day in note["body"]]
        texts += [("mail", mail["id"]) for mail in case.mails if case.promised_day in mail["body"]]
        if counts[case.contact.id] != 1 or not texts:
            continue
        gold: list[tuple[str, ...]] = [_day(case.promised_for, case.account)]
        if "{amount}" in case.promise.action:
            gold.append(_money(case.amount))
        yield DemoQuestion(
            f"What was promised to {case.contact.name}, and for when?",
            case.account.owner.login,
            tuple(texts),
            tuple(gold),
            QuestionKind.PROMISE,
        )


def _articles(_: Company, draw: random.Random) -> Iterator[DemoQuestion]:
    numbers = {article.title: number for number, article in enumerate(load_articles(), 1)}
    reps = [person for person in EMPLOYEES if person.role == "rep" and person.is_active]
    for title, question, *gold in _ARTICLE_QUESTIONS:
        yield DemoQuestion(
            question,
            draw.choice(reps).login,
            (("article", numbers[title]),),
            tuple(tuple(forms.split("|")) for forms in gold),
            QuestionKind.ARTICLE,
        )


def _forbidden(company: Company, draw: random.Random) -> Iterator[DemoQuestion]:
    """Questions of reps about accounts outside their territories, and about restricted ones inside.

    Not by the escalation desk: it sees escalated cases, with their mails, of every territory.
    """
    reps = [
        person
        for person in EMPLOYEES
        if person.role == "rep" and person.is_active and ESCALATION not in person.teams
    ]
    restricted = [account for account in company.accounts if account.restricted]
    for account in [*restricted, *draw.sample(company.accounts, len(company.accounts))]:
        strangers = [
            person
            for person in reps
            if person is not account.owner
            and (account.restricted or account.territory not in _territories(person.teams))
        ]
        asker = draw.choice(strangers)
        question = draw.choice(
            (
                f"What is the phone number of {account.name}?",
                f"Which service plan does {account.name} have?",
                f"How do I reach {account.contacts[0].name}?",
            )
        )
        yield DemoQuestion(question, asker.login, (("account", account.id),), (), QuestionKind.FORBIDDEN)


def _territories(teams: tuple[int, ...]) -> set[int]:
    return {territory for team in TEAMS if team.id in teams for territory in team.territories}


def _about_order(order: Order, question: str, gold: tuple[str, ...]) -> DemoQuestion:
    return DemoQuestion(
        question, order.account.owner.login, (("order", order.id),), (gold,), QuestionKind.RECORD
    )


def _about_case(case: Case, question: str, gold: tuple[str, ...]) -> DemoQuestion:
    return DemoQuestion(
        question, case.account.owner.login, (("case", case.id),), (gold,), QuestionKind.RECORD
    )


def _money(amount: Decimal) -> tuple[str, ...]:
    return (f"{amount:,.2f}", f"{amount:.2f}")


def _day(day: date, account: Account) -> tuple[str, ...]:
    return (day.isoformat(), written_day(day, account))


_ARTICLE_QUESTIONS = (
    ("Refund limits by role", "Up to what amount may a representative promise a refund?", "250"),
    ("Refund limits by role", "Who has to agree to a refund of EUR 3,000?", "compliance officer"),
    ("Refund limits by role", "What is the refund limit of a team lead?", "2,500|2500"),
    ("Goodwill credits", "How high may a goodwill credit by a representative be?", "50"),
    ("Goodwill credits", "When do goodwill credits expire?", "12 months|twelve months"),
    ("Returning an unused product", "How many days does a customer have to return an unused product?", "30"),
    (
        "Returning an unused product",
        "What is the restocking fee when the packing was opened?",
        "10 percent|10 %|10%",
    ),
    ("How refunds are paid", "How long does a refund take after the goods were checked?", "10 working days"),
    ("Warranty terms in short", "How long is the warranty of a Boreal compressor?", "84"),
    ("Warranty terms in short", "How long is the warranty of a Warden thermostat?", "36"),
    ("Extended warranty", "What does the extended warranty for a heat pump cost?", "349"),
    ("Delivery times", "How long does the delivery of a heat pump take?", "15 working days"),
    (
        "Late deliveries",
        "What credit does a home customer get from the tenth day of delay?",
        "5 percent|5 %|5%",
    ),
    ("Damaged in transit", "Within how many hours must hidden transport damage be reported?", "48"),
    ("Changing or cancelling an order", "What does it cost to stop a pallet that is already packed?", "90"),
    ("Reading an invoice", "When is an invoice of a business customer due?", "30 days|in 30"),
    ("Reminders and late payment", "After how many days is an account put on hold?", "35"),
    (
        "Payment by instalments",
        "From which order value may a business ask for 60 days to pay?",
        "10,000|10000",
    ),
    ("Resetting a portal password", "How long is the link for a new password valid?", "30 minutes"),
    (
        "Requests for a copy of personal data",
        "How fast must we answer a request for personal data?",
        "one month",
    ),
    (
        "Reporting a data breach",
        "When at the latest do I tell the data protection officer of a breach?",
        "24",
    ),
    (
        "Ending a service plan",
        "What notice does a business customer give for a service plan?",
        "three months|3 months",
    ),
    ("Service levels", "How fast is the first answer at Gold level?", "four hours|4 hours"),
    ("Service levels", "How fast is the first answer at Platinum level?", "one hour|1 hour"),
    ("Service plans compared", "What does the Care Plus plan cost a month?", "24"),
    ("How to escalate a case", "How soon does the escalation desk answer?", "four hours|4 hours"),
    (
        "Recall of condensate pumps in the Boreal 9",
        "Up to what sum is a repaired condensate pump paid back?",
        "180",
    ),
    ("Boreal shows E04: low water flow", "What does E04 on a Boreal mean?", "12 litres|water flow"),
    ("Boreal shows E07: outdoor sensor", "To which terminals does the outdoor sensor go?", "14", "15"),
    ("Boreal shows E12: compressor protection", "How long do I wait before resetting E12?", "20 minutes"),
    (
        "Changing a Clearspring cartridge",
        "How often is the cartridge of a Clearspring S changed?",
        "six months|6 months",
    ),
    ("Low pressure behind a filter", "What is the flow of a Clearspring Pro?", "95"),
    ("Pairing a Warden thermostat with Wi-Fi", "Which port must be open for the hub?", "8883"),
    ("Batteries of thermostats", "How long do the batteries of a Warden One last?", "18 months"),
    (
        "Connecting a Warden to a Boreal heat pump",
        "How long may the bus cable of the hub be?",
        "50 metres|50",
    ),
    ("Yearly service of a heat pump", "What does the yearly service visit cost?", "189"),
    ("Booking and moving a visit", "What does a customer get when our engineer does not come?", "45"),
    (
        "Customers in need of special care",
        "How soon do we visit a family without heating in winter?",
        "24 hours",
    ),
    ("Return of old devices and packing", "What does taking back an old heat pump cost?", "120"),
    ("Water quality certificates", "Which cartridge is certified for food use?", "CT-10H"),
)
