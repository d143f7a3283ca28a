"""Checkpoints as signed notes: C2SP `tlog-checkpoint`, `signed-note` and `tlog-cosignature`."""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from joserfc.jwk import OKPKey

_ED25519: Final = 0x01
_COSIGNATURE: Final = 0x04
_KEY_ID: Final = 4
_TIME: Final = 8
_DASH: Final = "\u2014"
_NAME: Final = re.compile(r"[^\s+]+")


class NotANote(ValueError):
    """A text is no signed note, no verifier key or no signature line; the message says why."""


@dataclass(frozen=True)
class Checkpoint:
    """The head of the tree: whose log it is, how many leaves it has, and its root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The note's text: three lines."""
        return f"{self.origin}\n{self.size}\n{_b64(self.root)}\n"


@dataclass(frozen=True)
class VerifierKey:
    """A name and an Ed25519 public key, as `NAME+ID+BASE64` names them to others.

    `last` is the largest size that a log's key signed, where that is known because another followed it; it is
    written after the key.
    """

    name: str
    public: bytes
    kind: int = _ED25519
    last: int | None = None

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Read a verifier key. Raises `NotANote` when it is not one, or its id is another key's."""
        try:
            written, _, last = text.strip().partition(" ")
            name, hexadecimal, encoded = written.split("+", 2)
            raw = base64.b64decode(encoded, validate=True)
            key = cls(name, raw[1:], raw[0] if raw else 0, int(last) if last else None)
        except (ValueError, binascii.Error) as error:
            raise NotANote("a verifier key is NAME+ID+KEY") from error
        if len(raw) != 33 or raw[0] not in (_ED25519, _COSIGNATURE):
            raise NotANote("a verifier key must be an Ed25519 key")
        if key.id.hex() != hexadecimal:
            raise NotANote("the id of the verifier key is another key's")
        return key

    @property
    def id(self) -> bytes:
        """The first four bytes of SHA-256(name || newline || kind || key)."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:_KEY_ID]

    def holds(self, signature: bytes, message: bytes) -> bool:
        """Whether this key made the signature."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def __str__(self) -> str:
        last = "" if self.last is None else f" {self.last}"
        return f"{self.name}+{self.id.hex()}+{_b64(bytes([self.kind]) + self.public)}{last}"


class CheckpointSigner:
    """Signs checkpoints of one log; the key's name is the log's origin."""

    def __init__(self, origin: str, key: OKPKey) -> None:
        self.verifier = verifier_of(origin, key)
        private = key.private_key
        if not isinstance(private, Ed25519PrivateKey):
            raise NotANote("checkpoints are signed with a private Ed25519 key")
        self._key = private

    def sign(self, size: int, root: bytes) -> str:
        """The signed note of a checkpoint."""
        text, assemble = note_of(self.verifier, size, root)
        return assemble(self._key.sign(text))


def note_of(verifier: VerifierKey, size: int, root: bytes) -> tuple[bytes, Callable[[bytes], str]]:
    """What to sign of a checkpoint, and what makes the signed note of the signature."""
    text = Checkpoint(verifier.name, size, root).text()

    def assemble(signature: bytes) -> str:
        return f"{text}\n{_DASH} {verifier.name} {_b64(verifier.id + signature)}\n"

    return text.encode(), assemble


def verifier_of(origin: str, key: OKPKey) -> VerifierKey:
    """The verifier key of a log. Raises `NotANote` for an origin with spaces or plus signs."""
    if not _NAME.fullmatch(origin):
        raise NotANote(f"“{origin}” cannot name a log: it must have no spaces and no plus sign")
    return VerifierKey(origin, key.public_key.public_bytes_raw())


def read_checkpoint(note: str) -> Checkpoint:
    """The checkpoint in a signed note; its signature is not looked at. Raises `NotANote`."""
    text, blank, _ = note.rpartition("\n\n")
    lines = text.split("\n")
    if not blank or len(lines) < 3 or not re.fullmatch(r"0|[1-9]\d*", lines[1]):
        raise NotANote("a checkpoint is an origin, a size and a root, and signatures after an empty line")
    try:
        root = base64.b64decode(lines[2], validate=True)
    except binascii.Error as error:
        raise NotANote("the root of the checkpoint is not base64") from error
    return Checkpoint(lines[0], int(lines[1]), root)


def signers_of(note: str) -> set[tuple[str, bytes]]:
    """By whom a note is said to be signed: names and key ids. None are in a checkpoint of version 0.1."""
    found = set()
    for line in note.partition("\n\n")[2].splitlines():
        dash, _, rest = line.partition(" ")
        name, _, encoded = rest.rpartition(" ")
        try:
            found |= {(name, base64.b64decode(encoded, validate=True)[:_KEY_ID])} if dash == _DASH else set()
        except binascii.Error:
            continue
    return found


def held_cosignatures(answer: str, note: str, witness: VerifierKey) -> list[str]:
    """Those signature lines in a witness's answer that its key made over this checkpoint."""
    text = note.rpartition("\n\n")[0] + "\n"
    return [line for line in answer.splitlines() if _cosigns(line, text, witness)]


def _cosigns(line: str, text: str, witness: VerifierKey) -> bool:
    parts = line.split(" ")
    if len(parts) != 3 or parts[:2] != [_DASH, witness.name]:
        return False
    try:
        raw = base64.b64decode(parts[2], validate=True)
    except binascii.Error:
        return False
    if raw[:_KEY_ID] != witness.id or len(raw) != _KEY_ID + _TIME + 64:
        return False
    time = int.from_bytes(raw[_KEY_ID : _KEY_ID + _TIME], "big")
    message = f"cosignature/v1\ntime {time}\n{text}".encode()
    return witness.holds(raw[_KEY_ID + _TIME :], message)


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
