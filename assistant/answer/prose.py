"""The prose of records: notes and letters without their courtesies, and what a sentence of them tells."""

import re
from datetime import date
from typing import Final

from .sentences import split_sentences

_GREETING: Final = re.compile(
    r"(?:dear|hello|hi|hey|good (?:morning|day|afternoon|evening)|to whom it may concern|ladies and gentlemen"
    r"|sehr geehrte[rs]?|liebe[rs]?|hallo|guten (?:tag|morgen|abend)|moin)\b[^.!?]{0,80}[,!:]?$",
    re.IGNORECASE,
)
_SIGN_OFF: Final = re.compile(
    r"(?:(?:with |many )?(?:kind|best|warm|kindest)?\s*(?:regards|wishes)|best|cheers|yours\b.*|sincerely"
    r"|(?:many )?thanks|thank you|sent from my .*|mit (?:freundlichen|besten|herzlichen) gr(?:ü|ue)(?:ß|ss)en"
    r"|(?:viele|beste|freundliche|liebe) gr(?:ü|ue)(?:ß|ss)e|gru(?:ß|ss))\b[^.?]{0,60}$",
    re.IGNORECASE,
)
_COURTESY: Final = re.compile(
    r"(?:(?:many )?thanks?\b(?! to)|thank you\b|(?:i|we)(?: am| are|'m|'re)?(?: very| so| again)? sorry\b"
    r"|sorry\b|i look forward|we look forward|have a (?:good|nice)|please (?:accept|excuse) |vielen dank\b"
    r"|danke\b|es tut (?:mir|uns) leid|entschuldig)",
    re.IGNORECASE,
)
_ENDED: Final = re.compile(r"[.!?…:;][\"'”’)\]]*$")
_MONTH: Final = (
    r"(?:jan(?:uary|uar)?|feb(?:ruary|ruar)?|mar(?:ch)?|märz|apr(?:il)?|ma[yi]|june?|juni|july?|juli"
    r"|aug(?:ust)?|sept?(?:ember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?)"
)
_DATE: Final = re.compile(
    r"\b\d{4}-\d{2}-\d{2}\b|\b\d{1,2}\.\s?\d{1,2}\.\s?\d{4}\b|\b\d{1,2}/\d{1,2}/\d{2,4}\b"
    r"|\b(?:am|bis|zum|vom|den|ab|seit) \d{1,2}\.\s?\d{1,2}\."
    rf"|\b\d{{1,2}}(?:st|nd|rd|th|\.)?(?: of)? {_MONTH}\b|\b{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?\b",
    re.IGNORECASE,
)
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_GERMAN: Final = {"mär": "mar", "mai": "may", "okt": "oct", "dez": "dec"}
_WRITTEN: Final = re.compile(
    r"\b(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})\b|\b(?P<d1>\d{1,2})\.\s?(?P<m1>\d{1,2})\.\s?(?P<y1>\d{4})\b"
    rf"|\b(?P<d2>\d{{1,2}})(?:st|nd|rd|th|\.)?(?: of)? (?P<m2>{_MONTH}),? (?P<y2>\d{{4}})\b"
    rf"|\b(?P<m3>{_MONTH}) (?P<d3>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<y3>\d{{4}})\b",
    re.IGNORECASE,
)
_NEAR: Final = re.compile(
    r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|\btomorrow\b|\btonight\b|\bnext (?:week|month|year)\b"
    r"|\b(?:\d+|an?|one|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|thirty)[- ]"
    r"(?:working |business )?(?:minute|hour|day|week|month|year)s?\b"
    r"|\b\d+ (?:minuten?|stunden?|(?:werk)?tagen?|wochen?|monaten?|jahren?)\b|\bmorgen\b",
    re.IGNORECASE,
)
_AMOUNT: Final = re.compile(
    r"(?:\b(?:EUR|USD|GBP|CHF)|[€$£])\s?\d|\b\d[\d.,]*\s?(?:EUR\b|USD\b|GBP\b|CHF\b|euros?\b|dollars?\b|[€$£])"
    r"|\b\d+(?:[.,]\d+)?\s?(?:%|percent\b|per cent\b|prozent\b)",
    re.IGNORECASE,
)
_PROMISED: Final = re.compile(
    r"\b(?:promis\w+|agreed|agreement|offer(?:ed)?|assur(?:e|ed|ance)|guarantee[ds]?|committed"
    r"|pledged|granted|booked|arranged|scheduled|planned|reserved|issued?"
    r"|zugesagt|versprochen|vereinbart|angeboten|genehmigt|gebucht|geplant)\b",
    re.IGNORECASE,
)
_OURS: Final = re.compile(
    r"\b(?:will|werden?|wird) (?:be|get|have|receive|erhalten|bekommen)\b|^will\b"
    r"|\b(?:I|we|you|it|our [\w-]+|your [\w-]+|(?:an?|the|new|replacement)(?: [\w-]+){1,3})"
    r"(?: will|'ll|’ll| shall| should| (?:am|are|is) going to)\b"
    r"|\b(?:goes|go) (?:out|to)\b|\b(?:is|are|be) due\b|\bdue (?:on|by)?\b"
    r"|\b(?:we|our [\w-]+) (?:exchange|replace|refund|credit|send|repair|pay|visit|call|deliver)(?:e?s)?\b"
    r"|\bI (?:have )?(?:said|told|gave|given|put)\b|\b(?:wir|ich) werden?\b|\bwird\b",
    re.IGNORECASE,
)
_SETTLED: Final = re.compile(
    r"\b(?:confirm(?:ed|s)?|approved|accepted|ordered|started|expected|bestätigt|bestellt|erwartet)\b",
    re.IGNORECASE,
)
_THEIRS: Final = re.compile(
    r"(?:they|he|she|(?:the )?(?:customer|caller)|der kunde|die kundin|<PERSON_\d+>)"
    r" (?:will|wants?|would|asks?|wird)\b",
    re.IGNORECASE,
)
_IN_PASSING: Final = re.compile(r"\b(?:as|wie) (?:agreed|promised|arranged|vereinbart|versprochen)\b", re.I)
_ASKING: Final = re.compile(r"(?:please|bitte)\b", re.IGNORECASE)
_INWARD: Final = re.compile(
    r"(?:follow[- ]?up|reminder|next (?:contact|step)|no further|will (?:look|check|ask|see)|internal)\b",
    re.IGNORECASE,
)
_UNKEPT: Final = re.compile(
    r"\b(?:did not|didn't|nobody|no one|never|missed|was not|were not|has not|have not|nothing|if|unless"
    r"|nichts?|niemand|wenn|falls)\b",
    re.IGNORECASE,
)
_BACKWARD: Final = re.compile(
    r"(?:its?|this|that|these|those|they|their|both|he|she|es|das|dies\w*)\b",
    re.IGNORECASE,
)


def body_sentences(text: str) -> list[str]:
    """The sentences of a note or letter that tell something, each with single spaces.

    Greetings, sign-offs with what follows them, signatures and mere courtesies are left out: they are
    never evidence. A text that is no letter keeps lines without an end mark, such as `3 × filter`.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    is_letter = any(_GREETING.match(line) or _SIGN_OFF.match(line) for line in lines)
    if is_letter:
        lines = _body(lines)
    spoken = [" ".join(sentence.split()) for sentence in split_sentences("\n".join(lines))]
    return [sentence for sentence in spoken if not _COURTESY.match(sentence)]


def has_moment(text: str) -> bool:
    """Whether a text names a date, a weekday or a span of time."""
    return bool(_DATE.search(text) or _NEAR.search(text))


def has_date(text: str) -> bool:
    """Whether a text names a day of the calendar."""
    return bool(_DATE.search(text))


def dates(text: str) -> list[date]:
    """The days in a text that are written with their year, in order; those of no calendar are left out."""
    found = []
    for match in _WRITTEN.finditer(text):
        year, month, day = (
            next(value for name, value in match.groupdict().items() if value and name.startswith(part))
            for part in "ymd"
        )
        try:
            found.append(date(int(year), _month(month), int(day)))
        except ValueError:
            continue
    return found


def looks_ahead(text: str, written: str) -> bool:
    """Whether a text names a day after the one on which it was written, which is the last in `written`.

    A note that names a later day tells what is planned, in whatever words.
    """
    days = dates(written)
    return bool(days) and any(day > days[-1] for day in dates(text))


def has_amount(text: str) -> bool:
    """Whether a text names a sum of money or a percentage."""
    return bool(_AMOUNT.search(text))


def commitment(sentence: str) -> float:
    """How much a sentence reads like something we bound ourselves to, 0 to 1.

    What the customer will do, what a colleague plans for themself, what depends on an if, and what is told
    as not kept bind us little.
    """
    if is_inward(sentence) or _ASKING.match(sentence):
        return 0.0
    if not (has_date(sentence) or has_amount(sentence)):
        sentence = _IN_PASSING.sub("", sentence)
    bound = ((_PROMISED, 1.0), (_OURS, 0.8), (_SETTLED, 0.6))
    strength = max((worth for pattern, worth in bound if pattern.search(sentence)), default=0.0)
    return strength * (0.4 if _UNKEPT.search(sentence) and not has_date(sentence) else 1.0)


def is_inward(sentence: str) -> bool:
    """Whether a sentence tells what the customer wants, or what a colleague plans for themself."""
    return bool(_INWARD.match(sentence) or _THEIRS.match(sentence))


def leans_back(sentence: str) -> bool:
    """Whether a sentence begins with a word that stands for something in the one before: It is due …"""
    return bool(_BACKWARD.match(sentence))


def _body(lines: list[str]) -> list[str]:
    for position, line in enumerate(lines):
        if position and _SIGN_OFF.match(line):
            lines = lines[:position]
            break
    while lines and not _ENDED.search(lines[-1]):
        lines = lines[:-1]
    return [line for line in lines if not _GREETING.match(line)]


def _month(written: str) -> int:
    if written.isdigit():
        return int(written)
    short = written[:3].lower()
    return _MONTHS.index(_GERMAN.get(short, short)) + 1
