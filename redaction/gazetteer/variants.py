"""The ways in which a known value is written, each as a phrase of folded words joined by spaces.

A phrase says nothing about what stands between its words: `mentions` looks at that when one was found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import IntEnum
from functools import lru_cache

from redaction.entities import EntityType

from .wording import spell_out_umlauts, words_of


class Rank(IntEnum):
    """How sure a mention is; where two records would answer to one, the surer is meant."""

    EXACT = 0
    SHORTER = 1
    NICKNAME = 2
    TYPO = 3


TITLES = frozenset("dr prof professor mr mrs ms miss mx herr frau sir dame lord lady rev fr".split())
_SUFFIXES = frozenset("jr sr ii iii iv phd md esq".split())
PARTICLES = frozenset(
    "von van der den de di da do dos du del della della la le al el bin ben ibn mac mc o zu zum zur "
    "ter ten st".split()
)
_LEGAL = re.compile(
    r" (?:gmbh|mbh|gbr|ag|kg|kgaa|ug|ohg|e ?k|e ?v|e ?g|se|stiftung|inc|incorporated|llc|llp|ltd|limited|plc"
    r"|corp|corporation|company|co|group|holding|holdings|s ?a|s ?a ?s|s ?r ?l|s ?p ?a|s ?l|s ?coop|b ?v|n ?v"
    r"|oy|ab|as|a s|aps|pty ltd|pvt ltd|sarl|sas|spa|srl|bv|nv|lda"
    r"|(?:and |und |et |e |y )?"
    r"(?:sons|partners?|sohn|soehne|sohne|fils|figli|filhos|hijos|asociados|associes))$"
)
_CONNECTIVES = frozenset("and und et e y en".split())
_AND = re.compile(r" [&+] |(?<=\w)[&+](?=\w)")
_SHORT_OF = {
    "street": "st", "avenue": "ave", "road": "rd", "drive": "dr", "lane": "ln", "boulevard": "blvd",
    "court": "ct", "square": "sq", "place": "pl", "highway": "hwy", "apartment": "apt", "suite": "ste",
    "strasse": "str", "platz": "pl",
}  # fmt: skip
_LONG_OF = {short: long for long, short in reversed(_SHORT_OF.items())}
_DIGIT = re.compile(r"\d")
_LETTER = re.compile(r"[^\W\d_]")
# “…, L3B 1XL Clareland” and “…, Clareland, L3B 1XL”
_POST_CODE = r"[A-Z]{0,2}-?\d[\dA-Z]{1,5}(?: ?\d[A-Z]{2})?|[A-Z]{1,2}\d[\dA-Z]? ?\d[A-Z]{2}"
_CODE_FIRST = re.compile(rf"[,\n]\s*(?P<first>{_POST_CODE})[ ,\n]+(?P<last>[^\W\d][^,\n\d]*)$")
_TOWN_FIRST = re.compile(rf"[,\n]\s*(?P<first>[^\W\d][^,\n\d]*?)[ ,\n]+(?P<last>{_POST_CODE})$")
_FIRST_LINE = re.compile(r"[,\n]")
_CAMEL = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])")
_NOT_PLAIN = re.compile(r"[,\-'’äöüÄÖÜ]|[^\W\d_A-Z][A-Z]")
_JOINT = re.compile(r"[-'’]")
LONGEST = 60


def phrases_of(value: str, kind: EntityType, words: list[str] | None = None) -> dict[str, Rank]:
    """Every phrase that stands for the value. `words` are its folded words, where they are known."""
    own = words_of(value) if words is None else words
    if not own or len(own) > LONGEST:
        return {}
    found = {" ".join(own): Rank.EXACT}
    if kind is EntityType.PERSON:
        for phrase in _of_person(value, own):
            found.setdefault(phrase, Rank.SHORTER)
    elif kind is EntityType.ORGANIZATION:
        for phrase in _of_company(value, own):
            found.setdefault(phrase, Rank.EXACT)
    elif kind is EntityType.ADDRESS:
        for phrase in _of_address(value, own):
            found.setdefault(phrase, Rank.EXACT)
    if not value.isascii() and (spelled_out := spell_out_umlauts(value)) != value:
        found = phrases_of(spelled_out, kind) | found
    return found


def name_parts(value: str, words: list[str] | None = None) -> tuple[list[str], list[str]]:
    """Folded given names and surname of a person, titles and suffixes left out."""
    if "," in value:
        family, _, given = value.partition(",")
        first, last = _without_titles(words_of(given)), _without_titles(words_of(family))
        if first and last:
            return first, last
    bare = _without_titles(words_of(value) if words is None else words)
    if len(bare) < 2:
        return [], bare
    start = len(bare) - 1
    if "-" in value or "'" in value or "’" in value:
        start -= _joined_to_last(value, bare)
    while start > 1 and bare[start - 1] in PARTICLES:
        start -= 1
    return (bare[:start], bare[start:]) if start else ([], bare)


def _without_titles(words: list[str]) -> list[str]:
    start, end = 0, len(words)
    while end - start > 1 and words[start] in TITLES:
        start += 1
    while end - start > 2 and words[end - 1] in _SUFFIXES:
        end -= 1
    return words[start:end]


def _joined_to_last(value: str, bare: list[str]) -> int:
    """How many words before the last one a hyphen or apostrophe ties to it."""
    last = words_of(re.split(r"[\s,]+", value.strip(" ,."))[-1])
    return len(last) - 1 if 0 < len(last) < len(bare) and last == bare[-len(last) :] else 0


def is_plain_name(value: str, own: list[str]) -> bool:
    """Whether these are one given name and one surname with nothing more to them, as most names are."""
    return (
        len(own) == 2
        and len(own[0]) > 1
        and len(own[1]) > 1
        and own[0] not in TITLES
        and _NOT_PLAIN.search(value) is None
    )


def _of_person(value: str, own: list[str]) -> Iterator[str]:
    if is_plain_name(value, own):
        first, last = own
        yield from (f"{last} {first}", f"{first[0]} {last}", f"{last} {first[0]}", f"{first} {last[0]}")
        return
    yield from _of_first_and_last(value)
    given, family = name_parts(value, own)
    if given:
        yield from _of_name(given, family)
        if len(given) >= 3:  # two given names and two surnames
            yield from _of_name(given[:2], given[2:] + family)
        if own[0] in TITLES:
            yield f"{own[0]} {' '.join(family)}"
        yield from _joined(value)


def _of_first_and_last(value: str) -> Iterator[str]:
    """Whatever stands first and last, be it a title: “Dr. Doe”, “Nimwegen-Gerrits, Vigo van”."""
    parts = [words for part in re.split(r"[\s,;]+", value) if (words := words_of(part))]
    if 2 <= len(parts) <= 4:
        first, last = parts[0], parts[-1]
        rest = [word for words in parts[:-1] for word in words]
        yield from (" ".join(last + rest), " ".join(first + last), " ".join([first[0][0], *last]))


def _of_name(given: list[str], family: list[str]) -> Iterator[str]:
    first = given[0]
    initials = " ".join(name[0] for name in given)
    firsts = dict.fromkeys((" ".join(given), first, first[0], initials, "".join(given)))
    if len(given) > 1:
        firsts |= dict.fromkeys((" ".join([first, *(name[0] for name in given[1:])]), given[1]))
    lasts = dict.fromkeys((" ".join(family), "".join(family)))
    bare = [name for name in family if name not in PARTICLES]
    if 1 <= len(bare) < len(family) or len(bare) > 1:
        lasts |= dict.fromkeys(name for name in bare if len(name) > 1)
    for last in lasts:
        for name in firsts:
            yield f"{name} {last}"
            yield f"{last} {name}"
    yield f"{first} {family[-1][0]}"
    if len(given) == 1 and len(family) > 1:
        yield f"{first} {bare[0][0] if bare else family[0][0]}"


def _joined(value: str) -> Iterator[str]:
    """“Annalena” for “Anna-Lena”, “Anna Lena” for “AnnaLena”, “obrien” for “O'Brien”."""
    if _JOINT.search(value):
        given, family = name_parts(_JOINT.sub("", value))
        if given:
            yield from _of_name(given, family)
    if _CAMEL.search(value):
        yield " ".join(words_of(_CAMEL.sub(" ", value)))


def _of_company(value: str, own: list[str]) -> Iterator[str]:
    names = [" ".join(own)]
    if _AND.search(value):
        names += [" ".join(words_of(_AND.sub(f" {word} ", value))) for word in ("and", "und", "et")]
    if any(word in _CONNECTIVES for word in own[1:-1]):
        names.append(" ".join([own[0], *(w for w in own[1:-1] if w not in _CONNECTIVES), own[-1]]))
    for name in names:
        yield name
        shorter = _LEGAL.sub("", name)
        while len(shorter) >= 4:
            yield shorter
            if shorter == (shorter := _LEGAL.sub("", shorter)):
                break
    if _JOINT.search(value):
        joined = " ".join(words_of(_JOINT.sub("", value)))
        yield joined
        if len(shorter := _LEGAL.sub("", joined)) >= 4:
            yield shorter


def _of_address(value: str, own: list[str]) -> Iterator[str]:
    count = len(own)
    if (line := _FIRST_LINE.search(value)) is not None:
        count = len(words_of(value[: line.start()]))
    other = list(map(_otherwise_abbreviated, own))
    if (swapped := _with_town_first(value)) is not None:
        yield " ".join(words_of(swapped))
    for words in (own, other) if other != own else (own,):
        yield " ".join(words)
        if count < len(own) and _is_street(street := " ".join(words[:count])):
            yield street


def _with_town_first(address: str) -> str | None:
    """The same address with the town before the post code, or behind it where it was before."""
    found = _CODE_FIRST.search(address) or _TOWN_FIRST.search(address)
    return None if found is None else f"{address[: found.start()]}, {found['last']}, {found['first']}"


@lru_cache(maxsize=8192)
def _otherwise_abbreviated(word: str) -> str:
    """“st” for “street”, “hauptstr” for “hauptstrasse”, and the other way round."""
    if (other := _SHORT_OF.get(word) or _LONG_OF.get(word)) is not None:
        return other
    if word.endswith("strasse"):
        return word.removesuffix("asse")
    return f"{word}asse" if word.endswith("str") else word


def _is_street(line: str) -> bool:
    return len(line) >= 8 and _DIGIT.search(line) is not None and _LETTER.search(line) is not None
