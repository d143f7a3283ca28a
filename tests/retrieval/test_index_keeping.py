"""What an administrator does to the index: looking at it, optimising it, backing it up and restoring it."""

from pathlib import Path

import httpx
import pytest

from gateway import BadInput, Conflict, NotAllowed, NotFound, PartUnavailable, Role
from retrieval import IndexSettings, restore_index
from retrieval.index.values import IndexState
from retrieval.settings import ServerSettings

from .oracle import Oracle
from .stand import ADMIN, Running, Stand, principal
from .test_sync import until


async def done(process: Running) -> IndexState:
    """The state when nothing is being done."""

    async def is_idle() -> bool:
        return not (await process.client.index_state(ADMIN)).doing

    await until(is_idle, 60)
    return await process.client.index_state(ADMIN)


def in_crm(stand: Stand) -> dict[str, set[str]]:
    return {kind: {str(key) for key in rows} for kind, rows in Oracle(stand.crm_dsn).rows.items() if rows}


async def test_a_backup_is_restored_beside_brought_up_to_the_crm_and_asked(stand: Stand) -> None:
    async with stand.running() as process:
        await process.caught_up()
        await process.vectors_filled()
        with pytest.raises(NotFound):
            await process.client.index_restore(ADMIN, "nothing.gz")
        await process.client.index_backup(ADMIN)
        with pytest.raises(Conflict, match="backing up"):
            await process.client.index_optimise(ADMIN)
        (backup,) = (await done(process)).backups
        stand.crm("DELETE FROM articles WHERE id = 1")
        await process.client.index_restore(ADMIN, backup.name)

        async def is_restored() -> bool:
            state = await process.client.index_state(ADMIN)
            assert state.error is None
            return [one.name[:5] for one in state.generations if one.serving] == ["g0002"]

        await until(is_restored, 60)
        found = await process.state["index"].serving.index.load()
        assert {kind: set(rows) for kind, rows in found.items() if rows} == in_crm(stand)
        with pytest.raises(PartUnavailable, match="in use by another process"):
            await restore_index(stand.settings.index, Path(backup.path))
    stand.crm("DELETE FROM articles WHERE id = 2")
    assert (await restore_index(stand.settings.index, Path(backup.path))).startswith("g0003")
    async with stand.index() as index:
        assert {"1", "2"} <= set((await index.load())["article"])


async def test_it_is_optimised_when_somebody_asks_for_it(stand: Stand) -> None:
    async with stand.running() as process:
        await process.caught_up()
        (before,) = (await process.client.index_state(ADMIN)).generations
        assert (before.serving, before.optimised) == (True, None)
        await process.client.index_optimise(ADMIN)
        state = await done(process)
        assert state.error is None
        assert state.generations[0].optimised is not None
        assert state.generations[0].points == before.points


async def test_only_an_administrator_touches_the_index_and_no_path_leads_out_of_its_backups(
    running: Running,
) -> None:
    person = principal("somebody@example.org", Role.REP)
    for ask in (running.client.index_state, running.client.index_optimise, running.client.index_backup):
        with pytest.raises(NotAllowed):
            await ask(person)
    with pytest.raises(NotAllowed):
        await running.client.index_restore(person, "backup.gz")
    token = running.stand.web.for_principal(ADMIN, "retrieval")
    for name in ("../current", "/etc/passwd", ".hidden.gz", ""):
        answer: httpx.Response = await running.http.post(
            "/v1/index/restore", json={"name": name}, headers={"Authorization": f"Bearer {token}"}
        )
        assert answer.status_code == BadInput.status


async def test_an_index_on_a_server_is_not_restored_past_its_writer(tmp_path: Path) -> None:
    on_server = IndexSettings(folder=tmp_path, server=ServerSettings(url=":memory:"))
    with pytest.raises(Conflict, match="by its writer"):
        await restore_index(on_server, tmp_path / "copy.gz")
