"""The calls to model servers: our own HTTP client, our own timeouts, one other try before the first byte."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final

import httpx

from gateway.errors import BadInput, PartUnavailable, UpstreamFailed
from gateway.http import create_http_client
from gateway.settings import read_secret
from gateway.telemetry import log
from redaction import Redacted

from .prompt import ModelPrompt
from .routing import Choice, ModelRouter
from .settings import DeploymentSettings
from .values import ServerState

_DONE: Final = "[DONE]"
_TRIES: Final = 2
_LOOK_S: Final = 2.0
_LOADING_S: Final = 600.0
"""So long after the door began may a server that was not heard yet be loading its model."""
_BAD_REQUEST: Final = frozenset({400, 413, 422})


class ModelAnswer:
    """An answer that has begun: its chunks as the server sent them, and who sent them."""

    def __init__(
        self, deployment: str, tries: int, first: Mapping[str, Any] | None, lines: AsyncIterator[str],
        held: AsyncExitStack, failed: "ModelServers",
    ) -> None:  # fmt: skip
        self.deployment = deployment
        self.tries = tries
        self._first = first
        self._lines = lines
        self._held = held
        self._servers = failed

    async def chunks(self) -> AsyncIterator[Mapping[str, Any]]:
        """OpenAI's chunks to the end. Raises `UpstreamFailed` when the server breaks off."""
        if self._first is None:
            return
        yield self._first
        try:
            while (chunk := await _next_chunk(self._lines)) is not None:
                yield chunk
        except (httpx.TransportError, UpstreamFailed) as error:
            self._servers.broke(self.deployment, error)
            raise UpstreamFailed(
                "The model server broke off in the middle of the answer.", part="model"
            ) from error

    async def close(self) -> None:
        """Hang up, which stops the server's work."""
        await self._held.aclose()


class ModelServers:
    """The model servers of one kind, with a client for each."""

    def __init__(self, deployments: Sequence[DeploymentSettings], router: ModelRouter) -> None:
        self._router = router
        self._deployments = tuple(deployments)
        self._clients = {deployment.name: _client(deployment) for deployment in deployments}
        self._began = time.monotonic()
        self._heard: set[str] = set()

    def choose(self, model: str, tokens: int, *, without: Collection[str] = ()) -> Choice:
        """A deployment as the router chooses it; where all are resting it says whether they are starting."""
        try:
            return self._router.choose(model, tokens, without=without)
        except PartUnavailable as resting:
            if resting.absent:
                raise
            raise self._nobody(model, resting.sentence) from resting

    async def ask(
        self, model: str, prompt: ModelPrompt, tokens: int, *, without: Collection[str] = ()
    ) -> ModelAnswer:
        """Begin an answer to a redacted prompt; `tokens` is how much of the window it may take.

        Deployments in `without` are not asked. Raises `PartUnavailable` when nobody answers, `BadInput` when
        the server refuses the request.
        """
        failed: list[str] = []
        while True:
            choice = self.choose(model, tokens, without=[*without, *failed])
            try:
                answer = await self._begin(choice, prompt, len(failed) + 1)
            except (httpx.TransportError, UpstreamFailed) as error:
                self.broke(choice.name, error)
                failed.append(choice.name)
                if len(failed) == _TRIES or len(self._clients) == len(failed):
                    raise self._nobody(model, _told(error)) from error
                continue
            self._succeeded(choice.name)
            return answer

    async def embed(self, model: str, texts: Sequence[Redacted]) -> tuple[str, dict[str, Any]]:
        """Vectors of redacted texts: the deployment's name and the server's answer."""
        body = {"input": list(texts), "encoding_format": "float"}
        unanswered = PartUnavailable("embeddings", "The embedding server does not answer.")
        return await self._post(model, "/v1/embeddings", body, unanswered)

    async def rerank(
        self, model: str, query: Redacted, documents: Sequence[Redacted]
    ) -> tuple[str, dict[str, Any]]:
        """How well redacted texts answer a redacted question: the deployment's name and its answer.

        What is longer than the model reads is cut there.
        """
        body = {"query": query, "documents": list(documents), "truncate_prompt_tokens": -1}
        if not self._clients:
            raise PartUnavailable("reranker", "This appliance runs without a reranker.")
        unanswered = PartUnavailable("reranker", "The reranker does not answer.")
        return await self._post(model, "/v1/rerank", body, unanswered)

    async def _post(
        self, model: str, path: str, body: Mapping[str, Any], unanswered: PartUnavailable
    ) -> tuple[str, dict[str, Any]]:
        """A call that is answered at once, with one other try."""
        failed: list[str] = []
        while True:
            try:
                choice = self._router.choose(model, 0, without=failed)
            except PartUnavailable as resting:  # it would say that the language model is missing
                raise unanswered from resting
            named = {"model": _served(choice.settings), **body}
            try:
                response = await self._clients[choice.name].post(path, json=named)
                _raise_for(response.status_code)
                self._succeeded(choice.name)
                return choice.name, response.json()
            except (httpx.TransportError, UpstreamFailed, ValueError) as error:
                self.broke(choice.name, error)
                failed.append(choice.name)
                if len(failed) == _TRIES or len(self._clients) == len(failed):
                    raise unanswered from error

    async def states(self) -> list[ServerState]:
        """Each server, and whether it answers now; asked all at once, two seconds each."""
        answers = await asyncio.gather(*map(_answers, self._clients.values()))
        named = list(zip(self._deployments, answers, strict=True))
        self._heard |= {each.name for each, answering in named if answering}
        return [ServerState(each.name, each.model, is_up, self._may_load(each.name)) for each, is_up in named]

    def _may_load(self, deployment: str) -> bool:
        return deployment not in self._heard and time.monotonic() - self._began <= _LOADING_S

    def _nobody(self, model: str, sentence: str) -> PartUnavailable:
        members = [each.name for each in self._deployments if each.model == model]
        return PartUnavailable("model", sentence, starting=all(map(self._may_load, members)))

    def _succeeded(self, deployment: str) -> None:
        self._heard.add(deployment)
        self._router.succeeded(deployment)

    def broke(self, deployment: str, error: Exception) -> None:
        """Tell the router, and the log, that a server failed."""
        log.warning("model.failed", deployment=deployment, kind=type(error).__name__)
        self._router.failed(deployment)

    async def close(self) -> None:
        """Give every connection back."""
        for client in self._clients.values():
            await client.aclose()

    async def _begin(self, choice: Choice, prompt: ModelPrompt, tries: int) -> ModelAnswer:
        body = {
            **prompt.body,
            "model": _served(choice.settings),
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        async with AsyncExitStack() as stack:
            stream = self._clients[choice.name].stream("POST", "/v1/chat/completions", json=body)
            response = await stack.enter_async_context(stream)
            if response.is_error:
                await response.aread()
                _raise_for(response.status_code)
            lines = response.aiter_lines()
            first = await _next_chunk(lines)
            return ModelAnswer(choice.name, tries, first, lines, stack.pop_all(), self)
        raise AssertionError  # the block above returns or raises


def _client(deployment: DeploymentSettings) -> httpx.AsyncClient:
    client = create_http_client(
        deployment.url,
        tls=deployment.tls,
        timeout=deployment.connect_s,
        read_timeout=deployment.first_chunk_s,
    )
    if deployment.api_key_file is not None:
        client.headers["Authorization"] = f"Bearer {read_secret(deployment.api_key_file)}"
    return client


async def _answers(client: httpx.AsyncClient) -> bool:
    """Whatever is no server error is an answer: not every server has this path."""
    try:
        response = await client.get("/health", timeout=_LOOK_S)
    except httpx.TransportError:
        return False
    return response.status_code < 500


def _served(deployment: DeploymentSettings) -> str:
    return deployment.served_name or deployment.model


async def _next_chunk(lines: AsyncIterator[str]) -> Mapping[str, Any] | None:
    async for line in lines:
        if not line.startswith("data:"):
            continue
        payload = line.removeprefix("data:").strip()
        if payload == _DONE:
            return None
        try:
            chunk: Any = json.loads(payload)
        except ValueError as error:
            raise UpstreamFailed("The model server sent what is not JSON.", part="model") from error
        if not isinstance(chunk, dict) or "choices" not in chunk:
            raise UpstreamFailed("The model server reported an error.", part="model")
        return chunk
    raise UpstreamFailed("The model server broke off.", part="model")


def _raise_for(status: int) -> None:
    """The server's own sentence is not passed on: it may quote the prompt."""
    if status in _BAD_REQUEST:
        raise BadInput("The model server does not accept this request; it may be too long for the model.")
    if status >= 400:
        raise UpstreamFailed(f"The model server answered with status {status}.", part="model")


def _told(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "The model server does not answer in time. Try again in a moment."
    return "The model server cannot be reached or fails. Try again in a moment."
