"""Companies by what stands in or around their names: a legal form, partners' names, a postal address."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from redaction.gazetteer.words import is_everyday_word

from .edges import trimmed

_NAME = r"[A-ZÀ-ÞĀ-ŽΑ-Ω][\w&'’.\-]*"
_LEGAL_FORM = (
    r"(?:Inc|LLC|L\.L\.C|Ltd|Limited|PLC|plc|LLP|Corp|Corporation|GmbH(?: & Co\.? KG)?|AG|KG|KGaA|OHG|UG|SE|"
    r"e\.K|S\.A|SA|SAS|SARL|Sàrl|S\.L|SL|S\.p\.A|SpA|S\.r\.l|Srl|B\.V|BV|N\.V|NV|Lda|Ltda|Oy|AB|ApS|A/S|Pty|Pvt)"
)
_WITH_LEGAL_FORM = re.compile(rf"(?<![\w&]){_NAME}(?: (?:{_NAME}|&|and|und)){{0,4}},? {_LEGAL_FORM}\b\.?")
# “Hawkins, Richardson and Santana”
_PARTNERS = re.compile(rf"(?<![\w,]){_NAME}, {_NAME} (?:and|und|et|y|e|&) {_NAME}\b")
# “an account with Opencounter”: a name that no model knows, after a word that companies stand behind
_BEHIND_A_CUE = re.compile(
    r"\b(?:at|from|with|for|of|by|joined|joining|company|firm|employer|client|supplier|vendor|bank|via)\s"
    rf"(?P<name>{_NAME}(?: (?:(?:and|&|of) )?{_NAME}){{0,3}})"
)


def company_names(
    text: str, named: Iterable[tuple[int, int]], is_given: Callable[[int, int], bool]
) -> Iterator[tuple[int, int]]:
    """Ranges of normalised text that are companies by their form.

    `named` is what a model has a name for. `is_given` says whether a range holds a given name: surnames in
    a row are partners of a firm, given names are people.
    """
    for found in _WITH_LEGAL_FORM.finditer(text):
        yield found.span()
    for found in _PARTNERS.finditer(text):
        if not is_given(*found.span()):
            yield found.span()
    taken = list(named)
    for found in _BEHIND_A_CUE.finditer(text):
        start, end = trimmed(text, *found.span("name"))
        words = text[start:end].lower().split()
        if any(first < end and start < last for first, last in taken) or all(map(is_everyday_word, words)):
            continue
        yield start, end
