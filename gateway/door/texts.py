"""Redacting and restoring the texts of a conversation, for our own processes."""

import uuid
from typing import Any

from fastapi import APIRouter
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.audit import GatewayEvent, record
from gateway.errors import NotAllowed
from gateway.filter import Allowed, Denied, Flagged, Verdict, judge_all, outcome_of
from gateway.identities import (
    SHARED,
    ConversationTokens,
    TokenFacts,
    entities_of,
    in_agreement,
    load_tokens,
    unknown_subject,
)
from gateway.principal import Principal, RevealGrant, Role, Tokens
from redaction import EntityType, Restorer, find_tokens

from .access import ReadingProcess, WritingProcess
from .limits import check_parts, check_question
from .redactor import Masked, Part, count_types
from .schemas import ReadAheadIn, RedactIn, RestoreIn
from .state import TheDoor

_WORKING = (Role.REP, Role.LEAD, Role.OFFICER)
GRANTERS = frozenset({"retrieval"})
router = APIRouter()


@router.post("/v1/redact")
async def redact_parts(asked: RedactIn, caller: WritingProcess, door: TheDoor) -> dict[str, Any]:
    """Redact parts into the conversation's tokens; judge a question."""
    typed = asked.purpose != "context"
    parts = [Part(part.text, part.form, part.entity, part.field, part.guess, typed) for part in asked.parts]
    check_parts(parts, door.settings.limits)
    question = asked.purpose == "question"
    verdict: Verdict = Allowed()
    if question:
        texts = [part.text for part in parts]
        check_question(texts, door.settings.limits)
        verdict = judge_all(texts)
    read = await door.redactor.read(parts, whose=caller.principal.counted_as)

    async def mask(session: AsyncSession) -> Masked:
        masked, _ = await door.redactor.in_conversation(
            session, asked.conversation, read, whose=caller.principal.id, guessing=typed
        )
        record(
            session,
            GatewayEvent.TEXT_REFUSED if isinstance(verdict, Denied) else GatewayEvent.TEXT_REDACTED,
            caller.principal,
            conversation=asked.conversation,
            purpose=asked.purpose,
            parts=len(parts),
            hidden=len(masked.tokens),
            types=count_types(masked.tokens),
            reasons=list(_reasons(verdict)),
            masking=door.masking_version,
            identities=door.feed.version,
        )
        return masked

    masked = await in_agreement(door.database, mask)
    return {
        "verdict": {
            "outcome": outcome_of(verdict),
            "reasons": list(_reasons(verdict)),
            "sentence": verdict.reason if isinstance(verdict, Denied) else "",
        },
        "parts": [
            {"id": part.id, "text": text} for part, text in zip(asked.parts, masked.texts, strict=True)
        ],
        "hidden": len(masked.tokens),
        "tokens": [_token(facts, masked.guessed.get(facts.token)) for facts in masked.tokens],
    }


@router.post("/v1/read-ahead")
async def read_ahead(asked: ReadAheadIn, caller: WritingProcess, door: TheDoor) -> dict[str, int]:
    """Look for names in texts before they are asked for; nothing of a text is kept or given back."""
    check_parts([Part(text) for text in asked.texts], door.settings.limits)
    await door.redactor.read_ahead(asked.texts, whose=caller.principal.id)
    return {"read": len(asked.texts)}


@router.post("/v1/restore")
async def restore_texts(asked: RestoreIn, caller: ReadingProcess, door: TheDoor) -> dict[str, Any]:
    """Put back what the grant permits and what this principal typed."""
    check_parts([Part(text) for text in asked.texts], door.settings.limits)
    grant = verified_grant(door.tokens, asked.grant, caller.principal, asked.conversation)
    async with door.database.transaction() as session:
        tokens = await load_tokens(session, door.envelope, asked.conversation)
        values = permitted_values(tokens, caller.principal, grant)
        standing = {token for text in asked.texts for _, _, token in find_tokens(text)}
        withheld = len((standing & tokens.facts.keys()) - values.keys())
        shown = standing & values.keys()
        if shown:
            record(
                session,
                GatewayEvent.TEXT_RESTORED,
                caller.principal,
                conversation=asked.conversation,
                texts=len(asked.texts),
                tokens=sorted(shown),
                withheld=withheld,
            )
    # what this principal may not read still counts among what a piece of text could mean
    restorer = Restorer({token: values.get(token, token) for token in tokens.facts})
    restorations = [restorer.restore(text) for text in asked.texts]
    return {
        "texts": [restoration.text for restoration in restorations],
        "withheld": withheld,
        "unresolved": sum(restoration.unresolved for restoration in restorations),
    }


@router.get("/v1/conversations/{conversation}/entities")
async def list_entities(conversation: uuid.UUID, _caller: ReadingProcess, door: TheDoor) -> dict[str, Any]:
    """List the CRM entities whose identities the conversation holds."""
    async with door.database.transaction() as session:
        return {"entities": await entities_of(session, conversation)}


def verified_grant(
    tokens: Tokens, token: str | None, principal: Principal, conversation: uuid.UUID
) -> RevealGrant | None:
    """The grant, when it is this principal's for this conversation.

    Raises `NotSignedIn` (forged, expired, not from retrieval), `NotAllowed` (somebody else's).
    """
    if token is None:
        return None
    grant = tokens.verified_grant(token, issuers=GRANTERS)
    if grant.principal != principal.id or grant.conversation != str(conversation):
        raise NotAllowed("The grant is for somebody else or for another conversation.")
    return grant


def permitted_values(
    tokens: ConversationTokens, principal: Principal, grant: RevealGrant | None
) -> dict[str, str]:
    """Token to value, of all that this principal may read.

    That is what they typed themselves, what the grant names, and text that only looked like a token.
    A part of a name counts as the name it was taken from. Persons whom the CRM does not know go by
    `conversation:<id>` in a grant.
    """
    permitted = {
        token
        for token, facts in tokens.facts.items()
        if facts.type is EntityType.LITERAL
        or principal.id in tokens.typed_by[token]
        or (_is_typed_here(facts, tokens) and principal.has(*_WORKING))
        or (grant is not None and _is_granted(grant, facts, tokens))
    }
    values = {token: tokens.value_of(token) for token in permitted}
    return {token: value for token, value in values.items() if value is not None}


def _is_typed_here(facts: TokenFacts, tokens: ConversationTokens) -> bool:
    """Whether somebody typed a value in this conversation and no record holds it: an officer's edit must
    reach the rep whole, and a question the officer. What nobody typed was read, wherever that was."""
    return not facts.entities and facts.read_in is None and bool(tokens.typed_by[facts.token])


def _is_granted(grant: RevealGrant, facts: TokenFacts, tokens: ConversationTokens) -> bool:
    if facts.read_in is not None and all(
        grant.permits(facts.read_in, name) for name in (facts.read_field or "").split(SHARED)
    ):
        return True  # a product or a note may hold the name of somebody else's customer
    if not facts.entities:
        return grant.permits(unknown_subject(tokens.conversation), facts.type.value.lower())
    fields = {facts.field or facts.type.value.lower()}
    if facts.field in ("first", "last"):
        fields |= {
            other.field
            for other in tokens.facts.values()
            if other.field and other.type is facts.type and other.entity == facts.entity
        }
    return any(grant.permits(owner, name) for owner in facts.entities for name in fields)


def _reasons(verdict: Verdict) -> tuple[str, ...]:
    return verdict.reasons if isinstance(verdict, Flagged | Denied) else ()


def _token(facts: TokenFacts, guessed: str | None) -> dict[str, str | None]:
    return {
        "token": facts.token,
        "type": facts.type.value,
        "entity": facts.entity,
        "field": facts.field,
        "guessed": guessed,
    }
