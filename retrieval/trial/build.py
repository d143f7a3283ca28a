"""A trial opened: a CRM read through its map, masked, cut and indexed as the sync does it."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from enum import StrEnum
from pathlib import Path
from secrets import token_bytes
from typing import Any, Final

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from redaction import EntityType, Gazetteer, GazetteerEntry
from retrieval.crm import CrmMap, CrmRefused, identities
from retrieval.crm.database import address
from retrieval.crm.map import IdentityColumn, Row
from retrieval.index import EdgeIndex, Embedder, Terms
from retrieval.records import Records
from retrieval.settings import CrmSettings, IndexSettings
from retrieval.sync import Builder, Filler, Mirror, Roster
from retrieval.sync.family import Family

from .compare import Trial
from .everything import everything
from .vectors import KeptVectors, NoVectors
from .watch import Watch

_PAGE: Final = 400
_BATCH: Final = 128
_TIMEOUT_S: Final = 60.0


class Phase(StrEnum):
    """What takes time before the first question."""

    NAMES = "names"
    ROWS = "rows"
    VECTORS = "vectors"


OnProgress = Callable[[Phase, int, int], None]
"""Called with how many more are done, and how many there are in all."""


@asynccontextmanager
async def open_trial(
    crm_map: CrmMap,
    map_file: Path,
    dsn: str,
    folder: Path,
    embedder: Embedder | None,
    on_progress: OnProgress,
    *,
    kept: Path | None = None,
) -> AsyncIterator[Trial]:
    """A trial over the CRM at `dsn`, with an index of its own in the empty `folder`.

    Without an `embedder` there are no vectors. `kept` is a folder for vectors of another time. Raises
    `CrmUnavailable`, `CrmRefused`, and the embedder's errors.
    """
    async with AsyncExitStack() as stack:
        records = Records(crm_map, _settings(map_file, dsn, folder), _TIMEOUT_S)
        stack.push_async_callback(records.close)
        await records.open()
        await records.ping()
        defaults = IndexSettings(folder=folder / "index")
        index = EdgeIndex(defaults.folder, model=defaults.model, dimensions=defaults.dimensions)
        stack.push_async_callback(index.close)
        terms, roster, mirror = Terms(), Roster(), Mirror(index)
        builder = Builder(crm_map, roster, terms, token_bytes(32))
        await mirror.load()

        totals = {kind: len(await records.keys(kind)) for kind in crm_map.parents_first}
        known = await _learn(records, roster, totals, on_progress)
        wanting = await _write(records, builder, mirror, totals, on_progress)
        file = kept / f"{defaults.model}-{defaults.dimensions}.vectors" if kept else None
        vectors: Embedder = NoVectors()
        if embedder is not None:
            vectors = KeptVectors(
                embedder, file, defaults.dimensions, lambda some: on_progress(Phase.VECTORS, some, wanting)
            )
            filler = Filler(records, mirror, builder, vectors, _BATCH, lambda *_: None)
            while await filler.fill_some():
                pass
        await index.flush()
        keys = {key for acl in (await index.rights()).values() for key in acl}
        sees_all = everything(crm_map, keys)
        present = {kind: frozenset(mirror.rows(kind)) for kind in crm_map.entities}
        yield Trial(records, index, terms, vectors, sees_all, Gazetteer.build(known), present, Watch())


async def _learn(
    records: Records, roster: Roster, totals: dict[str, int], on_progress: OnProgress
) -> list[GazetteerEntry]:
    """Fill the roster, and say what the doors would know: each value under the record that publishes it."""
    crm_map, family = records.crm_map, Family(records)
    known: list[GazetteerEntry] = []
    named = [
        kind
        for kind in crm_map.parents_first
        if any(isinstance(column, IdentityColumn) for _, column in crm_map.entities[kind].readable)
    ]
    total = sum(totals[kind] for kind in named)
    for kind in named:
        async for rows in _pages(records, kind):
            kin = await family.kin(kind, rows)
            roster.replace(
                {one.ref: identities(crm_map, kind, row) for one, row in zip(kin, rows, strict=True)}
            )
            known += [
                GazetteerEntry(item.value, EntityType(item.type.value), one.ref, item.field)
                for one in kin
                for item in roster.own_values(one.ref, one.up)
            ]
            on_progress(Phase.NAMES, len(rows), total)
    roster.settle()
    return known


async def _write(
    records: Records, builder: Builder, mirror: Mirror, totals: dict[str, int], on_progress: OnProgress
) -> int:
    """Write every row; how many pieces want a vector."""
    family, wanting, total = Family(records), 0, sum(totals.values())
    for kind in records.crm_map.parents_first:
        async for rows in _pages(records, kind):
            kin = await family.kin(kind, rows)
            built = [builder.row(kind, row, one) for row, one in zip(rows, kin, strict=True)]
            wanting += sum(chunk.wants_vector for row in built for chunk in row.chunks)
            await mirror.put(built)
            on_progress(Phase.ROWS, len(rows), total)
    return wanting


async def _pages(records: Records, kind: str) -> AsyncIterator[Sequence[Row]]:
    after = None
    while page := await records.page(kind, after, _PAGE):
        yield page
        after = page[-1][records.crm_map.entities[kind].key]


def _settings(map_file: Path, dsn: str, folder: Path) -> CrmSettings:
    """Of libpq's address, or SQLAlchemy's for another database; raises `CrmRefused` when it is neither."""
    common: dict[str, Any] = {"map_file": map_file, "timeout_s": _TIMEOUT_S, "question_timeout_s": _TIMEOUT_S}
    try:
        if "://" in dsn and make_url(dsn).get_backend_name() != "postgresql":
            url = make_url(dsn)
            kept = _kept(folder, str(url.password)) if url.password else None
            plain = url._replace(password=None).render_as_string()
            return CrmSettings(url=plain, password_file=kept, **common)
        given = {name: str(value) for name, value in address(dsn).items()}
        return CrmSettings(
            host=given.get("host", "127.0.0.1"),
            port=int(given.get("port", "5432")),
            name=given.get("dbname", "postgres"),
            user=given.get("user", "postgres"),
            password_file=_kept(folder, given.get("password", "")),
            **common,
        )
    except (CrmRefused, ArgumentError, ValueError) as error:
        raise CrmRefused(
            "The address of the CRM's database cannot be read; see --help for its form."
        ) from error


def _kept(folder: Path, password: str) -> Path:
    file = folder / "password"
    file.touch(mode=0o600)
    file.write_text(password, "utf-8")
    return file
