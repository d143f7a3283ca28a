"""Texts ordered by a question: what the reranker is shown and may answer, and what happens without it."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any

import httpx
import pytest
from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import select
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway import (
    BadInput,
    DoorClient,
    NotFound,
    PartUnavailable,
    RerankerSettings,
    TooLarge,
    UpstreamFailed,
    create_door_app,
    create_http_client,
)
from gateway.audit import AuditRow

from .conftest import ANNA, COMPANY, Site, principal, until_ready
from .server import serving

STRANGER = "Rosalind Ravensworth"


class VllmRerank(BaseModel):
    """What vLLM 0.32 takes at /v1/rerank: entrypoints/pooling/scoring/protocol.py, without images."""

    model_config = ConfigDict(extra="forbid", strict=True)

    model: str | None = None
    user: str | None = None
    query: str
    documents: list[str]
    top_n: int = Field(0, ge=0)
    truncate_prompt_tokens: Annotated[int, Field(ge=-1)] | None = None
    max_tokens_per_query: int = 0
    max_tokens_per_doc: int = 0
    instruction: str | None = None
    use_activation: bool | None = None


class Reranking:
    """Speaks vLLM's protocol by a script; longer texts are worth more, and the best comes first."""

    def __init__(self) -> None:
        self.asked: list[VllmRerank] = []
        self.answer: Any = None
        self.never = asyncio.Event()

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/v1/rerank", self._rerank, methods=["POST"])])

    @property
    def everything(self) -> str:
        return "\n".join(json.dumps(one.model_dump(), ensure_ascii=False) for one in self.asked)

    async def _rerank(self, request: Request) -> Response:
        self.asked.append(VllmRerank.model_validate_json(await request.body()))
        model = self.asked[-1].model
        if model == "slow":
            await self.never.wait()
        if model == "failing":
            return JSONResponse({"error": {"message": self.asked[-1].query}}, 500)
        if model == "odd":
            return JSONResponse(self.answer)
        texts = self.asked[-1].documents
        rows = [
            {"index": index, "document": {"text": text}, "relevance_score": len(text) / 100}
            for index, text in enumerate(texts)
        ]
        rows.sort(key=lambda row: -float(str(row["relevance_score"])))
        whole = {"id": "rerank-1", "model": "m", "usage": {"prompt_tokens": 9, "total_tokens": 9}}
        return JSONResponse({**whole, "results": rows})


@dataclass
class Stand:
    """A door with rerankers behind it, one for each way of answering."""

    reranker: Reranking
    client: DoorClient
    http: httpx.AsyncClient


@pytest.fixture(scope="module")
async def standing(site: Site) -> AsyncIterator[Stand]:
    reranker = Reranking()
    async with serving(reranker.app()) as url:
        servers = [
            RerankerSettings(name="cross", url=url, model="judge", served_name="its-own-name"),
            RerankerSettings(name="odd", url=url, model="odd"),
            RerankerSettings(name="failing", url=url, model="failing"),
            RerankerSettings(name="slow", url=url, model="slow", first_chunk_s=0.3),
        ]
        breaker = site.settings.breaker.model_copy(update={"seconds": 600})
        changes = {"rerankers": servers, "breaker": breaker}
        async with (
            serving(create_door_app(site.settings.model_copy(update=changes))) as address,
            create_http_client(address) as http,
        ):
            await until_ready(http)
            yield Stand(reranker, DoorClient(http, site.tokens["work"]), http)
            reranker.never.set()


@pytest.fixture
def stand(standing: Stand) -> Stand:
    standing.reranker.asked.clear()
    return standing


async def test_scores_come_in_the_order_of_the_texts_and_identities_do_not_go_out(
    fresh: Site, stand: Stand
) -> None:
    rep = principal()
    texts = ["short", f"{ANNA} of {COMPANY} called", f"{STRANGER} asked"]
    scores = await stand.client.rerank(rep, f"What did {ANNA} want?", texts, model="judge")
    (asked,) = stand.reranker.asked
    assert asked.model == "its-own-name"
    assert asked.query == "What did [PERSON] want?"  # as of somebody whom the CRM does not know
    assert asked.documents[:2] == ["short", "contact_1 of account_1 called"]
    assert scores == [len(text) / 100 for text in asked.documents]
    for name in (ANNA, COMPANY, STRANGER, "Weidenbach", "Ravensworth"):
        assert name not in stand.reranker.everything
    async with fresh.database.transaction() as session:
        row = (await session.exec(select(AuditRow).where(AuditRow.actor == rep.id))).one()
    sent = sum(map(len, (asked.query, *asked.documents)))
    assert row.event == "text.reranked"
    assert row.detail == {"model": "judge", "texts": 3, "characters": sent}


async def test_only_processes_of_ours_may_ask_and_texts_are_not_sent_back(
    fresh: Site, stand: Stand, api_token: str
) -> None:
    body = {"model": "judge", "query": "pump", "documents": ["a", "a longer one"], "top_n": 1}
    stranger = {"Authorization": f"Bearer {api_token}"}
    assert (await stand.http.post("/v1/rerank", json=body, headers=stranger)).status_code == 403
    assert (await stand.http.post("/v1/rerank", json=body)).status_code == 401
    assert stand.reranker.asked == []
    answer = await stand.http.post("/v1/rerank", json=body, headers=fresh.headers(principal()))
    assert answer.json() == {"model": "judge", "results": [{"index": 1, "relevance_score": 0.12}]}


@pytest.mark.parametrize(
    ("query", "texts", "model", "error"),
    [
        ("", ["a"], "judge", BadInput),
        ("q", [], "judge", BadInput),
        ("q", ["a\0"], "judge", BadInput),
        ("q", ["a" * 70_000], "judge", TooLarge),
        ("q", ["a"], "unknown", NotFound),
    ],
)
async def test_what_is_out_of_bounds_is_refused_before_anything_goes_out(
    stand: Stand, query: str, texts: list[str], model: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await stand.client.rerank(principal(), query, texts, model=model)
    assert stand.reranker.asked == []


@pytest.mark.parametrize(
    "answer",
    [
        {"results": [{"index": 0, "relevance_score": 0.5}]},
        {"results": [{"index": 0, "relevance_score": 0.5}, {"index": 0, "relevance_score": 0.5}]},
        {"results": [{"index": 0, "relevance_score": 0.5}, {"index": 2, "relevance_score": 0.5}]},
        {"results": [{"index": 0, "relevance_score": "NaN"}, {"index": 1, "relevance_score": 0.5}]},
        {"results": [{"index": 0, "score": 0.5}, {"index": 1, "score": 0.5}]},
        {"data": []},
    ],
)
async def test_an_answer_that_leaves_texts_out_is_none(stand: Stand, answer: Any) -> None:
    stand.reranker.answer = answer
    with pytest.raises(UpstreamFailed) as failed:
        await stand.client.rerank(principal(), "q", ["a", "b"], model="odd")
    assert failed.value.extra["part"] == "reranker"


async def test_a_reranker_that_fails_is_named_and_rests(fresh: Site, stand: Stand) -> None:
    for _ in range(4):
        with pytest.raises(PartUnavailable) as failed:
            await stand.client.rerank(principal(), f"About {ANNA}", ["a", "b"], model="failing")
        assert "Weidenbach" not in str(failed.value)
    assert len(stand.reranker.asked) == fresh.settings.breaker.failures


async def test_a_slow_reranker_is_given_up(stand: Stand) -> None:
    with pytest.raises(PartUnavailable, match="does not answer") as failed:
        await stand.client.rerank(principal(), "q", ["a", "b"], model="slow")
    assert failed.value.part == "reranker"


async def test_without_a_reranker_the_door_says_so(fresh: Site) -> None:
    with pytest.raises(PartUnavailable, match="runs without a reranker") as failed:
        await fresh.client.rerank(principal(), "q", ["a"], model="judge")
    assert failed.value.part == "reranker"
