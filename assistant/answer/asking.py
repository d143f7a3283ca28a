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

_ASKED: Final = r"\b(?:what|which|give|tell|show|do|does|is|was|wie|welche\w*|gib|nenn\w*|zeig\w*)\b[^?.!]*"
_NOT_BY: Final = r"(?<!on the )(?<!over the )(?<!by )(?<!per )(?<!am )"
_REACH: Final = (
    r"\bhow (?:do|can|could|may|should) (?:I|we|you|one) (?:best )?"
    r"(?:reach|contact|call|ring|get (?:hold|in touch))\b"
    r"|\bcontact (?:details?|data|information)\b|\bkontaktdaten\b"
    r"|\bwie (?:erreiche?n?|kontaktiere?n?) (?:ich|wir|man)\b"
)
_VALUES: Final = {
    kind: re.compile(pattern, re.IGNORECASE)
    for kind, pattern in {
        "PHONE": r"\b(?:(?:tele)?phone|mobile|cell|telefon|handy|mobil|ruf)[ -]?(?:numbers?|no\b|nummern?)"
        rf"|{_ASKED}{_NOT_BY}\b(?:phone|mobile|cell|telefon|handy)(?: (?:of|for|von)\b|\W*\Z)|{_REACH}",
        "EMAIL": rf"\be-?mail[- ]?ad\w+|{_ASKED}\be-?mails?(?: (?:of|for|von)\b|\W*\Z)|{_REACH}",
        "ADDRESS": rf"{_ASKED}(?<!mail )(?<!mail-)\b(?:address(?:es)?|adressen?)\b|\banschrift\b",
        "IBAN": r"\bibans?\b|\bbank (?:account|details?)\b|\bbankverbindung\b|\bkontonummer\b",
        "DATE_OF_BIRTH": r"\bbirth(?:day|[ -]?date)?\b|\bborn\b|\bgeburts\w+|\bgeboren\b",
        "TAX_ID": r"\b(?:vat|tax)[ -]?(?:id\w*|numbers?|no)\b|\bust-?id\w*|\bsteuernummer\b",
        "URL": r"\bweb ?(?:site|page)\b|\bhomepage\b|\bwebseite\b",
    }.items()
}
_WHO: Final = re.compile(
    r"\bwho(?:['’]s| is| are)\b|\bcontact (?:person|name)\b|\bwer ist\b|\bansprechpartner\w*", re.IGNORECASE
)
_FACT: Final = re.compile(
    r"\A\W*(?:(?:what|which) (?:is|are|was)|what['’]s|(?:tell|give) me|was ist|wie (?:ist|lautet|hoch ist)) "
    r"(?:the |die |der |das )?(?P<fact>[^<>?.!,]{3,40}?) (?:of|for|at|von|bei) <[^<>\s]+>\W*\Z",
    re.IGNORECASE,
)
_OWN: Final = re.compile(r"\b(?:I|me|my|ich|mir|mein\w*)\b")

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


def identities_asked(question: str) -> frozenset[str]:
    """Types of identities that a question wants to know: PHONE, IBAN; beside these PERSON, for whose."""
    wanted = frozenset(kind for kind, pattern in _VALUES.items() if pattern.search(question))
    return wanted | {"PERSON"} if wanted and _WHO.search(question) else wanted


def fact_asked(question: str) -> str:
    """What a question wants to know that asks for one thing of somebody; empty where it asks otherwise."""
    found = _FACT.match(question)
    return found["fact"] if found else ""


def asks_for_oneself(question: str) -> bool:
    """Whether somebody asks what they themselves may or have to do."""
    return _OWN.search(question) is not None


def is_small_talk(question: str) -> bool:
    """Whether a text asks for nothing: a greeting, thanks, or signs without a word."""
    return _SMALL_TALK.fullmatch(question) is not None


def follows_on(question: str) -> bool:
    """Whether a question speaks of whom or what was asked about before: what do they owe?"""
    return _FOLLOWS.search(question) is not None
