"""The people who work at the demo company, their teams and territories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

DOMAIN = "halden.example"


class Territory(NamedTuple):
    id: int
    name: str
    country: str
    locale: str


class Team(NamedTuple):
    id: int
    name: str
    territories: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Employee:
    """One CRM user; ``login`` is the mail address that a sign-in is matched with."""

    id: int
    full_name: str
    role: str
    teams: tuple[int, ...]
    is_active: bool = True

    @property
    def login(self) -> str:
        return f"{self.full_name.split()[0].lower()}@{DOMAIN}"


TERRITORIES = (
    Territory(1, "United Kingdom North", "United Kingdom", "en_GB"),
    Territory(2, "United Kingdom South", "United Kingdom", "en_GB"),
    Territory(3, "Germany North", "Germany", "de_DE"),
    Territory(4, "Germany South", "Germany", "de_DE"),
    Territory(5, "United States East", "United States", "en_US"),
    Territory(6, "United States West", "United States", "en_US"),
)

ESCALATION = 8

TEAMS = (
    Team(1, "Leeds", (1,)),
    Team(2, "Bristol", (2,)),
    Team(3, "Kassel", (3,)),
    Team(4, "Ulm", (4,)),
    Team(5, "Columbus", (5,)),
    Team(6, "Portland", (6,)),
    Team(7, "Key accounts", ()),
    Team(ESCALATION, "Escalation desk", ()),
    Team(9, "Compliance", ()),
    Team(10, "Audit and machines", ()),
)

EMPLOYEES = (
    Employee(1, "Maya Lindqvist", "rep", (1,)),
    Employee(2, "Tomasz Okonkwo", "rep", (1,)),
    Employee(3, "Priya Hollis", "rep", (2,)),
    Employee(4, "Gareth Bowditch", "rep", (2,)),
    Employee(5, "Jonas Thielmann", "rep", (3,)),
    Employee(6, "Svenja Petrovic", "rep", (3,)),
    Employee(7, "Katrin Oberhauser", "rep", (4,)),
    Employee(8, "Emre Vogelsang", "rep", (4,)),
    Employee(9, "Dana Whitlock", "rep", (5,)),
    Employee(10, "Luis Carrasco", "rep", (5,)),
    Employee(11, "Hannah Ueda", "rep", (6,)),
    Employee(12, "Marcus Delroy", "rep", (6,)),
    Employee(13, "Fiona Abernethy", "lead", (1, 2)),
    Employee(14, "Matthias Rehberg", "lead", (3, 4)),
    Employee(15, "Renee Castellano", "lead", (5, 6)),
    Employee(16, "Oliver Stanhope", "rep", (7,)),
    Employee(17, "Ines Marchetti", "rep", (7,)),
    Employee(18, "Nadia Rahimi", "rep", (ESCALATION,)),
    Employee(19, "Callum Pryce", "rep", (ESCALATION,)),
    Employee(20, "Yuki Brandt", "rep", (ESCALATION,)),
    Employee(21, "Helen Ashdown", "officer", (9,)),
    Employee(22, "Viktor Sandoval", "officer", (9,)),
    Employee(23, "Agnes Morel", "auditor", (10,)),
    Employee(24, "Robin Keller", "admin", (10,)),
    Employee(25, "Peter Whitcombe", "rep", (1,), is_active=False),
)


def reps_of(territory: int) -> tuple[Employee, ...]:
    """Active reps whose team works in the territory."""
    teams = {team.id for team in TEAMS if territory in team.territories}
    return tuple(
        person
        for person in EMPLOYEES
        if person.role == "rep" and person.is_active and teams.intersection(person.teams)
    )


def lead_of(territory: int) -> Employee:
    teams = {team.id for team in TEAMS if territory in team.territories}
    return next(person for person in EMPLOYEES if person.role == "lead" and teams.intersection(person.teams))


def key_account_reps() -> tuple[Employee, ...]:
    return tuple(person for person in EMPLOYEES if 7 in person.teams)


def escalation_desk() -> tuple[Employee, ...]:
    return tuple(person for person in EMPLOYEES if ESCALATION in person.teams)


def demo_staff() -> tuple[Employee, ...]:
    """Everybody who works there now; their ``login`` is what a sign-in is matched with."""
    return tuple(person for person in EMPLOYEES if person.is_active)
