"""Chat: judge, redact, choose, call, scan, restore, record."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.types import Receive, Scope, Send

from gateway.audit import GatewayEvent, as_code, record
from gateway.errors import CloisterError, NotAllowed, QuestionRefused, TooManyRequests, UpstreamFailed
from gateway.filter import Denied, judge_all
from gateway.identities import in_agreement
from gateway.principal import RevealGrant
from gateway.telemetry import log
from redaction import Span, find_tokens

from .access import AnyCaller, Caller, Worker
from .answer import AnswerStream, ChoiceDelta, Restoring
from .destinations import Hosts
from .limits import check_not_empty, check_parts
from .problems import stream_error
from .prompt import ModelPrompt, build_prompt, parts_of, questions_of, texts_in
from .redactor import Masked, Read, count_types
from .routing import estimate_tokens
from .schemas import ChatRequest
from .state import Door, TheDoor
from .strangers import StrangerScreen
from .texts import permitted_values, verified_grant
from .upstream import ModelAnswer

_DEFAULT_ANSWER: Final = 256
_OPTIONS: Final = ("temperature", "top_p", "max_tokens", "max_completion_tokens", "seed")
_SSE: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
router = APIRouter()


@dataclass(frozen=True)
class Prepared:
    """A redacted request: what goes to the model, and what its tokens become on the way back."""

    prompt: ModelPrompt
    restoring: Restoring
    tokens: int


@router.get("/v1/models")
async def list_models(_caller: AnyCaller, door: TheDoor) -> dict[str, Any]:
    """List the models that have a deployment."""
    rows = [
        {
            "id": name,
            "object": "model",
            "created": 0,
            "owned_by": "cloister",
            "cloister": {"versions": door.router.versions(name)},
        }
        for name in door.router.models
    ]
    return {"object": "list", "data": rows}


@router.post("/v1/chat/completions", response_model=None)
async def complete(asked: ChatRequest, request: Request, caller: Worker, door: TheDoor) -> Response:
    """Answer a chat, streaming or not."""
    with _one_of_few(door, caller) as slot:
        parts = parts_of(asked)
        check_parts(parts, door.settings.limits)
        await _judge(asked, caller, door)
        begun = await _until_gone(request, _begin(asked, caller, door))
        if begun is None:
            return Response(status_code=499)
        prepared, answer = begun
        reply = Reply(asked, caller, door, prepared, answer)
        if asked.stream:
            slot.keep()
            return _StreamedReply(reply, slot.release)
        whole = await _until_gone(request, reply.whole())
        return Response(status_code=499) if whole is None else JSONResponse(whole)


class _StreamedReply(StreamingResponse):
    """Ends the reply in every case: read to its end, broken, or left before its first byte."""

    def __init__(self, reply: "Reply", release: Callable[[], None]) -> None:
        super().__init__(reply.events(), media_type="text/event-stream", headers=_SSE)
        self._reply = reply
        self._release = release

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._release()
            self._reply.end()


class Reply:
    """One answer of a model, turned into ours and recorded."""

    def __init__(
        self, asked: ChatRequest, caller: Caller, door: Door, prepared: Prepared, answer: ModelAnswer
    ) -> None:
        self._asked = asked
        self._caller = caller
        self._door = door
        self._answer = answer
        hosts = Hosts(door.settings.links.hosts)
        functions = prepared.prompt.functions
        self._stream = AnswerStream(door.output_redactor(), prepared.restoring, hosts, functions)
        self._screens: dict[int, StrangerScreen] = {}
        self._argument_screens: list[StrangerScreen] = []
        self._told = list(texts_in(prepared.prompt.body["messages"])) if self._looks_for_strangers() else []
        self._outcome = "left"
        self._head = {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "created": int(time.time()),
            "model": asked.model,
        }

    async def events(self) -> AsyncIterator[bytes]:
        """Server-sent events. A failure is an error chunk."""
        try:
            yield self._event({"role": "assistant", "content": ""})
            async for choice, delta in self._deltas():
                yield self._event(delta, choice=choice)
            for choice, reason in (self._stream.finish_reasons or {0: "stop"}).items():
                yield self._event({}, reason, choice=choice)
            if self._asked.stream_options and self._asked.stream_options.include_usage:
                yield self._line({**self._chunk(), "choices": [], "usage": self._stream.usage})
            yield b"data: [DONE]\n\n"
        except CloisterError as error:
            yield self._line(stream_error(error))
        except Exception as error:  # noqa: BLE001 - the outermost place: the status has been sent already
            self._outcome = "failed"
            log.error("chat.unforeseen", exc_info=error)
            yield self._line(stream_error(UpstreamFailed("Something went wrong in the door.", part="door")))

    async def whole(self) -> dict[str, Any]:
        """The whole answer at once."""
        messages: dict[int, dict[str, Any]] = {0: {}}
        try:
            async for choice, delta in self._deltas():
                _gather(delta, messages.setdefault(choice, {}))
        finally:
            self.end()
        choices = [
            {
                "index": choice,
                "message": _message(written),
                "finish_reason": self._stream.finish_reasons.get(choice, "stop"),
            }
            for choice, written in sorted(messages.items())
        ]
        usage = self._stream.usage or {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
        head = {**self._head, "object": "chat.completion", "cloister": self._counts()}
        return {**head, "choices": choices, "usage": usage}

    def end(self) -> None:
        """Hang up on the model, whether it has ended or not, and record how it went."""
        self._door.finish_later(self._end(self._outcome))

    async def _deltas(self) -> AsyncIterator[ChoiceDelta]:
        """Our deltas to the end; the last comes only when the answer has been recorded."""
        try:
            async for chunk in self._answer.chunks():
                for delta in self._stream.deltas(await self._screened(chunk)):
                    yield delta
            for index, screen in self._screens.items():
                for delta in self._stream.deltas(_as_chunk(index, await screen.finish())):
                    yield delta
            rest = await self._rest()
            await self._record("answered")
        except CloisterError:
            self._outcome = "failed"
            raise
        self._outcome = ""
        for delta in rest:
            yield delta

    def _looks_for_strangers(self) -> bool:
        """Not where a process of ours lets the model do nothing but quote what was redacted."""
        names = self._door.settings.names
        quoting = self._caller.process and bool(self._asked.cloister and self._asked.cloister.quotes)
        return names.enabled and names.scan_answers and not quoting

    async def _screened(self, chunk: Mapping[str, Any]) -> Mapping[str, Any]:
        """The chunk with as much of the model's words as has been looked through for people."""
        if not self._looks_for_strangers():
            return chunk
        choices = []
        for choice in chunk["choices"]:
            delta = choice.get("delta") or {}
            if delta.get("content"):
                index = int(choice.get("index", 0))
                screen = self._screens.setdefault(
                    index, StrangerScreen(self._names_in, self._told, self._door.scanner.policy)
                )
                choice = {**choice, "delta": {**delta, "content": await screen.feed(delta["content"])}}
            choices.append(choice)
        return {**chunk, "choices": choices}

    async def _rest(self) -> list[ChoiceDelta]:
        """What was held back: arguments of calls may be long, so they are worked on in a thread."""
        loop = asyncio.get_running_loop()

        def screened(text: str) -> str:
            return asyncio.run_coroutine_threadsafe(self._screened_argument(text), loop).result()

        return await asyncio.to_thread(lambda: list(self._stream.rest(screened)))

    async def _screened_argument(self, text: str) -> str:
        if not self._looks_for_strangers():
            return text
        screen = self._screen()
        self._argument_screens.append(screen)
        return await screen.feed(text) + await screen.finish()

    def _screen(self) -> StrangerScreen:
        return StrangerScreen(self._names_in, self._told, self._door.scanner.policy)

    async def _names_in(self, text: str) -> list[Span]:
        return await self._door.redactor.names_in(text, whose=self._caller.principal.counted_as)

    @property
    def _withheld(self) -> int:
        return self._stream.withheld + sum(
            screen.withheld for screen in [*self._screens.values(), *self._argument_screens]
        )

    async def _end(self, outcome: str) -> None:
        await self._answer.close()
        if outcome:
            await self._record(outcome)

    async def _record(self, outcome: str) -> None:
        usage = self._stream.usage or {}
        async with self._door.database.transaction() as session:
            record(
                session,
                GatewayEvent.MODEL_ANSWERED,
                self._caller.principal,
                conversation=_conversation(self._asked),
                deployment=self._answer.deployment,
                served=as_code(self._version),
                tries=self._answer.tries,
                outcome=outcome,
                withheld=self._withheld,
                unresolved=self._stream.unresolved,
                prompt_tokens=usage.get("prompt_tokens"),
                completion_tokens=usage.get("completion_tokens"),
            )

    def _chunk(self) -> dict[str, Any]:
        return {**self._head, "object": "chat.completion.chunk"}

    @property
    def _version(self) -> str:
        return self._door.router.version_of(self._answer.deployment)

    def _counts(self) -> dict[str, int | str]:
        """What a reader should know of the answer: the risk that it speaks of somebody it cannot name, and
        which version of the model wrote it."""
        return {
            "withheld": self._withheld,
            "unresolved": self._stream.unresolved,
            "version": self._version,
        }

    def _event(self, delta: dict[str, Any], finish_reason: str | None = None, *, choice: int = 0) -> bytes:
        told = {} if finish_reason is None else {"cloister": self._counts()}
        choices = [{"index": choice, "delta": delta, "finish_reason": finish_reason}]
        return self._line({**self._chunk(), **told, "choices": choices})

    @staticmethod
    def _line(content: dict[str, Any]) -> bytes:
        return b"data: " + json.dumps(content, ensure_ascii=False).encode() + b"\n\n"


def _as_chunk(choice: int, content: str) -> Mapping[str, Any]:
    return {"choices": [{"index": choice, "delta": {"content": content}}] if content else []}


async def _judge(asked: ChatRequest, caller: Caller, door: Door) -> None:
    questions = questions_of(asked)
    if not questions:
        return
    check_not_empty(questions)
    verdict = judge_all(questions)
    if isinstance(verdict, Denied):
        async with door.database.transaction() as session:
            record(
                session,
                GatewayEvent.TEXT_REFUSED,
                caller.principal,
                conversation=_conversation(asked),
                purpose="chat",
                reasons=list(verdict.reasons),
            )
        raise QuestionRefused(verdict.reason, reasons=list(verdict.reasons))


async def _begin(asked: ChatRequest, caller: Caller, door: Door) -> tuple[Prepared, ModelAnswer]:
    prepared = await _prepare(asked, caller, door)
    outcome = "left"
    try:
        answer = await door.servers.ask(
            asked.model, prepared.prompt, prepared.tokens, without=_other_versions(asked, door)
        )
        outcome = ""
    except CloisterError:
        outcome = "failed"
        raise
    finally:
        if outcome:  # what was called has an end in the record too
            door.finish_later(_record_no_answer(asked, caller, door, outcome))
    return prepared, answer


async def _record_no_answer(asked: ChatRequest, caller: Caller, door: Door, outcome: str) -> None:
    async with door.database.transaction() as session:
        record(
            session,
            GatewayEvent.MODEL_ANSWERED,
            caller.principal,
            conversation=_conversation(asked),
            deployment=None,
            outcome=outcome,
        )


async def _prepare(asked: ChatRequest, caller: Caller, door: Door) -> Prepared:
    """Redact the request and record that it is sent, in one transaction, before anything goes out."""
    grant = _grant(asked, caller, door)
    read = await door.redactor.read(parts_of(asked), whose=caller.principal.counted_as)

    async def prepare(session: AsyncSession) -> Prepared:
        masked, restoring = await _mask(session, asked, caller, door, read, grant)
        prompt = build_prompt(asked, masked.texts)
        needed = estimate_tokens(prompt.characters) + (asked.answer_tokens or _DEFAULT_ANSWER)
        without = _other_versions(asked, door)
        door.servers.choose(asked.model, needed, without=without)  # refuse here what nobody could answer
        record(
            session,
            GatewayEvent.MODEL_CALLED,
            caller.principal,
            conversation=_conversation(asked),
            model=asked.model,
            messages=len(asked.messages),
            characters=prompt.characters,
            hidden=len(masked.tokens),
            types=count_types(masked.tokens),
            prompt_sha256=sha256(json.dumps(prompt.body, sort_keys=True).encode()).hexdigest(),
            options={name: prompt.body[name] for name in _OPTIONS if prompt.body.get(name) is not None},
            masking=door.masking_version,
            identities=door.feed.version,
        )
        return Prepared(prompt, restoring, needed)

    return await in_agreement(door.database, prepare)


def _other_versions(asked: ChatRequest, door: Door) -> frozenset[str]:
    """Deployments that may not answer, because one version of the model is wanted. Raises `NotFound`."""
    version = asked.cloister.version if asked.cloister else None
    return door.router.others_than(asked.model, version) if version else frozenset()


async def _mask(
    session: AsyncSession,
    asked: ChatRequest,
    caller: Caller,
    door: Door,
    read: Read,
    grant: RevealGrant | None,
) -> tuple[Masked, Restoring]:
    conversation = _conversation(asked)
    if asked.cloister is None or conversation is None:
        masked, book = await door.redactor.alone(session, read)
        return masked, Restoring(book.values())
    masked, tokens = await door.redactor.in_conversation(
        session, conversation, read, whose=caller.principal.id
    )
    given = {token for text in masked.texts for _, _, token in find_tokens(text)}
    permitted = (
        permitted_values(tokens, caller.principal, grant) if asked.cloister.restore == "granted" else {}
    )
    return masked, Restoring({token: permitted.get(token, token) for token in given}, kept=True)


def _grant(asked: ChatRequest, caller: Caller, door: Door) -> RevealGrant | None:
    conversation = _conversation(asked)
    if asked.cloister is None or conversation is None:
        return None
    if not caller.process:
        raise NotAllowed("Conversations are opened by the appliance itself, not with an API token.")
    return verified_grant(door.tokens, asked.cloister.grant, caller.principal, conversation)


class _Slot:
    """A place among the answers of one caller; a stream keeps it after the request's function ends."""

    def __init__(self, door: Door, whose: str) -> None:
        self._door = door
        self._whose = whose
        self.kept = False
        door.answering[whose] += 1

    def keep(self) -> None:
        self.kept = True

    def release(self) -> None:
        self._door.answering[self._whose] -= 1
        if self._door.answering[self._whose] <= 0:
            del self._door.answering[self._whose]


@contextmanager
def _one_of_few(door: Door, caller: Caller) -> Iterator[_Slot]:
    most = door.settings.limits.answers_at_once
    if door.answering[caller.principal.counted_as] >= most:
        raise TooManyRequests(f"You have {most} answers under way. Wait for one of them to end.")
    slot = _Slot(door, caller.principal.counted_as)
    try:
        yield slot
    finally:
        if not slot.kept:
            slot.release()


async def _until_gone(request: Request, work: Any) -> Any:
    """Do `work` while the caller is there: None when they have left, and the work is cancelled."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        return None
    finally:
        for each in (task, gone):
            each.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _gather(delta: dict[str, Any], written: dict[str, Any]) -> None:
    if "content" in delta:
        written.setdefault("content", []).append(delta["content"])
    calls = written.setdefault("calls", {})
    for call in delta.get("tool_calls", []):
        if "id" in call:
            kept = {name: value for name, value in call.items() if name != "index"}
            calls[call["index"]] = {**kept, "function": dict(call["function"])}
        else:
            calls[call["index"]]["function"]["arguments"] += call["function"]["arguments"]


def _message(written: dict[str, Any]) -> dict[str, Any]:
    """A message of what was gathered."""
    message: dict[str, Any] = {"role": "assistant", "content": "".join(written.get("content", [])) or None}
    if written.get("calls"):
        message["tool_calls"] = [call for _, call in sorted(written["calls"].items())]
    return message


def _conversation(asked: ChatRequest) -> uuid.UUID | None:
    return asked.cloister.conversation if asked.cloister else None
