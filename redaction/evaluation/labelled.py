"""A text whose identities somebody has marked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LabelledSpan:
    """Characters `start` up to but not including `end` (code points) that are an identity of `type`.

    `entity` is the record of the CRM that the value belongs to, None for strangers. `form` says how a
    known value was written: “clean”, or the name of a harder form such as “typo” or “initial”.
    """

    start: int
    end: int
    type: str
    entity: str | None = None
    form: str | None = None


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A text, what must be masked in it, and the `group` and `template` it comes from."""

    text: str
    spans: tuple[LabelledSpan, ...]
    group: str = ""
    template: str = ""
    language: str = ""
