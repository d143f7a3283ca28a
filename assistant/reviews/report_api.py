"""The numbers of reviewing over HTTP, as JSON or CSV."""

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from approvals import Numbers, Period, ReviewReport, report_reviews
from assistant.session import SignedIn
from gateway import UnitOfWork

router = APIRouter(prefix="/api/v1/reviews", tags=["reviews"])

Days = Annotated[int, Query(ge=1, le=366, description="How many days back.")]
Row = tuple[str, str, str, float | int | str]


@router.get("/report")
async def report(
    principal: SignedIn,
    session: UnitOfWork,
    days: Days = 30,
    queue: str | None = None,
    form: Literal["json", "csv"] = "json",
) -> Response:
    """Count how reviewing went: officers their queues, leads, auditors and administrators all of them."""
    found = await report_reviews(session, principal, Period.last(days), queue or None)
    if form == "csv":
        headers = {"Content-Disposition": f'attachment; filename="reviews-{days}-days.csv"'}
        return PlainTextResponse(as_csv(found), media_type="text/csv", headers=headers)
    return JSONResponse(jsonable_encoder(found.as_json()))


def as_csv(found: ReviewReport) -> str:
    """One number a line: which part, of what, which measure, how much. Empty where there is none."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(("part", "of", "measure", "value"))
    writer.writerows(_rows(found))
    return written.getvalue()


def _rows(found: ReviewReport) -> Iterator[Row]:
    yield from _numbers("whole", found.queue or "", found.whole)
    for queue in found.queues:
        yield from _numbers("queue", queue.name, queue.numbers)
        yield "queue", queue.name, "waiting_now", queue.waiting
        yield "queue", queue.name, "overdue_now", queue.overdue
    for moment in found.over_time:
        yield from _numbers(found.period.step, _iso(moment.at), moment.numbers)
    for band in found.waiting:
        for measure in ("ample", "half", "quarter", "overdue"):
            yield "waiting", "" if band.to is None else f"{band.to}", measure, getattr(band, measure)
    for measure in ("weighed", "held", "would_hold"):
        yield "answers", "", measure, getattr(found.rates, measure)
    for rule in found.rates.rules:
        for measure in ("held", "trial", "more"):
            yield "rule", rule.rule, measure, getattr(rule, measure)


def _numbers(part: str, of: str, numbers: Numbers) -> Iterator[Row]:
    measured: dict[str, Any] = {**vars(numbers.outcomes), **vars(numbers.seconds)}
    for measure, value in measured.items():
        yield part, of, measure, "" if value is None else value


def _iso(moment: datetime) -> str:
    return moment.isoformat()
