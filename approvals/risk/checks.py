"""Tokens that a model changed while copying them: nobody can say any more whom they mean."""

import re
from typing import Final

_TYPES: Final = "|".join(
    """PERSON ORGANI[SZ]ATION EMAIL PHONE ADDRESS ACCOUNT CARD IBAN TAX_ID LOCATION DATE_OF_BIRTH USERNAME
    SECRET""".split()
)
_WHOLE: Final = re.compile(r"<[A-Z][A-Z_]*_\d+(?:_[A-Z0-9_]+)?>")
_LIKE: Final = re.compile(
    rf"[<\[({{]\s?/?(?:{_TYPES})(?:[\s_-]?\d+)?(?:_[A-Z0-9_]+)?\s?[>\])}}]"
    rf"|(?<![\w<])(?:{_TYPES})[\s_-]?\d+(?:_[A-Z0-9_]+)?(?!\w)|<(?:{_TYPES})(?![A-Z])",
    re.IGNORECASE,
)


def mangled_tokens(text: str) -> list[tuple[int, int]]:
    """Where something looks like a token and is none: `[PERSON_1]`, `<PERSON 1>`, `PERSON_1`."""
    blanked = _WHOLE.sub(lambda found: " " * len(found.group()), text)
    return [found.span() for found in _LIKE.finditer(blanked) if not _is_prose(found.group())]


def _is_prose(found: str) -> bool:
    """`Account 12` and `(person)` are words, not tokens: only capitals or an underscore make one."""
    word = found.strip("<>[](){} /")
    return not word.isupper() if "_" not in word and found[0] != "<" else False
