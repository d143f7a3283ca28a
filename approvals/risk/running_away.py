"""Texts made to keep a policy's own phrases busy: long rows of what they and their examples say."""

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Final

from .examples import examples_of
from .patterns import source_of
from .policy import AMOUNTS, Policy, Rule, pattern_fields
from .reading import as_read
from .timed import NotInTime, Timed

_LONGEST: Final = 8_000  # characters, as a question may have
_ANOTHER: Final = "¶¶"
"""Alone a phrase would often be done at once: a text without a letter that it must have is not even read."""
_UNITS: Final = ("a", "1", "a ", "1 ", "-")
_OF_PHRASE: Final = 12  # words of it that are repeated, and as many of their letters
_HINT: Final = (
    "may take for ever: give each repetition an end, such as {0,6}, and let none stand within another "
    "or beside one that takes the same letters"
)
_LITERAL: Final = re.compile(r"(?<!\\)\b\w+")


def check_patience(policy: Policy) -> list[str]:
    """A line for each phrase of one's own that is not done in time with such a text; none when all are."""
    untried = policy.untried
    phrases = [
        f"{rule.id}.{name}: '{phrase}' {_HINT}"
        for rule in policy.rules
        for name, phrases in pattern_fields(rule)
        if (rule.id, name) in untried
        for phrase in phrases
        if _runs_away(source_of([phrase, _ANOTHER], policy.words), rule, phrase)
    ]
    amounts = [
        f"{rule.id}: a number beside amount_lead, amount_trail or units {_HINT}"
        for rule in policy.rules
        if (source := untried.get((rule.id, AMOUNTS)))
        and _runs_away(f"{source}|{_ANOTHER}", rule, source, "12 ")
    ]
    return phrases + amounts


def _runs_away(source: str, rule: Rule, phrase: str, *units: str) -> bool:
    pattern = Timed(source)
    try:
        for text in _texts(rule, phrase, units):
            pattern.finditer(text)
    except NotInTime:
        return True
    return False


def _texts(rule: Rule, phrase: str, more: Sequence[str]) -> Iterator[str]:
    words = list(dict.fromkeys(_LITERAL.findall(phrase)))[:_OF_PHRASE]
    letters = list(dict.fromkeys("".join(words)))[:_OF_PHRASE]
    said = [example.text for example, _ in examples_of(rule)]
    units = [
        *_UNITS,
        *more,
        *letters,
        *words,
        *(f"{word} " for word in words),
        *said,
        *(f"{one} " for one in said),
    ]
    for unit, end in itertools.product(dict.fromkeys(units), ("", "¶")):
        yield as_read((unit * (_LONGEST // len(unit) + 1))[: _LONGEST - len(end)] + end).text
