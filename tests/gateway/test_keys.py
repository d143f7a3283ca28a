"""Envelope encryption: bound to its subject, gone with its key."""

import base64
import os
import uuid
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from gateway import Envelope, KeeperSettings, KeeperUnavailable, LocalKeyring, SettingsError, SubjectErased
from gateway.keys import SubjectKey, open_keeper
from tests.gateway.conftest import Site


def _keyring(folder: Path, content: bytes | None = None) -> Path:
    path = folder / f"keyring-{uuid.uuid4().hex}"
    path.write_text(base64.b64encode(content if content is not None else os.urandom(32)).decode())
    return path


def _subject() -> str:
    return f"contact:{uuid.uuid4()}"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(st.text(max_size=80), min_size=1, max_size=5))
async def test_what_is_sealed_is_opened_to_the_letter(site: Site, values: list[str]) -> None:
    values = [value.encode("utf-8", "ignore").decode() for value in values]
    subject = _subject()
    async with site.database.transaction() as session:
        sealed = await site.envelope.seal(session, subject, values)
        opened = await site.envelope.open_many(session, [(subject, one) for one in sealed])
    assert opened == values


async def test_the_same_value_is_never_sealed_to_the_same_bytes(site: Site) -> None:
    async with site.database.transaction() as session:
        first, second = await site.envelope.seal(session, _subject(), ["Anna", "Anna"])
    assert first != second
    assert b"Anna" not in first


async def test_a_value_cannot_be_opened_as_another_subjects(site: Site) -> None:
    mine, theirs = _subject(), _subject()
    async with site.database.transaction() as session:
        [sealed] = await site.envelope.seal(session, mine, ["Anna"])
        await site.envelope.seal(session, theirs, ["Bob"])
        with pytest.raises(KeeperUnavailable):
            await site.envelope.open_many(session, [(theirs, sealed)])


async def test_destroying_a_key_erases_the_subject_for_good(site: Site) -> None:
    subject = _subject()
    async with site.database.transaction() as session:
        [sealed] = await site.envelope.seal(session, subject, ["Anna"])
        assert await site.envelope.destroy(session, subject)
        assert await site.envelope.open_many(session, [(subject, sealed)]) == [None]
        with pytest.raises(SubjectErased):
            await site.envelope.seal(session, subject, ["Anna again"])
        row = (await session.exec(select(SubjectKey).where(SubjectKey.subject == subject))).one()
    assert row.wrapped is None


async def test_another_keyring_opens_nothing(site: Site, tmp_path: Path) -> None:
    subject = _subject()
    async with site.database.transaction() as session:
        [sealed] = await site.envelope.seal(session, subject, ["Anna"])
    stranger = Envelope(LocalKeyring(_keyring(tmp_path)))
    async with site.database.transaction() as session:
        with pytest.raises(KeeperUnavailable, match="key"):
            await stranger.open_many(session, [(subject, sealed)])


def test_a_keyring_is_made_for_its_owner_alone_and_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "keyring"
    LocalKeyring.create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        LocalKeyring.create(path)


def test_a_keyring_that_is_none_stops_the_start(tmp_path: Path) -> None:
    for bad in (_keyring(tmp_path, b"short"), tmp_path / "missing"):
        with pytest.raises(SettingsError):
            LocalKeyring(bad)
    with pytest.raises(SettingsError, match="keyring_file"):
        open_keeper(KeeperSettings())
    with pytest.raises(SettingsError, match="token_file"):
        open_keeper(KeeperSettings(kind="transit", address="http://127.0.0.1:1"))


async def test_a_key_service_that_is_away_is_said_so(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("t")
    keeper = open_keeper(KeeperSettings(kind="transit", address="http://127.0.0.1:9", token_file=token))
    with pytest.raises(KeeperUnavailable) as caught:
        await keeper.wrap(os.urandom(32), "contact:1")
    assert caught.value.part == "key service"
    assert caught.value.retry
