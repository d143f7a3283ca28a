"""The state of every part, asked for at the moment of looking."""

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals import queues_short_of_two
from gateway import CloisterError, DoorClient, Principal, ServerState, create_http_client
from retrieval import RetrievalClient, SyncStatus

_SECONDS: Final = 3.0
_NO_MODEL: Final = (
    "No language model is configured: answers have no summary. "
    "Start cloister up without --no-model to install one."
)
_MODEL_AWAY: Final = "Answers come without a summary."
_LOADING: Final = "is being loaded: that takes a minute, and some minutes after the first start."
_EMBEDDING_AWAY: Final = "Search goes by words alone."
_NEVER_RELEASED: Final = "What two must agree on (the top tier, and edits) is never released there."
_WITHOUT: Final = {
    "door": "Without it nobody's question is answered and no name is shown.",
    "retrieval": "Without it nothing is found, and nobody's question is answered.",
    "work": "Without it nothing is answered or released, and what was released is not sent.",
}
_LOW_DISK: Final = 2 * 1024**3
_QUEUE: Final = text("SELECT status::text, count(*) FROM jobs.procrastinate_jobs GROUP BY 1")


@dataclass(frozen=True)
class PartHealth:
    """One part: ok, starting, warn, down or off, and a sentence that says what to do."""

    name: str
    state: str
    sentence: str = ""


@dataclass(frozen=True)
class Health:
    """Everything the administrator's page and `cloister doctor` show."""

    parts: tuple[PartHealth, ...]
    sync: SyncStatus | None
    queue: Mapping[str, int]
    models: Mapping[str, str]
    """By the name that callers use: `serving`, `starting` or `silent`."""
    checked_at: datetime

    def as_json(self) -> dict[str, Any]:
        """JSON members."""
        return {
            "parts": [vars(part) for part in self.parts],
            "sync": self.sync.model_dump(mode="json") if self.sync else None,
            "queue": dict(self.queue),
            "models": list(self.models),
            "checked_at": self.checked_at.isoformat(),
        }


async def look_at_health(
    session: AsyncSession,
    principal: Principal,
    peers: Mapping[str, str],
    door: DoorClient,
    retrieval: RetrievalClient,
    folder: Path,
) -> Health:
    """Ask every part at once, three seconds each. A part that does not answer is a state, not an error."""
    async with create_http_client(timeout=_SECONDS) as client:
        checks = [process_health(client, name, url, folder) for name, url in peers.items()]
        parts = list(await asyncio.gather(*checks))
    models, model_parts = await _models(principal, door, folder)
    sync, sync_part = await _sync(principal, retrieval)
    jobs = await (await session.connection()).execute(_QUEUE)
    queue = {str(status): int(count) for status, count in jobs}
    parts += [*model_parts, sync_part, await _review_queues(session), _disk(folder)]
    return Health(tuple(parts), sync, queue, models, datetime.now(UTC))


async def process_health(client: httpx.AsyncClient, name: str, url: str, folder: Path) -> PartHealth:
    """Whether a process of this appliance answers and is ready; what is missing without it."""
    try:
        response = await client.get(f"{url}/readyz")
    except httpx.TransportError as error:
        said = (
            "It runs and does not answer" if isinstance(error, httpx.ReadTimeout) else "It cannot be reached"
        )
        without = _WITHOUT.get(name, "")
        return PartHealth(
            name, "down", " ".join(filter(None, (f"{said}.", without, _see_log(folder, [name]))))
        )
    if response.is_success:
        return PartHealth(name, "ok")
    detail = response.json().get("detail", "") if "json" in response.headers.get("content-type", "") else ""
    return PartHealth(name, "warn", str(detail) or f"It answers with status {response.status_code}.")


def _see_log(folder: Path, processes: Sequence[str]) -> str:
    """Where the logs are of what runs beside this process; of others nothing is known."""
    logs = [folder / "log" / f"{name}.log" for name in processes]
    known = [str(log) for log in logs if log.is_file()]
    return f"See {', '.join(known)}." if known else "See its log on the machine that it runs on."


async def _models(
    principal: Principal, door: DoorClient, folder: Path
) -> tuple[dict[str, str], list[PartHealth]]:
    try:
        servers, embedders = await door.deployments(principal)
    except CloisterError as error:
        return {}, [PartHealth("language model", "down", error.sentence)]
    names = sorted({server.model for server in servers})
    models = {name: serving([server for server in servers if server.model == name]) for name in names}
    if not models:
        language = PartHealth("language model", "off", _NO_MODEL)
    else:
        language = server_health("language model", servers, _MODEL_AWAY, folder)
    return models, [language, server_health("embedding model", embedders, _EMBEDDING_AWAY, folder)]


def serving(servers: Sequence[ServerState]) -> str:
    """Whether any of a model's servers answers: `serving`, `starting` or `silent`."""
    if any(server.answers for server in servers):
        return "serving"
    return "starting" if any(server.starting for server in servers) else "silent"


def server_health(part: str, servers: Sequence[ServerState], away: str, folder: Path) -> PartHealth:
    """Down when no server of the part answers, a warning when some do not; either may be starting still."""
    silent = [server for server in servers if not server.answers]
    if not silent:
        return PartHealth(part, "ok")
    names = " and ".join(server.name for server in silent)
    do = "does" if len(silent) == 1 else "do"
    see = _see_log(folder, [server.name for server in silent])
    whole = len(silent) == len(servers)
    if all(server.starting for server in silent):
        meanwhile = f"Until then: {away[0].lower()}{away[1:]}" if whole else "The others answer."
        return PartHealth(part, "starting", f"{names} {_LOADING} {meanwhile}")
    if whole:
        return PartHealth(part, "down", f"{names} {do} not answer. {away} {see}")
    return PartHealth(part, "warn", f"{names} {do} not answer; the others do. {see}")


async def _sync(principal: Principal, retrieval: RetrievalClient) -> tuple[SyncStatus | None, PartHealth]:
    try:
        status = await retrieval.sync_status(principal)
    except CloisterError as error:
        return None, PartHealth("sync", "down", error.sentence)
    failing = [entity.entity for entity in status.entities if entity.error and not entity.held]
    if failing:
        return status, PartHealth("sync", "warn", f"The last sync of {', '.join(failing)} failed.")
    if held := sum(entity.held for entity in status.entities):
        return status, PartHealth("sync", "warn", f"{held:,} deletions wait for a decision.")
    if parked := sum(entity.parked for entity in status.entities):
        return status, PartHealth("sync", "warn", f"{parked} rows could not be indexed; they are set aside.")
    if status.filling:
        return status, PartHealth(
            "sync", "ok", "Vectors are still being made; until then search goes more by words."
        )
    return status, PartHealth(
        "sync", "ok" if status.ready else "warn", "" if status.ready else "Filling the index."
    )


async def _review_queues(session: AsyncSession) -> PartHealth:
    short = await queues_short_of_two(session)
    sentence = f"Not two officers belong to {', '.join(short)}. {_NEVER_RELEASED}" if short else ""
    return PartHealth("review queues", "warn" if short else "ok", sentence)


def _disk(folder: Path) -> PartHealth:
    free = shutil.disk_usage(folder).free
    sentence = f"{free / 1024**3:.1f} GiB free."
    return PartHealth("disk", "warn" if free < _LOW_DISK else "ok", sentence)
