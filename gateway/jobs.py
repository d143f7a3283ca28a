"""Jobs are rows, deferred in the transaction of the fact that causes them; `assistant` runs them."""

import json
from datetime import datetime
from typing import Final

from procrastinate import App, PsycopgConnector
from procrastinate.jobs import Status
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from .database import SEARCH_PATH
from .telemetry import correlation_id

_DEFER: Final = text(
    """
    SELECT unnest(jobs.procrastinate_defer_jobs_v1(ARRAY[ROW(
        :queue, :task, 0, :lock, :queueing_lock, CAST(:args AS jsonb), CAST(:at AS timestamptz)
    )]::jobs.procrastinate_job_to_defer_v1[])) AS id
    """
)


async def defer(
    session: AsyncSession,
    task: str,
    *,
    queue: str = "default",
    lock: str | None = None,
    at: datetime | None = None,
    **arguments: str | int | None,
) -> int:
    """Defer a job by name within `session`'s transaction; gives the job's id.

    The worker sees it when the transaction commits, and never if it does not. Jobs that share a
    `lock` run one after the other. The correlation id travels in the arguments.
    """
    values = {
        "queue": queue,
        "task": task,
        "lock": lock,
        "queueing_lock": None,
        "args": json.dumps({**arguments, "correlation": correlation_id()}),
        "at": at,
    }
    row = (await session.connection()).execute(_DEFER, values)
    return int((await row).scalar_one())


def create_job_app(conninfo: str) -> App:
    """The procrastinate application on the appliance's database, without tasks yet."""
    return App(connector=PsycopgConnector(conninfo=conninfo, kwargs={"options": SEARCH_PATH}, max_size=4))


async def forget_stalled_jobs(jobs: App) -> int:
    """Remove jobs whose worker was killed; gives how many.

    What they were for is not lost: runs and effects are found by their own state.
    """
    stalled = list(await jobs.job_manager.get_stalled_jobs())
    for job in stalled:
        await jobs.job_manager.finish_job(job, status=Status.FAILED, delete_job=True)
    return len(stalled)
