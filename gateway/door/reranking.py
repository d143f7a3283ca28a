"""Reranking: how well texts answer a question, judged by a model that reads no identities."""

import math
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter

from gateway.audit import GatewayEvent, record
from gateway.errors import NotAllowed, UpstreamFailed

from .access import Worker
from .limits import check_not_empty, check_parts
from .redactor import Part
from .schemas import RerankRequest
from .state import TheDoor

router = APIRouter()


@router.post("/v1/rerank")
async def rerank(asked: RerankRequest, caller: Worker, door: TheDoor) -> dict[str, Any]:
    """Order texts by a question, for our processes alone: a score tells which names the CRM knows.

    That texts are sent is recorded, how many and how long; not what they say.
    """
    if not caller.process:
        raise NotAllowed("Texts are ordered for the appliance itself, not with an API token.")
    check_not_empty([asked.query])
    parts = [Part(asked.query, typed=True), *map(Part, asked.documents)]
    check_parts(parts, door.settings.limits)
    read = await door.redactor.read(parts, whose=caller.principal.counted_as)
    async with door.database.transaction() as session:
        query, *documents = await door.redactor.durably(session, read)
        record(
            session,
            GatewayEvent.TEXT_RERANKED,
            caller.principal,
            model=asked.model,
            texts=len(documents),
            characters=sum(map(len, (query, *documents))),
        )
    _, answer = await door.rerankers.rerank(asked.model, query, documents)
    scores = _scores(answer, len(documents))
    order = sorted(range(len(scores)), key=lambda index: -scores[index])
    return {
        "model": asked.model,
        "results": [{"index": index, "relevance_score": scores[index]} for index in order[: asked.top_n]],
    }


def _scores(answer: Mapping[str, Any], wanted: int) -> list[float]:
    """A finite number for every text, in their order. Texts that a server sends back are not passed on."""
    try:
        found = {int(row["index"]): float(row["relevance_score"]) for row in answer["results"]}
    except (KeyError, TypeError, ValueError) as error:
        raise UpstreamFailed("The reranker answered in another form.", part="reranker") from error
    if sorted(found) != list(range(wanted)) or not all(map(math.isfinite, found.values())):
        raise UpstreamFailed("The reranker left texts out, or gave no numbers.", part="reranker")
    return [found[index] for index in range(wanted)]
