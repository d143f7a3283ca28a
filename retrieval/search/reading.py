"""What a question says in the words of the map: people say Garantie where the records say warranty."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from retrieval.crm import CrmMap

_ENDING: Final = r"(?:s|es|e|en|em|er|n|['’]s)?"  # of plurals and cases, in English and German


def words_of_map(crm_map: CrmMap, question: str) -> tuple[str, ...]:
    """Words of the map for what the question says in others, in the order of the map."""
    return tuple(
        word
        for word, others in crm_map.words.items()
        if not mentions(question, (word,)) and mentions(question, others)
    )


def in_words_of_map(crm_map: CrmMap, question: str) -> str:
    """The question with the words of the map in place of others."""
    for word in words_of_map(crm_map, question):
        for other in crm_map.words[word]:
            question = pattern_of(other).sub(word, question)
    return question


def mentions(text: str, phrases: Iterable[str]) -> bool:
    """Whether one of the phrases stands in a text as words, in whatever case and with whatever ending."""
    return any(pattern_of(phrase).search(text) for phrase in phrases)


@lru_cache(maxsize=2_048)
def pattern_of(phrase: str) -> re.Pattern[str]:
    """Finds a phrase in a text. One of a single letter or two, such as US, is found in its own case only."""
    words = phrase.split()
    found = r"\s+".join(re.escape(word) + _ENDING for word in words)
    if len(phrase) <= 2:
        return re.compile(rf"(?<!\w){re.escape(phrase)}(?!\w)")
    return re.compile(rf"(?<!\w){found}(?!\w)", re.IGNORECASE)
