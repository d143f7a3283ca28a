"""The pages of numbers: how reviewing goes, and what the decisions say about the rules."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, Protocol
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from approvals import REPORT_READERS, Reply, ReviewReport
from gateway import NotAllowed, NotSignedIn, Role

from .data import Viewer
from .rendering import render
from .rules_data import RulesView

PERIODS: Final = (1, 7, 30, 90, 365)
Days = Annotated[int, Query(ge=1, le=366)]


class ReportData(Protocol):
    """What these pages ask for, for the caller of this request; the composition implements it."""

    async def viewer(self) -> Viewer | None:
        """Who is signed in; None sends the browser to the sign-in page."""

    async def queue_titles(self) -> Mapping[str, str]:
        """Name to title of the queues whose numbers the caller may see."""

    def rule_title(self, rule: str) -> str:
        """What people call a rule."""

    async def report(self, days: int, queue: str | None) -> ReviewReport:
        """The numbers of the last days. Raises `NotFound` for a queue that is none of the caller's."""

    async def rules(self, days: int) -> RulesView:
        """What the decisions of the last days say about each rule, and what follows."""

    async def reply(self, suggestion: str, days: int, reply: Reply) -> None:
        """Accept a suggestion or put it aside. Raises `NotAllowed`, `NotFound`, `Conflict`."""

    async def withdraw(self, reply: uuid.UUID) -> None:
        """Take back what was said to a suggestion. Raises `NotAllowed`, `NotFound`."""


def create_report_router(report_data: Callable[..., ReportData]) -> APIRouter:
    """These pages; include it before the pages of the queue, whose items are at `/queue/{id}`."""
    router = APIRouter(include_in_schema=False)
    dependency = Depends(report_data, scope="function")
    _add_report(router, dependency)
    _add_rules(router, dependency)
    return router


def _add_report(router: APIRouter, dependency: Any) -> None:
    @router.get("/queue/report")
    async def report(
        request: Request, data: Annotated[ReportData, dependency], days: Days = 30, queue: str = ""
    ) -> Response:
        """Show how reviewing goes."""
        viewer = _required(await data.viewer(), *REPORT_READERS)
        found = await data.report(days, queue or None)
        titles = await data.queue_titles()
        context = {"report": found, "titles": titles, "days": days, "periods": _periods(days)}
        context |= {"rule_title": data.rule_title, "address": _address}
        return render(request, "report.html", {"viewer": viewer, **context})


def _address(days: int, queue: str | None, *, of: str = "/queue/report", form: str = "") -> str:
    wanted = {"days": str(days), "queue": queue or "", "form": form}
    return f"{of}?{urlencode({name: value for name, value in wanted.items() if value})}"


def _periods(days: int) -> Sequence[int]:
    return PERIODS if days in PERIODS else sorted((*PERIODS, days))


def _add_rules(router: APIRouter, dependency: Any) -> None:
    @router.get("/queue/rules")
    async def rules(request: Request, data: Annotated[ReportData, dependency], days: Days = 90) -> Response:
        """Show what the decisions say about the rules."""
        viewer = _required(await data.viewer(), *REPORT_READERS)
        context = {
            "view": await data.rules(days),
            "days": days,
            "periods": _periods(days),
            "address": _address,
        }
        return render(request, "rules.html", {"viewer": viewer, **context})

    @router.post("/queue/rules/replies")
    async def answer(
        data: Annotated[ReportData, dependency],
        suggestion: Annotated[str, Form(max_length=64)],
        reply: Annotated[Reply, Form()],
        days: Annotated[int, Form(ge=1, le=366)],
    ) -> Response:
        """Accept a suggestion, or put it aside."""
        _required(await data.viewer(), Role.OFFICER)
        await data.reply(suggestion, days, reply)
        return RedirectResponse(_address(days, None, of="/queue/rules") + "#changes", 303)

    @router.post("/queue/rules/replies/{reply_id}/withdraw")
    async def withdraw(
        reply_id: uuid.UUID,
        data: Annotated[ReportData, dependency],
        days: Annotated[int, Form(ge=1, le=366)],
    ) -> Response:
        """Take back what was said to a suggestion."""
        _required(await data.viewer(), Role.OFFICER)
        await data.withdraw(reply_id)
        return RedirectResponse(_address(days, None, of="/queue/rules") + "#changes", 303)


def _required(viewer: Viewer | None, *roles: Role) -> Viewer:
    if viewer is None:
        raise NotSignedIn("Sign in first.")
    if not viewer.has(*roles):
        raise NotAllowed("Your role does not include this page.")
    return viewer
