"""Restoring what a person typed in many conversations at once: the titles of their own list."""

import uuid
from collections import defaultdict
from typing import Any

from fastapi import APIRouter

from gateway.audit import GatewayEvent, record
from gateway.identities import typed_values
from redaction import find_tokens, restore

from .access import ReadingProcess
from .limits import check_parts
from .redactor import Part
from .schemas import RestoreTypedIn
from .state import TheDoor

router = APIRouter()


@router.post("/v1/restore/typed")
async def restore_typed(asked: RestoreTypedIn, caller: ReadingProcess, door: TheDoor) -> dict[str, Any]:
    """Put back what this principal typed, and nothing else; it is recorded once for all the texts."""
    check_parts([Part(one.text) for one in asked.texts], door.settings.limits)
    wanted: defaultdict[uuid.UUID, set[str]] = defaultdict(set)
    for one in asked.texts:
        wanted[one.conversation] |= {token for _, _, token in find_tokens(one.text)}
    async with door.database.transaction() as session:
        values = await typed_values(session, door.envelope, caller.principal.id, wanted)
        if values:
            tokens = sum(map(len, values.values()))
            record(
                session,
                GatewayEvent.TEXT_RESTORED,
                caller.principal,
                conversations=[str(conversation) for conversation in values],
                texts=len(asked.texts),
                tokens=tokens,
                typed_only=True,
            )
    return {"texts": [restore(one.text, values.get(one.conversation, {})) for one in asked.texts]}
