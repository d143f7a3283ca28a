"""The auditor's addresses: the record, one answer, its replay, and the verification with its progress."""

import json
import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import asdict
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse

from assistant.runs.errors import AnotherVersion
from gateway import CloisterError, PartUnavailable, Role

from .auditing import VerificationView
from .data import AuditQuery, PageData
from .rendering import render, render_part
from .viewing import known_id, moment, viewer_of

_LINES: Final = "application/x-ndjson"
_BACKGROUND: Final = "text.embedded"
"""What the list leaves out as long as nobody has filtered: filling an index leaves little else."""
_NO_FILTER: Final = {
    **dict.fromkeys(("actor", "action", "record", "since", "until"), ""),
    "except": _BACKGROUND,
}


def add_audit(router: APIRouter, dependency: Any) -> None:
    """The pages under `/audit`."""
    _add_record(router, dependency)
    _add_answers(router, dependency)


def _add_record(router: APIRouter, dependency: Any) -> None:
    @router.get("/audit")
    async def audit(
        request: Request,
        data: Annotated[PageData, dependency],
        actor: str = "",
        action: str = "",
        record: str = "",
        since: str = "",
        until: str = "",
        before: str = "",
        without: Annotated[str, Query(alias="except", max_length=500)] = "",
    ) -> Response:
        """Show the record; as long as nobody has filtered, without what fills an index."""
        viewer = await viewer_of(data, Role.AUDITOR)
        left_out = _left_out(without if request.query_params else _BACKGROUND, action)
        query = AuditQuery(actor, action, record, moment(since), moment(until), before, left_out)
        fields = {"actor": actor, "action": action, "record": record, "since": since, "until": until}
        fields["except"] = " ".join(left_out)
        context = await _record_page(data, query, fields)
        return render(request, "audit.html", {"viewer": viewer, "verification": None, **context})

    @router.post("/audit/verify", response_model=None)
    async def verify(request: Request, data: Annotated[PageData, dependency]) -> Response | StreamingResponse:
        """Verify the whole record and say what was checked; a module is told meanwhile how far it is."""
        viewer = await viewer_of(data, Role.AUDITOR)
        if _LINES in request.headers.get("accept", ""):
            return StreamingResponse(_progress(request, data), media_type=_LINES)
        verification = await _verified(data)
        context = await _record_page(data, AuditQuery(without=(_BACKGROUND,)), _NO_FILTER)
        return render(request, "audit.html", {"viewer": viewer, "verification": verification, **context})


def _add_answers(router: APIRouter, dependency: Any) -> None:
    @router.get("/audit/runs", response_model=None)
    async def find(
        request: Request,
        data: Annotated[PageData, dependency],
        of: Annotated[str, Query(max_length=100)] = "",
    ) -> Response:
        """Lead from the id of a run, an item or a conversation to its answer, or to a choice of several."""
        viewer = await viewer_of(data, Role.AUDITOR)
        wanted = _id_in(of)
        found = await data.answers_of(wanted) if wanted else ()
        if len(found) == 1:
            return RedirectResponse(f"/audit/runs/{found[0].run}", 303)
        return render(request, "audit_answers.html", {"viewer": viewer, "of": of, "found": found})

    @router.get("/audit/runs/{run}")
    async def answer(request: Request, run: str, data: Annotated[PageData, dependency]) -> Response:
        """Show the timeline of one answer."""
        viewer = await viewer_of(data, Role.AUDITOR)
        context = {"viewer": viewer, "answer": await data.answer(known_id(run))}
        return render(request, "audit_answer.html", context)

    @router.post("/audit/runs/{run}/replay")
    async def replay(
        request: Request,
        run: str,
        data: Annotated[PageData, dependency],
        other_version: Annotated[bool, Form()] = False,
    ) -> Response:
        """Ask the question of an answer again and show what is different."""
        viewer = await viewer_of(data, Role.AUDITOR)
        context: dict[str, Any] = {
            "viewer": viewer,
            "run": str(known_id(run)),
            "problem": "",
            "replay": None,
            "may_try_another": False,
        }
        try:
            context["replay"] = await data.replay(known_id(run), other_version=other_version)
        except CloisterError as error:
            context["problem"] = error.sentence
            context["may_try_another"] = isinstance(error, AnotherVersion) and not other_version
            return render(request, "audit_replay.html", context, error.status)
        return render(request, "audit_replay.html", context)


async def _record_page(data: PageData, query: AuditQuery, fields: dict[str, str]) -> dict[str, Any]:
    timeline = await data.audit(query)
    wanted = {name: value for name, value in fields.items() if value}
    everything = {name: value for name, value in wanted.items() if name != "except"}
    return {
        "timeline": timeline,
        "fields": fields,
        "paged": bool(query.before),
        "older": urlencode({**wanted, "before": timeline.before or ""}),
        "everything": urlencode({**everything, "except": ""}),
        "export": _export_query(query),
        "export_time": _time_query(query),
        "holds": await data.holds(),
    }


async def _verified(data: PageData) -> VerificationView:
    async with aclosing(data.verify_audit()) as told:
        async for one in told:
            if isinstance(one, VerificationView):
                return one
    raise PartUnavailable("record", "The verification broke off. Try again.")


async def _progress(request: Request, data: PageData) -> AsyncIterator[str]:
    """A line for each progress; the last has the part of the page that says what was found, or a problem."""
    try:
        async with aclosing(data.verify_audit()) as told:
            async for one in told:
                if isinstance(one, VerificationView):
                    line = {"html": render_part(request, "parts/verified.html", {"verification": one})}
                else:
                    line = asdict(one)
                yield json.dumps(line) + "\n"
    except CloisterError as error:
        yield json.dumps({"problem": error.sentence}) + "\n"


def _export_query(query: AuditQuery) -> str:
    """The same filters as the API's export names them; an export begins with the newest event."""
    named = [("actor", query.actor), ("event", query.action), ("record", query.record)]
    named += [("except", name) for name in query.without]
    wanted = urlencode([(name, value) for name, value in named if value])
    return "&".join(filter(None, (wanted, _time_query(query))))


def _left_out(typed: str, action: str) -> tuple[str, ...]:
    """The events that somebody wants left out, but for the one that they ask for."""
    return tuple(name for name in typed.replace(",", " ").split() if not (action and action.startswith(name)))


def _time_query(query: AuditQuery) -> str:
    """What the forms of an export go by that are of a span of time alone."""
    times = {"since": query.since, "until": query.until}
    return urlencode({name: at.isoformat() for name, at in times.items() if at})


def _id_in(text: str) -> str:
    """The id that somebody pasted, perhaps at the end of an address; empty when there is none."""
    last = text.strip().rstrip("/").rpartition("/")[2]
    try:
        return str(uuid.UUID(last))
    except ValueError:
        return ""
