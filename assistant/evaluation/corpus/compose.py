"""Texts put together piece by piece, so that each label's place is known and never searched for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from redaction import LabelledSpan, LabelledText

from .forms import Form, Setting, spoken
from .subjects import CLEAN, STRANGER, Subject, Value
from .templates import Choice, Part, Place, Template
from .words import Words

_PROSE = frozenset({"note", "mail", "call", "chat"})
_SPOKEN = {"sayphone": "phone", "saymobile": "mobile", "saymail": "email", "sayaccount": "account"}


@dataclass(frozen=True, slots=True)
class Style:
    """How everything in a text is written: `form` for values, `letters` for values and words, `words` for
    words alone. `letters_form` names the form of a value that `letters` has changed."""

    form: Form | None = None
    letters: Callable[[str], str] | None = None
    letters_form: str = ""
    words: Callable[[str], str] | None = None


@dataclass(slots=True)
class Composer:
    """One text in the making."""

    draw: Random
    template: Template
    subjects: Mapping[str, Subject]
    words: Words
    style: Style
    _text: str = ""
    _spans: list[LabelledSpan] = field(default_factory=list)

    def compose(self, group: str) -> LabelledText:
        """The template with all its places filled."""
        chosen: dict[str, str] = {}
        for part in self.template.parts:
            self._add(part, chosen)
        return LabelledText(self._text, tuple(self._spans), group, self.template.id, self.template.language)

    def _add(self, part: Part, chosen: dict[str, str]) -> None:
        before = len(self._text)
        if isinstance(part, str):
            self._plain(part)
        elif isinstance(part, Choice):
            self._plain(self.draw.choice(part.options))
        elif part.is_person:
            self._person(part)
        else:
            if part.name not in chosen:
                chosen[part.name] = self.words.draw(self.draw, part.name, self.template.language)
            self._plain(chosen[part.name])
        if isinstance(part, Place):
            self._text += " " * (part.width - (len(self._text) - before))

    def _plain(self, text: str) -> None:
        if self.style.words:
            text = self.style.words(text)
        self._text += self.style.letters(text) if self.style.letters else text

    def _person(self, place: Place) -> None:
        subject = self.subjects[place.name]
        text, value, form = self._written(place.slot, subject)
        if self.style.letters and (changed := self.style.letters(text)) != text:
            text, form = changed, self.style.letters_form if form in {CLEAN, STRANGER} else form
        if value.entity is None and not form.startswith(STRANGER):
            form = f"{STRANGER}-{form}"
        start = len(self._text)
        self._text += text
        self._spans.append(LabelledSpan(start, len(self._text), value.type.value, value.entity, form))
        if place.slot == "s":
            ends = ("'", "’") if text.endswith("s") else ("'s", "’s")
            self._plain(self.draw.choice(ends))

    def _written(self, slot: str, subject: Subject) -> tuple[str, Value, str]:
        """The words for a slot, what they stand for, and the name of their form."""
        setting = Setting(self.draw, self.template.language, self.template.kind in _PROSE)
        if slot == "block":
            line = self._text.rpartition("\n")[2]
            lead = re.match(r"[>\s]*", line)
            lines = f"\n{lead.group() if lead else ''}".join(subject.lines)
            return lines, subject.value("address"), "multiline"
        if slot in _SPOKEN:
            value = subject.value(_SPOKEN[slot])
            return spoken(setting, value), value, "spelled"
        value = subject.value("name" if slot in {"", "s"} else slot)
        form = self.style.form
        if form and slot in form.writers and form.fits(subject):
            text = form.writers[slot](setting, subject, value)
            if text is not None:
                return text, value, form.name
        return value.text, value, "possessive" if slot == "s" and value.form == CLEAN else value.form


def needed_values(template: Template, person: str) -> frozenset[str]:
    """What a person must have so that a template can speak of them."""
    return frozenset(
        _SPOKEN.get(slot, slot)
        for slot in template.needs(person)
        if slot not in {"s", "block", "first", "last"}
    )
