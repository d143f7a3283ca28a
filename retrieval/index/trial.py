"""Scratch stores for the conformance checks: a folder, or collections with names of their own."""

import datetime
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from gateway import log
from retrieval.settings import IndexSettings, ServerSettings

from .conformance import Bench, CheckOutcome, conform
from .edge_store import EdgeStore
from .errors import IndexFailed
from .generations import Store
from .points import Index
from .server import MEMORY, ServerIndex
from .server_store import ServerStore

_PREFIX: Final = 40  # characters; a name for a trial has to fit behind it


async def try_engine(settings: IndexSettings | ServerSettings) -> AsyncIterator[CheckOutcome]:
    """Hold the engine of these settings against every check; nothing of it stays.

    Raises `PartUnavailable` when the engine cannot be reached at all.
    """
    server = settings.server if isinstance(settings, IndexSettings) else settings
    with TemporaryDirectory(prefix="cloister-trial-") as folder:
        async with server_bench(server, Path(folder)) if server else folder_bench(Path(folder)) as bench:
            async for outcome in conform(bench):
                yield outcome


@asynccontextmanager
async def folder_bench(folder: Path) -> AsyncIterator[Bench]:
    """The engine in this process."""
    store = EdgeStore(folder / "index")
    await store.start()
    try:
        yield Bench(store, folder)
    finally:
        await store.close()


@asynccontextmanager
async def server_bench(settings: ServerSettings, folder: Path) -> AsyncIterator[Bench]:
    """A server. What the trial leaves on it is removed, and named where that fails."""
    prefix = f"{settings.collection_prefix[:_PREFIX]}-trial-{secrets.token_hex(4)}"
    scratch = settings.model_copy(update={"collection_prefix": prefix})
    store = ServerStore(scratch)

    async def connect() -> Store:
        other = ServerStore(scratch, writes=False)
        await other.start()
        return other

    try:
        await store.start()
        copies = settings.replication_factor or 1
        yield Bench(
            store,
            folder,
            connect=None if settings.url == MEMORY else connect,
            strangers=_strangers(scratch, folder),
            replicas=_replicas if copies > 1 else None,
            copies_wanted=copies,
        )
    finally:
        await _clean(store, prefix)


async def _clean(store: ServerStore, prefix: str) -> None:
    try:
        await store.erase()
    except IndexFailed as error:
        log.error("index.trial_left", prefix=prefix, reason=error.sentence)
    await store.close()


async def _replicas(index: Index) -> dict[int, int]:
    assert isinstance(index, ServerIndex)  # noqa: S101 - made by a server's store
    return await index.replicas()


def _strangers(settings: ServerSettings, folder: Path) -> list[tuple[str, Callable[[], Store]]]:
    """Those whom the server must not let in, and a server's certificate that we must not believe."""
    once = settings.model_copy(update={"tries": 1})
    found: list[tuple[str, Callable[[], Store]]] = []
    if settings.api_key_file:
        wrong = folder / "wrong-key"
        wrong.write_text(secrets.token_hex(16))
        for sentence, key in (
            ("the server lets in who has another key", wrong),
            ("the server lets in who has no key", None),
        ):
            given = once.model_copy(update={"api_key_file": key})
            found.append((sentence, lambda given=given: ServerStore(given)))  # type: ignore[misc]
    if settings.url.startswith("https:"):
        authority = folder / "authority.pem"
        authority.write_bytes(_another_authority())
        given = once.model_copy(update={"ca_file": authority})
        found.append(
            ("a certificate is believed that the authority did not sign", lambda: ServerStore(given))
        )
    return found


def _another_authority() -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Nobody's authority")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
