"""The small language in which a policy writes phrases; it becomes regular expressions.

A space stands for any white space (` ?` for perhaps some), `~` for the rest of a word, ` … ` for up to
six words in between within a sentence, `{name}` for a word list of the policy; umlauts match their
spellings with `e`. `\\S*` and `\\S+` stand for at most sixty characters. The rest is Python's regular
expressions. A phrase begins and ends at word boundaries, in any case.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

_WORD_LIST: Final = re.compile(r"\{([a-z_]+)\}")
_NESTING: Final = 3  # a word list may name others
_GAP: Final = r"(?:\s+\S*[^\s.!?;:]){0,6}?\s+"
_BOUNDED: Final = {r"\S*": r"\S{0,60}", r"\S+": r"\S{1,60}"}
"""Without an end a row of a thousand characters without a space would be read again from each of them."""
_SPELLINGS: Final = {
    "ä": "(?:ä|ae|a\u0308)",
    "ö": "(?:ö|oe|o\u0308)",
    "ü": "(?:ü|ue|u\u0308)",
    "ß": "(?:ß|ss)",
    "'": "['\u2019]",
}


def regex_of(pattern: str, words: Mapping[str, str]) -> str:
    """The regular expression of a phrase. Raises `KeyError` for a word list that is not in `words`."""
    expanded = pattern
    for _ in range(_NESTING):
        expanded = _WORD_LIST.sub(lambda found: f"(?:{words[found[1]]})", expanded)
    expanded = expanded.replace(" … ", "\0").replace("~", r"\w*")
    expanded = expanded.replace(" ?", r"\s*").replace(" ", r"\s+").replace("\0", _GAP)
    for unbounded, bounded in _BOUNDED.items():
        expanded = expanded.replace(unbounded, bounded)
    for letter, spellings in _SPELLINGS.items():
        expanded = expanded.replace(letter, spellings)
    return expanded


def source_of(phrases: Sequence[str], words: Mapping[str, str]) -> str:
    """One regular expression for all phrases; empty when there are none."""
    if not phrases:
        return ""
    joined = "|".join(regex_of(one, words) for one in phrases)
    return rf"(?<!\w)(?:{joined})(?!\w)"
