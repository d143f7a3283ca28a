"""What a question asks for, read off its words: a promise, a moment, an amount, a number of records."""

import re
from dataclasses import dataclass
from typing import Final

_PROMISE: Final = re.compile(
    r"\b(?:promis\w*|agree[ds]?|agreements?|assur\w+|commit\w*|pledg\w+|guarantee\w*|undert[ao]\w+"
    r"|zugesagt\w*|zusage\w*|versproch\w*|verspr[ei]ch\w*|vereinbar\w*)\b",
    re.IGNORECASE,
)
_MOMENT: Final = re.compile(
    r"\b(?:when|how (?:long|soon|fast|quickly|often|many (?:days|hours|weeks|months|years))|dates?|deadline"
    r"|due|until|what (?:day|time)|wann|wie (?:lange?|schnell|oft)|datum|frist)\b",
    re.IGNORECASE,
)
_AMOUNT: Final = re.compile(
    r"\b(?:how (?:much|high)|amounts?|costs?|prices?|fees?|totals?|refund(?:ed)?|credits?|sum"
    r"|wie ?viel|wie hoch|betrag|kosten|preis)\b",
    re.IGNORECASE,
)
_COUNT: Final = re.compile(r"\b(?:how many|number of|wie ?viele|anzahl)\b", re.IGNORECASE)

_SMALL_TALK: Final = re.compile(
    r"\W*(?:(?:hi|hello|hey|hallo|moin|servus|good (?:morning|day|afternoon|evening)"
    r"|guten (?:tag|morgen|abend)|thanks?(?: you)?(?: (?:a lot|very much))?|danke(?: schön)?|vielen dank"
    r"|ok(?:ay)?|yes|no|ja|nein|test(?:ing)?|there|how are you|wie geht(?:'s| es))\b\W*)+|\W*",
    re.IGNORECASE,
)

_FOLLOWS: Final = re.compile(
    r"\b(?:they|them|theirs?|he|she|him|his|hers?|its?|those|these|the same"
    r"|(?:this|that) (?:customer|client|account|contact|case|order)"
    r"|sie|ihr(?:e[mnrs]?)?|ihnen|dessen|deren|dies\w+ (?:kund\w+|fall|auftrag))\b|\A(?:and|und)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Asking:
    """Each says whether the question has words that ask for it; a question may ask for several."""

    promise: bool = False
    moment: bool = False
    amount: bool = False
    count: bool = False


def asks(question: str) -> Asking:
    """What the words of a question ask for."""
    return Asking(
        promise=bool(_PROMISE.search(question)),
        moment=bool(_MOMENT.search(question)),
        amount=bool(_AMOUNT.search(question)),
        count=bool(_COUNT.search(question)),
    )


def is_small_talk(question: str) -> bool:
    """Whether a text asks for nothing: a greeting, thanks, or signs without a word."""
    return _SMALL_TALK.fullmatch(question) is not None


def follows_on(question: str) -> bool:
    """Whether a question speaks of whom or what was asked about before: what do they owe?"""
    return _FOLLOWS.search(question) is not None
