"""The slices of the corpus. Their names are stable: figures of different days are compared by them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from . import forms
from .compose import Style
from .forms import NUMBER_SLOTS, Form
from .templates import Template

LANGUAGES: Final = ("en", "de", "fr", "es", "it", "nl", "pt")
_PLAIN: Final = Style()


@dataclass(frozen=True, slots=True)
class Group:
    """`texts` from the templates that `takes` takes. `knows`: the persons `a` to `e` are customers, else
    strangers; `word_names` gives strangers names that are words."""

    name: str
    texts: int
    takes: Callable[[Template], bool]
    style: Style = _PLAIN
    knows: bool = True
    word_names: bool = False


def groups() -> tuple[Group, ...]:
    """All slices, in the order of the corpus."""
    upper, lower = (
        Style(letters=str.upper, letters_form="upper"),
        Style(letters=str.lower, letters_form="lower"),
    )
    noisy = Style(form=forms.NOISY, words=lambda text: forms.drop_punctuation(text.lower()))
    return (
        Group("clean", 1300, _of("known")),
        Group("lower", 240, _named, lower),
        Group("upper", 160, _named, upper),
        _written(forms.TYPO, 220),
        _written(forms.INITIALS, 220),
        _written(forms.SURNAME_FIRST, 220),
        _written(forms.NICKNAME, 240),
        _written(forms.WORD_NAME, 220),
        _written(forms.DIACRITICS, 240),
        Group("possessive", 240, _of("possessive")),
        Group("alias", 260, _of("alias")),
        Group("split", 260, _numbered, Style(form=forms.SPLIT)),
        Group("multiline", 320, _of("blocks")),
        Group("spelled", 280, _of("spoken")),
        Group("look-alike", 90, _of("lookalike")),
        *(Group(f"language-{each}", 110, _strange(each), knows=False) for each in LANGUAGES),
        Group("stranger-noisy", 260, _of("noisy"), noisy, knows=False),
        Group("stranger-company", 140, _of("company"), knows=False),
        Group("stranger-word-name", 120, _strange("en"), knows=False, word_names=True),
        *(
            Group(f"negative-{each}", count, _negative(each), knows=False)
            for each, count in NEGATIVES.items()
        ),
    )


NEGATIVES: Final = {
    "products": 110,
    "orders": 110,
    "articles": 120,
    "numbers": 90,
    "places": 60,
    "titles": 70,
    "german": 90,
    "formulas": 70,
}


def is_negative(group: str) -> bool:
    """Whether nothing is to be masked in the texts of a group."""
    return group.startswith("negative-")


def _of(family: str) -> Callable[[Template], bool]:
    return lambda template: template.family == family


def _negative(kind: str) -> Callable[[Template], bool]:
    return lambda template: template.family == "negative" and template.kind == kind


def _strange(language: str) -> Callable[[Template], bool]:
    return lambda template: template.family == "strangers" and template.language == language


def _named(template: Template) -> bool:
    return template.family == "known" and "" in template.slots


def _numbered(template: Template) -> bool:
    return template.family in {"known", "numbers"} and bool(template.slots & NUMBER_SLOTS)


def _written(form: Form, texts: int) -> Group:
    return Group(form.name, texts, _named, Style(form=form))
