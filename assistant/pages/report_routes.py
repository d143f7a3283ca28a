"""The pages of numbers: how reviewing goes, and what the decisions say about the rules."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, Protocol
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from approvals import REPORT_READERS, ReviewReport
from gateway import NotAllowed, NotSignedIn, Role

from .data import Viewer
from .rendering import render

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


def create_report_router(report_data: Callable[..., ReportData]) -> APIRouter:
    """These pages; include it before the pages of the queue, whose items are at `/queue/{id}`."""
    router = APIRouter(include_in_schema=False)
    dependency = Depends(report_data, scope="function")
    _add_report(router, dependency)
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


def _required(viewer: Viewer | None, *roles: Role) -> Viewer:
    if viewer is None:
        raise NotSignedIn("Sign in first.")
    if not viewer.has(*roles):
        raise NotAllowed("Your role does not include this page.")
    return viewer
