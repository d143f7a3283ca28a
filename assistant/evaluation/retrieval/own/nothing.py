"""Questions without an answer: nothing in the CRM has it, or nothing that the asker may see."""

from collections.abc import Iterator, Mapping
from itertools import cycle
from random import Random
from typing import Any, Final

from assistant.evaluation.retrieval.queries import Query
from retrieval import demo_staff

from .about_rules import articles_of
from .company import Known
from .howto import LEADS_ONLY

_NOWHERE: Final = (
    "Do we sell air conditioners for caravans?",
    "price of a solar roof",
    "what is the capital of Mongolia",
    "who won the match yesterday",
    "recipe for potato soup",
    "Wie wird das Wetter morgen in Kassel?",
    "washing machine door stuck",
    "how do I descale an espresso machine",
    "canteen menu this week",
    "when is the next company party",
    "how many days of holiday do I have left",
    "Wo finde ich meine Gehaltsabrechnung?",
    "wifi password of the meeting room",
    "write a poem about autumn",
    "translate good morning into Portuguese",
    "share price of our biggest competitor",
    "does the Boreal 40 exist yet",
    "manual for the Clearspring shower head",
    "error code F99 on the garage door",
    "bicycle leasing for customers",
    "how to repair a dishwasher pump",
    "Kfz-Versicherung kündigen",
    "train connections from Leeds to Bristol on Sunday",
    "customers with swimming pools",
    "lawn mower robot stuck in the hedge",
    "which customers like football",
    "book a table for six on friday",
    "electric car charging station installation price",
    "gas boiler pilot light goes out",
    "what is the meaning of life",
)
_STRANGERS: Final = (
    "What is the balance of Quillfeather & Dunmore Ltd?",
    "phone number of Zebulon Prickleworth",
    "open cases of Vandersnoot Industries",
    "Was haben wir Herrn Grünspechthuber zugesagt?",
    "how do I reach Ottoline Featherstonehaugh-Bix",
    "orders of Blaubeerwald Kindermöbel GmbH",
)
_NO_NUMBER: Final = (
    "status of {case}",
    "What did {order} cost?",
    "{case}",
    "was {order} delivered",
)
_THEIRS: Final = (
    "Which plan does {account} have?",
    "phone number of {account}",
    "How do I reach {contact}?",
    "open cases of {account}",
    "what did we promise {contact}",
    "Saldo von {account}",
    "status of {case}",
    "has {order} been delivered?",
    "history of {account}",
    "who is the contact at {account}",
)


def unanswerable(known: Known, draw: Random) -> Iterator[Query]:
    """Nothing in the CRM answers these."""
    del known
    people = [person.login for person in demo_staff() if person.role == "rep"]
    for text in (*_NOWHERE, *_STRANGERS):
        yield _without_answer(f"nothing/{text}", text, draw.choice(people))
    for at, template in enumerate(_NO_NUMBER):
        text = template.format(case=f"CS-{98400 + at * 7}", order=f"HT-{998001 + at * 7}")
        yield _without_answer(f"nothing/{template}", text, draw.choice(people))


def not_yours(known: Known, draw: Random) -> Iterator[Query]:
    """About customers of other territories, and restricted ones; and what is written for leads alone."""
    reps = [person for person in demo_staff() if person.role == "rep"]
    owners = {account.owner.login for account in known.accounts}
    company = known.company
    of_team: dict[int, set[int]] = {}
    for row in dict(company.tables())["team_territories"]:
        of_team.setdefault(row["team_id"], set()).add(row["territory_id"])
    hidden = [account for account in company.accounts if account.restricted]
    others = draw.sample(known.accounts, 34 - len(hidden))
    for template, account in zip(cycle(_THEIRS), [*hidden, *others], strict=False):
        cases = [case for case in company.cases if case.account is account]
        if not cases or not account.orders:
            continue
        strangers = [
            person
            for person in reps
            if person.login in owners
            and not any(case.agent is person or case.row["team_id"] in person.teams for case in cases)
            and person is not account.owner
            and (account.restricted or account.territory not in _territories(person.teams, of_team))
        ]
        text = template.format(
            account=account.name,
            contact=account.contacts[0].name,
            case=draw.choice(cases).case_no,
            order=draw.choice(account.orders).order_no,
        )
        yield Query(
            id="",
            turns=(text,),
            login=draw.choice(strangers).login,
            answerable=False,
            forbidden=frozenset(_all_of(account, cases)),
            template=template,
        )
    articles = articles_of(company)
    for title, question in LEADS_ONLY:
        yield Query(
            id="",
            turns=(question,),
            login=draw.choice(reps).login,
            answerable=False,
            forbidden=frozenset({articles[title]}),
            template=f"not-yours/{question}",
        )


def _territories(teams: tuple[int, ...], of_team: Mapping[int, set[int]]) -> set[int]:
    return set[int]().union(*(of_team.get(team, set()) for team in teams))


def _all_of(account: Any, cases: list[Any]) -> Iterator[str]:
    yield f"account:{account.id}"
    yield from (f"contact:{contact.id}" for contact in account.contacts)
    yield from (f"order:{order.id}" for order in account.orders)
    for case in cases:
        yield f"case:{case.id}"
        yield from (f"note:{note['id']}" for note in case.notes)
        yield from (f"mail:{mail['id']}" for mail in case.mails)


def _without_answer(template: str, text: str, login: str) -> Query:
    return Query(id="", turns=(text,), login=login, answerable=False, template=template)
