"""What contradicts itself in a map that has faults of form too, so that a person is told of both at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from copy import deepcopy
from typing import Any, Final

from pydantic import ValidationError

from retrieval.crm.coherence import Finding, incoherences
from retrieval.crm.document import Path
from retrieval.crm.map import CrmMap, Entity, Users

_DEPENDED_ON: Final = frozenset({"table", "key", "columns", "parent", "where"})
"""Parts of an entity without which other parts of it would be found wrong."""

_OF_COLUMNS: Final = frozenset({"body", "url"})
"""Parts of an entity that ask for the class of a column."""


def incoherences_beside(content: Any, faults: Collection[Path]) -> Iterator[Finding]:
    """What contradicts itself apart from ``faults``: nothing that may come of one of them.

    A faulty column, rule or attribute is taken as one that nobody can object to, and an entity with a fault
    that other parts of it hang on as one of which only the name is known. Where anything may hang on a fault,
    nothing is said.
    """
    sound = _Sound(content)
    if not all(sound.without(fault) for fault in faults):
        return
    try:
        crm_map = CrmMap.model_validate(sound.content)
    except ValidationError:
        return
    for place, sentence in incoherences(crm_map):
        if not sound.is_made_up(place):
            yield place, sentence


class _Sound:
    """The content of a map with something in the place of each faulty part."""

    def __init__(self, content: Any) -> None:
        self.content = deepcopy(content)
        self._made_up: set[Path] = set()

    def is_made_up(self, place: Path) -> bool:
        """Whether what is at ``place`` is not what the map says."""
        return any(place[: len(made)] == made for made in self._made_up)

    def without(self, fault: Path) -> bool:
        """Replace the part that ``fault`` is in; whether the rest can be judged without it."""
        if not isinstance(self.content, dict) or not fault or "[key]" in fault:
            return False
        match fault:
            case ("users", *rest):
                return self._of_users(tuple(rest))
            case ("entities", str(name), *rest):
                return self._of_entity(name, tuple(rest))
            case ("entities",):
                return False
        return self._replace((fault[0],), {"crm": "unread", "version": 1}.get(str(fault[0])))

    def _of_users(self, rest: Path) -> bool:
        match rest:
            case ("attributes", str(name), *_) if self._is_mapping("users", "attributes", name):
                return self._replace(("users", "attributes", name), {"column": "unread"})
            case ("table" | "key" | "login" as part, *_):
                return self._replace(("users", part), "unread")
            case ("active" | "where" as part, *_):
                return self._replace(("users", part), None)
        is_stranger = bool(rest) and rest[0] not in Users.model_fields
        users = self.content.get("users")
        has_attributes = isinstance(users, dict) and "attributes" in users
        return is_stranger and has_attributes and self._replace(("users", rest[0]), None)

    def _of_entity(self, name: str, rest: Path) -> bool:
        here: Path = ("entities", name)
        match rest:
            case ("columns", str(field), *_) if self._is_mapping(*here, "columns", field):
                self._made_up |= {(*here, part) for part in _OF_COLUMNS}
                return self._replace((*here, "columns", field), {"class": "fact"})
            case ("visible", int(number), *_):
                return self._replace((*here, "visible", number), "everyone")
            case ("visible",):
                return self._replace((*here, "visible"), ["everyone"])
            case ("label", *_):
                return self._replace((*here, "label"), "{unread}")
            case (str(part), *_) if part in Entity.model_fields and part not in _DEPENDED_ON:
                return self._replace((*here, part), None)
        nothing = {"key": "unread", "label": "{unread}", "columns": {}, "visible": ["everyone"]}
        return self._replace(here, {"table": f"unread_{name}", **nothing})

    def _replace(self, place: Path, value: Any) -> bool:
        """Put ``value`` there, or take out what is there where it is None; false where no such place is."""
        *above, last = place
        part = self._part(*above)
        self._made_up.add(place)
        if isinstance(part, list) and isinstance(last, int) and last < len(part):
            part[last] = value
        elif isinstance(part, dict) and value is None:
            part.pop(last, None)
        elif isinstance(part, dict):
            part[last] = value
        else:
            return self.is_made_up(tuple(above))
        return True

    def _is_mapping(self, *place: str | int) -> bool:
        """Where it is none, what stands there is hardly what its name says."""
        return isinstance(self._part(*place), dict)

    def _part(self, *place: str | int) -> Any:
        part = self.content
        for step in place:
            part = part.get(step) if isinstance(part, dict) else None
        return part
