"""A real OpenBao as key service: what it refuses, what outlives a rotation, and what waits for unsealing."""

import os
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from sqlmodel import select

from gateway import (
    RECORD_ORIGIN,
    Anchoring,
    AnchorSettings,
    ChatMessage,
    Checkpointing,
    DeploymentSettings,
    DoorClient,
    DoorSettings,
    Envelope,
    KeeperUnavailable,
    ListenSettings,
    PartUnavailable,
    Tokens,
    TrustSettings,
    create_door_app,
    create_http_client,
    export_record,
    open_keeper,
    record_keys,
    verify_audit,
    with_their_ends,
)
from gateway.audit.notes import VerifierKey
from gateway.audit.standalone.verify_record import main
from gateway.keys import SigningKeySettings, SubjectKey, TransitSigner
from tests.migrated import Migrated
from tests.retrieval.certificates import Authority

from .conftest import principal, until_ready
from .openbao import OpenBao, running_openbao
from .server import ModelServer, serving
from .test_audit import EVENTS, Site


@pytest.fixture(scope="module")
def bao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBao]:
    with running_openbao(tmp_path_factory.mktemp("openbao")) as server:
        yield server


@pytest.fixture
async def site(copied: Migrated, tmp_path: Path) -> AsyncIterator[Site]:
    site = Site(copied, tmp_path)
    yield site
    await site.database.close()


async def test_a_key_is_opened_for_its_subject_alone(bao: OpenBao) -> None:
    keeper = open_keeper(bao.keeper())
    key = os.urandom(32)
    wrapped = await keeper.wrap(key, "contact:1")
    assert await keeper.unwrap(wrapped, "contact:1") == key
    assert await keeper.wrap(key, "contact:1") != wrapped
    with pytest.raises(KeeperUnavailable):
        await keeper.unwrap(wrapped, "contact:2")
    with pytest.raises(KeeperUnavailable):
        await open_keeper(bao.keeper()).unwrap(wrapped, "contact:1")


async def test_many_keys_are_unwrapped_in_few_calls_and_in_order(bao: OpenBao) -> None:
    settings = bao.keeper()
    keeper = open_keeper(settings)
    keys = {f"contact:{number}": os.urandom(32) for number in range(12)}
    wrapped = [(await keeper.wrap(key, subject), subject) for subject, key in keys.items()]
    many = wrapped * 50
    assert await keeper.unwrap_many(many) == list(keys.values()) * 50
    asked = bao.asked(f"transit/decrypt/{settings.key_name}")
    assert [len(each["request"]["data"]["batch_input"]) for each in asked] == [200, 200, 200]
    assert await keeper.unwrap_many(wrapped[:1]) == list(keys.values())[:1]
    assert await keeper.unwrap_many([]) == []


async def test_a_key_of_somebody_else_among_many_opens_none(bao: OpenBao) -> None:
    keeper = open_keeper(bao.keeper())
    one, two = [
        (await keeper.wrap(os.urandom(32), subject), subject) for subject in ("contact:1", "contact:2")
    ]
    assert len(await keeper.unwrap_many([one, two])) == 2
    for wrong in ([one, (two[0], "contact:3")], [(one[0], "contact:3"), (two[0], "contact:3")]):
        with pytest.raises(KeeperUnavailable, match="key service"):
            await keeper.unwrap_many(wrong)


async def test_hashes_and_wrapped_keys_stay_when_the_key_is_rotated(bao: OpenBao) -> None:
    settings = bao.keeper()
    keeper = open_keeper(settings)
    hashed, key = await keeper.hash_key("tokens"), os.urandom(32)
    assert len(hashed) == 32
    assert await keeper.hash_key("people") != hashed
    before = await keeper.wrap(key, "contact:1")
    bao.rotate(settings.key_name)
    after = await keeper.wrap(key, "contact:1")
    for again in (keeper, open_keeper(settings)):
        assert await again.hash_key("tokens") == hashed
        assert await again.unwrap_many([(before, "contact:1"), (after, "contact:1")]) == [key, key]
    assert (before.split(":")[1], after.split(":")[1]) == ("v1", "v2")
    moved = settings.model_copy(update={"hash_version": 2})
    assert await open_keeper(moved).hash_key("tokens") not in (hashed, b"")
    with pytest.raises(KeeperUnavailable):
        await open_keeper(settings.model_copy(update={"hash_version": 3})).hash_key("tokens")


async def test_a_token_opens_what_its_policy_allows_and_nothing_once_it_is_revoked(bao: OpenBao) -> None:
    settings, signing = bao.keeper(), bao.signer()
    wrapped = await open_keeper(settings).wrap(os.urandom(32), "contact:1")
    assert settings.token_file
    other = settings.model_copy(update={"token_file": signing.token_file})
    with pytest.raises(KeeperUnavailable):
        await open_keeper(other).unwrap(wrapped, "contact:1")
    with pytest.raises(KeeperUnavailable):
        await TransitSigner(signing.model_copy(update={"token_file": settings.token_file})).sign(b"head")
    keeper = open_keeper(settings)
    bao.revoke(settings.token_file)
    with pytest.raises(KeeperUnavailable, match="refuses this process"):
        await keeper.unwrap(wrapped, "contact:1")


async def test_a_token_that_is_written_anew_is_used_from_then_on(bao: OpenBao) -> None:
    settings = bao.keeper()
    assert settings.token_file
    keeper = open_keeper(settings)
    key = os.urandom(32)
    wrapped = await keeper.wrap(key, "contact:1")
    fresh = bao.keeper_token(settings.key_name).read_text("utf-8")
    bao.revoke(settings.token_file)
    settings.token_file.write_text("", "utf-8")
    with pytest.raises(KeeperUnavailable, match="missing or empty"):
        await keeper.unwrap(wrapped, "contact:1")
    settings.token_file.write_text(fresh, "utf-8")
    assert await keeper.unwrap(wrapped, "contact:1") == key


async def test_a_server_that_another_authority_vouches_for_is_not_asked(bao: OpenBao, tmp_path: Path) -> None:
    settings = bao.keeper().model_copy(update={"ca_file": Authority(tmp_path, "Another").file})
    with pytest.raises(KeeperUnavailable):
        await open_keeper(settings).wrap(os.urandom(32), "contact:1")
    assert not bao.asked(f"transit/encrypt/{settings.key_name}")


async def test_nothing_is_stored_or_opened_until_a_restarted_server_is_unsealed(
    bao: OpenBao, copied: Migrated
) -> None:
    settings, database = bao.keeper(), copied.database("cloister_door")
    async with database.transaction() as session:
        [sealed] = await Envelope(open_keeper(settings)).seal(session, "contact:1", ["Anna"])
    envelope = Envelope(open_keeper(settings))
    bao.stop()
    try:
        for restart in (None, bao.start):
            if restart:
                restart()  # and it is sealed
            for work in ("seal", "open"):
                with pytest.raises(KeeperUnavailable, match="Nothing is stored or shown until it is back"):
                    async with database.transaction() as session:
                        if work == "seal":
                            await envelope.seal(session, "contact:2", ["Boris"])
                        else:
                            await envelope.open_many(session, [("contact:1", sealed)])
    finally:
        bao.unseal()
    async with database.transaction() as session:
        subjects = (await session.exec(select(SubjectKey.subject))).all()
        assert list(subjects) == ["contact:1"]
        assert await envelope.open_many(session, [("contact:1", sealed)]) == ["Anna"]
    await database.close()


async def test_a_door_says_that_its_key_service_is_sealed_and_asks_no_model(
    bao: OpenBao, copied: Migrated, trust: dict[str, TrustSettings]
) -> None:
    model, rep = ModelServer(), principal()
    hello = [ChatMessage("user", "Who is Anna Weidenbach?")]
    async with serving(model.app()) as model_url:
        door = DoorSettings(
            listen=ListenSettings(port=1),
            database=copied.settings("cloister_door"),
            trust=trust["door"],
            keeper=bao.keeper(),
            models=[DeploymentSettings(name="one", url=model_url, served_name="smol", context_tokens=8192)],
        )
        async with (
            serving(create_door_app(door)) as address,
            create_http_client(address, read_timeout=30) as http,
        ):
            await until_ready(http)
            client = DoorClient(http, Tokens(trust["work"]))
            bao.seal()
            try:
                assert (await not_ready(http)) == "key service"
                with pytest.raises(PartUnavailable, match="key service"):
                    [chunk async for chunk in client.chat(rep, hello, conversation=uuid.uuid4())]
            finally:
                bao.unseal()
            assert model.received == []
            await until_ready(http)
            assert [chunk async for chunk in client.chat(rep, hello, conversation=uuid.uuid4())]
    assert "Weidenbach" not in model.everything


async def not_ready(http: httpx.AsyncClient) -> str:
    answer = await http.get("/readyz")
    assert answer.status_code == 503, answer.text
    return str(answer.json()["part"])


def signed_by(site: Site, service: SigningKeySettings) -> AnchorSettings:
    return AnchorSettings(folder=site.folder, key_service=service, every_s=0, late_s=1)


async def verifier_key(site: Site, service: SigningKeySettings, name: str) -> Path:
    """The public half, as an administrator reads it off the key service."""
    file = site.folder / name
    file.write_text(str(VerifierKey(RECORD_ORIGIN, await TransitSigner(service).public_key())))
    return file


async def test_checkpoints_hold_across_a_rotation_and_for_the_stand_alone_verifier(
    bao: OpenBao, site: Site
) -> None:
    first = bao.signer()
    settings = signed_by(site, first)
    before = await verifier_key(site, first, "first.key")
    checkpointing = Checkpointing(site.database, settings)
    await site.write_at_once(300)
    await site.sealer.seal()
    assert await checkpointing.sign_due() == 2
    bao.rotate(first.key_name)
    await site.write(EVENTS)
    await site.sealer.seal()
    assert await checkpointing.sign_due() == 1, "the version that the settings name goes on signing"
    second = first.model_copy(update={"key_version": 2})
    after = await verifier_key(site, second, "second.key")
    assert after.read_text() != before.read_text()
    await site.write(EVENTS)
    await site.sealer.seal()
    assert await Checkpointing(site.database, signed_by(site, second)).sign_due() == 1
    await Anchoring(site.database, settings).deliver()
    keys = record_keys(RECORD_ORIGIN, after, [before])
    async with site.database.transaction() as session:
        found = await verify_audit(session, keys, site.folder)
        assert (found.faults, found.checkpoints, found.anchors) == ([], 4, 4)
        told = await with_their_ends(session, keys)
        export = site.folder / "record.jsonl"
        export.write_text("".join([line async for line in export_record(session, keys[-1])]))
    assert told == [replace(keys[0], last=300 + EVENTS), keys[1]]
    arguments = ["record", str(export), "--anchor", str(site.folder / "checkpoints.jsonl")]
    log = site.folder / "log.key"
    log.write_text("".join(f"{key}\n" for key in told))
    assert main([*arguments, "--key", str(log)]) == 0
    for alone in told:
        assert main([*arguments, "--key", str(alone)]) == 1


async def test_what_a_sealed_server_did_not_sign_is_signed_once_it_is_unsealed(
    bao: OpenBao, site: Site
) -> None:
    settings = signed_by(site, bao.signer())
    checkpointing, anchoring = Checkpointing(site.database, settings), Anchoring(site.database, settings)
    await site.write(EVENTS)
    await site.sealer.seal()
    assert await checkpointing.sign_due() == 1
    bao.seal()
    try:
        await site.write_at_once(600)
        assert await site.sealer.seal() == 600
        with pytest.raises(KeeperUnavailable, match="key service is sealed"):
            await checkpointing.sign_due()
        assert await site.signed_sizes() == [EVENTS]
        site.tamper("UPDATE gateway.audit_seal SET sealed_at = sealed_at - interval '5 seconds'")
        with pytest.raises(PartUnavailable, match="no checkpoint is signed since"):
            await anchoring.check()
    finally:
        bao.unseal()
    assert await checkpointing.sign_due() == 3
    assert await site.signed_sizes() == [EVENTS, EVENTS + 256, EVENTS + 512, EVENTS + 600]
    await anchoring.deliver()
    await anchoring.check()
    assert len((site.folder / "checkpoints.jsonl").read_text().splitlines()) == 4


async def test_a_name_without_a_key_of_the_right_type_signs_nothing(bao: OpenBao, site: Site) -> None:
    keeper = bao.keeper()
    assert keeper.token_file
    paths = {f"transit/sign/{keeper.key_name}": ["update"], f"transit/keys/{keeper.key_name}": ["read"]}
    wrong = bao.signer().model_copy(update={"key_name": keeper.key_name, "token_file": bao.token(paths)})
    await site.write()
    await site.sealer.seal()
    with pytest.raises(KeeperUnavailable, match="no Ed25519 key of this name"):
        await Checkpointing(site.database, signed_by(site, wrong)).sign_due()
    assert await site.signed_sizes() == []
