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

from retrieval.demo.article_questions import ARTICLE_QUESTIONS
from retrieval.demo.cases import Case, written_day
from retrieval.demo.company import Account, Order
from retrieval.demo.phrases import load_articles
from retrieval.demo.seed import Company
from retrieval.demo.staff import EMPLOYEES, ESCALATION, TEAMS, Employee

Ref = tuple[str, int]
"""An entity of the demo map and the key of its row."""


class QuestionKind(StrEnum):
    FACT = "fact"
    RECORD = "record"
    LIST = "list"
    PROMISE = "promise"
    ARTICLE = "article"
    CONTACT = "contact"
    COUNT = "count"
    WHETHER = "whether"
    ROLE = "role"
    GERMAN = "german"
    ABSENT = "absent"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True, slots=True)
class DemoQuestion:
    """``gold`` are texts that a right answer contains, all of them; each may be written in any of its forms.

    ``refs`` are the records that hold the answer. A ``forbidden`` question has no gold value: ``refs``
    are then the records that must not be used, and the right answer is that nothing was found. Nor has an
    ``absent`` one: it asks for a value that the records do not tell the asker.
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
        for ask in (
            *(_facts, _records, _lists, _promises, _articles, _contacts, _counts, _whether, _roles, _german),
            *(_absent, _forbidden),
        )
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
        if 1 <= len(cases) <= 12:
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
    for title, question, *gold in ARTICLE_QUESTIONS:
        yield DemoQuestion(
            question,
            draw.choice(reps).login,
            (("article", numbers[title]),),
            tuple(tuple(forms.split("|")) for forms in gold),
            QuestionKind.ARTICLE,
        )


def _contacts(company: Company, draw: random.Random) -> Iterator[DemoQuestion]:
    """How to reach somebody who agreed to be in the CRM and whose name nobody shares."""
    names = Counter(contact.name for account in company.accounts for contact in account.contacts)
    asks: tuple[tuple[str, tuple[str, ...]], ...] = (
        ("What is the phone number of {}?", ("phone",)),
        ("What is the email address of {}?", ("email",)),
        ("How do I reach {} at {}?", ("phone", "email")),
    )
    for number, account in enumerate(draw.sample(company.accounts, len(company.accounts))):
        contact = account.contacts[0]
        if not contact.consent or names[contact.name] > 1:
            continue
        question, fields = asks[number % len(asks)]
        yield DemoQuestion(
            question.format(contact.name, account.name),
            account.owner.login,
            (("contact", contact.id),),
            tuple((str(getattr(contact, field)),) for field in fields),
            QuestionKind.CONTACT,
        )


def _counts(company: Company, draw: random.Random) -> Iterator[DemoQuestion]:
    """Lists and counts over everything that somebody may see."""
    reps = [person for person in EMPLOYEES if person.role == "rep" and person.is_active]
    asks = (
        ("How many cases are escalated?", "escalated"),
        ("How many of my cases are waiting?", "waiting"),
        ("Which of my customers have escalated cases?", "escalated"),
        ("Show me all closed cases.", "closed"),
    )
    people = draw.sample(reps, len(reps))
    for number in range(len(asks) * len(people)):
        person = people[number % len(people)]
        question, status = asks[(number + number // len(people)) % len(asks)]
        cases = [case for case in company.cases if _may_see(person, case)]
        if "my customers" in question:
            cases = [case for case in cases if case.account.owner is person]
        elif "my cases" in question:
            cases = [case for case in cases if case.row["assigned_to"] == person.id]
        found = [case for case in cases if case.row["status"] == status]
        yield DemoQuestion(
            question,
            person.login,
            tuple(("case", case.id) for case in found),
            (_count(len(found), len(cases)),),
            QuestionKind.COUNT,
        )


def _whether(company: Company, draw: random.Random) -> Iterator[DemoQuestion]:
    for account in draw.sample(company.accounts, len(company.accounts)):
        cases = [case for case in company.cases if case.account is account]
        found = [case for case in cases if case.row["status"] == "escalated"]
        if not cases:
            continue
        yield DemoQuestion(
            f"Does {account.name} have an escalated case?",
            account.owner.login,
            tuple(("case", case.id) for case in found) or (("account", account.id),),
            (
                ("Yes:" if found else "No:", f"{len(found)} of {len(cases)}"),
                *((case.case_no,) for case in found),
            ),
            QuestionKind.WHETHER,
        )


def _roles(_: Company, draw: random.Random) -> Iterator[DemoQuestion]:
    """What somebody may do by their role, which the question does not name."""
    numbers = {article.title: number for number, article in enumerate(load_articles(), 1)}
    asks = (
        ("How much may I refund without asking?", "Refund limits by role", ("250",), ("2,500",)),
        ("How high may a goodwill credit of mine be?", "Goodwill credits", ("50",), ("500",)),
    )
    people = [person for person in EMPLOYEES if person.role in {"rep", "lead"} and person.is_active]
    for person in draw.sample(people, len(people)):
        for question, title, of_rep, of_lead in asks:
            gold = of_lead if person.role == "lead" else of_rep
            exact = tuple(f"EUR {amount}{end}" for amount in gold for end in (" ", ".", ","))
            yield DemoQuestion(
                question, person.login, (("article", numbers[title]),), (exact,), QuestionKind.ROLE
            )


def _german(company: Company, draw: random.Random) -> Iterator[DemoQuestion]:
    """The records are in English, the questions are not."""
    for number, account in enumerate(draw.sample(company.accounts, len(company.accounts))):
        cases = [case for case in company.cases if case.account is account and case.row["status"] == "open"]
        if number % 2 and cases:
            question = f"Welche offenen Fälle hat {account.name}?"
            refs: tuple[Ref, ...] = tuple(("case", case.id) for case in cases)
            gold: tuple[tuple[str, ...], ...] = tuple((case.case_no,) for case in cases)
        elif account.row["balance"]:
            question = f"Wie hoch ist der Saldo von {account.name}?"
            refs, gold = (("account", account.id),), (_money(account.row["balance"]),)
        else:
            continue
        yield DemoQuestion(question, account.owner.login, refs, gold, QuestionKind.GERMAN)


def _absent(company: Company, draw: random.Random) -> Iterator[DemoQuestion]:
    """Values that only leads read, asked for by who owns the account."""
    for account in draw.sample(company.accounts, len(company.accounts)):
        if account.owner.role != "rep":
            continue
        question = draw.choice(
            (
                f"What is the IBAN of {account.name}?",
                f"What is the credit limit of {account.name}?",
                f"What is the date of birth of {account.contacts[0].name}?",
            )
        )
        yield DemoQuestion(question, account.owner.login, (), (), QuestionKind.ABSENT)


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


def _owns(person: Employee, account: Account) -> bool:
    """Whether a rep sees the account: their own, or one of their territories that is not restricted."""
    mine = account.territory in _territories(person.teams) and not account.restricted
    return account.owner is person or mine


def _may_see(person: Employee, case: Case) -> bool:
    """The demo map's rule for cases, for a rep."""
    row = case.row
    return _owns(person, case.account) or row["assigned_to"] == person.id or row["team_id"] in person.teams


def _count(found: int, of: int) -> tuple[str, ...]:
    return (f"{found:,} of the {of:,} cases" if found else f"None of the {of:,} cases", f"{found} of {of}")


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
