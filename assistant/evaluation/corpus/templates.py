"""The texts with places for people: read from `templates/*.txt`, and divided for tuning and for figures.

A file holds sections that begin with `=== name | kind | language`. In a text, `{a}` is a person's full name
and `{a.phone}` something that belongs to them (see `Subject`); `a` to `e` are customers where a group has
them, `x` to `z` are always strangers. `{order}` and other words (see `words.py`) are nobody's identity.
`{Hello|Hi}` is one of the two, and `{a:24}` is padded to 24 characters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib import resources

_SECTION = re.compile(r"^=== +(\S+) \| (\S+) \| ([a-z]{2})$", re.MULTILINE)
_PLACE = re.compile(
    r"\{(?P<name>[a-z][a-z0-9_]*)(?:\.(?P<slot>[a-z]+))?(?::(?P<width>\d+))?\}"
    r"|\{(?P<choice>[^{}|\"\n]*(?:\|[^{}|\"\n]*)+)\}"
)
_PERSONS = frozenset("abcdexyz")
_SPLIT_KEY = b"cloister evaluation corpus"


@dataclass(frozen=True, slots=True)
class Place:
    """A place for a person (`name` is a letter of theirs) or for a word; padded to `width` characters."""

    name: str
    slot: str = ""
    width: int = 0

    @property
    def is_person(self) -> bool:
        return self.name in _PERSONS


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several wordings."""

    options: tuple[str, ...]


Part = str | Place | Choice


@dataclass(frozen=True, slots=True)
class Template:
    """`id` is unique; `family` is the file's name, such as `known`; `kind` is mail, note, chat, …"""

    id: str
    family: str
    kind: str
    language: str
    parts: tuple[Part, ...]

    @property
    def slots(self) -> frozenset[str]:
        """The slots of all persons, the full name's being empty."""
        return frozenset(part.slot for part in self.parts if isinstance(part, Place) and part.is_person)

    def needs(self, person: str) -> frozenset[str]:
        """The slots that one person must be able to fill."""
        return frozenset(
            part.slot for part in self.parts if isinstance(part, Place) and part.name == person and part.slot
        )

    @property
    def persons(self) -> tuple[str, ...]:
        """The letters of the persons, sorted."""
        return tuple(sorted({part.name for part in self.parts if isinstance(part, Place) and part.is_person}))


@cache
def load_templates() -> tuple[Template, ...]:
    """Every template, in the order of the files. Raises ValueError for a file that cannot be read."""
    folder = resources.files(__package__) / "templates"
    found: list[Template] = []
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        if file.name.endswith(".txt"):
            found += _read(file.name.partition(".")[0], file.read_text(encoding="utf-8"))
    if len({template.id for template in found}) != len(found):
        raise ValueError("Two templates have the same name.")
    return tuple(found)


def is_held_out(template: str) -> bool:
    """Whether a template belongs to the half that figures are taken from.

    The other half is for tuning. The division is fixed: a keyed hash of the template's name, so that it
    does not move when templates are added. Do not look at texts of the held-out half to improve a detector.
    """
    return blake2b(template.encode(), key=_SPLIT_KEY, digest_size=1).digest()[0] < 128


def _read(family: str, text: str) -> list[Template]:
    heads = list(_SECTION.finditer(text))
    if (
        not heads
        or text[: heads[0].start()].strip()
        or text.count("\n=== ") + text.startswith("=== ") != len(heads)
    ):
        raise ValueError(f"The templates of {family} do not begin with “=== name | kind | language”.")
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return [
        Template(head[1], family, head[2], head[3], _parts(text[head.end() : end].strip("\n")))
        for head, end in zip(heads, ends, strict=True)
    ]


def _parts(text: str) -> tuple[Part, ...]:
    parts: list[Part] = []
    done = 0
    for found in _PLACE.finditer(text):
        if found.start() > done:
            parts.append(text[done : found.start()])
        if found["choice"] is not None:
            parts.append(Choice(tuple(found["choice"].split("|"))))
        else:
            parts.append(Place(found["name"], found["slot"] or "", int(found["width"] or 0)))
        done = found.end()
    if text[done:]:
        parts.append(text[done:])
    return tuple(parts)
