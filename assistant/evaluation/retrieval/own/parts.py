"""What may be looked at while the search is tuned, and what is held out for the final figure."""

from enum import StrEnum


class Part(StrEnum):
    """Which templates a query was made from."""

    TUNED = "tuned"
    HELD_OUT = "held-out"


class Parts:
    """Every second template is held out, in the order in which they come; `…/tuned` says so itself."""

    def __init__(self) -> None:
        self._parts: dict[str, Part] = {}

    def of(self, template: str) -> Part:
        """The part of a template, the same each time."""
        if template not in self._parts:
            said = template.rpartition("/")[2]
            found = sum(part is Part.TUNED for part in self._parts.values())
            held_out = 2 * found > len(self._parts)
            drawn = Part.HELD_OUT if held_out else Part.TUNED
            self._parts[template] = Part(said) if said in list(Part) else drawn
        return self._parts[template]
