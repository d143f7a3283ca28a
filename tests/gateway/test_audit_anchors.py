"""Anchors keep what they are brought, in order; one that cannot be reached is said, and gets it later."""

import asyncio
import base64
import json
import os
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, Response
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway import (
    RECORD_ORIGIN,
    Anchoring,
    PartUnavailable,
    make_signing_key,
    record_key,
    verify_audit,
)
from gateway.audit.anchors import FileAnchor, Signed
from gateway.audit.notes import VerifierKey, read_checkpoint
from gateway.audit.settings import SyslogSettings, WitnessSettings
from gateway.audit.standalone.verify_record import (
    Checkpoint,
    Fault,
    Key,
    Log,
    check_export,
    grew,
    read_anchor,
)
from gateway.audit.standalone.verify_record import read_checkpoint as read_again
from gateway.http import TlsSettings
from tests.migrated import Migrated
from tests.retrieval.certificates import Authority

from .server import serving
from .test_audit import Site


@pytest.fixture
async def site(copied: Migrated, tmp_path: Path) -> AsyncIterator[Site]:
    site = Site(copied, tmp_path)
    yield site
    await site.database.close()


async def one_more(site: Site, count: int = 1) -> None:
    await site.write_at_once(count)
    await site.seal_as()


async def states(site: Site) -> dict[str, Any]:
    async with site.database.transaction() as session:
        rows = await (await session.connection()).execute(text("SELECT * FROM gateway.audit_anchor"))
        return {row.name: row for row in rows}


def due_at_once(site: Site) -> None:
    site.run("UPDATE gateway.audit_anchor SET next_try = now()")


def sizes(path: Path) -> list[int]:
    return [json.loads(line)["size"] for line in path.read_text().splitlines()]


async def test_every_checkpoint_comes_into_the_file_once_and_in_order(site: Site) -> None:
    file = site.folder / "checkpoints.jsonl"
    await one_more(site, 600)
    assert await site.anchoring.deliver() == 3
    assert await site.anchoring.deliver() == 0
    await one_more(site)
    other = Anchoring(site.database, site.settings)
    await asyncio.gather(site.anchoring.deliver(), other.deliver())
    assert sizes(file) == [256, 512, 600, 601]
    assert file.stat().st_mode & 0o077 == 0


async def test_an_anchor_that_cannot_be_written_is_said_and_gets_everything_later(site: Site) -> None:
    gone = site.folder / "not-mounted"
    settings = site.settings.model_copy(update={"folder": gone, "late_s": 1})
    anchoring = Anchoring(site.database, settings)
    await one_more(site, 300)
    assert await anchoring.deliver() == 0
    state = (await states(site))[f"file:{gone}"]
    assert (state.reached, state.tries) == (0, 1)
    assert "cannot be written" in state.reason
    assert await anchoring.deliver() == 0  # not before its time
    assert (await states(site))[f"file:{gone}"].tries == 1
    site.tamper("UPDATE gateway.audit_checkpoint SET at = at - interval '5 seconds'")
    with pytest.raises(PartUnavailable, match=r"not anchored \(file:.* since .* cannot be written"):
        await anchoring.check()
    gone.mkdir()
    due_at_once(site)
    assert await anchoring.deliver() == 2
    await anchoring.check()
    assert sizes(gone / "checkpoints.jsonl") == [256, 300]
    assert (await states(site))[f"file:{gone}"].reason == ""


async def test_an_anchor_that_was_never_reached_is_late_too(site: Site) -> None:
    await one_more(site)
    site.tamper("UPDATE gateway.audit_checkpoint SET at = at - interval '5 minutes'")
    with pytest.raises(PartUnavailable, match=r"file:.* since"):
        await site.anchoring.check()


async def test_events_that_nobody_seals_are_said(site: Site) -> None:
    await one_more(site)
    await site.anchoring.deliver()
    await site.write()
    await site.anchoring.check()
    site.tamper("UPDATE gateway.audit_event SET at = at - interval '5 minutes'")
    with pytest.raises(PartUnavailable, match="not sealed since"):
        await site.anchoring.check()
    await site.seal()
    await site.anchoring.check()


async def test_a_line_that_was_cut_short_does_not_spoil_the_next(site: Site) -> None:
    file = site.folder / "checkpoints.jsonl"
    file.write_text('{"size": 1, "at')
    await one_more(site)
    assert await site.anchoring.deliver() == 1
    assert [json.loads(line)["size"] for line in file.read_text().splitlines()[1:]] == [1]
    assert (await site.verify()).holds


@pytest.mark.parametrize("taken", [1, 7])
async def test_a_write_that_takes_a_part_alone_goes_on(
    tmp_path: Path, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: really(descriptor, data[:taken]))
    head = Signed(3, "a note", datetime(2026, 3, 1, tzinfo=UTC))
    await FileAnchor(tmp_path).take(AsyncSession(), [head], 0)
    assert sizes(tmp_path / "checkpoints.jsonl") == [3]


async def test_a_log_may_be_called_anything(site: Site) -> None:
    settings = site.settings.model_copy(update={"origin": "eyewear.example/record"})
    await site.write(1)
    await site.seal_as(origin=settings.origin)
    assert await Anchoring(site.database, settings).deliver() == 1
    async with site.database.transaction() as session:
        assert (
            await verify_audit(session, [record_key(settings.origin, site.public)], site.folder)
        ).faults == []


async def test_tries_become_rarer_up_to_a_minute(site: Site) -> None:
    nowhere = site.folder / "no"
    anchoring = Anchoring(site.database, site.settings.model_copy(update={"folder": nowhere}))
    await one_more(site)
    waits = []
    for _ in range(8):
        await anchoring.deliver()
        state = (await states(site))[f"file:{nowhere}"]
        waits.append(round((state.next_try - state.failing_since).total_seconds()))
        due_at_once(site)
    assert waits[:3] == [1, 2, 4]
    assert max(waits) <= 61


async def test_sealing_does_not_wait_for_an_anchor(site: Site) -> None:
    began, may_end = asyncio.Event(), asyncio.Event()

    class Slow:
        name = "slow"

        async def take(self, *_: object) -> None:
            began.set()
            await may_end.wait()

    site.anchoring.anchors = [Slow()]
    await one_more(site)
    delivering = asyncio.create_task(site.anchoring.deliver())
    await began.wait()
    await site.write(3)
    assert await site.sealer.seal() == 3
    may_end.set()
    assert await delivering == 1


class LogHost:
    """Takes RFC 5425 frames; keeps every message."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.received = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while length := await reader.readuntil(b" ") if not reader.at_eof() else b"":
            message = await reader.readexactly(int(length))
            self.messages.append(message.decode())
            self.received.set()
            if reader.at_eof():
                break
            peek = await reader.read(0)
            assert peek == b""
        writer.close()


@asynccontextmanager
async def log_host(authority: Authority) -> AsyncIterator[tuple[LogHost, int]]:
    host = LogHost()
    certificate, key = authority.issue("loghost")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await host.serve(reader, writer)
        except asyncio.IncompleteReadError:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    async with server:
        yield host, server.sockets[0].getsockname()[1]


async def test_a_log_host_gets_each_checkpoint_as_a_syslog_message_over_tls(site: Site) -> None:
    authority = Authority(site.folder)
    async with log_host(authority) as (host, port):
        syslog = SyslogSettings(host="127.0.0.1", port=port, tls=TlsSettings(ca_file=authority.file))
        anchoring = Anchoring(site.database, site.settings.model_copy(update={"syslog": syslog}))
        await one_more(site, 300)
        assert await anchoring.deliver() == 4  # two into the file, two to the host
        while len(host.messages) < 2:
            host.received.clear()
            await host.received.wait()
    head = re.compile(r"<109>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \S+ cloister \d+ checkpoint - \{")
    assert all(head.match(message) for message in host.messages)
    kept = site.folder / "loghost.log"
    kept.write_text("".join(message + "\n" for message in host.messages))
    anchor = read_anchor(kept)
    assert sorted(anchor.checkpoints) == [256, 300]
    _, faults = check_export(await site.export(), site.key, [anchor])
    assert faults == []


async def test_a_log_host_of_an_unknown_authority_gets_nothing(site: Site) -> None:
    known, unknown = Authority(site.folder, "Known"), Authority(site.folder, "Unknown")
    async with log_host(unknown) as (host, port):
        syslog = SyslogSettings(host="127.0.0.1", port=port, tls=TlsSettings(ca_file=known.file))
        anchoring = Anchoring(site.database, site.settings.model_copy(update={"syslog": syslog}))
        await one_more(site)
        assert await anchoring.deliver() == 1
        state = (await states(site))[f"syslog:127.0.0.1:{port}"]
    assert (host.messages, state.tries) == ([], 1)
    assert "SSLCertVerificationError" in state.reason


class Witness:
    """A witness as C2SP `tlog-witness` has it: remembers one head a log and cosigns what grew out of it."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.private = Ed25519PrivateKey.generate()
        self.key = VerifierKey("witness.example/w1", self.private.public_key().public_bytes_raw(), 4)
        self.seen: Checkpoint | None = None
        self.answers: list[int] = []
        self.broken = False

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.post("/w1/add-checkpoint")
        async def add(request: Request) -> Response:
            answer = self.add((await request.body()).decode())
            self.answers.append(answer.status_code)
            return answer

        return app

    def add(self, body: str) -> Response:
        if self.broken:
            return Response(status_code=503)
        top, _, note = body.partition("\n\n")
        first, *proof = top.split("\n")
        assert first.startswith("old ")
        old, head = int(first.removeprefix("old ")), read_again(note)
        if isinstance(self.log.signer_of(head, "a request"), Fault):
            return Response(status_code=403)
        if old > head.size:
            return Response(status_code=400)
        known = self.seen.size if self.seen else 0
        if old != known:
            return PlainTextResponse(f"{known}\n", 409, media_type="text/x.tlog.size")
        before = self.seen.root if self.seen else b""
        if not grew(old, before, head.size, head.root, [base64.b64decode(line) for line in proof]):
            return Response(status_code=422)
        self.seen = head
        return PlainTextResponse(self.cosign(note) + "\n")

    def cosign(self, note: str, time: int = 1_760_000_000) -> str:
        text = note.rpartition("\n\n")[0] + "\n"
        signature = self.private.sign(f"cosignature/v1\ntime {time}\n{text}".encode())
        raw = self.key.id + time.to_bytes(8, "big") + signature
        return f"\u2014 {self.key.name} {base64.b64encode(raw).decode()}"


@asynccontextmanager
async def witnessed(site: Site) -> AsyncIterator[tuple[Witness, Anchoring]]:
    witness = Witness(site.key)
    async with serving(witness.app()) as url:
        settings = WitnessSettings(url=f"{url}/w1", key=str(witness.key))
        yield witness, Anchoring(site.database, site.settings.model_copy(update={"witness": settings}))


async def test_a_witness_cosigns_each_head_that_grew_out_of_the_last(site: Site) -> None:
    async with witnessed(site) as (witness, anchoring):
        for count in (3, 1, 260, 700):
            await one_more(site, count)
            await anchoring.deliver()
        assert witness.answers == [200, 200, 200, 200]
        assert witness.seen is not None
        assert witness.seen.size == 964
    export = await site.export()
    anchors = [read_anchor(site.folder / "checkpoints.jsonl")]
    _, faults = check_export(export, site.key, anchors, [Key.parse(str(witness.key))])
    assert faults == []
    stranger = Key.parse(str(Witness(site.key).key))
    _, faults = check_export(export, site.key, anchors, [stranger])
    assert [fault.kind for fault in faults] == ["not witnessed"]


async def test_a_witness_that_knows_another_head_is_asked_again_from_there(site: Site) -> None:
    async with witnessed(site) as (witness, anchoring):
        await one_more(site, 3)
        await anchoring.deliver()
        site.run("DELETE FROM gateway.audit_anchor WHERE name LIKE 'witness:%'")  # as after a restore
        await one_more(site, 3)
        await anchoring.deliver()
        assert witness.answers == [200, 409, 200]


async def test_a_witness_that_has_seen_more_than_there_is_speaks_against_the_record(site: Site) -> None:
    async with witnessed(site) as (witness, anchoring):
        await one_more(site, 30)
        await anchoring.deliver()
        site.tamper("DELETE FROM gateway.audit_cosignature; DELETE FROM gateway.audit_checkpoint")
        site.tamper("DELETE FROM gateway.audit_seal WHERE sequence > 10")
        site.run("UPDATE gateway.audit_anchor SET reached = 0")
        site.run(
            "ALTER TABLE gateway.audit_event DISABLE TRIGGER ALL",
            "DELETE FROM gateway.audit_event e WHERE NOT EXISTS"
            " (SELECT FROM gateway.audit_seal s WHERE s.event_id = e.id)",
        )
        await site.seal_as()
        await anchoring.deliver()
        state = (await states(site))[f"witness:{witness.key.name}"]
    assert "it has seen 30 events, and there are 10" in state.reason


async def test_a_witness_that_fails_is_asked_again(site: Site) -> None:
    async with witnessed(site) as (witness, anchoring):
        witness.broken = True
        await one_more(site, 3)
        await anchoring.deliver()
        name = f"witness:{witness.key.name}"
        assert "status 503" in (await states(site))[name].reason
        witness.broken = False
        due_at_once(site)
        await anchoring.deliver()
        assert (await states(site))[name].reached == 3


async def test_a_cosignature_of_somebody_else_is_not_kept(site: Site) -> None:
    async with witnessed(site) as (witness, anchoring):
        witness.private = Ed25519PrivateKey.generate()
        await one_more(site)
        await anchoring.deliver()
        state = (await states(site))[f"witness:{witness.key.name}"]
    assert "no cosignature" in state.reason


async def test_checkpoints_name_the_log_that_the_settings_name(site: Site) -> None:
    settings = site.settings.model_copy(update={"origin": "halden.example/record"})
    await site.write(1)
    await site.seal_as(origin=settings.origin)
    async with site.database.transaction() as session:
        row = await (await session.connection()).execute(text("SELECT signed FROM gateway.audit_checkpoint"))
        assert read_checkpoint(row.scalar_one()).origin == "halden.example/record"
    make_signing_key(site.folder / "other.key", site.folder / "other.pub")
    assert record_key(RECORD_ORIGIN, site.public).id != record_key(settings.origin, site.public).id
