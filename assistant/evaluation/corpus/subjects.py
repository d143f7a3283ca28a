"""A person as a text can mention them, with everything that belongs to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from redaction import EntityType

CLEAN = "clean"
PART = "part"
STRANGER = "stranger"


@dataclass(frozen=True, slots=True)
class Value:
    """An identity as somebody writes it. `entity` is the CRM record that has it, None for a stranger's."""

    text: str
    type: EntityType
    entity: str | None = None
    form: str = STRANGER


@dataclass(frozen=True, slots=True)
class Subject:
    """`values` by the name of a template's slot (`name`, `email`, `phone`, …); `lines` are the address's."""

    first: str
    last: str
    locale: str
    values: Mapping[str, Value] = field(repr=False)
    lines: tuple[str, ...] = field(default=(), repr=False)

    def value(self, slot: str) -> Value:
        """What a slot holds, as the CRM or its owner writes it."""
        name = self.values["name"]
        is_known = name.entity is not None
        if slot in {"first", "last"}:
            text = self.first if slot == "first" else self.last
            return Value(text, name.type, name.entity, PART if is_known else STRANGER)
        return self.values[slot]
