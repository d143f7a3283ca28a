"""What the words of a text are about, in English and German alike: counts by concept."""

import re
from collections import Counter
from functools import cache
from importlib.resources import files
from typing import Any, Final

import yaml

_WORD: Final = re.compile(r"[\w'-]+")
_PHRASES: Final = re.compile(r'"([^"]+)"|(\S+)')
_SHORTEST: Final = 2


class Concepts:
    """The lists of words, by how they match: a whole word, its beginning, its end or its middle."""

    def __init__(self, lists: dict[str, dict[str, str]]) -> None:
        self.names = tuple(lists)
        self._whole: dict[str, set[str]] = {}
        self._begins: dict[str, set[str]] = {}
        self._ends: dict[str, set[str]] = {}
        self._inner: dict[str, set[str]] = {}
        self._phrases: dict[str, set[str]] = {}
        for name, languages in lists.items():
            for words in languages.values():
                for quoted, bare in _PHRASES.findall(words):
                    self._add(name, (quoted or bare).lower())

    def _add(self, name: str, word: str) -> None:
        if " " in word:
            place = self._phrases
        elif word.startswith("~"):
            place = self._inner if word.endswith("~") else self._ends
        else:
            place = self._begins if word.endswith("~") else self._whole
        place.setdefault(word.strip("~"), set()).add(name)

    def of(self, text: str) -> Counter[str]:
        """How many words of a text are about each concept."""
        lowered = text.lower()
        found: Counter[str] = Counter()
        for word in _WORD.findall(lowered):
            found.update(self._about(word))
        for phrase, names in self._phrases.items():
            if phrase in lowered:
                found.update(names)
        return found

    def _about(self, word: str) -> set[str]:
        names = set(self._whole.get(word, ()))
        for size in range(_SHORTEST, len(word) + 1):
            names |= self._begins.get(word[:size], set())
        for start in range(1, len(word)):
            names |= self._ends.get(word[start:], set())
        for part, about in self._inner.items():
            if part in word[1:]:
                names |= about
        return names


@cache
def concepts() -> Concepts:
    """The lists that ship."""
    content: Any = yaml.safe_load((files("approvals") / "concepts.yaml").read_text("utf-8"))
    return Concepts(content)
