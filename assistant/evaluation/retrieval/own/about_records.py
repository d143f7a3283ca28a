"""Questions that one customer's records answer: facts, what happened, several records at once, follow-ups."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import cycle, islice
from random import Random
from typing import Any, Final

from assistant.evaluation.retrieval.queries import Query

from .company import Known, worded
from .parts import Part
from .writing import hurried, other_number, pasted

Written = Callable[[str, Random], str]

_ABOUT_ACCOUNT: Final = (
    "What plan is {account} on?",
    "does {account} owe us money",
    "{account} SLA",
    "Which tier do I have to keep to with {account}?",
    "Is {account} on hold?",
    "when did {account} last buy something",
    "Wie ist der Kundenstatus von {account}?",
    "open balance {account}",
    "Got {account} on the line, what do we know about them?",
    "industry and segment of {account}",
    "summary {account}",
    "Welchen Servicevertrag hat {account}?",
)
_ABOUT_CONTACT: Final = (
    "How can I reach {contact}?",
    "phone number {contact}",
    "which language does {contact} prefer",
    "what is {contact}'s position",
    "Telefonnummer von {contact}",
    "email of {contact} at {account}",
)
_ABOUT_ORDER: Final = (
    "What did order {order} cost?",
    "{order} delivered?",
    "status {order}",
    "when is {order} due",
    "What was in {order}?",
    "Wann kommt Auftrag {order}?",
    "has the invoice of {order} been paid",
    "tracking for {order}",
    "Which items did they order with {order} and for how much?",
    "{order}",
)
_ABOUT_CASE: Final = (
    "What is {case} about?",
    "status of {case}",
    "which product is {case} about",
    "{case} priority",
    "has {case} been solved and how",
    "Worum geht es in Fall {case}?",
    "{case}",
    "who is the customer in {case}",
)
_ABOUT_PRODUCT: Final = (
    "list price of the {product}",
    "how many {product} are in stock",
    "product code of {product}",
    "Was kostet {product}?",
    "warranty months {product}",
)

_HISTORY: Final = (
    "What happened at {account} with this: {event}?",
    "{account} - {event}",
    "Did {account} ever report {event}? How did it end?",
    "{contact}: {event}, what did we do about it",
    "looking for the case of {account} where {event}",
    "Was war bei {account} los: {event}?",
    "{contact} says we know about it: {event}",
    "find me the story with {event}, customer {account}",
)
_PROMISED: Final = (
    "What did we promise {contact}?",
    "{contact} says a date was agreed, which one",
    "what was {contact} told would happen, and until when",
    "Was haben wir {contact} zugesagt?",
    "commitments to {contact} from {account}",
    "promise made in {case}",
)

_OPEN: Final = (
    "Which cases of {account} are still open?",
    "{account} open tickets",
    "what is not closed yet at {account}",
    "Welche Fälle von {account} sind offen?",
    "everything pending for {account}",
)
_ORDERS: Final = (
    "orders of {account} that have not been delivered",
    "what is still on its way to {account}",
    "Which deliveries is {account} waiting for?",
    "Offene Bestellungen von {account}",
)
_CONTACTS: Final = (
    "who works at {account}",
    "contacts of {account}",
    "Whom can I call at {account}?",
    "Ansprechpartner bei {account}",
)
_WRITTEN: Final = (
    "all notes and mails on {case}",
    "correspondence in {case}",
    "what was written in {case}",
    "show me the whole thread of {case}",
)
_TROUBLE: Final = (
    "every {category} case {account} had",
    "has {account} had {category} trouble more than once",
    "{category} history {account}",
)

_NOT_OVER: Final = frozenset({"confirmed", "packed", "shipped"})


def facts(known: Known, draw: Random) -> Iterator[Query]:
    """One value of one record."""
    plain: Sequence[Written] = (_plain, _plain, hurried, _plain, pasted)
    accounts = draw.sample(known.accounts, 24)
    for template, account, written in _rounds(_ABOUT_ACCOUNT, accounts, plain):
        text = written(template.format(account=account.name), draw)
        yield _query(template, text, {f"account:{account.id}": 1}, account)
    primary = [account for account in known.accounts if account.contacts[0].consent]
    for template, account, written in _rounds(_ABOUT_CONTACT, draw.sample(primary, 12), plain):
        contact = account.contacts[0]
        text = written(template.format(contact=contact.name, account=account.name), draw)
        yield _query(template, text, {f"contact:{contact.id}": 1}, account)
    for template, order, written in _rounds(_ABOUT_ORDER, draw.sample(known.orders, 20), plain):
        text = template.format(order=other_number(order.order_no, draw))
        yield _query(template, written(text, draw), {f"order:{order.id}": 1}, order.account)
    for template, case, written in _rounds(_ABOUT_CASE, draw.sample(known.cases, 16), plain):
        text = template.format(case=other_number(case.case_no, draw))
        yield _query(template, written(text, draw), {f"case:{case.id}": 1}, case.account)
    products = {case.product.id: case.product for case in known.cases}
    chosen = draw.sample(sorted(products.items()), 9)
    for template, product in zip(cycle(_ABOUT_PRODUCT), chosen, strict=False):
        text = template.format(product=product[1].name)
        yield _query(template, text, {f"product:{product[0]}": 1}, draw.choice(known.accounts))


def histories(known: Known, draw: Random) -> Iterator[Query]:
    """What happened, told in other words than the records'; what was promised."""
    alone = draw.sample(list(known.alone()), 64)
    for at, (template, case) in enumerate(zip(cycle(_HISTORY), alone, strict=False)):
        held_out = at // len(_HISTORY) % 2 == 1
        event = worded(known, case, held_out=held_out)
        text = template.format(account=case.account.name, contact=case.contact.name, event=event)
        relevant = {f"case:{case.id}": 2, **dict.fromkeys(known.texts(case), 1)}
        subject, number = known.event(case)
        name = f"{subject}/{number}/{Part.HELD_OUT if held_out else Part.TUNED}"
        yield _query(name, hurried(text, draw) if at % 5 == 4 else text, relevant, case.account)
    of_one = _only_cases(known)
    promised = [case for case in of_one if known.promises(case)]
    for template, case in zip(cycle(_PROMISED), draw.sample(promised, 24), strict=False):
        text = template.format(
            contact=case.contact.name, account=case.account.name, case=other_number(case.case_no, draw)
        )
        relevant = {**dict.fromkeys(known.promises(case), 2), f"case:{case.id}": 1}
        yield _query(template, text, relevant, case.account)


def several(known: Known, draw: Random) -> Iterator[Query]:
    """All of some records, none of the others."""
    yield from islice(_open_cases(known, draw), 14)
    yield from islice(_open_orders(known, draw), 12)
    for template, account in zip(cycle(_CONTACTS), draw.sample(known.accounts, 10), strict=False):
        relevant = {f"contact:{contact.id}": 1 for contact in account.contacts if contact.consent}
        yield _query(template, template.format(account=account.name), relevant, account)
    written = [case for case in known.cases if len(known.texts(case)) >= 2]
    for template, case in zip(cycle(_WRITTEN), draw.sample(written, 14), strict=False):
        text = template.format(case=other_number(case.case_no, draw))
        yield _query(template, text, dict.fromkeys(known.texts(case), 1), case.account)
    yield from _repeated(known, draw)


def follow_ups(known: Known, draw: Random) -> Iterator[Query]:
    """The question means what an earlier turn named."""
    promised = [case for case in _only_cases(known) if known.promises(case)]
    for at, case in enumerate(draw.sample(promised, 24)):
        number = other_number(case.case_no, draw)
        talks: Sequence[tuple[str, ...]] = (
            (f"What is {number} about?", "and what did we promise them?"),
            (f"I have {case.contact.name} on the phone", "what were they told, and until when"),
            (f"cases of {case.contact.name}", "when did we say it would be done?"),
            (f"Worum geht es in {number}?", "Was haben wir zugesagt?"),
        )
        relevant = {**dict.fromkeys(known.promises(case), 2), f"case:{case.id}": 1}
        yield _query(f"follow-up/promise/{at % 4}", talks[at % 4], relevant, case.account)
    for at, account in enumerate(draw.sample(known.accounts, 18)):
        talks = (
            (f"What is the balance of {account.name}?", "and their SLA tier?"),
            (f"tell me about {account.name}", "do they owe us anything"),
            (f"contacts of {account.name}", "which plan are they on?"),
        )
        yield _query(f"follow-up/account/{at % 3}", talks[at % 3], {f"account:{account.id}": 1}, account)
    for at, case in enumerate(draw.sample(list(known.alone()), 18)):
        event = worded(known, case, held_out=at % 2 == 1)
        talks = (
            (f"Any cases of {case.account.name}?", f"the one about: {event}"),
            (f"cases of {case.account.name}", f"I mean this: {event}", "how did that one end?"),
        )
        relevant = {f"case:{case.id}": 2, **dict.fromkeys(known.texts(case), 1)}
        part = Part.HELD_OUT if at % 2 else Part.TUNED
        yield _query(f"follow-up/event/{part}", talks[at // 2 % 2], relevant, case.account)
    for at, order in enumerate(draw.sample(known.orders, 12)):
        number = other_number(order.order_no, draw)
        talks = (
            (f"status of order {number}", "what was in it?"),
            (f"{number}", "and when is it due"),
            (f"Was kostet Auftrag {number}?", "Ist er schon bezahlt?"),
        )
        yield _query(f"follow-up/order/{at % 3}", talks[at % 3], {f"order:{order.id}": 1}, order.account)


def _open_cases(known: Known, draw: Random) -> Iterator[Query]:
    templates = cycle(_OPEN)
    for account in draw.sample(known.accounts, len(known.accounts)):
        found = [case for case in known.company.cases if case.account is account and _is_open(case)]
        if 2 <= len(found) <= 10:
            template = next(templates)
            relevant = {f"case:{case.id}": 1 for case in found}
            yield _query(template, template.format(account=account.name), relevant, account)


def _open_orders(known: Known, draw: Random) -> Iterator[Query]:
    templates = cycle(_ORDERS)
    for account in draw.sample(known.accounts, len(known.accounts)):
        found = [order for order in account.orders if order.row["status"] in _NOT_OVER]
        if 1 <= len(found) <= 8:
            template = next(templates)
            relevant = {f"order:{order.id}": 1 for order in found}
            yield _query(template, template.format(account=account.name), relevant, account)


def _repeated(known: Known, draw: Random) -> Iterator[Query]:
    groups: dict[tuple[int, str], list[Any]] = {}
    for case in known.company.cases:
        groups.setdefault((case.account.id, case.scenario.category), []).append(case)
    accounts = {account.id: account for account in known.accounts}
    able = [
        (accounts[number], category, cases)
        for (number, category), cases in groups.items()
        if number in accounts and 3 <= len(cases) <= 8
    ]
    for template, (account, category, cases) in zip(cycle(_TROUBLE), draw.sample(able, 12), strict=False):
        relevant = {f"case:{case.id}": 1 for case in cases}
        yield _query(template, template.format(account=account.name, category=category), relevant, account)


def _only_cases(known: Known) -> list[Any]:
    """Cases whose contact has no other one."""
    counts: dict[int, int] = {}
    for case in known.company.cases:
        counts[case.contact.id] = counts.get(case.contact.id, 0) + 1
    return [case for case in known.cases if counts[case.contact.id] == 1]


def _is_open(case: Any) -> bool:
    return bool(case.row["status"] != "closed")


def _query(template: str, text: str | Iterable[str], relevant: Mapping[str, int], account: Any) -> Query:
    """Asked by the owner of the account."""
    turns = (text,) if isinstance(text, str) else tuple(text)
    return Query(id="", turns=turns, relevant=relevant, login=account.owner.login, template=template)


def _plain(text: str, draw: Random) -> str:
    del draw
    return text


def _rounds(
    templates: Sequence[str], things: Sequence[Any], ways: Sequence[Written]
) -> Iterator[tuple[str, Any, Written]]:
    return islice(zip(cycle(templates), things, cycle(ways), strict=False), len(things))
