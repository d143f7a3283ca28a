"""A record's facts as sentences that say what they are about, and read well whatever the label."""

import re
from collections.abc import Iterable
from typing import Final

from .sentences import split_sentences
from .support import codes

_CODED: Final = re.compile(r"([A-Z]{1,5}-?\d{3,}(?:-\d+)*): (.+)")
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ][\d:.+Z-]+)?")
_DONE_ON: Final = re.compile(r"\w+(?:ed|sent|written|paid|made|sold|bought|begun) on", re.IGNORECASE)
_DUE: Final = re.compile(r"(?P<what>.+) due(?: on| by)?", re.IGNORECASE)
# a label that is no name of a thing: `refund offered`, `in stock`, `number of cases` (which lists them)
_NO_NOUN: Final = re.compile(r".*(?:ed|on|in|at|by|due|from|to)|(?:in|on|from|to|is|has|number of)\b.*", re.I)


def state(title: str, label: str, value: str) -> str:
    """One sentence: `The SLA tier of Alder Bakery is Gold.`, or the label apart where that reads badly."""
    about, label, value = _in_line(called(title)), label.strip(), _in_line(value)
    if _DAY.fullmatch(value):
        if due := _DUE.fullmatch(label):
            return f"The {due['what']} of {about} is due on {value}."
        if _DONE_ON.fullmatch(label):
            return f"{about} was {label} {value}."
        return f"{about} – {label}: {value}."
    if label.lower() in {"status", "state"}:
        return f"{about} is {value}."
    if value.lower() in {"yes", "no", "true", "false"} or _NO_NOUN.fullmatch(label):
        return f"{about} – {label}: {value}."
    return f"The {label} of {about} is {value}."


def read_facts(text: str) -> list[tuple[str, str]]:
    """Label and value of each line of a passage of facts."""
    lines = [line.partition(": ") for line in text.splitlines()]
    return [(label.strip(), value.strip()) for label, _, value in lines if value.strip()]


def state_all(title: str, facts: Iterable[tuple[str, str]]) -> str:
    """A sentence a line; a fact that only repeats the title says nothing and is left out."""
    known = {title, *codes(title)}
    return "\n".join(state(title, label, value) for label, value in facts if value not in known)


def called(title: str) -> str:
    """`CS-1: Leaking pump` as `CS-1 (Leaking pump)`, which may stand within a sentence."""
    coded = _CODED.fullmatch(title.strip())
    return f"{coded[1]} ({coded[2].rstrip('.!?… ')})" if coded else title.strip()


def _in_line(text: str) -> str:
    """A text without the ends of sentences in it, so that what it is put into stays one sentence."""
    *ended, last = (part.strip() for part in split_sentences(f"{' '.join(text.split())} ."))
    parts = [part.rstrip(".!?…") for part in [*ended, last.removesuffix(" .")] if part != "."]
    return " – ".join(filter(None, parts))
