"""Whose records a question asks for: the asker's own, where it says so and the map tells."""

import re
from collections.abc import Iterator
from typing import Final

from retrieval.crm import CrmMap
from retrieval.crm.map import Rule
from retrieval.records import Match
from retrieval.rights import Visibility

from .reading import pattern_of
from .wanted import kinds_named, names_of

_BEFORE: Final = re.compile(r"\b(?:my|meine?[nrsm]?)\b(?!\s+(?:die|den|das|alle)\b)", re.IGNORECASE)
_HAVING: Final = re.compile(
    r"\b(?:(?:(?:do|did) I (?:currently |still |now )?(?:have|own)|have I|I (?:have|own)|habe ich|ich habe)\b"
    r"|I['’]ve\b)(?!\s+to\b)",
    re.IGNORECASE,
)
_AFTER: Final = re.compile(
    r"\b(?:are|is|sind|ist)\s+(?:mine|meine)\b|\bmine\b"
    r"|\b(?:(?:that|which|who|die)\s+)?(?:(?:have|has)\s+been\s+|(?:are|is|sind|ist)\s+)?(?:currently\s+)?"
    r"(?:(?:assigned|allocated|belonging|belongs?|given)\s+to\s+me|owned\s+by\s+me"
    r"|mir\s+(?:gehören|zugewiesen|zugeteilt|zugeordnet)(?:\s+sind|\s+ist)?)\b"
    r"|\b(?:(?:that|which)\s+)?(?:do\s+)?I\s+own\b",
    re.IGNORECASE,
)
_SAYS: Final = re.compile(r"(?:are|is|sind|ist)\b", re.IGNORECASE)
"""Begins what is said of the whole: `which customers with open cases are mine`."""


def owner_column(crm_map: CrmMap, kind: str) -> str | None:
    """The column that says whose a record is: of those that open it to one user, the first of the map."""
    rule = _owner_rule(crm_map, kind)
    return rule.column if rule else None


def owned_by(crm_map: CrmMap, kind: str, visibility: Visibility) -> Match | None:
    """The condition that a record of a kind is the caller's own; None where the map does not tell."""
    rule = _owner_rule(crm_map, kind)
    if rule is None or rule.column is None or rule.attribute is None:
        return None
    values = visibility.user.attributes[rule.attribute]
    return Match(rule.column, tuple(str(value) for value in values), key=True)


def _owner_rule(crm_map: CrmMap, kind: str) -> Rule | None:
    users = crm_map.users
    for rule in crm_map.entities[kind].visible:
        of = users.attributes.get(rule.attribute) if rule.attribute else None
        if rule.column and of and not of.table and of.column == users.key:
            return rule
    return None


def said_to_be_mine(crm_map: CrmMap, said: str) -> frozenset[str]:
    """The kinds of which a question asks for the asker's own: `my customers`, `assigned to me`, `do I have`.

    What `we` have is everybody's.
    """
    return frozenset(_mine(crm_map, said))


def without_owner(said: str) -> str:
    """The question without the words that say to whom records are assigned."""
    return " ".join(_AFTER.sub(" ", said).split())


def _mine(crm_map: CrmMap, said: str) -> Iterator[str]:
    kinds = kinds_named(crm_map, said)
    spots = sorted(
        (found.start(), kind)
        for kind in kinds
        for name in names_of(crm_map, kind)
        for found in pattern_of(name).finditer(said)
    )
    for found in _BEFORE.finditer(said):
        yield from [kind for start, kind in spots if start >= found.end()][:1]
    for found in _AFTER.finditer(said):
        before = (
            [] if _SAYS.match(found.group()) else [kind for start, kind in spots if start < found.start()]
        )
        yield from before[-1:] or kinds[:1]
    if _HAVING.search(said):
        yield from kinds[:1]
