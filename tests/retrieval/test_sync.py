"""The index follows the CRM: nothing lost, no ghost, no double, and no identity in it."""

import asyncio
import json
import os
import random
import re
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from gateway import NotAllowed, Role
from retrieval import SyncSettings, SyncStatus
from retrieval.index import Known
from retrieval.search.values import Following
from retrieval.sync import Passes

from .oracle import Oracle
from .stand import ADMIN, Running, Stand, principal

KILLS = 4
NEW_NAME = "Quirinius Zabelthau"
PAYLOAD = set("ref kind version shape names acl up size field ordinal digest vdigest wants".split())


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 20) -> None:
    """Wait for something that the process does by itself."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - what is waited for is outside of this process
            await asyncio.sleep(0.02)


async def loaded(stand: Stand) -> dict[str, dict[str, Known]]:
    """What a stopped process left in its index."""
    async with stand.index() as index:
        return await index.load()


def rows_of(process: Running, kind: str) -> set[str]:
    return set(process.follower.mirror.rows(kind))


async def test_after_the_first_comparison_every_row_is_there_and_the_process_is_ready(
    running: Running, stand: Stand
) -> None:
    oracle = Oracle(stand.crm_dsn)
    await until(lambda: is_ready(running))
    status = await running.client.sync_status(ADMIN)
    assert status.ready
    assert {one.entity: one.rows for one in status.entities} == {
        kind: len(rows) for kind, rows in oracle.rows.items()
    }
    saved = dict(stand.appliance("SELECT entity, rows FROM retrieval.sync WHERE complete"))
    assert saved == {kind: len(rows) for kind, rows in oracle.rows.items()}


async def is_ready(process: Running) -> bool:
    return (await process.http.get("/readyz")).status_code == 200


async def test_a_changed_row_a_new_row_and_a_deleted_row_are_followed(running: Running, stand: Stand) -> None:
    oracle = Oracle(stand.crm_dsn)
    who = principal(oracle.people[0].login)
    stand.crm("UPDATE articles SET body = body || ' Zwirbelventil.' WHERE id = 1")
    stand.crm(
        "INSERT INTO articles (id, title, category, audience, staff_only, body, updated_on)"
        " VALUES (900, 'Krumpelhahn', 'parts', 'public', false, 'Knarzdichtung and more.', now())"
    )
    stand.crm("DELETE FROM articles WHERE id = 2")

    async def followed() -> bool:
        changed = await running.client.search(who, "Zwirbelventil")
        added = await running.client.search(who, "Knarzdichtung")
        return (
            any(passage.entity == "article:1" for passage in changed.passages)
            and any(passage.entity == "article:900" for passage in added.passages)
            and "2" not in rows_of(running, "article")
        )

    await until(followed)


async def test_children_inherit_a_change_of_rights(running: Running, stand: Stand) -> None:
    account = stand.crm(
        "SELECT account_id FROM cases WHERE team_id IS NULL GROUP BY 1 ORDER BY count(*) DESC LIMIT 1"
    )[0][0]
    stand.crm("UPDATE accounts SET owner_id = 1, territory_id = 6, restricted = true WHERE id = %s", account)

    async def inherited() -> bool:
        oracle = Oracle(stand.crm_dsn)
        held = await running.follower.mirror.index.rights()
        case, row = next((k, r) for k, r in oracle.rows["case"].items() if r["account_id"] == account)
        notes = [k for k, r in oracle.rows["note"].items() if r["case_id"] == case and not r["confidential"]]
        touched = [f"case:{case}", *(f"note:{key}" for key in notes)]
        return all("account.owner_id~id=1" in held[ref] for ref in touched) and row["account_id"] == account

    await until(inherited)


async def test_a_contact_without_consent_leaves_nothing_but_a_mark(running: Running, stand: Stand) -> None:
    key = stand.crm("SELECT id FROM contacts WHERE consent ORDER BY id LIMIT 1")[0][0]
    assert len(running.follower.mirror.rows("contact")[str(key)].points) >= 1
    stand.crm("UPDATE contacts SET consent = false WHERE id = %s", key)

    async def marked() -> bool:
        held = await running.follower.mirror.index.rights()
        return held[f"contact:{key}"] == frozenset()

    await until(marked)
    assert list(running.follower.mirror.rows("contact")[str(key)].points.values()) == [""]


async def test_a_sync_that_would_delete_a_fifth_of_a_kind_stops_and_asks(
    running: Running, stand: Stand
) -> None:
    contacts = len(Oracle(stand.crm_dsn).rows["contact"])
    stand.crm("DELETE FROM contacts WHERE mod(id, 4) = 0")
    left = len(Oracle(stand.crm_dsn).rows["contact"])
    assert left < 0.85 * contacts

    async def stopped() -> bool:
        status = {one.entity: one for one in (await running.client.sync_status(ADMIN)).entities}
        return "--allow-deletes" in (status["contact"].error or "")

    await until(stopped)
    assert len(rows_of(running, "contact")) == contacts
    with pytest.raises(NotAllowed):
        await running.client.sync_run(principal("rep@example.org"), allow_deletes=True)
    await running.client.sync_run(ADMIN)
    await until(lambda: idle(running))
    assert len(rows_of(running, "contact")) == contacts
    await running.client.sync_run(ADMIN, allow_deletes=True)
    await until(lambda: idle(running))
    assert len(rows_of(running, "contact")) == left
    status = {one.entity: one for one in (await running.client.sync_status(ADMIN)).entities}
    assert status["contact"].error is None


async def idle(process: Running) -> bool:
    return not any(one.running for one in (await process.client.sync_status(ADMIN)).entities)


async def test_identities_are_published_before_the_passage_that_mentions_them(
    running: Running, stand: Stand
) -> None:
    published: list[int] = []
    mirror = running.follower.mirror
    put = mirror.put

    async def watched(rows: Any) -> None:
        if any(row.ref == "contact:9001" for row in rows):
            found = stand.appliance(
                "SELECT count(*) FROM gateway.identity WHERE entity = 'contact:9001' AND NOT removed"
            )
            published.append(found[0][0])
        await put(rows)

    mirror.put = watched  # type: ignore[method-assign]
    stand.crm(
        "INSERT INTO contacts (id, account_id, first_name, last_name, email, phone, language, is_primary,"
        " consent) SELECT 9001, min(id), 'Quirinius', 'Zabelthau', 'q.zabelthau@example.org',"
        " '+49 561 5550199', 'de', false, true FROM accounts"
    )
    await until(lambda: _is_true(bool(published)))
    assert published[0] == 3
    stand.crm("DELETE FROM contacts WHERE id = 9001")

    async def withdrawn() -> bool:
        statement = "SELECT count(*) FROM gateway.identity WHERE entity = 'contact:9001' AND NOT removed"
        return bool(stand.appliance(statement)[0][0] == 0)

    await until(withdrawn)


async def _is_true(value: bool) -> bool:
    return value


async def test_no_identity_and_no_text_is_in_any_file_of_the_index(new_stand: Callable[..., Stand]) -> None:
    stand = new_stand()
    async with stand.running() as process:
        await process.caught_up()
        await process.vectors_filled()
        await process.follower.mirror.flush()
        files = [path for path in stand.settings.index.folder.rglob("*") if path.is_file()]
        stored = b"\n".join(re.sub(rb"\0{2,}", b"\0", path.read_bytes()) for path in files).lower()
    payloads = payloads_in(next(stand.settings.index.folder.rglob("edge_config.json")).parent)
    assert all(payload.keys() == PAYLOAD for payload in payloads)
    stored += b"\n".join(json.dumps(payload).lower().encode() for payload in payloads)
    assert len(stored) > 300_000
    assert b"account.territory_id~territories=" in stored  # what is stored can be found this way
    oracle = Oracle(stand.crm_dsn)
    people, companies = oracle.rows["contact"].values(), oracle.rows["account"].values()
    canaries = {row[name] for row in people for name in ("last_name", "email", "phone")}
    canaries |= {row[name] for row in companies for name in ("name", "account_no", "iban")}
    canaries |= {row["portal_password_hash"] for row in companies}
    canaries |= {row["body"][:24] for row in oracle.rows["note"].values()}
    looked_for = [canary.lower().encode() for canary in canaries if canary and len(canary) > 4]
    assert len(looked_for) > 200
    assert not [canary for canary in looked_for if re.search(_as_stored(canary), stored)]


def _as_stored(canary: bytes) -> bytes:
    """What finds it; where it reads like a part of a digest, only by itself."""
    found = re.escape(canary)
    return rb"(?<![0-9a-f])%s(?![0-9a-f])" % found if re.fullmatch(rb"[0-9a-f]+", canary) else found


def payloads_in(folder: Path) -> list[dict[str, Any]]:
    """All payloads of a closed shard, read without our code: the engine stores them compressed."""
    import qdrant_edge

    shard = qdrant_edge.EdgeShard.load(str(folder))
    records, _ = shard.scroll(qdrant_edge.ScrollRequest(limit=100_000, with_payload=True))
    shard.close()
    return [dict(record.payload or {}) for record in records]


async def test_a_name_that_becomes_known_later_is_taken_out_of_older_terms(
    running: Running, stand: Stand
) -> None:
    note, case = stand.crm("SELECT id, case_id FROM case_notes ORDER BY id LIMIT 1")[0]
    stand.crm("UPDATE case_notes SET body = %s WHERE id = %s", f"Spoke with {NEW_NAME} today.", note)
    await until(lambda: idle(running))
    mirror = running.follower.mirror

    async def rewritten() -> bool:
        return set(mirror.rows("note")[str(note)].points.values()) != before

    before = set(mirror.rows("note")[str(note)].points.values())
    await until(rewritten)
    before = set(mirror.rows("note")[str(note)].points.values())
    first, last = NEW_NAME.split()
    stand.crm(
        "INSERT INTO contacts (id, account_id, first_name, last_name, email, phone, language, is_primary,"
        " consent) SELECT 9002, c.account_id, %s, %s, 'z@example.org', '+49 561 5550198', 'de', false, true"
        " FROM cases c WHERE c.id = %s",
        first,
        last,
        case,
    )
    await until(lambda: _is_true("9002" in mirror.rows("contact")))
    await running.client.sync_run(ADMIN)
    await until(rewritten)


async def test_what_has_not_changed_keeps_its_vector(running: Running, stand: Stand) -> None:
    await running.vectors_filled()
    before = sum(one.vectors for one in (await running.client.sync_status(ADMIN)).entities)
    key = stand.crm("SELECT account_id FROM cases GROUP BY 1 ORDER BY count(*) DESC LIMIT 1")[0][0]
    stand.crm("UPDATE accounts SET owner_id = 2 WHERE id = %s", key)

    async def inherited() -> bool:
        return "account.owner_id~id=2" in (await running.follower.mirror.index.rights())[f"account:{key}"]

    running.state["filler"].stop()
    await until(inherited)
    after = sum(one.vectors for one in (await running.client.sync_status(ADMIN)).entities)
    assert after == before


async def test_killed_at_any_moment_it_ends_as_if_it_had_not_been(new_stand: Callable[..., Stand]) -> None:
    undisturbed, killed = new_stand(), new_stand()
    for stand in (undisturbed, killed):
        stand.crm("DELETE FROM accounts WHERE mod(id, 3) <> 0")
    draw = random.Random(5)  # noqa: S311 - test data
    shard = killed.settings.index.folder
    ended = []
    for _ in range(KILLS):
        child = await start_child(killed)
        await until(lambda: _is_true(any(shard.rglob("edge_config.json"))))
        await asyncio.sleep(draw.uniform(0.1, 2.0))  # a kill at any moment is what this is about
        os.kill(child.pid, signal.SIGKILL)
        ended.append(await child.wait())
    assert ended == [-signal.SIGKILL] * KILLS
    child = await start_child(killed, "once")
    assert await child.wait() == 0
    async with undisturbed.running() as process:
        await process.caught_up()
    expected, found = await loaded(undisturbed), await loaded(killed)
    assert {kind: set(rows) for kind, rows in found.items()} == {
        kind: {str(key) for key in rows} for kind, rows in Oracle(killed.crm_dsn).rows.items()
    }
    points = {
        one: {point for rows in state.values() for row in rows.values() for point in row.points}
        for one, state in (("expected", expected), ("found", found))
    }
    assert points["found"] == points["expected"]
    assert all(row.version for rows in found.values() for row in rows.values())
    assert (await counted(killed)) == len(points["found"])


async def counted(stand: Stand) -> int:
    async with stand.index() as index:
        counts = await index.counts(list(Oracle(stand.crm_dsn).rows))
        return sum(one.points for one in counts.values())


async def start_child(stand: Stand, *arguments: str, crash_at: str = "") -> asyncio.subprocess.Process:
    """The same process in a child of its own, which can be killed, or kills itself at a point."""
    path = stand.folder / "settings.json"
    path.write_text(stand.settings.model_dump_json())
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.retrieval.sync_child",
        str(path),
        *arguments,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "CRASH_AT": crash_at},
    )


async def test_a_restart_is_ready_without_comparing_first(new_stand: Callable[..., Stand]) -> None:
    stand = new_stand(sync=SyncSettings(poll_s=0.05))
    async with stand.running() as process:
        await process.caught_up()
        await until(lambda: is_ready(process))
    async with stand.running() as process:
        await until(lambda: is_ready(process), 5)


async def test_anyone_signed_in_may_ask_how_far_the_index_is(running: Running) -> None:
    status = await running.client.sync_status(principal("auditor@example.org", Role.AUDITOR))
    assert {one.entity for one in status.entities} >= {"account", "article"}


async def test_a_restart_goes_on_with_the_log_and_compares_nothing(
    new_stand: Callable[..., Stand], monkeypatch: pytest.MonkeyPatch
) -> None:
    stand = new_stand()
    async with stand.running() as process:
        await process.caught_up()
        await until(lambda: is_marked(stand))
        assert (await process.client.sync_status(ADMIN)).following == following(
            await process.follower.status()
        )
    stand.crm("UPDATE articles SET body = body || ' Zwirbelventil.' WHERE id = 1")
    stand.crm("DELETE FROM articles WHERE id = 2")
    compared: list[str] = []

    async def compare(self: Passes, kind: str, **_: object) -> None:
        compared.append(kind)

    monkeypatch.setattr(Passes, "compare", compare)
    async with stand.running() as process:
        await process.caught_up()
        await until(lambda: _is_true("2" not in rows_of(process, "article")))
        who = principal(Oracle(stand.crm_dsn).people[0].login)
        found = await process.client.search(who, "Zwirbelventil")
        assert any(passage.entity == "article:1" for passage in found.passages)
    assert compared == []


def following(status: SyncStatus) -> Following | None:
    assert status.following is not None
    assert status.following.mode == "decoding"
    return status.following


async def is_marked(stand: Stand) -> bool:
    return bool(stand.appliance("SELECT count(*) FROM retrieval.sync WHERE slot IS NULL") == [(0,)])


async def test_without_a_publication_the_crm_is_polled_and_the_status_says_why(
    new_stand: Callable[..., Stand],
) -> None:
    stand = new_stand()
    stand.crm("DROP PUBLICATION cloister")
    async with stand.running() as process:
        await process.caught_up()
        status = await process.client.sync_status(ADMIN)
        assert status.following is not None
        assert status.following.mode == "watermark"
        assert "no publication" in status.following.because
        stand.crm("UPDATE articles SET body = body || ' Zwirbelventil.' WHERE id = 1")
        stand.crm("DELETE FROM articles WHERE id = 2")
        before = process.follower.mirror.rows("article")["1"].version

        async def followed() -> bool:
            rows = process.follower.mirror.rows("article")
            return "2" not in rows and rows["1"].version != before

        await until(followed)


async def test_a_lost_slot_is_an_announced_comparison(new_stand: Callable[..., Stand]) -> None:
    stand = new_stand()
    async with stand.running() as process:
        await process.caught_up()
        await until(lambda: is_marked(stand))
    stand.crm("DELETE FROM articles WHERE id = 2")
    stand.crm(
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
        " WHERE database = current_database()"
    )
    async with stand.running() as process:
        await process.caught_up()
        assert "2" not in rows_of(process, "article")
    ((told,),) = stand.appliance(
        "SELECT detail ->> 'reason' FROM gateway.audit_event WHERE event = 'sync.slot_lost'"
    )
    assert told == "gone"


async def test_a_stream_that_breaks_goes_on(running: Running, stand: Stand) -> None:
    stand.crm("UPDATE articles SET body = body || ' Zwirbelventil.' WHERE id = 1")
    stand.crm(
        "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots"
        " WHERE database = current_database()"
    )
    stand.crm("DELETE FROM articles WHERE id = 2")
    await until(lambda: _is_true("2" not in rows_of(running, "article")))


async def test_a_dropped_table_keeps_no_other_waiting(running: Running, stand: Stand) -> None:
    stand.crm("DROP TABLE mails")
    stand.crm("DELETE FROM articles WHERE id = 2")
    await until(lambda: _is_true("2" not in rows_of(running, "article")))

    async def said() -> bool:
        status = await running.client.sync_status(ADMIN)
        assert status.following is not None
        return any("no table mails" in notice for notice in status.following.notices)

    await until(said, 40)


async def test_an_index_that_was_lost_and_begun_again_is_not_taken_for_whole(
    new_stand: Callable[..., Stand],
) -> None:
    stand = new_stand(sync=SyncSettings(fill_vectors=False))
    async with stand.running() as process:
        await process.caught_up()
        await until(lambda: is_marked(stand))
    shutil.rmtree(stand.settings.index.folder)
    child = await start_child(stand, crash_at="after put,3")
    assert await child.wait() == -signal.SIGKILL
    async with stand.running() as process:
        await process.caught_up()
    found = await loaded(stand)
    assert {kind: set(rows) for kind, rows in found.items()} == {
        kind: {str(key) for key in rows} for kind, rows in Oracle(stand.crm_dsn).rows.items()
    }
