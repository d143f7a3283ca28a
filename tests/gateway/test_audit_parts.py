"""A part of the record of which content was erased: it brings what proves that the record tells of it."""

import base64
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway import (
    RECORD_ORIGIN,
    GatewayEvent,
    Retention,
    RetentionSettings,
    as_code,
    export_record,
    record,
    record_key,
)
from gateway.audit.standalone.verify_record import check_export, main, read_anchor
from tests.migrated import migrated

from .test_audit import ALICE, Site

Lines = list[dict[str, Any]]


@pytest.fixture
async def site(new_database: Callable[[], str], tmp_path: Path) -> AsyncIterator[Site]:
    made = Site(migrated(new_database, tmp_path), tmp_path)
    yield made
    await made.database.close()


async def part(site: Site) -> Lines:
    """Of a record whose answers of sixty and of forty days ago were erased together: the forty days' part."""
    for days in (60, 40):
        await site.write_at_once(20)
        async with site.database.transaction() as session:
            record(session, GatewayEvent.SIGNED_IN, ALICE)
        await site.write_at_once(20)
        site.tamper(
            f"UPDATE gateway.audit_event SET at = at - interval '{days} days'"
            " WHERE at > now() - interval '1 day'"
        )
        await site.seal()
    await site.write_at_once(5)
    await site.seal()
    settings = RetentionSettings(answers_days=30)
    assert await Retention(site.database, settings).erase_due() == 80
    await site.write_at_once(300)
    await site.seal()
    return await exported_part(site)


async def exported_part(site: Site) -> Lines:
    now = datetime.now(UTC)
    since, until = now - timedelta(days=50), now - timedelta(days=30)
    async with site.database.transaction() as session:
        key = record_key(RECORD_ORIGIN, site.public)
        return [json.loads(line) async for line in export_record(session, key, since=since, until=until)]


def written(site: Site, lines: Lines) -> Path:
    file = site.folder / "part.jsonl"
    file.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
    return file


def kinds(site: Site, lines: Lines) -> set[str]:
    anchor = read_anchor(site.folder / "checkpoints.jsonl")
    return {fault.kind for fault in check_export(written(site, lines), site.key, [anchor], part=True)[1]}


def of_erasure(lines: Lines) -> dict[str, Any]:
    (found,) = [line for line in lines if "erasure" in line]
    return found


async def test_what_the_database_tells_of_an_erasure_could_be_no_text_either(site: Site) -> None:
    proof = of_erasure(await part(site))["erasure"].split("\n")
    told = json.loads(base64.b64decode(proof[1].removeprefix("extra ")))["detail"]
    words = [*told, *told["subjects"], *(value for value in told.values() if isinstance(value, str))]
    assert len(words) > 8
    assert [as_code(word) for word in words] == words


async def test_a_part_proves_the_erasure_of_its_void_entries(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = await part(site)
    assert kinds(site, lines) == set()
    assert not any(line.get("event", {}).get("event") == "audit.erased" for line in lines), "it is elsewhere"
    assert of_erasure(lines)["numbers"] == [[1, 20], [22, 61], [63, 82]]
    arguments = [
        "record",
        str(written(site, lines)),
        "--part",
        "--key",
        str(record_key(RECORD_ORIGIN, site.public)),
    ]
    assert main([*arguments, "--anchor", str(site.folder / "checkpoints.jsonl")]) == 0
    said = capsys.readouterr().out
    assert "47 entries (41 of them erased)" in said
    assert said.endswith("The record holds.\n")


def drop_the_proof(lines: Lines) -> None:
    lines.remove(of_erasure(lines))


def void_one_more(lines: Lines) -> None:
    void = next(line for line in lines if "erased" in line)
    entry = next(line for line in lines if "event" in line)
    event = entry.pop("event")
    left = {name: event[name] for name in ("id", "event", "at")}
    entry["erased"] = {**left, "erased_at": void["erased"]["erased_at"]}


def void_one_more_and_say_so(lines: Lines) -> None:
    void_one_more(lines)
    of_erasure(lines)["numbers"] = [[1, 20], [22, 82]]


def void_at_another_time(lines: Lines) -> None:
    void = next(line for line in lines if "erased" in line)
    void["erased"]["erased_at"] = "2026-03-10T09:00:00.000000+00:00"


def name_other_numbers(lines: Lines) -> None:
    of_erasure(lines)["numbers"][0] = [1, 19]


def name_numbers_without_end(lines: Lines) -> None:
    of_erasure(lines)["numbers"] = [[1, 2**61]]


def change_what_is_told(lines: Lines) -> None:
    erasure = of_erasure(lines)
    proof = erasure["erasure"].split("\n")
    event = json.loads(base64.b64decode(proof[1].removeprefix("extra ")))
    event["detail"]["subjects"] = ["text", "session"]
    content = json.dumps(event, sort_keys=True, separators=(",", ":")).encode()
    proof[1] = f"extra {base64.b64encode(content).decode()}"
    erasure["erasure"] = "\n".join(proof)


def change_the_path(lines: Lines) -> None:
    of_erasure(lines)["path"][0] = "00" * 32


def begin_the_path_at_nothing(lines: Lines) -> None:
    of_erasure(lines).update({"from": 0, "path": []})


def add_a_member(lines: Lines) -> None:
    of_erasure(lines)["note"] = 1


@pytest.mark.parametrize(
    "tamper",
    [
        drop_the_proof,
        void_one_more,
        void_one_more_and_say_so,
        void_at_another_time,
        name_other_numbers,
        name_numbers_without_end,
        change_what_is_told,
        change_the_path,
        begin_the_path_at_nothing,
        add_a_member,
    ],
    ids=lambda tamper: tamper.__name__,
)
async def test_a_part_whose_void_entries_are_not_those_that_were_erased_does_not_hold(
    site: Site, tamper: Callable[[Lines], None]
) -> None:
    lines = await part(site)
    tamper(lines)
    assert kinds(site, lines) == {"erased"}


async def test_a_part_of_which_content_was_erased_behind_the_records_back_does_not_hold(site: Site) -> None:
    await part(site)
    site.run(
        "SET cloister.retention = 'on'",
        "UPDATE gateway.audit_event SET actor = '', roles = '{}', detail = '{}', correlation = '',"
        " conversation = NULL, run = NULL, subject = NULL, salt = NULL, origin = NULL, erased_at = now()"
        " WHERE event = 'session.signed_in'",
    )
    assert kinds(site, await exported_part(site)) == {"erased"}


async def test_the_head_of_an_erasure_must_be_anchored_too(site: Site) -> None:
    lines = await part(site)
    size = int(of_erasure(lines)["erasure"].rpartition("\n\n")[0].split("\n")[-2])
    anchor = site.folder / "checkpoints.jsonl"
    kept = [line for line in anchor.read_text().splitlines() if json.loads(line)["size"] != size]
    anchor.write_text("\n".join(kept) + "\n")
    assert kinds(site, lines) == {"anchor missing"}
