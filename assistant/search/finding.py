"""One search in somebody's name, as the page and programs make it: redacted, filtered, under their rights."""

import uuid

from assistant.answer import named_records, of_nobody, searched, strangers_among
from assistant.runs.api import checked_question, redact_question
from gateway import DoorClient, Principal, QuestionRefused
from retrieval import RetrievalClient, SearchResult


async def find(
    principal: Principal,
    text: str,
    *,
    scope: str | None,
    limit: int,
    door: DoorClient,
    retrieval: RetrievalClient,
) -> SearchResult:
    """Passages and facts that `principal` may see. Nothing is stored and no model writes.

    The marks of records are for the rules of risk alone: they may be of a record that is not theirs.

    Raises `QuestionRefused` for what the inbound filter denies, and whatever a part raises that is missing.
    """
    text = checked_question(text)
    conversation = uuid.uuid4()
    question = await redact_question(door, principal, conversation, text)
    if question.outcome == "denied":
        raise QuestionRefused(question.sentence)
    named = named_records(question.tokens)
    own = frozenset(await retrieval.visible(principal, named) if named else ())
    strangers = await strangers_among(question.tokens, own, door, principal, conversation)
    tokens = strangers.forget(question.tokens)
    unknown = of_nobody(tokens)
    words = (await door.restore(principal, conversation, unknown)).texts if unknown else ()
    typed = dict(zip(unknown, words, strict=True))
    asked = searched(strangers.hide(question.text), tokens, scope, (), (), typed)
    found = await retrieval.search(
        principal,
        asked.question,
        entities=asked.entities,
        scope=scope,
        limit=limit,
    )
    return found.model_copy(update={"flags": ()})
