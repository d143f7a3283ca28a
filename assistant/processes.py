"""What every process of the assistant shares: health routes, and serving until SIGTERM."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from fastapi import FastAPI, Request

from gateway import Database, ListenSettings, PartUnavailable, metrics

_DRAIN_SECONDS = 20


def add_health_routes(app: FastAPI) -> None:
    """`/healthz`, `/readyz`, `/metrics`: for machines, no sign-in.

    Ready means that the database answers, every background task runs, and the process's own checks pass.
    """

    @app.get("/healthz", include_in_schema=False)
    async def alive() -> dict[str, bool]:
        """Say that the process lives."""
        return {"alive": True}

    @app.get("/readyz", include_in_schema=False)
    async def ready(request: Request) -> dict[str, bool]:
        """Say that the process can do its work, or which part is missing."""
        database: Database = request.state.database
        await database.ping()
        tasks: Iterable[asyncio.Task[None]] = getattr(request.state, "tasks", ())
        for task in tasks:
            if task.done():
                raise PartUnavailable(task.get_name(), f"The task {task.get_name()} has ended; see the log.")
        checks: Iterable[Callable[[], Awaitable[None]]] = getattr(request.state, "checks", ())
        for check in checks:
            await check()
        return {"ready": True}

    app.add_route("/metrics", metrics, include_in_schema=False)


def serve(app: FastAPI, listen: ListenSettings) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is under way within twenty seconds."""
    import uvicorn

    uvicorn.run(
        app,
        host=listen.host,
        port=listen.port,
        proxy_headers=bool(listen.proxies),
        forwarded_allow_ips=list(listen.proxies),
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )
