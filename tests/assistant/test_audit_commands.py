"""What an auditor does from the command line, and on a machine that has nothing of ours."""

import asyncio
import csv
import io
import json
import re
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import yaml

from approvals import ApprovalEvent
from assistant.answer import RunAudit
from assistant.cli.exits import Exit
from assistant.composition import register_all_events
from assistant.settings import WebSettings
from assistant.web import create_web_app
from gateway import (
    Anchoring,
    AnchorSettings,
    Checkpointing,
    Database,
    GatewayEvent,
    Principal,
    Retention,
    RetentionSettings,
    Role,
    Sealer,
    begin_correlation,
    create_account,
    issue_api_token,
    load_settings,
    make_signing_key,
    record,
)
from retrieval import RetrievalEvent
from tests.assistant.commands import cloister
from tests.gateway.server import serving
from tests.migrated import Migrated, migrated


@dataclass
class Stand:
    """A web process with a record, the worker's sealer, and an auditor's token."""

    folder: Path
    url: str
    work: Database
    sealer: Sealer
    checkpointing: Checkpointing
    anchoring: Anchoring
    rep: Principal
    token: Path
    made: Migrated

    async def cloister(self, *arguments: object) -> "subprocess.CompletedProcess[str]":
        """A command of the auditor's."""
        given = ("--token-file", str(self.token), "--data", str(self.folder))
        return await asyncio.to_thread(cloister, "audit", *map(str, arguments), *given)

    async def seal(self) -> None:
        await self.sealer.seal()
        await self.checkpointing.sign_due()
        await self.anchoring.deliver()

    def elsewhere(self, *arguments: object) -> "subprocess.CompletedProcess[str]":
        """The verifier, as a file on a machine that has nothing of ours."""
        script = self.folder / "verify_record.py"
        words = [sys.executable, "-I", str(script), *map(str, arguments)]
        return subprocess.run(words, capture_output=True, text=True, check=False)

    async def answer(self) -> uuid.UUID:
        """What is recorded of an answer that was held and released."""
        run, conversation, item = uuid.uuid4(), uuid.uuid4(), str(uuid.uuid4())
        begin_correlation()
        about: dict[str, Any] = {"conversation": conversation, "run": run}
        officer = Principal(str(uuid.uuid4()), "otto@example.org", frozenset({Role.OFFICER}))
        async with self.work.transaction() as session:
            record(session, GatewayEvent.TEXT_REDACTED, self.rep, conversation=conversation, hidden=1)
        async with self.work.transaction() as session:
            record(session, RunAudit.ASKED, self.rep, **about, outcome="allowed")
        async with self.work.transaction() as session:
            record(session, RetrievalEvent.SEARCHED, self.rep, found=3)
            record(session, RunAudit.SEARCHED, self.rep, **about, found=3)
        async with self.work.transaction() as session:
            record(
                session,
                GatewayEvent.MODEL_CALLED,
                self.rep,
                conversation=conversation,
                model="default",
                deployment="gpu-1",
            )
        async with self.work.transaction() as session:
            record(
                session,
                RunAudit.WEIGHED,
                self.rep,
                **about,
                policy="2026-03",
                rules=["refund", "legal_threat"],
            )
            record(session, ApprovalEvent.HELD, self.rep, **about, subject=item, policy="2026-03")
        begin_correlation()
        async with self.work.transaction() as session:
            record(session, ApprovalEvent.APPROVED, officer, **about, subject=item, policy="2026-03")
        async with self.work.transaction() as session:
            record(session, RunAudit.RELEASED, officer, **about, item=item)
        begin_correlation()
        async with self.work.transaction() as session:  # of somebody else, at the same time
            record(session, GatewayEvent.TEXT_REDACTED, self.rep, conversation=uuid.uuid4())
        return run


@pytest.fixture
async def stand(new_database: Callable[[], str], tmp_path: Path) -> AsyncIterator[Stand]:
    register_all_events()
    made: Migrated = migrated(new_database, tmp_path)
    make_signing_key(tmp_path / "audit.key", tmp_path / "audit.pub")
    make_signing_key(tmp_path / "older.key", tmp_path / "older.pub")
    make_signing_key(tmp_path / "web.key", tmp_path / "web.pub")
    anchors = tmp_path / "anchors"
    anchors.mkdir()
    settings = {
        "listen": {"port": 1},
        "database": made.settings("cloister_web").model_dump(mode="json"),
        "trust": {"issuer": "web", "key_file": str(tmp_path / "web.key"), "trusted": {}},
        "door": {"url": "http://127.0.0.1:9"},
        "retrieval": {"url": "http://127.0.0.1:9"},
        "anchors": {
            "folder": str(anchors),
            "public_key_file": str(tmp_path / "audit.pub"),
            "earlier_key_files": [str(tmp_path / "older.pub")],
        },
        "state_folder": str(tmp_path),
    }
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "web.yaml").write_text(yaml.safe_dump(settings))
    app = create_web_app(load_settings(tmp_path / "etc" / "web.yaml", WebSettings))
    work = made.database("cloister_work")
    signing = AnchorSettings(folder=anchors, key_file=tmp_path / "audit.key", every_s=0)
    web = made.database("cloister_web")
    async with web.transaction() as session:
        people = {
            role: await create_account(
                session, login=f"{role}@example.org", name=role, roles=[role], password=None
            )
            for role in (Role.REP, Role.AUDITOR)
        }
        token = await issue_api_token(session, str(people[Role.AUDITOR].id), label="test", days=1)
        rep = await issue_api_token(session, str(people[Role.REP].id), label="test", days=1)
    await web.close()
    (tmp_path / "token").write_text(token.secret)
    (tmp_path / "rep-token").write_text(rep.secret)
    async with serving(app) as url:
        cli = {"url": url, "demo_secret_file": None, "admin": None, "auditor": None}
        (tmp_path / "etc" / "cli.yaml").write_text(yaml.safe_dump(cli))
        principal = Principal(str(people[Role.REP].id), "rep@example.org", frozenset({Role.REP}))
        yield Stand(
            tmp_path,
            url,
            work,
            Sealer(work),
            Checkpointing(work, signing),
            Anchoring(work, signing),
            principal,
            tmp_path / "token",
            made,
        )
    await work.close()


async def test_an_auditor_with_the_export_the_anchors_and_one_file_needs_nothing_else(stand: Stand) -> None:
    await stand.answer()
    await stand.sealer.seal()
    older = AnchorSettings(folder=stand.folder, key_file=stand.folder / "older.key", every_s=0)
    assert await Checkpointing(stand.work, older).sign_due() == 1
    for _ in range(40):
        await stand.answer()
    await stand.seal()
    export, key = stand.folder / "record.jsonl.gz", stand.folder / "record.key"
    done = await stand.cloister("export", "--out", export)
    assert done.returncode == 0, done.stderr
    script = cloister("audit", "verifier", "--out", str(stand.folder / "verify_record.py"))
    assert script.returncode == 0, script.stderr
    key.write_text((await stand.cloister("key")).stdout)
    first, last = key.read_text().splitlines()
    assert re.fullmatch(r"\S+ [0-9]+", first)  # up to which size it signed
    assert re.fullmatch(r"\S+", last)
    anchor = stand.folder / "anchors" / "checkpoints.jsonl"
    checked = stand.elsewhere("record", export, "--key", key, "--anchor", anchor)
    assert checked.stdout.splitlines()[-1] == "The record holds.", checked.stderr
    assert checked.returncode == 0
    said = json.loads(stand.elsewhere("record", export, "--key", key, "--anchor", anchor, "--json").stdout)
    verified = json.loads((await stand.cloister("verify", "--json")).stdout)
    assert verified["faults"] == []
    assert said["entries"] <= verified["sealed"]
    assert said["entries"] > 400
    assert export.stat().st_mode & 0o077 == 0
    size = said["covered"]
    anchor.write_text(anchor.read_text().replace(rf"\n{size}\n", rf"\n{size + 1}\n"))
    assert (await stand.cloister("verify")).returncode == Exit.FAULTS


async def test_an_export_that_is_refused_leaves_the_file_of_before(stand: Stand) -> None:
    export = stand.folder / "exports" / "record.jsonl"
    export.parent.mkdir()
    export.write_text("of yesterday")
    refused = await asyncio.to_thread(
        cloister,
        *("audit", "export", "--out", str(export), "--data", str(stand.folder)),
        *("--token-file", str(stand.folder / "rep-token")),
    )
    assert refused.returncode == Exit.REFUSED, refused.stderr
    assert export.read_text() == "of yesterday"
    assert list(export.parent.iterdir()) == [export]
    assert (await stand.cloister("export", "--out", export.parent)).returncode == Exit.FAILED
    await stand.answer()
    await stand.seal()
    assert (await stand.cloister("export", "--out", export)).returncode == 0
    assert "of yesterday" not in export.read_text()
    assert list(export.parent.iterdir()) == [export]


async def test_one_event_is_proven_to_somebody_who_may_not_see_the_rest(stand: Stand) -> None:
    run = await stand.answer()
    await stand.seal()
    followed = json.loads((await stand.cloister("timeline", run, "--json")).stdout)
    proof = stand.folder / "event.tlog-proof"
    headers = {"Authorization": f"Bearer {stand.token.read_text()}"}
    async with httpx.AsyncClient(base_url=stand.url, trust_env=False, headers=headers) as client:
        listed = (await client.get("/api/v1/audit", params={"event": "item.approved"})).json()
    event = listed["entries"][0]["id"]
    done = await stand.cloister("prove", event, "--out", proof)
    assert done.returncode == 0, done.stderr
    cloister("audit", "verifier", "--out", str(stand.folder / "verify_record.py"))
    key = (await stand.cloister("key")).stdout.splitlines()[-1]
    checked = stand.elsewhere("proof", proof, "--key", key, "--json")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    shown = json.loads(checked.stdout)["event"]
    assert (shown["id"], shown["run"], shown["event"]) == (event, str(run), "item.approved")
    assert [step["sequence"] for step in followed["steps"] if step["event"] == "item.approved"] == [
        shown["sequence"]
    ]
    done = await stand.cloister("prove", shown["sequence"], "--out", proof)
    assert done.returncode == 0, done.stderr
    checked = stand.elsewhere("proof", proof, "--key", key, "--json")
    assert json.loads(checked.stdout)["event"]["id"] == event
    assert (await stand.cloister("prove", 10**17)).returncode == Exit.REFUSED
    assert (await stand.cloister("prove", "nothing")).returncode == 2
    unknown = await stand.cloister("prove", uuid.uuid4())
    assert unknown.returncode == Exit.REFUSED


async def test_an_answer_is_followed_from_the_question_to_what_was_shown(stand: Stand) -> None:
    run = await stand.answer()
    await stand.seal()
    found = json.loads((await stand.cloister("timeline", run, "--json")).stdout)
    assert [(step["step"], step["event"]) for step in found["steps"]] == [
        ("redacted", "text.redacted"),
        ("asked", "run.asked"),
        ("searched", "records.searched"),
        ("searched", "run.searched"),
        ("generated", "model.called"),
        ("scored", "run.weighed"),
        ("held", "item.held"),
        ("decided", "item.approved"),
        ("shown", "run.released"),
    ]
    assert found["versions"] == {"policy": ["2026-03"], "model": ["default"], "deployment": ["gpu-1"]}
    assert all(step["sequence"] for step in found["steps"])
    plain = await stand.cloister("timeline", run)
    assert "Risk policy: 2026-03" in plain.stdout
    assert "rules [refund, legal_threat]" in plain.stdout
    assert plain.stdout.index("run.asked") < plain.stdout.index("run.released")
    assert (await stand.cloister("timeline", uuid.uuid4())).returncode == Exit.REFUSED


async def test_a_siem_gets_every_entry_in_the_shape_of_ocsf(stand: Stand) -> None:
    await stand.answer()
    await stand.seal()
    done = await stand.cloister("export", "--form", "ocsf")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["metadata"]["sequence"] for event in events] == list(range(1, len(events) + 1))
    kinds = {event["metadata"]["event_code"]: event["class_uid"] for event in events}
    assert (kinds["account.created"], kinds["item.approved"]) == (3001, 6003)
    for event in events:
        assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
        assert event["category_uid"] == event["class_uid"] // 1000
        assert event["time"] > 1_700_000_000_000
        assert event["actor"]["user"]["uid"]
        assert event["unmapped"]["leaf"]
        assert event["metadata"]["uid"]


async def test_events_are_left_out_by_name_and_by_beginning(stand: Stand) -> None:
    await stand.answer()
    headers = {"Authorization": f"Bearer {stand.token.read_text()}"}
    async with httpx.AsyncClient(base_url=stand.url, trust_env=False, headers=headers) as client:
        listed = (await client.get("/api/v1/audit", params={"except": ["item.", "run.asked"]})).json()
    left = await stand.cloister("export", "--form", "csv", "--except", "item.", "--except", "run.asked")
    for entries in (listed["entries"], list(csv.DictReader(io.StringIO(left.stdout)))):
        names = {entry["event"] for entry in entries}
        assert "run.weighed" in names
        assert not any(name == "run.asked" or name.startswith("item.") for name in names)
    refused = await stand.cloister("export", "--except", "run.asked")
    assert (refused.returncode, "Only csv can leave events out" in refused.stderr) == (2, True)


async def test_a_table_of_the_record_is_harmless_and_a_time_is_left_out_on_both_sides(stand: Stand) -> None:
    await stand.answer()
    await stand.seal()
    done = await stand.cloister("export", "--form", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert {row["event"] for row in rows} >= {"run.asked", "item.approved"}
    asked = next(row for row in rows if row["event"] == "run.asked")
    assert (len(asked["leaf"]), asked["erased_at"], bool(asked["correlation"])) == (64, "", True)
    again = csv.DictReader(io.StringIO((await stand.cloister("export", "--form", "csv")).stdout))
    read = next(row for row in again if row["event"] == "audit.exported")
    assert "127.0.0.1" in read["origin"], "from where"
    late = await stand.cloister("export", "--form", "csv", "--from", "2100-01-01")
    assert len(late.stdout.splitlines()) == 1
    none = await stand.cloister("export", "--to", "2001-01-01")
    assert [json.loads(line)["last"] for line in none.stdout.splitlines()] == [0]


async def test_an_export_is_recorded_with_what_was_taken(stand: Stand) -> None:
    await stand.answer()
    await stand.seal()
    whole = [json.loads(line) for line in (await stand.cloister("export")).stdout.splitlines()]
    left = await stand.cloister("export", "--form", "csv", "--except", "item.", "--to", "2100-01-01")
    headers = {"Authorization": f"Bearer {stand.token.read_text()}"}
    async with httpx.AsyncClient(base_url=stand.url, trust_env=False, headers=headers) as client:
        asked = {"actor": "alice@example.org", "record": str(uuid.UUID(int=7))}
        await client.get("/api/v1/audit/export", params=asked)
        found = (await client.get("/api/v1/audit", params={"event": "audit.exported"})).json()["entries"]
    by_one, some, all_of_it = (entry["detail"] for entry in found)
    assert all_of_it == {
        "form": "native",
        "filters": {},
        "entries": whole[0]["last"],
        "first": 1,
        "last": whole[0]["last"],
    }
    assert some == {
        "form": "csv",
        "filters": {"until": "2100-01-01T00:00:00+00:00", "except": ["item."]},
        "entries": len(left.stdout.splitlines()) - 2,  # its head, and the event itself
    }
    hashed = f"sha256:{sha256(b'alice@example.org').hexdigest()}"
    filters = {"actor": hashed, "record": asked["record"]}
    assert by_one == {"form": "jsonl", "filters": filters, "entries": 0}


async def test_a_hold_is_placed_seen_and_lifted(stand: Stand) -> None:
    assert "There is no legal hold." in (await stand.cloister("holds")).stdout
    refused = await stand.cloister("hold", "run", "r-1", "--reason", "case 17")
    assert (refused.returncode != 0, "would keep nothing" in refused.stderr) == (True, True)
    placed = await stand.cloister("hold", "run", "r-1", "--reason", "case 17", "--ahead")
    assert placed.returncode == 0, placed.stderr
    hold = placed.stdout.strip()
    assert f"{hold}  stands  run r-1  case 17" in (await stand.cloister("holds")).stdout
    assert (await stand.cloister("lift", hold)).returncode == 0
    assert json.loads((await stand.cloister("holds", "--json")).stdout)[0]["lifted_at"]
    assert (await stand.cloister("lift", hold)).returncode == Exit.REFUSED
    assert (await stand.cloister("hold", "run", "r-1")).returncode == Exit.FAILED


async def test_a_hold_by_sign_in_name_is_about_the_account(stand: Stand) -> None:
    await stand.answer()
    login, identity = stand.rep.login, stand.rep.id
    placed = await stand.cloister("hold", "actor", login, "--reason", "case 18")
    assert placed.returncode == 0, placed.stderr
    assert f"actor {identity}  case 18" in (await stand.cloister("holds")).stdout
    kept = int(placed.stderr.split("It keeps ")[1].split()[0].replace(",", ""))
    assert kept >= 7


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/audit/export?form=native"),
        ("GET", "/api/v1/audit/proofs/0d9f7c1e-5a52-4f4e-9f0b-6f5c2a7d3b18"),
        ("GET", "/api/v1/audit/runs/0d9f7c1e-5a52-4f4e-9f0b-6f5c2a7d3b18"),
        ("GET", "/api/v1/audit/key"),
        ("GET", "/api/v1/audit/holds"),
        ("POST", "/api/v1/audit/holds"),
        ("DELETE", "/api/v1/audit/holds/0d9f7c1e-5a52-4f4e-9f0b-6f5c2a7d3b18"),
    ],
)
async def test_the_record_is_for_auditors_alone(stand: Stand, method: str, path: str) -> None:
    rep = (stand.folder / "rep-token").read_text()
    async with httpx.AsyncClient(base_url=stand.url, trust_env=False) as client:
        body = {"scope": "all", "reason": "x"} if method == "POST" else None
        assert (await client.request(method, path, json=body)).status_code == 401
        headers = {"Authorization": f"Bearer {rep}"}
        assert (await client.request(method, path, json=body, headers=headers)).status_code == 403


async def test_a_record_with_entries_left_out_is_not_exported_for_the_verifier(stand: Stand) -> None:
    headers = {"Authorization": f"Bearer {stand.token.read_text()}"}
    async with httpx.AsyncClient(base_url=stand.url, trust_env=False, headers=headers) as client:
        for name in ("actor", "event", "record"):
            answer = await client.get("/api/v1/audit/export", params={"form": "native", name: "x"})
            assert answer.status_code == 400


async def test_an_export_is_refused_while_an_erasure_is_not_sealed(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stand.answer()
    await stand.seal()
    with psycopg.connect(stand.made.superuser_dsn) as connection:
        connection.execute("ALTER TABLE gateway.audit_event DISABLE TRIGGER ALL")
        connection.execute("UPDATE gateway.audit_event SET at = at - interval '40 days'")
        connection.execute("ALTER TABLE gateway.audit_event ENABLE ALWAYS TRIGGER only_made_void")
    assert await Retention(stand.work, RetentionSettings(answers_days=30)).erase_due() > 0
    monkeypatch.setattr("gateway.audit.stillness.PATIENCE_S", 0.0)
    headers = {"Authorization": f"Bearer {stand.token.read_text()}"}
    async with httpx.AsyncClient(base_url=stand.url, trust_env=False, headers=headers) as client:
        refused = await client.get("/api/v1/audit/export", params={"form": "native"})
        assert (refused.status_code, "not sealed yet" in refused.text) == (503, True)
        assert (await client.post("/api/v1/audit/verify", timeout=60)).status_code == 503  # after ten seconds
        await stand.seal()
        assert (await client.get("/api/v1/audit/export", params={"form": "native"})).status_code == 200
