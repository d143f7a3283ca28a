"""The corpus: labelled texts about the customers of a demo company, about strangers, and about nobody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random

from redaction import LabelledText
from retrieval import Company

from .compose import Composer, needed_values
from .groups import Group, groups
from .known import known_subjects
from .strangers import Strangers
from .subjects import STRANGER, Subject
from .templates import Template, load_templates
from .wordnames import PAIRS
from .words import Words

_KNOWN_LETTERS = "abcde"


def build_corpus(company: Company, seed: int = 3) -> list[LabelledText]:
    """About 6,500 texts, the same for the same seed and company, in a few seconds.

    A text's `group` is its slice (`clean`, `typo`, `language-fr`, `negative-articles`, …) and its `template`
    what it was made from. Tune on templates for which `is_held_out` is false; take figures from the rest.

    Labels name the customer's record (`contact:17`; `contact:3|contact:9` where both have the value) and the
    `form` it was written in: `clean` is letter by letter as in the CRM, `part` a first or last name alone.
    What is nobody's in the CRM has no entity, and the form `stranger` or one that begins with `stranger-`.
    """
    return list(_Corpus(company, seed).texts())


class _Corpus:
    def __init__(self, company: Company, seed: int) -> None:
        self._seed = seed
        self._words = Words(company)
        self._known = known_subjects(company)
        taken = {value.text for subject in self._known for value in subject.values.values()}
        self._strangers = Strangers(seed, taken)
        self._able: dict[tuple[str, str, frozenset[str]], list[Subject]] = {}

    def texts(self) -> Iterator[LabelledText]:
        for group in groups():
            draw = Random(f"{group.name}/{self._seed}")  # noqa: S311  invented texts
            fitting = [template for template in load_templates() if group.takes(template)]
            for template in _rounds(draw, fitting, group.texts):
                subjects = self._cast(draw, group, template)
                yield Composer(draw, template, subjects, self._words, group.style).compose(group.name)

    def _cast(self, draw: Random, group: Group, template: Template) -> Mapping[str, Subject]:
        """Who is who in a text; nobody twice."""
        cast: dict[str, Subject] = {}
        for letter in template.persons:
            if group.knows and letter in _KNOWN_LETTERS:
                able = self._able_to(group, template, letter)
                if len(able) < len(template.persons):
                    raise ValueError(f"Too few customers fit {template.id} in the group {group.name}.")
                while (chosen := draw.choice(able)) in cast.values():
                    continue
                cast[letter] = chosen
            else:
                stranger = self._strangers.draw(draw, template.language)
                renamed = group.word_names and letter in _KNOWN_LETTERS
                cast[letter] = _renamed(stranger, draw.choice(PAIRS)) if renamed else stranger
        return cast

    def _able_to(self, group: Group, template: Template, letter: str) -> Sequence[Subject]:
        """Customers who have what the template asks for, and a name that the group's form fits."""
        needed = needed_values(template, letter)
        form = group.style.form
        key = (form.name if form else "", template.language, needed)
        if key not in self._able:
            self._able[key] = [
                subject
                for subject in self._known
                if needed <= subject.values.keys()
                and (template.language == "en" or subject.locale == "de_DE")
                and (form is None or form.fits(subject))
            ]
        return self._able[key]


def _rounds(draw: Random, templates: Sequence[Template], count: int) -> Iterator[Template]:
    """Each template as often as the others, in shuffled rounds."""
    if not templates:
        raise ValueError("A group has no template.")
    left: list[Template] = []
    for _ in range(count):
        left = left or draw.sample(templates, len(templates))
        yield left.pop()


def _renamed(subject: Subject, name: tuple[str, str]) -> Subject:
    """The same stranger with other names; their mail address keeps its own."""
    first, last = name
    written = replace(subject.values["name"], text=f"{first} {last}", form=f"{STRANGER}-word-name")
    values = {**subject.values, "name": written}
    return replace(subject, first=first, last=last, values=values)
