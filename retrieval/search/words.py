"""Words by which questions and records speak of states, in English and German."""

import re
from collections.abc import Sequence
from typing import Final

from .reading import mentions

CODE: Final = re.compile(r"\b[A-Z]{1,5}-?\d{2,}(?:-\d+)*\b")
"""The number of a case, an order or an invoice, such as `CS-30517`."""

CODES: Final = re.compile(
    r"(?<![\w#])(?P<mark>#?)(?:(?P<head>[A-Za-z]{1,6})(?P<sep>[-_/.#]?)|(?P<upper>[A-Z]{1,5}) )"
    r"(?P<number>\d{3,}(?:-\d+)*)(?!\w)"
)
"""The same however it is written: `cs30517`, `SO 1004`, `#W2378156`."""

OPEN: Final = ("open", "pending", "outstanding", "unresolved", "unfinished", "ongoing", "offen", "laufend")
"""What people call a record that is not done with, whatever its state is called."""

_DONE: Final = frozenset(
    """closed done resolved solved completed finished ended cancelled canceled delivered paid settled rejected
    refused expired lost won geschlossen erledigt abgeschlossen storniert geliefert bezahlt gelöst
    beendet""".split()
)
_WORD: Final = re.compile(r"[^\W\d_]+")
_NEGATED: Final = re.compile(
    r"(?:\b(?:not|never|no longer|nicht|non)|n['’]t)[\s-]+(?:(?:yet|been|quite|fully|noch|already|in|on) )*$",
    re.IGNORECASE,
)
_WHETHER: Final = re.compile(
    r"\W*(?:(?:and|und|so|also) )?(?:do|does|did|is|are|was|were|has|have|had|can|may|hat|haben|habe|ist|sind"
    r"|gibt es|war|waren)\b",
    re.IGNORECASE,
)


def written_otherwise(code: tuple[str, str]) -> tuple[str, ...]:
    """The ways in which a CRM may write a number."""
    letters, number = code
    cases = dict.fromkeys((letters, letters.lower(), letters.capitalize()))
    joined = [f"{one}{sep}{number}" for one in cases for sep in ("-", "", " ", "/", "_", ".")]
    return (*joined, *(f"#{one}{number}" for one in cases))


def unfinished(values: Sequence[str]) -> list[str]:
    """Those of the values of a state that do not say that something is done with."""
    return [one for one in values if not set(_WORD.findall(one.lower())) & _DONE]


def says_open(text: str) -> bool:
    """Whether a text has a word for what is not done with."""
    return mentions(text, OPEN)


def is_negated(before: str) -> bool:
    """Whether what follows this text is denied by its last words: `which are not yet`."""
    return _NEGATED.search(before) is not None


def is_whether(question: str) -> bool:
    """Whether a question wants a yes or a no."""
    return _WHETHER.match(question) is not None
