"""What a question asks for beside the numbers that no visible record has."""

from collections.abc import Callable, Sequence
from typing import Final

from retrieval.pieces import references_in
from retrieval.records import Records
from retrieval.rights import Visibility

from .asked import rest_of
from .focus import visible_rows
from .numbers import Numbered, places_of
from .values import Question
from .wanted import goes_back, may_be_list, telling_words
from .words import CODES

_ENOUGH: Final = 5  # words that tell what is meant where the number is but mentioned
_CURRENCIES: Final = frozenset({"EUR", "USD", "GBP", "CHF"})


async def besides(
    records: Records,
    visibility: Visibility,
    question: Question,
    numbers: Numbered,
    terms_in: Callable[[str], Sequence[int]],
) -> Question | None:
    """What is left to search for: all of it where it names another record that is there, else what it asks
    without those numbers, if that is enough to be asked; None where that is nothing."""
    if not question.scope:
        # with something asked before, the entities are of that
        refs = references_in(question.question) if question.earlier else question.entities
        if numbers.found or (refs and await visible_rows(records, visibility, refs)):
            return question
    crm_map = records.crm_map

    def is_enough(said: str) -> bool:
        if may_be_list(crm_map, said):
            return False  # of the records of what is missing it would become one of everybody's
        words = terms_in(" ".join(telling_words(crm_map, said)))
        return len(words) >= _ENOUGH or _has_code(said)

    rest = rest_of(
        question.question,
        places_of(crm_map, question.question, numbers.missing),
        goes_back=lambda clause: goes_back(crm_map, clause),
        is_enough=is_enough,
    )
    return question.model_copy(update={"question": rest, "entities": (), "earlier": ""}) if rest else None


def _has_code(said: str) -> bool:
    return any(found["head"] and found["head"].upper() not in _CURRENCIES for found in CODES.finditer(said))
