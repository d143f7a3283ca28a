"""Tokens between processes: what is signed, and the many ways in which a forged one fails."""

import json
import time
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey, RSAKey

from gateway import NotSignedIn, Principal, RevealGrant, Role, Tokens, TrustSettings, make_signing_key

ALICE = Principal("0b9c5b3e-6b43-4b8a-9d59-0f6b1b1f2a10", "alice@example.org", frozenset({Role.REP}), "Alice")


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, tuple[Path, Path]]:
    made = {}
    for issuer in ("web", "work", "retrieval", "stranger"):
        made[issuer] = (tmp_path / f"{issuer}.key", tmp_path / f"{issuer}.pub")
        make_signing_key(*made[issuer])
    return made


def _tokens(keys: dict[str, tuple[Path, Path]], issuer: str, *trusted: str) -> Tokens:
    files = {name: keys[name][1] for name in trusted}
    return Tokens(TrustSettings(issuer=issuer, key_file=keys[issuer][0], trusted=files))


def test_private_keys_are_readable_by_their_owner_alone(keys: dict[str, tuple[Path, Path]]) -> None:
    private, public = keys["web"]
    assert private.stat().st_mode & 0o777 == 0o600
    assert "d" not in json.loads(public.read_text())


def test_a_principal_survives_the_way_to_another_process(keys: dict[str, tuple[Path, Path]]) -> None:
    token = _tokens(keys, "web").for_principal(ALICE, "door")
    assert _tokens(keys, "work", "web").principal(token, audience="door") == ALICE


def test_a_grant_survives_the_way_to_the_door(keys: dict[str, tuple[Path, Path]]) -> None:
    grant = RevealGrant(ALICE.id, "c1", {"contact:1": ["name", "email"], "account:2": ["*"]})
    token = _tokens(keys, "retrieval").reveal_grant(grant)
    read = _tokens(keys, "work", "retrieval").verified_grant(token, issuers={"retrieval"})
    assert (read.principal, read.conversation) == (ALICE.id, "c1")
    assert read.permits("contact:1", "email")
    assert read.permits("account:2", "anything")
    assert not read.permits("contact:1", "phone")
    assert not read.permits("contact:9", "name")


def _claims(**changes: object) -> dict[str, object]:
    now = int(time.time())
    claims: dict[str, object] = {
        "iss": "web",
        "aud": "door",
        "sub": ALICE.id,
        "login": ALICE.login,
        "name": "",
        "roles": ["rep"],
        "iat": now,
        "exp": now + 60,
    }
    return {key: value for key, value in (claims | changes).items() if value is not ...}


FORGED: dict[str, tuple[dict[str, object], dict[str, str]]] = {
    "another audience": ({"aud": "retrieval"}, {}),
    "no audience": ({"aud": ...}, {}),
    "a list of audiences": ({"aud": ["door", "retrieval"]}, {}),
    "expired": ({"exp": int(time.time()) - 60}, {}),
    "no expiry": ({"exp": ...}, {}),
    "expiry as text": ({"exp": "tomorrow"}, {}),
    "another issuer's name": ({"iss": "work"}, {}),
    "no issuer": ({"iss": ...}, {}),
    "no subject": ({"sub": ...}, {}),
    "issued in the future": ({"iat": int(time.time()) + 86_400}, {}),
    "an unknown role": ({"roles": ["rep", "root"]}, {}),
    "no roles": ({"roles": ...}, {}),
    "roles as text": ({"roles": "rep"}, {}),
    "another kind": ({}, {"typ": "reveal+jwt"}),
    "no kind": ({}, {"typ": "JWT"}),
}


@pytest.mark.parametrize("case", FORGED, ids=str)
def test_a_token_with_one_thing_wrong_is_refused(keys: dict[str, tuple[Path, Path]], case: str) -> None:
    claims, header = FORGED[case]
    key = OKPKey.import_key(json.loads(keys["web"][0].read_text()))
    token = jwt.encode(
        {"alg": "Ed25519", "typ": "principal+jwt", **header}, _claims(**claims), key, algorithms=["Ed25519"]
    )
    with pytest.raises(NotSignedIn):
        _tokens(keys, "work", "web").principal(token, audience="door")


def test_the_same_token_with_nothing_wrong_is_accepted(keys: dict[str, tuple[Path, Path]]) -> None:
    key = OKPKey.import_key(json.loads(keys["web"][0].read_text()))
    token = jwt.encode({"alg": "Ed25519", "typ": "principal+jwt"}, _claims(), key, algorithms=["Ed25519"])
    assert _tokens(keys, "work", "web").principal(token, audience="door").id == ALICE.id


def test_a_strangers_key_is_refused_whatever_it_claims(keys: dict[str, tuple[Path, Path]]) -> None:
    key = OKPKey.import_key(json.loads(keys["stranger"][0].read_text()))
    token = jwt.encode({"alg": "Ed25519", "typ": "principal+jwt"}, _claims(), key, algorithms=["Ed25519"])
    with pytest.raises(NotSignedIn):
        _tokens(keys, "work", "web").principal(token, audience="door")


def test_a_public_key_used_as_a_shared_secret_is_refused(keys: dict[str, tuple[Path, Path]]) -> None:
    secret = OctKey.import_key(keys["web"][1].read_bytes())
    token = jwt.encode({"alg": "HS256", "typ": "principal+jwt"}, _claims(), secret)
    with pytest.raises(NotSignedIn):
        _tokens(keys, "work", "web").principal(token, audience="door")


def test_another_algorithm_is_refused(keys: dict[str, tuple[Path, Path]]) -> None:
    token = jwt.encode({"alg": "RS256", "typ": "principal+jwt"}, _claims(), RSAKey.generate_key(2048))
    with pytest.raises(NotSignedIn):
        _tokens(keys, "work", "web").principal(token, audience="door")


@pytest.mark.parametrize("text", ["", "a", "a.b.c", "e30.e30.", "ey.ey.ey", "x" * 5000, "é.é.é"])
def test_rubbish_is_refused(keys: dict[str, tuple[Path, Path]], text: str) -> None:
    with pytest.raises(NotSignedIn):
        _tokens(keys, "work", "web").principal(text, audience="door")


def test_a_changed_byte_anywhere_is_noticed(keys: dict[str, tuple[Path, Path]]) -> None:
    token = _tokens(keys, "web").for_principal(ALICE, "door")
    checker = _tokens(keys, "work", "web")
    for position in range(0, len(token) - 1, 7):
        if token[position] == ".":
            continue
        changed = token[:position] + ("A" if token[position] != "A" else "B") + token[position + 1 :]
        with pytest.raises(NotSignedIn):
            checker.principal(changed, audience="door")


def test_only_retrieval_may_issue_a_grant(keys: dict[str, tuple[Path, Path]]) -> None:
    token = _tokens(keys, "web").reveal_grant(RevealGrant(ALICE.id, "c1", {"contact:1": ["*"]}))
    with pytest.raises(NotSignedIn):
        _tokens(keys, "work", "web", "retrieval").verified_grant(token, issuers={"retrieval"})


def test_a_principal_token_is_no_grant(keys: dict[str, tuple[Path, Path]]) -> None:
    token = _tokens(keys, "retrieval").for_principal(ALICE, "door")
    with pytest.raises(NotSignedIn):
        _tokens(keys, "work", "retrieval").verified_grant(token, issuers={"retrieval"})
