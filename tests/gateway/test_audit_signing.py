"""Checkpoints signed by a key service: sealing goes on while it is away, and nothing else signs for it."""

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from gateway import (
    RECORD_ORIGIN,
    Anchoring,
    Checkpointing,
    PartUnavailable,
    Sealer,
    SettingsError,
    make_signing_key,
    record_key,
    record_keys,
    verify_audit,
    with_their_ends,
)
from gateway.audit.notes import VerifierKey
from gateway.audit.settings import AnchorSettings
from gateway.audit.standalone.verify_record import main
from gateway.keys import KeeperUnavailable, SigningKeySettings
from tests.migrated import Migrated

from .server import serving
from .test_audit import EVENTS, Site

ORIGIN = "halden.example/record"


class Transit:
    """`sign` and the reading of one key, as OpenBao and Vault answer for type ed25519."""

    def __init__(self) -> None:
        self.key = Ed25519PrivateKey.generate()
        self.rotated = Ed25519PrivateKey.generate()
        self.knows_versions = True
        self.sealed = False
        self.signs = 1_000
        self.asked, self.may_answer = asyncio.Event(), asyncio.Event()
        self.may_answer.set()

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/transit/keys/cloister-record", self.read, methods=["GET"]),
                Route("/v1/transit/sign/cloister-record", self.sign, methods=["POST"]),
            ]
        )

    async def read(self, _request: Request) -> JSONResponse:
        keys = {
            version: {"public_key": base64.b64encode(key.public_key().public_bytes_raw()).decode()}
            for version, key in (("1", self.key), ("2", self.rotated))
        }
        return self.answer({"type": "ed25519", "latest_version": 2, "keys": keys})

    async def sign(self, request: Request) -> JSONResponse:
        asked = await request.json()
        self.asked.set()
        await self.may_answer.wait()
        self.signs -= 1
        version = asked.get("key_version", 0) if self.knows_versions else 0
        key = self.key if version == 1 else self.rotated
        signature = base64.b64encode(key.sign(base64.b64decode(asked["input"]))).decode()
        return self.answer({"signature": f"vault:v{version or 2}:{signature}"})

    def answer(self, content: dict[str, Any]) -> JSONResponse:
        if self.sealed or self.signs < 0:
            return JSONResponse({"errors": ["Vault is sealed"]}, 503)
        return JSONResponse({"data": content})


@pytest.fixture
async def site(copied: Migrated, tmp_path: Path) -> AsyncIterator[Site]:
    site = Site(copied, tmp_path)
    yield site
    await site.database.close()


def raw_public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def signed_by(site: Site, address: str) -> AnchorSettings:
    token = site.folder / "token"
    token.write_text("t")
    service = SigningKeySettings(address=address, token_file=token)
    return AnchorSettings(folder=site.folder, key_service=service, origin=ORIGIN, every_s=0, late_s=1)


async def test_the_key_service_signs_and_the_record_is_verified_with_its_public_key(site: Site) -> None:
    service = Transit()
    async with serving(service.app()) as address:
        settings = signed_by(site, address)
        await site.write(EVENTS)
        assert await site.sealer.seal() == EVENTS
        assert await Checkpointing(site.database, settings).sign_due() == 1
        await Anchoring(site.database, settings).deliver()
    key = VerifierKey(ORIGIN, service.key.public_key().public_bytes_raw())
    file = site.folder / "record.key"
    file.write_text(f"{key}\n")
    async with site.database.transaction() as session:
        found = await verify_audit(session, [record_key(ORIGIN, file)], site.folder)
    assert (found.faults, found.checkpoints, found.anchors) == ([], 1, 1)


async def test_events_are_sealed_while_the_key_service_is_away_and_signed_later(site: Site) -> None:
    service = Transit()
    async with serving(service.app()) as address:
        settings = signed_by(site, address)
        anchoring = Anchoring(site.database, settings)
        checkpointing = Checkpointing(site.database, settings)
        service.sealed = True
        await site.write_at_once(600)
        assert await site.sealer.seal() == 600
        with pytest.raises(KeeperUnavailable):
            await checkpointing.sign_due()
        assert (await site.verify()).sealed == 600
        site.tamper("UPDATE gateway.audit_seal SET sealed_at = sealed_at - interval '5 seconds'")
        with pytest.raises(PartUnavailable, match="no checkpoint is signed since"):
            await anchoring.check()
        service.sealed = False
        assert await checkpointing.sign_due() == 3
        await anchoring.deliver()
        await anchoring.check()
    lines = (site.folder / "checkpoints.jsonl").read_text().splitlines()
    assert len(lines) == 3


async def test_events_are_sealed_while_the_key_service_takes_its_time(site: Site) -> None:
    service = Transit()
    async with serving(service.app()) as address:
        checkpointing = Checkpointing(site.database, signed_by(site, address))
        await site.write_at_once(300)
        assert await site.sealer.seal() == 300
        service.may_answer.clear()
        signing = asyncio.create_task(checkpointing.sign_due())
        await service.asked.wait()
        assert await Checkpointing(site.database, signed_by(site, address)).sign_due() == 0
        await site.write(7)
        assert await site.sealer.seal() == 7
        assert not signing.done()
        service.may_answer.set()
        assert await signing == 2
    assert (await site.verify()).unsealed == 0


async def test_what_was_signed_before_the_key_service_failed_is_kept(site: Site) -> None:
    service = Transit()
    async with serving(service.app()) as address:
        checkpointing = Checkpointing(site.database, signed_by(site, address))
        await site.write_at_once(600)
        await site.sealer.seal()
        service.signs = 2
        with pytest.raises(KeeperUnavailable):
            await checkpointing.sign_due()
        assert (await site.signed_sizes()) == [256, 512]
        service.signs = 9
        assert await checkpointing.sign_due() == 1
    assert (await site.signed_sizes()) == [256, 512, 600]


async def test_a_record_goes_over_to_another_key_and_holds(site: Site, tmp_path: Path) -> None:
    await site.write_at_once(300)
    await site.seal()
    first = record_key(RECORD_ORIGIN, site.public)
    service = Transit()
    async with serving(service.app()) as address:
        settings = signed_by(site, address).model_copy(update={"origin": RECORD_ORIGIN})
        checkpointing = Checkpointing(site.database, settings)
        for _ in range(2):
            await site.write(2)
            await site.sealer.seal()
            await checkpointing.sign_due()
        await site.anchoring.deliver()
    (tmp_path / "new.key").write_text(str(VerifierKey(RECORD_ORIGIN, raw_public(service.key))))
    keys = record_keys(RECORD_ORIGIN, tmp_path / "new.key", [site.public])
    async with site.database.transaction() as session:
        assert (await verify_audit(session, keys, site.folder)).faults == []
        for wrong in ([keys[0]], [keys[1]], [keys[1], keys[0]], [replace(keys[0], last=299), keys[1]]):
            faults = (await verify_audit(session, wrong, site.folder)).faults
            assert "re-signed" in {fault.partition(":")[0] for fault in faults}, wrong
        told = await with_their_ends(session, keys)
        changes = await (await session.connection()).execute(
            text("SELECT detail FROM gateway.audit_event WHERE event = 'audit.key_changed'")
        )
        assert [row.detail["size"] for row in changes] == [302]
    assert told == [replace(first, last=300), keys[1]]
    anchor = site.folder / "checkpoints.jsonl"
    log, export = tmp_path / "log.key", await site.export()
    log.write_text("".join(f"{key}\n" for key in told))
    arguments = ["record", str(export), "--anchor", str(anchor)]
    assert main([*arguments, "--key", str(log)]) == 0
    assert main([*arguments, "--key", str(keys[0]), "--key", str(keys[1])]) == 0
    assert main([*arguments, "--key", str(keys[1])]) == 1


async def test_a_key_that_was_changed_signs_no_more(site: Site, tmp_path: Path) -> None:
    await site.write(3)
    await site.seal()
    make_signing_key(tmp_path / "new.key", tmp_path / "new.pub")
    await site.write(3)
    await site.seal_as(key_file=tmp_path / "new.key")
    keys = record_keys(RECORD_ORIGIN, tmp_path / "new.pub", [site.public])
    await site.write(3)
    await site.seal()  # whoever still has the old key
    async with site.database.transaction() as session:
        faults = (await verify_audit(session, keys, site.folder)).faults
    assert {fault.partition(":")[0] for fault in faults} == {"re-signed"}
    assert "another had followed" in faults[0]


async def test_a_signature_of_another_key_is_not_kept(site: Site) -> None:
    service = Transit()
    service.knows_versions = False
    async with serving(service.app()) as address:
        await site.write()
        await site.sealer.seal()
        with pytest.raises(KeeperUnavailable, match="with the key that it names"):
            await Checkpointing(site.database, signed_by(site, address)).sign_due()
    assert (await site.verify()).checkpoints == 0


@pytest.mark.parametrize("both", [True, False])
def test_checkpoints_have_one_signer(site: Site, both: bool) -> None:
    settings = signed_by(site, "http://127.0.0.1:9")
    wrong = settings.model_copy(
        update={"key_file": site.settings.key_file} if both else {"key_service": None}
    )
    with pytest.raises(SettingsError, match="either key_file or key_service"):
        Checkpointing(site.database, wrong)


def test_a_verifier_key_of_another_log_is_refused(site: Site) -> None:
    file = site.folder / "record.key"
    file.write_text(str(record_key(ORIGIN, site.public)))
    assert record_key(ORIGIN, file) == record_key(ORIGIN, site.public)
    with pytest.raises(SettingsError, match="and the log is other"):
        record_key("other", file)
    file.write_text("nothing")
    with pytest.raises(SettingsError, match="neither a JWK nor a verifier key"):
        record_key(ORIGIN, file)


async def test_a_restored_backup_shows_and_goes_on_under_another_name(site: Site, tmp_path: Path) -> None:
    """The way that the README describes: what was lost is told by the old anchor, and never again needed."""
    await site.write(4)
    await site.seal()
    await site.write(3)
    await site.seal()
    restored(site, 4)
    assert [fault.partition(":")[0] for fault in (await site.verify()).faults] == ["truncated"]
    await site.write(3)
    await site.seal_as()
    assert {fault.partition(":")[0] for fault in (await site.verify()).faults} == {"forked"}
    restored(site, 4)

    (tmp_path / "old.key").write_text(str(replace(record_key(RECORD_ORIGIN, site.public), last=4)))
    folder = tmp_path / "second"
    folder.mkdir()
    settings = site.settings.model_copy(update={"origin": "halden.example/second", "folder": folder})
    await site.write(3)
    await Sealer(site.database).seal()
    await Checkpointing(site.database, settings).sign_due()
    await Anchoring(site.database, settings).deliver()
    keys = record_keys(settings.origin, site.public, [tmp_path / "old.key"])
    async with site.database.transaction() as session:
        found = await verify_audit(session, keys, folder)
        assert (found.faults, found.anchors) == ([], 2)
        assert "re-signed" in (await verify_audit(session, keys, site.folder)).faults[0]


def restored(site: Site, size: int) -> None:
    """What was recorded after an event is gone, as after a backup of that time was restored."""
    site.tamper(
        f"DELETE FROM gateway.audit_checkpoint WHERE sequence > {size};"
        f" DELETE FROM gateway.audit_seal WHERE sequence > {size};"
        " DELETE FROM gateway.audit_event e WHERE NOT EXISTS"
        " (SELECT FROM gateway.audit_seal s WHERE s.event_id = e.id);"
        f" UPDATE gateway.audit_anchor SET reached = {size}"
    )
