"""What an edit changed, word by word."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Final

KEPT: Final = "kept"
REMOVED: Final = "removed"
ADDED: Final = "added"
_WORDS: Final = re.compile(r"\s+|[^\s\w<>]|<[^<>\s]+>|[\w'\u2019-]+|.", re.DOTALL)
Change = tuple[str, str]


def word_diff(before: str, after: str) -> list[Change]:
    """(kind, text) in order: the kept and removed texts are `before`, the kept and added ones `after`.

    A token such as `<PERSON_1>` is one word.
    """
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    changes: list[Change] = []
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            _add(changes, KEPT, old[a:b])
        else:
            _add(changes, REMOVED, old[a:b])
            _add(changes, ADDED, new[c:d])
    return changes


def _add(changes: list[Change], kind: str, words: Sequence[str]) -> None:
    if words:
        changes.append((kind, "".join(words)))
