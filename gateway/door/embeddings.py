"""Embeddings: identities are replaced before any model reads the text."""

import base64
import struct
from typing import Any

from fastapi import APIRouter

from gateway.audit import GatewayEvent, record
from gateway.errors import BadInput, NotAllowed, UpstreamFailed

from .access import Worker
from .limits import check_parts
from .redactor import Part
from .schemas import EmbeddingsRequest
from .state import TheDoor

router = APIRouter()


@router.post("/v1/embeddings")
async def embed(asked: EmbeddingsRequest, caller: Worker, door: TheDoor) -> dict[str, Any]:
    """Embed texts, for our processes alone: a vector tells which names the CRM knows.

    That texts are sent is recorded, how many and how long; not what they say.
    """
    if not caller.process:
        raise NotAllowed("Vectors are made for the appliance itself, not with an API token.")
    texts = [asked.input] if isinstance(asked.input, str) else asked.input
    if not texts:
        raise BadInput("There is nothing to embed.")
    purpose = asked.cloister.purpose if asked.cloister else "query"
    background = purpose == "index"
    parts = [Part(text, typed=not background) for text in texts]
    check_parts(parts, door.settings.limits)
    read = await door.redactor.read(parts, whose=caller.principal.counted_as, background=background)
    async with door.database.transaction() as session:
        redacted = await door.redactor.durably(session, read)
        record(
            session,
            GatewayEvent.TEXT_EMBEDDED,
            caller.principal,
            model=asked.model,
            purpose=purpose,
            texts=len(redacted),
            characters=sum(map(len, redacted)),
        )
    _, answer = await door.embedders.embed(asked.model, redacted)
    rows = answer.get("data")
    if not isinstance(rows, list) or len(rows) != len(texts):
        raise UpstreamFailed("The embedding server gave another number of vectors.", part="embeddings")
    return {
        "object": "list",
        "model": asked.model,
        "data": [
            {
                "object": "embedding",
                "index": index,
                "embedding": _encoded(row["embedding"], asked.encoding_format),
            }
            for index, row in enumerate(sorted(rows, key=lambda row: row["index"]))
        ],
        "usage": answer.get("usage", {"prompt_tokens": 0, "total_tokens": 0}),
    }


def _encoded(vector: list[float], form: str) -> list[float] | str:
    if form == "float":
        return vector
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
