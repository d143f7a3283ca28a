"""Checkpoints are notes as C2SP defines them, so that other people's verifiers read them."""

import base64
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import OKPKey

from gateway.audit.notes import (
    CheckpointSigner,
    NotANote,
    VerifierKey,
    held_cosignatures,
    read_checkpoint,
    verifier_of,
)
from gateway.audit.standalone import verify_record

ROOT = bytes(range(32))
NAME = "example.org/record"


@pytest.fixture
def signer() -> CheckpointSigner:
    return CheckpointSigner(NAME, OKPKey.generate_key("Ed25519"))


def test_a_checkpoint_is_three_lines_an_empty_one_and_a_signature(signer: CheckpointSigner) -> None:
    note = signer.sign(42, ROOT)
    lines = note.split("\n")
    assert lines[:4] == [NAME, "42", base64.b64encode(ROOT).decode(), ""]
    dash, name, signature = lines[4].split(" ")
    assert (dash, name, lines[5:]) == ("\u2014", NAME, [""])
    raw = base64.b64decode(signature, validate=True)
    assert len(raw) == 4 + 64
    public = signer.verifier.public
    assert raw[:4] == sha256(NAME.encode() + b"\n\x01" + public).digest()[:4]
    key = verify_record.Key.parse(str(signer.verifier))
    assert key.holds(raw[4:], "\n".join(lines[:3]).encode() + b"\n")


def test_a_checkpoint_is_read_as_it_was_written(signer: CheckpointSigner) -> None:
    found = read_checkpoint(signer.sign(7, ROOT))
    assert (found.origin, found.size, found.root) == (NAME, 7, ROOT)


@pytest.mark.parametrize(
    "text", ["", "a\n1\n", "a\n01\nAA==\n\n\u2014 a b\n", "a\n-1\nAA==\n\nx", "a\n1\n!\n\nx\n"]
)
def test_what_is_no_checkpoint_is_not_read_as_one(text: str) -> None:
    with pytest.raises(NotANote):
        read_checkpoint(text)


def test_a_verifier_key_survives_being_written_down(signer: CheckpointSigner) -> None:
    assert VerifierKey.parse(f" {signer.verifier}\n") == signer.verifier
    name, identity, rest = str(signer.verifier).split("+", 2)
    for wrong in (
        "",
        "a+b",
        f"{name}+00000000+{rest}",
        f"other+{identity}+{rest}",
        f"{name}+{identity}+AAAA",
    ):
        with pytest.raises(NotANote):
            VerifierKey.parse(wrong)


@pytest.mark.parametrize("origin", ["", "two words", "a+b", "a\nb"])
def test_an_origin_that_would_break_a_note_is_refused(origin: str) -> None:
    with pytest.raises(NotANote):
        verifier_of(origin, OKPKey.generate_key("Ed25519"))


class Witness:
    """Signs as C2SP `tlog-cosignature` says."""

    def __init__(self, name: str = "witness.example/w1") -> None:
        self.key = Ed25519PrivateKey.generate()
        self.verifier = VerifierKey(name, self.key.public_key().public_bytes_raw(), 4)

    def cosign(self, note: str, time: int = 1_760_000_000) -> str:
        text = note.rpartition("\n\n")[0] + "\n"
        signature = self.key.sign(f"cosignature/v1\ntime {time}\n{text}".encode())
        raw = self.verifier.id + time.to_bytes(8, "big") + signature
        return f"\u2014 {self.verifier.name} {base64.b64encode(raw).decode()}"


def test_a_cosignature_is_kept_when_the_witness_made_it_over_this_checkpoint(
    signer: CheckpointSigner,
) -> None:
    note, other, witness = signer.sign(7, ROOT), signer.sign(8, ROOT), Witness()
    line = witness.cosign(note)
    assert held_cosignatures(f"{line}\n", note, witness.verifier) == [line]
    assert held_cosignatures(f"{line}\n", other, witness.verifier) == []
    assert held_cosignatures(f"{Witness().cosign(note)}\n", note, witness.verifier) == []
    assert held_cosignatures(f"{Witness('other').cosign(note)}\nnonsense\n", note, witness.verifier) == []
    cosigned = verify_record.read_checkpoint(note + line + "\n")
    key = verify_record.Key.parse(str(witness.verifier))
    assert verify_record.is_cosigned(cosigned, key)
    assert not verify_record.is_cosigned(verify_record.read_checkpoint(note), key)
    assert not verify_record.is_cosigned(verify_record.read_checkpoint(other + line + "\n"), key)
