"""The demo company as somebody sees it who asks: whose records are theirs, and what happened in a case."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from retrieval import Company

from .events import EVENTS


class Known:
    """Customers whom nobody confuses, with what is theirs. Accounts, cases and orders are the demo's own."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.accounts = [
            account
            for account in company.accounts
            if not account.restricted and account.owner.is_active and account.owner.role == "rep"
        ]
        own = {account.id for account in self.accounts}
        names = Counter(contact.name for account in company.accounts for contact in account.contacts)
        self.cases = [
            case for case in company.cases if case.account.id in own and names[case.contact.name] == 1
        ]
        self.orders = [order for order in company.orders if order.account.id in own]
        self._events = {case.id: _event(case) for case in self.cases}

    def event(self, case: Any) -> tuple[str, int]:
        """The scenario of a case, by its first subject, and which of its events took place."""
        return self._events[case.id]

    def alone(self) -> Iterator[Any]:
        """Cases of a kind of trouble that their customer had only once, in no wording of another event."""
        counts = Counter((case.account.id, self.event(case)) for case in self.cases)
        kinds = Counter((case.account.id, case.scenario.category) for case in self.company.cases)
        for case in self.cases:
            one = (case.account.id, case.scenario.category)
            if counts[case.account.id, self.event(case)] == 1 and kinds[one] == 1:
                yield case

    def texts(self, case: Any) -> list[str]:
        """References of what was written in a case and its owner may read."""
        notes = [f"note:{note['id']}" for note in case.notes if not note["confidential"]]
        return [*notes, *(f"mail:{mail['id']}" for mail in case.mails)]

    def promises(self, case: Any) -> list[str]:
        """Those of them that tell the promised day."""
        day = case.promised_day
        notes = [
            f"note:{note['id']}" for note in case.notes if day in note["body"] and not note["confidential"]
        ]
        return [*notes, *(f"mail:{mail['id']}" for mail in case.mails if day in mail["body"])]


def _event(case: Any) -> tuple[str, int]:
    scenario, told = case.scenario, case.row["description"]
    for number, description in enumerate(scenario.descriptions):
        if all(piece in told for piece in re.split(r"\{\w+\}", description)):
            return scenario.subjects[0], number
    raise ValueError(f"The case {case.case_no} tells of no event of its scenario.")


def worded(known: Known, case: Any, *, held_out: bool) -> str:
    """What happened in a case, in other words than its own."""
    subject, number = known.event(case)
    return EVENTS[subject][number][held_out]
