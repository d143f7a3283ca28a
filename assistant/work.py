"""`cloister work`: executes runs and jobs, keeps deadlines, seals the record. Alone, from a settings file."""

import asyncio
import os
import socket
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from fastapi import FastAPI
from procrastinate import App

from approvals import TICK, load_policy
from assistant.answer import AnswerPipeline
from assistant.processes import add_health_routes
from assistant.reviews.notifying import Notifier
from assistant.runs.drafts import Drafts
from assistant.runs.execute import RunExecutor
from assistant.runs.resume import RunResumer
from assistant.runs.service import EXECUTE, QUEUE
from assistant.settings import WorkSettings
from gateway import (
    Anchoring,
    Checkpointing,
    CloisterError,
    CorrelationMiddleware,
    Database,
    DoorClient,
    Retention,
    Sealer,
    Tokens,
    begin_correlation,
    create_http_client,
    create_job_app,
    forget_stalled_jobs,
    install_error_handlers,
    log,
    read_secret,
)
from retrieval import RetrievalClient

_SEAL_SECONDS: Final = 0.5
_ANCHOR_SECONDS: Final = 1.0
_RETENTION_SECONDS: Final = 3600.0
_DRAFTS_SECONDS: Final = 60.0
_SWEEP_SECONDS: Final = 1.0
_DRAIN_SECONDS: Final = 20
_AGAIN_SECONDS: Final = 1.0
_STALLED_SECONDS: Final = 60.0


def create_work_app(settings: WorkSettings) -> FastAPI:
    """The worker with its health routes; the work itself runs in the lifespan's tasks."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        database = Database(settings.database)
        tokens = Tokens(settings.trust)
        http = [
            create_http_client(peer.url, tls=peer.tls, timeout=30)
            for peer in (settings.door, settings.retrieval)
        ]
        door, retrieval = DoorClient(http[0], tokens), RetrievalClient(http[1], tokens)
        policy = load_policy(settings.policy_file, settings.policy_modules)
        worker = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        secret = read_secret(settings.sampling_secret_file) if settings.sampling_secret_file else ""
        pipeline = AnswerPipeline(door, retrieval, policy, settings.answering, secret.encode())
        executor = RunExecutor(database, pipeline, policy, worker)
        resumer = RunResumer(database, retrieval)
        notifier = Notifier(database, door, retrieval, settings.notices)
        retention, drafts = Retention(database, settings.retention), Drafts(database, settings.retention)
        sealer, anchoring = Sealer(database), Anchoring(database, settings.anchors)
        checkpointing = Checkpointing(database, settings.anchors)
        tasks = [
            asyncio.create_task(run_jobs(settings, executor, resumer), name="jobs"),
            asyncio.create_task(repeat(_SEAL_SECONDS, sealer.seal), name="sealer"),
            asyncio.create_task(repeat(_SEAL_SECONDS, checkpointing.sign_due), name="checkpoints"),
            asyncio.create_task(repeat(_ANCHOR_SECONDS, anchoring.deliver), name="anchors"),
            asyncio.create_task(repeat(_RETENTION_SECONDS, retention.erase_due), name="retention"),
            asyncio.create_task(repeat(_DRAFTS_SECONDS, drafts.erase_due), name="drafts"),
            asyncio.create_task(repeat(_SWEEP_SECONDS, executor.adopt_abandoned), name="adopter"),
            asyncio.create_task(repeat(_SWEEP_SECONDS, resumer.keep_deadlines), name="deadlines"),
            asyncio.create_task(repeat(_SWEEP_SECONDS, resumer.resume_due), name="effects"),
            asyncio.create_task(repeat(_SWEEP_SECONDS, notifier.send_due), name="notices"),
        ]
        state = {"database": database, "tokens": tokens, "audience": "work"}
        yield {**state, "tasks": tasks, "checks": (anchoring.check,)}
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=_DRAIN_SECONDS)
        await notifier.close()
        for client in http:
            await client.aclose()
        await database.close()

    app = FastAPI(title="Cloister work", lifespan=lifespan, openapi_url=None)
    app.add_middleware(CorrelationMiddleware, process="work")
    install_error_handlers(app)
    add_health_routes(app)
    return app


def create_jobs(settings: WorkSettings, executor: RunExecutor, resumer: RunResumer) -> App:
    """The job application with the tasks that other processes defer by name."""
    jobs = create_job_app(settings.database.conninfo())

    @jobs.task(name=EXECUTE, queue=QUEUE)
    async def execute(run: str, correlation: str) -> None:
        begin_correlation(correlation)
        await executor.execute(uuid.UUID(run))

    @jobs.task(name="run.resume", queue=QUEUE)
    async def resume(item: str, run: str, correlation: str) -> None:
        begin_correlation(correlation)
        log.info("run.resume", run=run)
        await resumer.resume(uuid.UUID(item))

    @jobs.task(name=TICK, queue=QUEUE)
    async def tick(item: str, correlation: str) -> None:
        begin_correlation(correlation)
        log.info("review.tick", item=item)
        await resumer.resume_due()

    return jobs


async def run_jobs(settings: WorkSettings, executor: RunExecutor, resumer: RunResumer) -> None:
    """Work on jobs for as long as the process lives; when the database goes away, begin again."""
    while True:
        jobs = create_jobs(settings, executor, resumer)
        try:
            async with jobs.open_async(), _sweeping(jobs):
                await jobs.run_worker_async(
                    queues=[QUEUE],
                    concurrency=settings.concurrency,
                    fetch_job_polling_interval=1.0,
                    shutdown_graceful_timeout=2.0,
                    install_signal_handlers=False,
                    delete_jobs="successful",
                )
        except Exception as error:  # noqa: BLE001 outermost loop
            log.error("work.jobs_again", exc_info=error)
        await asyncio.sleep(_AGAIN_SECONDS)


@asynccontextmanager
async def _sweeping(jobs: App) -> AsyncIterator[None]:
    async def forget() -> None:
        await forget_stalled_jobs(jobs)

    task = asyncio.create_task(repeat(_STALLED_SECONDS, forget), name="stalled jobs")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def repeat(seconds: float, step: Callable[[], Awaitable[object]]) -> None:
    """Repeat a step for as long as the process lives, however it fails: a full disk is emptied again."""
    while True:
        try:
            await step()
        except CloisterError as error:
            log.warning("work.waiting", step=step.__qualname__, reason=error.sentence)
        except Exception as error:  # noqa: BLE001 outermost loop
            log.error("work.step_failed", exc_info=error, step=step.__qualname__)
            await asyncio.sleep(_AGAIN_SECONDS)
        await asyncio.sleep(seconds)
