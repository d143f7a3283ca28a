"""What a question asks for beside the numbers that no visible record has."""

from retrieval.pieces import references_in
from retrieval.records import Records
from retrieval.rights import Visibility

from .asked import rest_of
from .focus import visible_rows
from .numbers import Numbered
from .values import Question
from .wanted import goes_back


async def besides(
    records: Records, visibility: Visibility, question: Question, numbers: Numbered
) -> Question | None:
    """What is left to search for: all of it where it names another record that is there, else what it asks
    in clauses of their own that do not speak of those; None where that is nothing."""
    if not question.scope:
        # with something asked before, the entities are of that
        refs = references_in(question.question) if question.earlier else question.entities
        if numbers.found or (refs and await visible_rows(records, visibility, refs)):
            return question

    def is_about_missing(clause: str) -> bool:
        return goes_back(records.crm_map, clause) or any(one.text in clause for one in numbers.missing)

    rest = rest_of(question.question, is_about_missing)
    return question.model_copy(update={"question": rest, "entities": (), "earlier": ""}) if rest else None
