"""How the other processes speak to the door."""

import json
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import Any, Final

import httpx

from gateway.errors import CloisterError, PartUnavailable, UpstreamFailed, error_from_problem
from gateway.http import call, response_error, unreachable
from gateway.principal import Principal, Tokens

from .values import (
    ChatChunk,
    ChatMessage,
    ChatUsage,
    DoorRedaction,
    DoorVerdict,
    EmbeddingPurpose,
    Form,
    Purpose,
    RedactedPart,
    Restored,
    RestoreMode,
    ServerState,
    TextPart,
    TokenInfo,
)

AUDIENCE: Final = "door"
_CHAT_TIMEOUT: Final = httpx.Timeout(10, read=120)
_INDEX_TIMEOUT: Final = httpx.Timeout(10, read=120)
_QUERY_TIMEOUT: Final = httpx.Timeout(10)  # somebody waits, and words can be compared without vectors
_RERANK_TIMEOUT: Final = httpx.Timeout(5)
_DONE: Final = "[DONE]"


class DoorClient:
    """Typed calls, each on behalf of a principal. Refusals come as the door's own errors."""

    def __init__(self, http_client: httpx.AsyncClient, tokens: Tokens) -> None:
        self._http = http_client
        self._tokens = tokens

    async def redact(
        self,
        principal: Principal,
        conversation: uuid.UUID,
        parts: Sequence[TextPart],
        *,
        purpose: Purpose,
    ) -> DoorRedaction:
        """Redact parts into the conversation's tokens; a question also gets the filter's verdict.

        A denied question must not be answered; its parts are redacted all the same. Raises
        `PartUnavailable`, `TooLarge`, `BadInput`.
        """
        body = {
            "conversation": str(conversation),
            "purpose": purpose,
            "parts": [_part(part) for part in parts],
        }
        answer = await self._post(principal, "/v1/redact", body)
        verdict = answer["verdict"]
        return DoorRedaction(
            DoorVerdict(verdict["outcome"], tuple(verdict["reasons"]), verdict["sentence"]),
            tuple(RedactedPart(part["id"], part["text"]) for part in answer["parts"]),
            answer["hidden"],
            tuple(TokenInfo(**token) for token in answer["tokens"]),
        )

    async def restore(
        self, principal: Principal, conversation: uuid.UUID, texts: Sequence[str], grant: str | None = None
    ) -> Restored:
        """Put back what the grant permits and what this principal typed; the rest stays tokens."""
        body = {"conversation": str(conversation), "texts": list(texts), "grant": grant}
        answer = await self._post(principal, "/v1/restore", body)
        return Restored(tuple(answer["texts"]), answer["withheld"])

    async def restore_typed(
        self, principal: Principal, texts: Sequence[tuple[uuid.UUID, str]]
    ) -> tuple[str, ...]:
        """Put back what this principal typed, in texts of many conversations; the rest stays tokens."""
        body = {"texts": [{"conversation": str(place), "text": text} for place, text in texts]}
        return tuple((await self._post(principal, "/v1/restore/typed", body))["texts"])

    async def read_ahead(self, principal: Principal, texts: Sequence[str]) -> None:
        """Have names looked for in texts that will be asked for, behind every question.

        What is found is kept for all doors when this returns. Raises `PartUnavailable`, `TooLarge`.
        """
        await self._post(principal, "/v1/read-ahead", {"texts": list(texts)}, limit=_INDEX_TIMEOUT)

    async def entities(self, principal: Principal, conversation: uuid.UUID) -> list[str]:
        """References of the CRM entities whose identities the conversation holds."""
        token = self._tokens.for_principal(principal, AUDIENCE)
        answer = await call(
            self._http, "door", "GET", f"/v1/conversations/{conversation}/entities", token=token
        )
        return list(answer.json()["entities"])

    async def embed(
        self, principal: Principal, texts: Sequence[str], purpose: EmbeddingPurpose
    ) -> list[list[float]]:
        """Vectors of the texts; in those of the index identities are replaced by durable ids, in others names
        become what those of somebody unknown would be, before the model sees them. `likeness` has a model of
        its own, which knows more languages than that of the index."""
        model = "likeness" if purpose == "likeness" else "embedding"
        body = {"model": model, "input": list(texts), "cloister": {"purpose": purpose}}
        limit = _INDEX_TIMEOUT if purpose == "index" else _QUERY_TIMEOUT
        answer = await self._post(principal, "/v1/embeddings", body, limit=limit)
        return [row["embedding"] for row in sorted(answer["data"], key=lambda row: row["index"])]

    async def rerank(
        self, principal: Principal, query: str, documents: Sequence[str], *, model: str
    ) -> list[float]:
        """How well each text answers the query, the more the better; identities are replaced as in `embed`.

        Scores of one call compare with each other alone. Raises `PartUnavailable`, `NotFound`, `TooLarge`.
        """
        body = {"model": model, "query": query, "documents": list(documents)}
        answer = await self._post(principal, "/v1/rerank", body, limit=_RERANK_TIMEOUT)
        return [row["relevance_score"] for row in sorted(answer["results"], key=lambda row: row["index"])]

    async def models(self, principal: Principal) -> list[str]:
        """Names of the models that the door has a deployment for."""
        token = self._tokens.for_principal(principal, AUDIENCE)
        answer = await call(self._http, "door", "GET", "/v1/models", token=token)
        return [row["id"] for row in answer.json()["data"]]

    async def versions(self, principal: Principal, model: str) -> list[str]:
        """Which versions of a model its deployments serve; none for a model that is not here."""
        token = self._tokens.for_principal(principal, AUDIENCE)
        answer = await call(self._http, "door", "GET", "/v1/models", token=token)
        found = (row["cloister"]["versions"] for row in answer.json()["data"] if row["id"] == model)
        return [str(version) for version in next(found, ())]

    async def deployments(
        self, principal: Principal
    ) -> tuple[tuple[ServerState, ...], tuple[ServerState, ...]]:
        """Servers of language models, and of embeddings. Raises `NotAllowed` but for administrators."""
        token = self._tokens.for_principal(principal, AUDIENCE)
        answer = (await call(self._http, "door", "GET", "/v1/deployments", token=token)).json()
        models, embeddings = (
            [ServerState(**row) for row in answer[name]] for name in ("models", "embeddings")
        )
        return tuple(models), tuple(embeddings)

    async def chat(
        self,
        principal: Principal,
        messages: Sequence[ChatMessage],
        *,
        conversation: uuid.UUID,
        restore: RestoreMode = "none",
        grant: str | None = None,
        form: Form = "tokenised",
        model: str = "default",
        options: Mapping[str, object] | None = None,
        quotes: Sequence[str] = (),
        quotes_at_most: int = 2,
        version: str | None = None,
    ) -> AsyncGenerator[ChatChunk, None]:
        """Stream an answer; `options` are OpenAI's own (`max_tokens`, `temperature`, `stop`, …).

        With `quotes` the model may write these texts alone, word for word: the first, then others of them.
        With `version` no other version of the model answers (`NotFound` where it is not served any more).

        Leaving the iterator (`aclose`) stops the model. Raises the door's refusals before the first
        chunk, and what breaks in mid-stream from the iterator.
        """
        body = {
            **(options or {}),
            "model": model,
            "stream": True,
            "stream_options": {"include_usage": True},
            "messages": [_message(message) for message in messages],
            "cloister": {
                "conversation": str(conversation),
                "restore": restore,
                "grant": grant,
                "form": form,
                "quotes": list(quotes),
                "quotes_at_most": quotes_at_most,
                "version": version,
            },
        }
        headers = {"Authorization": f"Bearer {self._tokens.for_principal(principal, AUDIENCE)}"}
        try:
            async with self._http.stream(
                "POST", "/v1/chat/completions", json=body, headers=headers, timeout=_CHAT_TIMEOUT
            ) as response:
                if response.is_error:
                    await response.aread()
                    raise response_error("door", response)
                async for chunk in _chunks(response):
                    yield chunk
        except httpx.TransportError as error:
            raise unreachable("door", error) from error

    async def _post(
        self, principal: Principal, path: str, body: object, *, limit: httpx.Timeout | None = None
    ) -> dict[str, Any]:
        token = self._tokens.for_principal(principal, AUDIENCE)
        answer = await call(self._http, "door", "POST", path, token=token, body=body, limit=limit)
        return dict(answer.json())


def _message(message: ChatMessage) -> dict[str, object]:
    if isinstance(message.content, str):
        return {"role": message.role, "content": message.content}
    return {"role": message.role, "content": [_content(part) for part in message.content]}


def _part(part: TextPart) -> dict[str, object]:
    wire: dict[str, object] = {"id": part.id, "text": part.text, "form": part.form, "guess": part.guess}
    return wire | _read_in(part)


def _read_in(part: TextPart) -> dict[str, object]:
    return {} if part.entity is None else {"entity": part.entity, "field": part.field}


def _content(part: str | TextPart) -> dict[str, object]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    wire: dict[str, object] = {"type": "text", "text": part.text, "form": part.form, "data": part.data}
    return wire | _read_in(part)


async def _chunks(response: httpx.Response) -> AsyncIterator[ChatChunk]:
    async for line in response.aiter_lines():
        if not line.startswith("data:"):
            continue
        payload = line.removeprefix("data:").strip()
        if payload == _DONE:
            return
        chunk = json.loads(payload)
        if "error" in chunk:
            raise _broken(chunk["error"])
        yield _chunk(chunk)
    raise UpstreamFailed("The answer broke off before its end.", part="door")


def _chunk(chunk: Mapping[str, Any]) -> ChatChunk:
    usage = chunk.get("usage")
    counted = ChatUsage(usage["prompt_tokens"], usage["completion_tokens"]) if usage else None
    if not chunk["choices"]:
        return ChatChunk("", usage=counted)
    choice = chunk["choices"][0]
    told = chunk.get("cloister", {})
    return ChatChunk(
        choice["delta"].get("content") or "",
        choice.get("finish_reason"),
        counted,
        int(told.get("unresolved", 0)),
        str(told.get("version", "")),
    )


def _broken(error: Mapping[str, Any]) -> CloisterError:
    status = int(error.get("status", UpstreamFailed.status))
    if status == PartUnavailable.status:
        return PartUnavailable(str(error.get("part", "model")), str(error["message"]))
    named = {"part": error["part"]} if "part" in error else {}
    return error_from_problem(status, {"detail": error["message"], **named})
