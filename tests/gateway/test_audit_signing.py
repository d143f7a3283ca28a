"""Checkpoints signed by a key service: sealing goes on while it is away, and nothing else signs for it."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from gateway import Anchoring, PartUnavailable, Sealer, SettingsError, record_key, verify_audit
from gateway.audit.notes import VerifierKey
from gateway.audit.settings import AnchorSettings
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
        version = asked.get("key_version", 0) if self.knows_versions else 0
        key = self.key if version == 1 else self.rotated
        signature = base64.b64encode(key.sign(base64.b64decode(asked["input"]))).decode()
        return self.answer({"signature": f"vault:v{version or 2}:{signature}"})

    def answer(self, content: dict[str, Any]) -> JSONResponse:
        if self.sealed:
            return JSONResponse({"errors": ["Vault is sealed"]}, 503)
        return JSONResponse({"data": content})


@pytest.fixture
async def site(copied: Migrated, tmp_path: Path) -> AsyncIterator[Site]:
    site = Site(copied, tmp_path)
    yield site
    await site.database.close()


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
        assert await Sealer(site.database, settings).seal() == EVENTS
        await Anchoring(site.database, settings).deliver()
    key = VerifierKey(ORIGIN, service.key.public_key().public_bytes_raw())
    file = site.folder / "record.key"
    file.write_text(f"{key}\n")
    async with site.database.transaction() as session:
        found = await verify_audit(session, file, site.folder, ORIGIN)
    assert (found.faults, found.checkpoints, found.anchors) == ([], 1, 1)


async def test_events_are_sealed_while_the_key_service_is_away_and_signed_later(site: Site) -> None:
    service = Transit()
    async with serving(service.app()) as address:
        settings = signed_by(site, address)
        sealer, anchoring = Sealer(site.database, settings), Anchoring(site.database, settings)
        service.sealed = True
        await site.write_at_once(600)
        with pytest.raises(KeeperUnavailable):
            await sealer.seal()
        assert (await site.verify()).sealed == 600
        site.tamper("UPDATE gateway.audit_seal SET sealed_at = sealed_at - interval '5 seconds'")
        with pytest.raises(PartUnavailable, match="no checkpoint is signed since"):
            await anchoring.check()
        service.sealed = False
        assert await sealer.seal() == 0
        await anchoring.deliver()
        await anchoring.check()
    lines = (site.folder / "checkpoints.jsonl").read_text().splitlines()
    assert len(lines) == 3


async def test_a_signature_of_another_key_is_not_kept(site: Site) -> None:
    service = Transit()
    service.knows_versions = False
    async with serving(service.app()) as address:
        await site.write()
        with pytest.raises(KeeperUnavailable, match="with the key that it names"):
            await Sealer(site.database, signed_by(site, address)).seal()
    assert (await site.verify()).checkpoints == 0


@pytest.mark.parametrize("both", [True, False])
def test_checkpoints_have_one_signer(site: Site, both: bool) -> None:
    settings = signed_by(site, "http://127.0.0.1:9")
    wrong = settings.model_copy(
        update={"key_file": site.settings.key_file} if both else {"key_service": None}
    )
    with pytest.raises(SettingsError, match="either key_file or key_service"):
        Sealer(site.database, wrong)


def test_a_verifier_key_of_another_log_is_refused(site: Site) -> None:
    file = site.folder / "record.key"
    file.write_text(str(record_key(ORIGIN, site.public)))
    assert record_key(ORIGIN, file) == record_key(ORIGIN, site.public)
    with pytest.raises(SettingsError, match="and the log is other"):
        record_key("other", file)
    file.write_text("nothing")
    with pytest.raises(SettingsError, match="neither a JWK nor a verifier key"):
        record_key(ORIGIN, file)
