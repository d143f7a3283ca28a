"""What is wrong with an engine, a release or a database takes no row and no name away."""

import asyncio
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from gateway import BadInput, PartUnavailable, publish_identities
from retrieval import Drift, SyncSettings, load_map
from retrieval.crm import CrmUnavailable
from retrieval.index import Index, IndexedRow, IndexFailed, Known
from retrieval.sync import Filler, Follower, Mirror, Parking, Passes, Stage

from .stand import ADMIN, DEMO_MAP, Running, Stand
from .test_sync import is_marked, rows_of, until

NAMES = "SELECT entity, field FROM gateway.identity WHERE NOT removed ORDER BY 1, 2"


class Engine:
    """An index in a dictionary that takes deletions always, and rows as long as it is told to.

    Flushing does nothing, as with a server.
    """

    def __init__(self, *, refuses: bool = False) -> None:
        self.refuses = refuses
        self.poison = ""
        self.loads = 0
        self.held: dict[str, dict[str, Known]] = {}

    async def load(self) -> dict[str, dict[str, Known]]:
        self.loads += 1
        return {kind: dict(rows) for kind, rows in self.held.items()}

    async def put(self, rows: Sequence[IndexedRow], known: Mapping[str, Known]) -> dict[str, Known]:
        if self.refuses or any(row.key == self.poison for row in rows):
            raise IndexFailed
        written = {}
        for row in rows:
            one = Known(row.version, row.shape, row.names, {f"point of {row.ref}": ""})
            written[row.ref] = self.held.setdefault(row.kind, {})[row.key] = one
        return written

    async def drop(self, points: Sequence[str]) -> None:
        for rows in self.held.values():
            for key in [key for key, row in rows.items() if set(points) & row.points.keys()]:
                del rows[key]

    async def flush(self) -> None:
        return


def mirror_of(engine: Engine) -> Mirror:
    return Mirror(cast(Index, engine))


def rows(count: int, version: str) -> list[IndexedRow]:
    return [IndexedRow("case", str(key), version, "", "", (), (), ()) for key in range(count)]


@pytest.fixture
def writing() -> Passes:
    """Passes of which only the last step is there: writing what was built."""
    passes = object.__new__(Passes)
    passes.parking = Parking(cast(Any, None))
    passes._mirror = mirror_of(Engine())
    return passes


def engine_of(passes: Passes) -> Engine:
    return cast(Engine, passes._mirror.index)


async def test_a_server_that_refuses_every_row_loses_none(writing: Passes) -> None:
    await writing._put(rows(40, "1"), ())
    engine_of(writing).refuses = True
    with pytest.raises(IndexFailed):
        await writing._put(rows(40, "2"), ())
    assert len(engine_of(writing).held["case"]) == 40
    assert writing.parking.of("case") == []
    assert engine_of(writing).loads < 10


async def test_a_row_that_the_engine_refuses_alone_is_set_aside(writing: Passes) -> None:
    await writing._put(rows(40, "1"), ())
    engine_of(writing).poison = "7"
    await writing._put(rows(40, "2"), ())
    assert [(one.key, one.stage) for one in writing.parking.of("case")] == [("7", Stage.WRITING)]
    assert engine_of(writing).held["case"].keys() == {str(key) for key in range(40)} - {"7"}


async def test_a_broken_new_generation_takes_nothing_out_of_the_one_that_is_asked(writing: Passes) -> None:
    await writing._put(rows(4, "1"), ())
    mirror, beside = writing._mirror, mirror_of(Engine(refuses=True))
    mirror.beside = beside
    await writing._put(rows(4, "2"), ())
    assert {one.version for one in engine_of(writing).held["case"].values()} == {"2"}
    assert writing.parking.of("case") == []
    with pytest.raises(IndexFailed):  # what missed a write is never asked
        await mirror.become(beside)


async def test_what_was_written_is_to_be_flushed_whoever_wrote_it(writing: Passes) -> None:
    mirror = writing._mirror
    told = [mirror.unflushed]
    await mirror.bring(rows(2, "1"))
    told.append(mirror.unflushed)
    await mirror.flush()
    await mirror.drop("case", ["9"])
    told.append(mirror.unflushed)
    await mirror.drop("case", ["1"])
    assert [*told, mirror.unflushed] == [False, True, False, True]


async def test_what_was_written_before_a_pass_failed_is_flushed(
    running: Running, stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    await until(lambda: is_marked(stand))  # so that it goes on there, and compares nothing
    passes, index = running.state["passes"], running.follower.mirror.index
    apply, flush = passes.apply, index.flush
    failed: list[int] = []
    flushed: list[int] = []

    async def fails_once(changed: Any, force: Any = ()) -> int:
        written = int(await apply(changed, force))
        if written and not failed:
            failed.append(written)
            raise CrmUnavailable("The CRM is away.")
        return written

    async def watched() -> None:
        flushed.extend(failed)
        await flush()

    monkeypatch.setattr(passes, "apply", fails_once)
    monkeypatch.setattr(index, "flush", watched)
    stand.crm("UPDATE articles SET body = body || ' Zwirbelventil.' WHERE id = 1")

    async def durable() -> bool:
        return bool(flushed)

    await until(durable, 15)


async def test_a_fault_of_every_row_takes_none_out_and_is_said(
    running: Running, stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    builder, before = running.state["passes"]._builder, rows_of(running, "article")
    build = builder.row

    def breaks(kind: str, row: Any, kin: Any) -> Any:
        if kind == "article":
            raise ValueError("a fault of this release")
        return build(kind, row, kin)

    async def said() -> bool:
        status = {one.entity: one for one in (await running.client.sync_status(ADMIN)).entities}
        return "hardly the rows" in (status["article"].error or "")

    async def unsaid() -> bool:
        return not await said()

    monkeypatch.setattr(builder, "row", breaks)
    stand.crm("UPDATE articles SET body = body || ' More.'")
    await until(said)
    assert rows_of(running, "article") == before
    monkeypatch.setattr(builder, "row", build)
    await running.client.sync_retry(ADMIN)
    await until(unsaid)
    assert rows_of(running, "article") == before


async def test_names_that_the_database_lost_are_published_again(new_stand: Callable[..., Stand]) -> None:
    stand = new_stand()
    async with stand.running() as process:
        await process.caught_up()
    before = stand.appliance(NAMES)
    assert len(before) > 100
    stand.appliance("DELETE FROM gateway.identity")  # as an older copy of it would
    async with stand.running() as process:
        await process.caught_up()
        assert stand.appliance(NAMES) == before
        stand.appliance("UPDATE gateway.identity SET removed = true WHERE entity = %s", before[0][0])
        await process.client.sync_verify(ADMIN)
        await process.state["verifier"].wait()
        kind = before[0][0].partition(":")[0]
        assert (await process.client.sync_verified(ADMIN)).found[kind][Drift.UNPUBLISHED] == 1
        assert stand.appliance(NAMES) == before


async def test_the_name_of_somebody_deleted_is_withdrawn_though_that_was_cut_off(
    running: Running, stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = str(stand.crm("SELECT max(id) FROM contacts")[0][0])
    cut_off: list[str] = []

    async def fails_once(*arguments: Any) -> int:
        if not cut_off and key not in rows_of(running, "contact"):
            cut_off.append(key)
            raise PartUnavailable("database", "The database is away.")
        return await publish_identities(*arguments)

    monkeypatch.setattr("retrieval.sync.publishing.publish_identities", fails_once)
    stand.crm("DELETE FROM contacts WHERE id = %s", int(key))

    async def withdrawn() -> bool:
        return (f"contact:{key}", "email") not in stand.appliance(NAMES) and bool(cut_off)

    await until(withdrawn)


async def test_names_of_rows_that_went_while_the_index_was_lost_are_withdrawn(
    new_stand: Callable[..., Stand],
) -> None:
    stand = new_stand()
    async with stand.running() as process:
        await process.caught_up()
    before = {entity for entity, _ in stand.appliance(NAMES)}
    key = stand.crm("SELECT max(id) FROM contacts")[0][0]
    stand.crm("DELETE FROM contacts WHERE id = %s", key)
    shutil.rmtree(stand.settings.index.folder)
    async with stand.running() as process:
        await process.caught_up()
    assert {entity for entity, _ in stand.appliance(NAMES)} == before - {f"contact:{key}"}


async def test_what_belongs_to_somebody_whose_names_cannot_be_published_waits_with_them(
    running: Running, stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A door that does not know the name would let it pass in the texts of the cases too."""
    account, case = stand.crm(
        "SELECT account_id, min(id) FROM cases GROUP BY 1 HAVING count(*) = (SELECT min(n) FROM"
        " (SELECT count(*) AS n FROM cases GROUP BY account_id) AS each) ORDER BY 1 LIMIT 1"
    )[0]
    refused = f"account:{account}"

    async def refuses(session: Any, envelope: Any, entries: Any, entities: Sequence[str]) -> int:
        if refused in entities:
            raise BadInput("This cannot be published.")
        return await publish_identities(session, envelope, entries, entities)

    async def waits() -> bool:
        return str(account) not in rows_of(running, "account") and str(case) not in rows_of(running, "case")

    async def back() -> bool:
        parked = await running.client.sync_parked(ADMIN)
        return parked.total == 0 and str(case) in rows_of(running, "case")

    monkeypatch.setattr("retrieval.sync.publishing.publish_identities", refuses)
    stand.crm("UPDATE accounts SET name = 'Zwirbelventil GmbH', updated_at = now() WHERE id = %s", account)
    await until(waits)
    parked = {(row.entity, row.key): row for row in (await running.client.sync_parked(ADMIN)).rows}
    assert parked["case", str(case)].stage == "belonging"
    assert parked["case", str(case)].reason.startswith(f"It belongs to {refused}, whose names")
    monkeypatch.setattr("retrieval.sync.publishing.publish_identities", publish_identities)
    await running.client.sync_retry(ADMIN)
    await until(back)


@pytest.fixture
def waiting() -> Follower:
    """A follower of which only the choice of what to compare is there."""
    follower = object.__new__(Follower)
    follower._map = load_map(DEMO_MAP)
    follower._kinds = follower._map.parents_first
    follower._whole, follower._refused = set(), {}
    return follower


def test_a_table_that_refuses_is_tried_alone_after_a_rest(waiting: Follower) -> None:
    waiting._whole, waiting._refused = {"account"}, {"account": 1_000.0}
    assert waiting._to_compare(1_030.0) == []
    assert waiting._to_compare(1_061.0) == ["account"]
    waiting._whole.add("mail")
    assert waiting._to_compare(1_030.0) == ["mail"]
    waiting._refused.clear()
    assert waiting._to_compare(1_030.0) == [
        kind for kind in waiting._kinds if kind not in ("article", "product")
    ]


async def test_when_a_table_no_longer_refuses_its_children_are_compared(
    running: Running, stand: Stand
) -> None:
    reader = stand.settings.crm.user
    compared: list[str] = []
    compare = running.state["passes"].compare

    async def watched(kind: str, **options: Any) -> None:
        await compare(kind, **options)
        compared.append(kind)

    async def said() -> bool:
        status = {one.entity: one for one in (await running.client.sync_status(ADMIN)).entities}
        return bool(status["case"].error)

    async def descendants() -> bool:
        return {"case", "note", "mail"} <= set(compared)

    async def refused() -> bool:
        return running.follower._refused.keys() >= {"case"} and not running.follower._asked.is_set()

    stand.crm(f"REVOKE SELECT ON cases FROM {reader}")
    await running.client.sync_run(ADMIN)
    await until(refused)
    await until(said)
    status = {one.entity: one.error for one in (await running.client.sync_status(ADMIN)).entities}
    assert (status["article"], status["account"]) == (None, None)
    running.state["passes"].compare = watched  # type: ignore[method-assign]
    stand.crm(f"GRANT SELECT ON cases TO {reader}")
    running.follower._refused = dict.fromkeys(running.follower._refused, -1_000.0)
    await until(descendants)
    assert not await said()


async def test_what_a_parent_without_watermark_gives_its_children_is_passed_on(
    new_stand: Callable[..., Stand], tmp_path: Path
) -> None:
    text = DEMO_MAP.read_text()
    beginning, account, rest = text.partition("  account:\n    table: accounts\n")
    crm_map = tmp_path / "map.yaml"
    crm_map.write_text(beginning + account + rest.replace("    changed: updated_at\n", "", 1))
    assert load_map(crm_map).entities["account"].changed is None
    often = SyncSettings(follow="poll", poll_s=0.05, sweep_s=0.2, reconcile_s=3_600)
    stand = new_stand(often, crm_map)
    key, case = stand.crm("SELECT account_id, min(id) FROM cases WHERE team_id IS NULL GROUP BY 1 LIMIT 1")[0]
    async with stand.running() as process:
        await process.caught_up()
        stand.crm("UPDATE accounts SET owner_id = 1, territory_id = 6, restricted = true WHERE id = %s", key)

        async def inherited() -> bool:
            held = await process.follower.mirror.index.rights()
            return "account.owner_id~id=1" in held[f"case:{case}"]

        await until(inherited)


async def test_children_have_what_their_parent_gives_them_though_the_process_was_killed_between(
    stand: Stand,
) -> None:
    """The index has either neither, or the child alone: then the parent still differs and is told again."""
    key, case = stand.crm("SELECT account_id, min(id) FROM cases WHERE team_id IS NULL GROUP BY 1 LIMIT 1")[0]
    wrote: list[str] = []

    async def begun() -> bool:
        return bool(wrote)

    async with stand.running() as process:
        await process.caught_up()
        await until(lambda: is_marked(stand))
        passes = process.state["passes"]
        put = passes._put

        async def hangs_after_one(made: Sequence[IndexedRow], force: Any) -> list[IndexedRow]:
            if wrote:
                await asyncio.Event().wait()
            written = list(await put(made, force))
            wrote.extend(row.ref for row in written)
            return written

        passes._put = hangs_after_one  # type: ignore[method-assign, assignment]
        stand.crm(
            "UPDATE accounts SET owner_id = 1, territory_id = 6, restricted = true, updated_at = now()"
            " WHERE id = %s",
            key,
        )
        await until(begun)
        assert f"account:{key}" not in wrote
    async with stand.running() as process:
        await process.caught_up()

        async def inherited() -> bool:
            held = await process.follower.mirror.index.rights()
            return all("account.owner_id~id=1" in held[ref] for ref in (f"account:{key}", f"case:{case}"))

        await until(inherited)


async def test_what_belongs_to_a_row_that_cannot_be_read_waits_with_it(stand: Stand) -> None:
    account, case = stand.crm("SELECT account_id, min(id) FROM cases GROUP BY 1 ORDER BY 1 LIMIT 1")[0]
    stand.crm("UPDATE accounts SET last_order_on = 'infinity' WHERE id = %s", account)
    async with stand.running() as process:
        await process.caught_up()
        parked = {(row.entity, row.key): row.stage for row in (await process.client.sync_parked(ADMIN)).rows}
        assert parked["account", str(account)] == "reading"
        assert parked["case", str(case)] == "belonging"
        assert str(case) not in rows_of(process, "case")
        stand.crm("UPDATE accounts SET last_order_on = '2026-01-01' WHERE id = %s", account)

        async def back() -> bool:
            return str(case) in rows_of(process, "case")

        await until(back)


async def test_what_names_somebody_whose_names_cannot_be_published_waits_with_them(
    running: Running, stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact, case = stand.crm(
        "SELECT contact_id, min(id) FROM cases WHERE contact_id IN (SELECT id FROM contacts WHERE consent)"
        " GROUP BY 1 ORDER BY 1 LIMIT 1"
    )[0]

    async def refuses(session: Any, envelope: Any, entries: Any, entities: Sequence[str]) -> int:
        if f"contact:{contact}" in entities:
            raise BadInput("This cannot be published.")
        return await publish_identities(session, envelope, entries, entities)

    async def out() -> bool:
        return str(contact) not in rows_of(running, "contact") and str(case) not in rows_of(running, "case")

    monkeypatch.setattr("retrieval.sync.publishing.publish_identities", refuses)
    stand.crm("UPDATE contacts SET last_name = 'Zwirbelventil', updated_at = now() WHERE id = %s", contact)
    await until(out)


async def test_a_table_of_names_that_is_refused_keeps_no_other_waiting(
    running: Running, stand: Stand
) -> None:
    await until(lambda: is_marked(stand))
    stand.crm(f"REVOKE SELECT ON contacts FROM {stand.settings.crm.user}")
    await running.client.sync_run(ADMIN)

    async def refused() -> bool:
        return "contact" in running.follower._refused

    await until(refused)
    before = running.follower.mirror.rows("article")["1"].version
    stand.crm("UPDATE articles SET body = 'Zwirbelventil' WHERE id = 1")

    async def followed() -> bool:
        return running.follower.mirror.rows("article")["1"].version != before

    await until(followed)


async def test_without_the_names_of_a_table_nothing_is_indexed_at_first(stand: Stand) -> None:
    """They could not be masked in the texts of the others."""
    stand.crm(f"REVOKE SELECT ON contacts FROM {stand.settings.crm.user}")
    async with stand.running() as process:

        async def said() -> bool:
            status = {one.entity: one for one in (await process.client.sync_status(ADMIN)).entities}
            return all(one.error for one in status.values())

        await until(said)
        assert rows_of(process, "case") == set()
        assert not process.follower.ready


class Scripted(Filler):
    """Fills as many pieces a round as it is told; None is a round in which nothing waits."""

    def __init__(self, rounds: Sequence[int | None]) -> None:
        self.rounds = list(rounds)
        self.idle = asyncio.Event()

    async def fill_some(self) -> int:
        some = self.rounds.pop(0) if len(self.rounds) > 1 else self.rounds[0]
        if some is None:
            self.idle.set()
        return some or 0


async def test_pieces_of_changed_rows_do_not_end_a_filling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retrieval.sync.fill._REST_S", 0)
    assert await Scripted([3, 0, 0, 5, None]).fill_all() == 8
    with pytest.raises(PartUnavailable):
        await Scripted([3, 0]).fill_all()
