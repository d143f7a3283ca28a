"""Whether a phrase that was found is a mention of the value: what stands between and around its words."""

from __future__ import annotations

import re

from redaction.entities import EntityType

from .variants import Rank
from .wording import Words, gaps_of, marks_around, words_of
from .words import is_everyday_word

_TO_THE_LETTER = frozenset({EntityType.EMAIL, EntityType.URL, EntityType.IP, EntityType.USERNAME})
_SUBJECTS = frozenset({EntityType.PERSON, EntityType.ORGANIZATION})
_PLAIN_GAP = re.compile(r"[\s,;]+|\.[\s,;]*|\.?[-_'/]")
_LENIENT = re.compile(r"[\s,;.\-_'/]")
_CONNECTIVES = frozenset("and und et e y en".split())
_SENTENCE_START = re.compile(r"(?:^|[.!?:\n])[\s\"'>*\-]*$")
_TITLE_BEFORE = re.compile(
    r"\b(?:mr|mrs|ms|miss|mx|dr|prof|sir|herrn?|frau|se[nñ]or|se[nñ]ora|mme|monsieur|madame|signora?)\.?\s+$",
    re.IGNORECASE,
)
_SIGNED = re.compile(
    r"\b(?:regards|greetings|wishes|thanks|thank you|cheers|sincerely|yours|gr(?:ü|ue)(?:ß|ss)en?)"
    r"[,.!]?\s*\n\s*$",
    re.IGNORECASE,
)
_SAYS_AFTER = re.compile(
    r"\s+(?:said|says|wrote|writes|called|calls|asked|asks|replied|replies|confirmed|confirms|told|emailed|"
    r"hat|schrieb|sagte|fragte|bat|rief)\b"
)


def is_mention(words: Words, index: int, phrase: list[str], value: str, kind: EntityType, rank: Rank) -> bool:
    """Whether the words from `index`, which read like the phrase of this rank for `value`, mention it."""
    count = len(phrase)
    gaps = [words.gap(place) for place in range(index, index + count - 1)]
    own_gaps = gaps_of(value)
    if kind in _TO_THE_LETTER:
        return gaps == own_gaps and not (kind is EntityType.EMAIL and _goes_on_before(words, index))
    if gaps != own_gaps and not _is_joined_well(phrase, gaps, value, own_gaps, kind):
        return False
    if kind is EntityType.PERSON and rank is not Rank.EXACT and not _has_true_initials(words, index, phrase):
        return False
    if count > 1 or kind not in _SUBJECTS or is_written_like_a_name(words, index):
        return True
    return _has_its_marks(words, index, value)


def is_written_like_a_name(words: Words, index: int) -> bool:
    """Whether a lone word counts as a name: an everyday word must look like one."""
    word = words.folded[index]
    if not is_everyday_word(word):
        return True
    text = words.text
    start, end = words.place(index)
    if _TITLE_BEFORE.search(text, max(0, start - 20), start):
        return True
    if not text[start].isupper():
        return False
    begins = _SENTENCE_START.search(text, max(0, start - 20), start) is not None
    return not begins or _SAYS_AFTER.match(text, end) is not None or _is_signature(text, start)


def _is_signature(text: str, start: int) -> bool:
    return _SIGNED.search(text, max(0, start - 40), start) is not None


def _has_its_marks(words: Words, index: int, value: str) -> bool:
    """Whether an everyday word stands with the marks that belong to the value: “@am”, “Yes!”."""
    before, after = marks_around(value)
    start, end = words.place(index)
    text = words.text
    stands = text[:start].endswith(before) and text[end:].startswith(after)
    return bool(before or after) and stands


def _goes_on_before(words: Words, index: int) -> bool:
    start = words.place(index)[0]
    return start > 0 and (words.text[start - 1].isalnum() or words.text[start - 1] in "._%+-")


def _is_joined_well(
    phrase: list[str], gaps: list[str], value: str, own_gaps: list[str], kind: EntityType
) -> bool:
    own_marks = set(_LENIENT.sub("", "".join(own_gaps)))
    for place, gap in enumerate(gaps):
        marks = _LENIENT.sub("", gap)
        if marks:
            joins = kind is EntityType.ORGANIZATION and marks in ("&", "+")
            if not joins and not set(marks) <= own_marks:
                return False
        elif not _is_plain(gap, phrase[place], kind, own_gaps):
            return False
    return kind is not EntityType.ORGANIZATION or _has_its_connectives(phrase, gaps, value, own_gaps)


def _is_plain(gap: str, before: str, kind: EntityType, own_gaps: list[str]) -> bool:
    if kind is not EntityType.PERSON and kind is not EntityType.ORGANIZATION:
        return True
    if _PLAIN_GAP.fullmatch(gap) is None:
        return gap in own_gaps or not gap.strip(" ,;\t\n\r")
    if gap.startswith(".") and gap[-1].isspace():
        return len(before) <= 3 or any(own.startswith(".") for own in own_gaps)
    return kind is not EntityType.PERSON or gap != "/"


def _has_its_connectives(phrase: list[str], gaps: list[str], value: str, own_gaps: list[str]) -> bool:
    """“AT&T” is not “at t”, and “Smith and Jones” is not “Smith Jones”."""
    own = words_of(value)
    if phrase == own[: len(phrase)]:
        return all(_is_and(gap) == _is_and(own_gap) for gap, own_gap in zip(gaps, own_gaps, strict=False))
    lacks = any(word in _CONNECTIVES and word not in phrase for word in own[1:-1])
    return not lacks or len(phrase) == 1 or any(map(_is_and, gaps))


def _is_and(gap: str) -> bool:
    return "&" in gap or "+" in gap


def _has_true_initials(words: Words, index: int, phrase: list[str]) -> bool:
    """An initial has its point, or stands as a capital before a surname that is no everyday word."""
    count = len(phrase)
    for place, word in enumerate(phrase):
        if len(word) > 1 or not word.isalpha():
            continue
        start, end = words.place(index + place)
        has_point = words.text[end : end + 1] == "."
        if place == count - 1:  # “Anna S.”, “Schmidt, A.”
            if not has_point or not _is_capital_or_all_lower(words, index, count):
                return False
        elif not has_point and (
            not words.text[start].isupper() or word in "ai" or any(map(is_everyday_word, phrase))
        ):
            return False
    return True


def _is_capital_or_all_lower(words: Words, index: int, count: int) -> bool:
    if all(words.text[words.place(place)[0]].isupper() for place in range(index, index + count)):
        return True
    return words.text.islower() and not any(map(is_everyday_word, words.folded[index : index + count]))
