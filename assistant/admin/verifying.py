"""The whole record verified beside the web process, which says how far it is and answers others meanwhile.

Recomputing a million events takes a minute of pure Python: it is done in a process of its own, which ends
when nobody waits for it any more.
"""

import asyncio
import multiprocessing
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic
from typing import Any, Final

from sqlalchemy import text

from gateway import (
    CloisterError,
    Database,
    DatabaseSettings,
    PartUnavailable,
    Verification,
    VerifierKey,
    verify_audit,
)

_EVERY_S: Final = 0.5
_ALIVE_S: Final = 5.0
_SIZE: Final = text("SELECT coalesce(max(sequence), 0) FROM gateway.audit_seal")


@dataclass(frozen=True)
class Progress:
    """How many sealed events were checked, of how many; none of none while another verification is waited
    for."""

    checked: int
    of: int


async def verify_beside(
    database: DatabaseSettings, keys: Sequence[VerifierKey], folder: Path, turn: asyncio.Lock
) -> AsyncGenerator[Progress | Verification, None]:
    """Progress every half second, then what was found; of those who share a `turn` one after the other.

    Raises `PartUnavailable` where the record cannot be read.
    """
    while not await _has(turn):
        yield Progress(0, 0)
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe(duplex=False)
    process = spawn.Process(
        target=_work, args=(theirs, database, keys, folder), daemon=True, name="verification"
    )
    try:
        await asyncio.to_thread(process.start)
        theirs.close()
        while not isinstance(told := await asyncio.to_thread(_receive, ours), Verification):
            yield told
        yield told
    finally:
        turn.release()
        if process.pid is not None:
            process.kill()
            process.join()
        ours.close()


async def _has(turn: asyncio.Lock) -> bool:
    try:
        async with asyncio.timeout(_ALIVE_S):
            return await turn.acquire()
    except TimeoutError:
        return False


def _receive(ours: Connection) -> Progress | Verification:
    try:
        told: Any = ours.recv()
    except EOFError as error:
        raise PartUnavailable("record", "The verification broke off. Try again.") from error
    if isinstance(told, Progress | Verification):
        return told
    raise PartUnavailable("record", str(told))


def _work(told: Connection, database: DatabaseSettings, keys: Sequence[VerifierKey], folder: Path) -> None:
    """In the process: verify, and tell how far it is."""
    try:
        told.send(asyncio.run(_verify(told, database, keys, folder)))
    except CloisterError as error:
        told.send(error.sentence)
    except BrokenPipeError:
        return  # nobody waits any more


async def _verify(
    told: Connection, settings: DatabaseSettings, keys: Sequence[VerifierKey], folder: Path
) -> Verification:
    database = Database(settings)
    last = 0.0

    def tell(checked: int) -> None:
        nonlocal last
        if monotonic() - last >= _EVERY_S:
            last = monotonic()
            told.send(Progress(checked, max(size, checked)))

    try:
        async with database.transaction() as session:
            size = (await (await session.connection()).execute(_SIZE)).scalar_one()
            tell(0)
            return await verify_audit(session, keys, folder, tell)
    finally:
        await database.close()
