#!/usr/bin/env python3
"""Checks an exported record, its anchors and single proofs. Needs Python 3.9 and `cryptography` alone.

    verify_record.py record EXPORT --key KEY [--key KEY] --anchor FILE [--anchor FILE] [--witness KEY]
                            [--asked TIME] [--part] [--from TIME] [--to TIME] [--json]
    verify_record.py proof PROOF --key KEY [--key KEY] [--json]

EXPORT is what `cloister audit export` writes (JSON Lines, or the same in gzip). KEY is the log's verifier
key, `NAME+ID+BASE64`, or a file that holds it: have it from somebody you trust, not out of the export. Of a
log that has changed its key give all of them, the oldest first; a file may hold several, a line each. None
signs once the next has begun, nor beyond the size that may stand after it (`NAME+ID+BASE64 51200`). An anchor
is a file with a checkpoint a line, or a log host's file of the messages that it was sent. TIME is when you
asked for the export, with its zone (2026-11-22T09:20:00Z): what was anchored later need not be in it. Without
it everything must be, because the time in the export's head is not signed. Of a part say the time that you
asked for (--from, --to): its first and last entry must enclose it. Ends with 0 when the record holds, with 1
when it does not, with 2 when the command is not what it should be, and with 3 when a file is not there, is
damaged or is of another kind, or when no checkpoint is over an entry of the export: then nothing is said of
the record.

What is computed, so that it can be written anew in any language:

    event     canonical JSON: keys sorted, no spaces, ASCII alone, every other character escaped
    leaf      SHA-256(0x00 || event)                                                RFC 6962, section 2.1
    node      SHA-256(0x01 || left || right)
    chain     SHA-256(0x01 || hash before || number in eight bytes || leaf), beginning with 32 zero bytes
    erased    an `audit.erased` tells of the entries void since `erased_at`: `numbers` is SHA-256 over their
              numbers in eight bytes each, all of them before `before` and of `subjects`. A part brings it as
              a proof, with all these numbers, and a path (RFC 9162) from its own head to the proof's
    head      origin, size and base64 root, a line each, signed with Ed25519        C2SP tlog-checkpoint

Not promised: events that were taken away with their seals before a checkpoint was signed over them (a minute
at most), and that what was recorded is true.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import gzip
import json
import os
import re
import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = "cloister-record/1"
BETWEEN_CHECKPOINTS = 256
ANCHORED_WITHIN = timedelta(minutes=5)
ERASED = "audit.erased"
SHOWN = 20
TOGETHER = 1_000_000
"""More entries than were ever erased at once."""
LAST = 2**62
"""No record is longer."""
_OURS = re.compile(r'\{"(?:size|sequence)": ?[0-9]+, ?"(?:at|note|signed)"')
_GENESIS = b"\0" * 32
_PACKED = b"\x1f\x8b"
_DASH = "\u2014"
_ENTRY = {"sequence", "leaf", "hash"}
_VOID = {"id", "event", "at", "erased_at"}
_CHECKPOINT = {"checkpoint", "cosignatures", "at"}
_ERASURE = {"erasure", "at", "numbers", "from", "path"}
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


class Unusable(Exception):
    """What was given cannot be checked; the message says why, and the program ends with `code`."""

    code = 3


class Misused(Unusable):
    """The command is not what it should be."""

    code = 2


class Disproved(Unusable):
    """A proof does not hold."""

    code = 1


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: its class, the entry or size where it is, and a sentence."""

    kind: str
    place: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.sentence}"


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, of which no two readers may see different members."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member stands there twice")
    return found


class _Decoder(json.JSONDecoder):
    """Raises `ValueError` for whatever cannot be read."""

    def raw_decode(self, s: str, idx: int = 0) -> tuple[Any, int]:
        try:
            return super().raw_decode(s, idx)
        except RecursionError:
            raise ValueError("nested too deeply") from None


_json = _Decoder(object_pairs_hook=_members)


# keys and signed notes


@dataclass(frozen=True)
class Key:
    """A verifier key: whose it is, of which kind (1 a log's, 4 a witness's), and the Ed25519 key itself.

    `last` is the largest size that it signed, where that is known because another key followed it.
    """

    name: str
    kind: int
    public: bytes
    last: int | None = None

    @classmethod
    def parse(cls, text: str) -> Key:
        """Read `NAME+ID+BASE64`, or that and a size."""
        try:
            words = text.split()
            last = int(words[1]) if len(words) == 2 else None
            name, identity, encoded = (words[0] if len(words) < 3 else "").split("+", 2)
            raw = base64.b64decode(encoded, validate=True)
        except (ValueError, IndexError, binascii.Error):
            sentence = "is no verifier key: that is NAME+ID+BASE64, or a file that holds it."
            raise Unusable(f'"{_shortened(text)}" {sentence}') from None
        key = cls(name, raw[0] if raw else 0, raw[1:], last)
        if len(raw) != 33 or key.kind not in (1, 4) or key.id.hex() != identity:
            raise Unusable(f"The key of {name} is not an Ed25519 key with its right id.")
        return key

    @property
    def id(self) -> bytes:
        """SHA-256(name || newline || kind || key), the first four bytes."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def holds(self, signature: bytes, message: bytes) -> bool:
        """Whether this key made the signature."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class Checkpoint:
    """A signed head: size and root, as a note or an anchor has it."""

    size: int
    root: bytes
    note: str
    at: datetime | None = None

    @property
    def text(self) -> str:
        """What is signed."""
        return self.note.rpartition("\n\n")[0] + "\n"

    @property
    def origin(self) -> str:
        """Whose log it is."""
        return self.note.partition("\n")[0]

    def signatures(self) -> Iterator[tuple[str, bytes, bytes]]:
        """Name, key id and signature of each line after the text."""
        for line in self.note.rpartition("\n\n")[2].splitlines():
            dash, _, rest = line.partition(" ")
            name, _, encoded = rest.rpartition(" ")
            try:
                raw = base64.b64decode(encoded, validate=True)
            except binascii.Error:
                continue
            if dash == _DASH and len(raw) > 4:
                yield name, raw[:4], raw[4:]


def read_checkpoint(note: str, at: str | None = None) -> Checkpoint:
    """Take a note apart. Raises `ValueError` when it is no checkpoint."""
    text, blank, _ = note.rpartition("\n\n")
    lines = text.split("\n")
    if not blank or len(lines) < 3 or not re.fullmatch(r"0|[1-9][0-9]*", lines[1]):
        raise ValueError("no checkpoint")
    root = base64.b64decode(lines[2], validate=True)
    if len(root) != 32:
        raise ValueError("no root")
    return Checkpoint(int(lines[1]), root, note, _time(at) if at else None)


def _time(text: object) -> datetime:
    if not isinstance(text, str):
        raise ValueError("no time")
    found = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
    if found.tzinfo is None or not 1 < found.year < 9999:
        raise ValueError("a time without its zone")
    return found


def _shortened(text: str) -> str:
    line = text.strip().partition("\n")[0]
    return line if len(line) <= 60 else line[:57] + "..."


@dataclass(frozen=True)
class Log:
    """Whose checkpoints are believed: the keys of one log, in the order in which they signed."""

    keys: tuple[Key, ...]

    @classmethod
    def parse(cls, *texts: str) -> Log:
        """Read keys, of which a text may hold several, a line each."""
        lines = [line for text in texts for line in text.splitlines() if line.strip()]
        if not lines:
            raise Misused("There is no key to check with.")
        return cls(tuple(Key.parse(line) for line in lines))

    @property
    def names(self) -> set[str]:
        """The log's name; more than one if it was named anew with a key."""
        return {key.name for key in self.keys}

    def signer_of(self, checkpoint: Checkpoint, where: str) -> int | Fault:
        """Which of the keys has signed a checkpoint, by its place, or what is wrong with it."""
        size, known = checkpoint.size, False
        if checkpoint.origin not in self.names:
            return Fault("re-signed", size, f"the checkpoint of size {size} in {where} is of another log")
        for name, identity, signature in checkpoint.signatures():
            for place in reversed(range(len(self.keys))):
                key = self.keys[place]
                if (name, identity) != (key.name, key.id) or name != checkpoint.origin:
                    continue
                known = True
                if key.holds(signature, checkpoint.text.encode()):
                    if key.last is None or size <= key.last:
                        return place
                    sentence = (
                        f"the checkpoint of size {size} in {where} was signed with a key that was in use up"
                        f" to {key.last} only"
                    )
                    return Fault("re-signed", size, sentence)
        if known:
            sentence = f"the checkpoint of size {size} in {where} is not what the log's key has signed"
            return Fault("checkpoint changed", size, sentence)
        sentence = f"the checkpoint of size {size} in {where} was signed with another key than the log's"
        return Fault("re-signed", size, sentence)

    def signer_of_old(self, size: int, message: str, signature: bytes) -> int | None:
        """Which of the keys has signed a checkpoint of version 0.1."""
        for place, key in enumerate(self.keys):
            if key.holds(signature, message.encode()) and (key.last is None or size <= key.last):
                return place
        return None


def is_cosigned(checkpoint: Checkpoint, witness: Key) -> bool:
    """Whether a witness has cosigned (C2SP tlog-cosignature)."""
    for name, identity, signature in checkpoint.signatures():
        if (name, identity) == (witness.name, witness.id) and len(signature) == 72:
            time = int.from_bytes(signature[:8], "big")
            if witness.holds(signature[8:], f"cosignature/v1\ntime {time}\n{checkpoint.text}".encode()):
                return True
    return False


# the tree


def leaf_hash(entry: bytes) -> bytes:
    """A leaf of RFC 6962."""
    return sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """An inner node of RFC 6962."""
    return sha256(b"\1" + left + right).digest()


def link(before: bytes, number: int, leaf: bytes) -> bytes:
    """The chain's next hash."""
    return sha256(b"\1" + before + number.to_bytes(8, "big") + leaf).digest()


@dataclass
class Tree:
    """The full subtrees on the right edge, largest first: enough to go on from, and for the root."""

    size: int = 0
    hashes: list[bytes] = field(default_factory=list)

    def append(self, leaf: bytes) -> None:
        """Add a leaf's hash."""
        self.hashes.append(leaf)
        self.size += 1
        rest = self.size
        while rest % 2 == 0:
            right = self.hashes.pop()
            self.hashes[-1] = node_hash(self.hashes[-1], right)
            rest >>= 1

    def root(self) -> bytes:
        """The root as it stands."""
        if not self.hashes:
            return sha256(b"").digest()
        found = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            found = node_hash(left, found)
        return found

    def copy(self) -> Tree:
        """As it is now."""
        return Tree(self.size, list(self.hashes))


def includes(leaf: bytes, index: int, size: int, path: list[bytes], root: bytes) -> bool:
    """Whether a path proves that this leaf has this index in a tree of this size and root (RFC 9162)."""
    if not 0 <= index < size:
        return False
    place, last, found = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if place % 2 or place == last:
            found = node_hash(sibling, found)
            while place % 2 == 0 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and found == root


def grew(old: int, old_root: bytes, size: int, root: bytes, path: list[bytes]) -> bool:
    """Whether a path proves that the larger tree holds the smaller as its beginning (RFC 9162)."""
    if not 0 < old <= size:
        return old == 0 and not path
    if old == size:
        return not path and old_root == root
    hashes = [old_root, *path] if old & (old - 1) == 0 else list(path)
    if not hashes:
        return False
    place, last = old - 1, size - 1
    while place % 2:
        place, last = place >> 1, last >> 1
    first = second = hashes[0]
    for each in hashes[1:]:
        if last == 0:
            return False
        if place % 2 or place == last:
            first, second = node_hash(each, first), node_hash(each, second)
            while place % 2 == 0 and place:
                place, last = place >> 1, last >> 1
        else:
            second = node_hash(second, each)
        place, last = place >> 1, last >> 1
    return last == 0 and first == old_root and second == root


# the record


@dataclass
class _Odd:
    """An entry whose leaf or link does not hold, until it is clear what was done to it."""

    number: int
    before: bytes
    computed: bytes | None
    leaf: bytes
    hash: bytes
    linked: bool


@dataclass
class _Past:
    """How things stood before the last entry, should that turn out to be one too many."""

    tree: Tree
    hash: bytes
    number: int
    odd: int
    leaf: bytes
    stated: bytes


@dataclass(frozen=True)
class _Void:
    """What is left of an entry that was erased: when that was, whose class it is of, and its own time."""

    time: str
    subject: str
    at: str

    @classmethod
    def read(cls, erased: Mapping[str, Any]) -> _Void:
        """Raises `AttributeError` when it is no mapping."""
        event, at = str(erased.get("event", "")), str(erased.get("at", ""))
        return cls(str(erased.get("erased_at", "")), event.partition(".")[0], at)


@dataclass
class _Batch:
    """Entries that were erased together."""

    count: int = 0
    first: int = 0
    numbers: Any = field(default_factory=sha256)
    subjects: set[str] = field(default_factory=set)
    latest: str = ""

    def add(self, void: _Void, number: bytes) -> None:
        """Take the next."""
        self.count += 1
        self.first = self.first or int.from_bytes(number, "big")
        self.numbers.update(number)
        self.subjects.add(void.subject)
        self.latest = max(self.latest, void.at)


@dataclass(frozen=True)
class Erasure:
    """What a part brings of entries that were erased together: the event that tells of it, under a later head
    of the log, all their numbers from first to last, and the path from the part's own head of size `start`.
    """

    told: Mapping[str, Any]
    checkpoint: Checkpoint
    numbers: list[tuple[int, int]]
    start: int
    path: list[bytes]

    @classmethod
    def read(cls, line: str, log: Log) -> Erasure:
        """Raises `ValueError` for what cannot be read, `Unusable` for a proof that does not hold."""
        content = _json.decode(line)
        if set(content) != _ERASURE:
            raise ValueError("members that no erasure has")
        event, checkpoint = check_proof(content["erasure"], log)
        if event.get("event") != ERASED:
            raise ValueError("another event")
        numbers = [(int(first), int(last)) for first, last in content["numbers"]]
        count = sum(last - first + 1 for first, last in numbers)
        if any(not 0 < first <= last < LAST for first, last in numbers) or count > TOGETHER:
            raise ValueError("no numbers")
        path = [bytes.fromhex(each) for each in content["path"]]
        at = read_checkpoint(checkpoint.note, content["at"])
        return cls(dict(event["detail"]), at, numbers, int(content["from"]), path)

    def is_of(self, void: Any, first: int, last: int) -> bool:
        """Whether the void entries from `first` to `last`, whose numbers have this hash, are those of it."""
        every, here = sha256(), sha256()
        for one, until in self.numbers:
            for number in range(one, until + 1):
                in_bytes = number.to_bytes(8, "big")
                every.update(in_bytes)
                if first <= number <= last:
                    here.update(in_bytes)
        return every.hexdigest() == self.told.get("numbers") and here.digest() == void.digest()


@dataclass(frozen=True)
class Seen:
    """An entry's number, and its own time where that can be read."""

    number: int
    at: datetime | None

    def __str__(self) -> str:
        return f"entry {self.number:,} of {_said(self.at) + ' UTC' if self.at else 'an unknown time'}"


@dataclass
class Anchored:
    """What an anchor holds, at this moment if it is `live`, or when a copy of it was fetched."""

    name: str
    live: bool = False
    checkpoints: dict[int, list[Checkpoint]] = field(default_factory=dict)
    old: list[tuple[int, str]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


class Record:
    """Takes the entries of a record one after the other, and says at the end what is wrong with it.

    Checkpoints and anchors must be known before the first entry, because roots are compared in passing.
    """

    def __init__(
        self,
        log: Log,
        checkpoints: Iterable[Checkpoint] = (),
        anchors: Iterable[Anchored] = (),
        *,
        header: Mapping[str, Any] | None = None,
        old: Iterable[tuple[int, str]] = (),
        erasures: Iterable[Erasure] = (),
        part: bool = False,
        asked: datetime | None = None,
    ) -> None:
        header = header or {}
        before = header.get("before") or {}
        self._log = log
        self._first = int(before.get("size", 0))
        self._tree = Tree(self._first, [bytes.fromhex(each) for each in before.get("hashes", [])])
        if not 0 <= self._first < LAST or len(self._tree.hashes) != bin(self._first).count("1"):
            raise ValueError("a tree of another size")
        self._hash = bytes.fromhex(before.get("chain", _GENESIS.hex()))
        self._part = part
        self._last = int(header.get("last", 0))
        self._made = _time(header["made_at"]) if header.get("made_at") else None
        self._asked = asked
        self._faults: list[Fault] = []
        self._odd: list[_Odd] = []
        self._missing: list[tuple[int, int]] = []
        self._next = self._first + 1
        self._shift = 0  # how many entries more there are than were sealed
        self._past: _Past | None = None
        self._taken: _Past | None = None
        self._after_gap = False
        self._gaps = 0
        self.entries = 0
        self.erased = 0
        self._begins: tuple[int, str] | None = None
        self._ends: tuple[int, str] | None = None
        self.covered = 0
        """Up to which entry a checkpoint agrees; of those after it nothing is proven."""
        self.anchored = 0
        """Up to which entry an anchor agrees."""
        self._void: dict[str, _Batch] = {}
        self._told: dict[str, Mapping[str, Any]] = {}
        self._signers: list[tuple[int, int, str]] = []
        self.anchors = list(anchors)
        self.witnessed: dict[str, int] = {}
        self._own = self._signed(checkpoints, "the export")
        self._old = {size: self._old_hash(size, signed, "the export") for size, signed in old}
        self._erasures = {str(one.told.get("erased_at")): one for one in erasures}
        later = (one.checkpoint for one in self._erasures.values())
        self._later = self._signed(later, "a proof of an erasure")
        self._old_anchored: dict[int, list[tuple[str, bytes]]] = {}
        self._anchored: dict[int, list[tuple[str, Checkpoint]]] = {}
        self._held: list[dict[int, Checkpoint]] = []
        for anchor in self.anchors:
            self._faults += anchor.faults
            for size, signed in anchor.old:
                chain = self._old_hash(size, signed, anchor.name)
                self._old_anchored.setdefault(size, []).append((anchor.name, chain))
            held = (one for each in anchor.checkpoints.values() for one in each if one.origin in log.names)
            self._held.append(self._signed(held, anchor.name))
            for checkpoint in self._held[-1].values():
                self._anchored.setdefault(checkpoint.size, []).append((anchor.name, checkpoint))
        self._agrees = self._first
        self._wrong: list[tuple[int, str]] = []
        if self._first and not part:
            self._fault(
                "removed", 1, f"entries 1 to {self._first} are not here; --part takes a part for what it is"
            )

    @property
    def checkpoints(self) -> int:
        """How many checkpoints of the record's own were signed with the log's key."""
        return len(self._own) + len(self._old)

    def entry(self, line: Mapping[str, Any]) -> None:
        """Take the next entry."""
        try:
            number, leaf = line["sequence"], bytes.fromhex(line["leaf"])
            stated = bytes.fromhex(line["hash"])
            event = line.get("event")
            if set(line) - _ENTRY not in ({"event"}, {"erased"}, set()):
                raise ValueError("members that no entry has")
            if type(number) is not int or not 0 < number < LAST:
                raise ValueError("no number")
            computed = leaf_hash(_canonical(event).encode()) if event is not None else None
            told = dict(event["detail"]) if event and event["event"] == ERASED else None
            if "erased" in line and set(line["erased"]) - _VOID:
                raise ValueError("members that no erased entry has")
            void = _Void.read(line["erased"]) if event is None and "erased" in line else None
            in_bytes = number.to_bytes(8, "big")
            self._ends = number, str((event or line.get("erased") or {}).get("at", ""))
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
            self._fault("changed", self._next, f"the line of entry {self._next} cannot be read")
            return
        self.entries += 1
        self._begins = self._begins or self._ends
        if computed is None and "erased" not in line:
            self._fault("removed", self._next, f"the event of entry {self._next} is not there")
        if void is not None:
            self.erased += 1
            self._void.setdefault(void.time, _Batch()).add(void, in_bytes)
        if told is not None:
            self._told[str(told.get("erased_at"))] = told
        if number != self._next and not self._out_of_order(number, leaf, stated):
            return
        self._place(leaf, computed, stated)

    def _out_of_order(self, number: int, leaf: bytes, stated: bytes) -> bool:
        """Say what a wrong number means; whether the entry belongs here all the same."""
        here = self._next
        if stated == self._hash and number == here - 1:
            self._fault("repeated", number, f"entry {number} stands here twice")
            return False
        if link(self._hash, here - self._shift, leaf) == stated:
            self._fault("renumbered", here, f"entry {here} bears the number {number}")
            return True
        if number == here - 1 and self._past and link(self._past.hash, self._past.number, leaf) == stated:
            self._take_back(self._past)
            self._next = number
            return True
        if number > here:
            self._missing.append((here, number - 1))
            self._gaps += 1
            self._next, self._after_gap = number, True
            return True
        gap = next((each for each in self._missing if each[0] <= number <= each[1]), None)
        if gap:
            self._missing.remove(gap)
            rest = (gap[0], number - 1), (number + 1, gap[1])
            self._missing += [(first, last) for first, last in rest if first <= last]
            self._fault("swapped", number, f"entry {number} stands after entry {here - 1}")
        else:
            self._fault("inserted", number, f"there is one entry {number} too many after entry {here - 1}")
        return False

    def _place(self, leaf: bytes, computed: bytes | None, stated: bytes) -> None:
        """Append the entry, and compare what it says with what follows from those before it."""
        linked = link(self._hash, self._next - self._shift, leaf) == stated
        linked = linked or self._after_gap or self._follows_otherwise(leaf, stated)
        self._after_gap = False
        self._past = _Past(
            self._tree.copy(), self._hash, self._next - self._shift, len(self._odd), leaf, stated
        )
        if not linked or (computed is not None and computed != leaf):
            self._odd.append(_Odd(self._next, self._hash, computed, leaf, stated, linked))
        self._tree.append(leaf)
        self._hash = stated
        self._compare()
        self._next += 1

    def _follows_otherwise(self, leaf: bytes, stated: bytes) -> bool:
        """Whether the chain goes on with an entry more or one less than there are."""
        number, past, taken = self._next - self._shift, self._past, self._taken
        if past and link(past.hash, past.number, leaf) == stated:
            self._take_back(past)
            self._shift += 1
            return True
        if (
            taken
            and link(self._hash, number, taken.leaf) == taken.stated
            and link(taken.stated, number + 1, leaf) == stated
        ):
            self._faults.remove(_put_between(number - 1))  # it only stands one place too early
            self._fault("swapped", number - 1, f"entries {number - 1} and {number} have changed places")
            self._tree.append(taken.leaf)
            self._hash, self._taken = taken.stated, None
            self._shift -= 1
            return True
        is_after_odd = self._odd and self._odd[-1].number == self._next - 1
        if is_after_odd and link(self._hash, number + 1, leaf) == stated:
            before = self._odd.pop().number
            sentence = f"an entry before {before} was taken out, and those after it were numbered anew"
            self._fault("removed", before, sentence)
            self._shift -= 1
            self._gaps += 1
            return True
        return False

    def _take_back(self, past: _Past) -> None:
        """Without the entry before, the chain goes on: it was put in between."""
        self._tree, self._hash = past.tree, past.hash
        del self._odd[past.odd :]
        self._taken = past
        self._faults.append(_put_between(self._next - 1))

    def _compare(self) -> None:
        size = self._tree.size
        if size in self._old and self._old[size] != self._hash:
            self._wrong.append((size, "the export"))
        elif size in self._old:
            self.covered = size
        for name, chain in self._old_anchored.get(size, ()):
            if chain == self._hash:
                self.covered = self.anchored = size
            elif chain:
                self._wrong.append((size, name))
        if size not in self._own and size not in self._anchored:
            return
        root = self._tree.root()
        own = self._own.get(size)
        agrees = True
        if own and own.root != root:
            self._wrong.append((size, "the export"))
            agrees = False
        for name, checkpoint in self._anchored.get(size, ()):
            if own and own.root != checkpoint.root:
                sentence = f"the log's key signed two heads of size {size}: the export's and {name}'s"
                self._fault("forked", size, sentence)
            elif checkpoint.root != root:
                self._wrong.append((size, name))
                agrees = False
            elif not own:
                sentence = f"the checkpoint of size {size} is in {name} and not in the export"
                self._fault("checkpoint removed", size, sentence)
        if agrees:
            self._agrees = self.covered = size
            self.anchored = size if size in self._anchored else self.anchored

    def finish(self) -> list[Fault]:
        """Everything that is wrong, in order of place."""
        self._settle_odd()
        for first, last in self._missing:
            what = f"entry {first} is missing" if first == last else f"entries {first} to {last} are missing"
            self._fault("removed", first, what)
        self._settle_roots()
        self._settle_end()
        self._settle_anchors()
        self._settle_signers()
        self._settle_void()
        return sorted(set(self._faults), key=lambda fault: (fault.place, fault.kind, fault.sentence))

    def _settle_signers(self) -> None:
        """A key that another has followed signs no more."""
        begun: dict[int, int] = {}
        for size, signer, _ in self._signers:
            begun[signer] = min(size, begun.get(signer, size))
        for size, signer, where in self._signers:
            after = min((start for later, start in begun.items() if later > signer), default=size + 1)
            if after <= size:
                sentence = (
                    f"the checkpoint of size {size} in {where} was signed with a key that another had"
                    f" followed at size {after}"
                )
                self._fault("re-signed", size, sentence)

    def _settle_void(self) -> None:
        """Void are those entries that the record says were erased, and no others."""
        for time in sorted(self._void if self._part else {*self._void, *self._told}):
            batch = self._void.get(time, _Batch())
            told, is_whole = self._told_of(time, batch)
            at = time or "an unknown time"
            if told is None:
                is_told = "this part does not prove" if self._part else "nothing shows"
                what = (
                    f"{batch.count} entries were made void at {at}, and {is_told} that the record tells of it"
                )
            elif not is_whole:
                what = f"the {batch.count} entries made void at {at} are not those that the record tells of"
            elif batch.latest >= str(told.get("before")) or not batch.subjects <= _words(
                told.get("subjects")
            ):
                what = f"entries were made void at {at} that are not of the class and age that it was for"
            else:
                continue
            self._fault("erased", batch.first, what)

    def _told_of(self, time: str, batch: _Batch) -> tuple[Mapping[str, Any] | None, bool]:
        """What the record tells of entries that were erased together, and whether it tells of just these. The
        rest of them, and what tells of them, may be in another part: so a part brings a proof."""
        if not self._part:
            told = self._told.get(time)
            return told, told is not None and batch.numbers.hexdigest() == told.get("numbers")
        proven = self._erasures.get(time)
        if proven is None or not self._goes_on_to(proven):
            return None, False
        return proven.told, proven.is_of(batch.numbers, self._first + 1, self._tree.size)

    def _goes_on_to(self, proven: Erasure) -> bool:
        """Whether the head that an erasure is proven under is of this record, and not of another that begins
        otherwise."""
        later = self._later.get(proven.checkpoint.size)
        own, start = self._own.get(proven.checkpoint.size), self._own.get(proven.start)
        if later is None or own is not None:
            return later is not None and own is not None and own.root == later.root
        return start is not None and grew(start.size, start.root, later.size, later.root, proven.path)

    def _settle_odd(self) -> None:
        for odd in self._odd:
            others = [each for each in self._odd if each is not odd][:SHOWN]
            computed = odd.computed
            if odd.linked and any(computed == each.leaf for each in others):
                kind, what = "swapped", f"entry {odd.number} holds the event of another entry"
            elif odd.linked:
                kind, what = "changed", f"entry {odd.number} is not the event that was sealed"
            elif any(_fit_each_other(odd, each) for each in others):
                kind, what = "swapped", f"entry {odd.number} has changed places with another"
            elif computed is not None and link(odd.before, odd.number, computed) == odd.hash:
                kind, what = "changed", f"the leaf of entry {odd.number} is not that of its event"
            elif computed == odd.leaf or computed is None:
                kind, what = "changed", f"entry {odd.number}, or its seal, is not what followed here"
            else:
                kind, what = (
                    "changed",
                    f"entry {odd.number} is neither the event nor the link that was sealed",
                )
            self._fault(kind, odd.number, what)

    def _settle_roots(self) -> None:
        explained = {fault.kind for fault in self._faults} & {
            "changed", "removed", "inserted", "swapped", "repeated",
        }  # fmt: skip
        if not self._wrong or explained:
            return
        size, where = self._wrong[0]
        sentence = (
            f"entries {self._agrees + 1} to {size} are not what the checkpoint in {where} was signed over"
            f" ({len(self._wrong)} checkpoints disagree)"
        )
        self._fault("rewritten", size, sentence)

    def _settle_end(self) -> None:
        last = self._tree.size
        own, anchored = {*self._own, *self._old}, {*self._known(), *self._old_anchored}
        newest = max(own if self._part else own | anchored, default=last)
        beyond = max(own | anchored, default=last)
        under = max((size for size in own | anchored if size <= last), default=0)
        if self._part and beyond > last > under:
            sentence = (
                f"entries {under + 1} to {last} are under no checkpoint here, and there is one of size"
                f" {beyond}"
            )
            self._fault("truncated", under + 1, sentence)
        if max(newest, self._last) > last and not self._gaps:
            told = "the export says that they are in it"
            if newest > last:
                which = "them" if newest >= self._last else f"those to {newest}"
                told = f"there is a checkpoint over {which}"
            sentence = f"entries {last + 1} to {max(newest, self._last)} are missing at the end: {told}"
            if newest > last and self._asked is None and self._is_newer_alone(last):
                sentence += (
                    ", newer than the export says that it is; if you asked for the export before that, say"
                    " when (--asked TIME)"
                )
            self._fault("truncated", last + 1, sentence)
        over = sorted(size for size in own if size <= last)
        for place, size in enumerate(over, 1):
            after = over[place] if place < len(over) else last
            if after - size > BETWEEN_CHECKPOINTS and after not in self._old:
                sentence = f"no checkpoint was signed over entries {size + 1} to {after}"
                self._fault("checkpoint removed", size + 1, sentence)
        if self.entries and not over:
            self._fault("checkpoint removed", self._first + 1, "no checkpoint was signed over these entries")

    @property
    def is_checked(self) -> bool:
        """Whether a checkpoint agrees that is over an entry of it: else nothing was compared."""
        return self.covered > self._first

    @property
    def begins(self) -> Seen | None:
        """Its first entry."""
        return _seen(self._begins)

    @property
    def ends(self) -> Seen | None:
        """Its last entry."""
        return _seen(self._ends)

    def settle_time(self, since: datetime | None, until: datetime | None) -> list[Fault]:
        """What is missing of a time that was asked for: an entry before it, unless the record begins there,
        and one after it."""
        faults, begins, ends = [], self.begins, self.ends
        if begins and since and begins.number > 1 and not (begins.at and begins.at <= since):
            sentence = f"the export begins with {begins}: what was before it, since --from, is not here"
            faults.append(Fault("removed", begins.number, sentence))
        if ends and until and not (ends.at and ends.at >= until):
            sentence = f"the export ends with {ends}: what came after it, until --to, is not here"
            faults.append(Fault("truncated", ends.number + 1, sentence))
        return faults

    @property
    def made(self) -> datetime | None:
        """When the export says that it was made. Nobody has signed that."""
        return self._made

    @property
    def beyond(self) -> list[tuple[str, Checkpoint]]:
        """The newest checkpoint of each anchor that goes on where the record ends."""
        last = self._tree.size
        newest = (
            (anchor.name, held[max(held)])
            for anchor, held in zip(self.anchors, self._held)  # noqa: B905 - Python 3.9 has no strict
            if held and max(held) > last
        )
        return list(newest)

    def _known(self) -> set[int]:
        """The sizes of anchored checkpoints that must be in the export: unless it is known when it was asked
        for, all of them."""
        asked = self._asked
        if asked is None:
            return set(self._anchored)
        until = max(asked, self._made or asked)
        return {
            size
            for size, held in self._anchored.items()
            if any(not one.at or one.at <= until for _, one in held)
        }

    def _is_newer_alone(self, last: int) -> bool:
        """Whether all checkpoints over more than `last` are of anchors, and of after the export was made."""
        over = [one for size, held in self._anchored.items() if size > last for _, one in held]
        own = {*self._own, *self._old, *self._old_anchored}
        return (
            bool(self._made)
            and max(own, default=0) <= last
            and all(one.at and self._made and one.at > self._made for one in over)
        )

    def _settle_anchors(self) -> None:
        for anchor, held in zip(self.anchors, self._held):  # noqa: B905 - Python 3.9 has no strict
            for size, checkpoint in self._later.items():
                if size in held and held[size].root != checkpoint.root:
                    sentence = f"the log's key signed two heads of size {size}: a proof's and {anchor.name}'s"
                    self._fault("forked", size, sentence)
            newest = max(held, default=0)
            wanted = {**self._later, **self._own}
            absent = sorted(wanted.keys() - held.keys())
            absent = [size for size in absent if size < newest or self._is_due(wanted[size])]
            for size in absent:
                if size < newest:
                    sentence = f"{anchor.name} does not hold the checkpoint of size {size}"
                    self._fault("anchor missing", size, sentence)
            self._settle_late(anchor, newest, [size for size in absent if size > newest])

    def _settle_late(self, anchor: Anchored, newest: int, absent: list[int]) -> None:
        if not absent:
            return
        first, last, count = absent[0], absent[-1], len(absent)
        one, several = f"checkpoint of size {first}", f"{count} checkpoints of sizes {first} to {last}"
        what = one if count == 1 else several
        sentence = f"{anchor.name} ends at size {newest} and does not hold the {what}"
        if not anchor.live:
            sentence += ", or it was fetched before the export was made: fetch it again"
        self._fault("anchor missing", absent[0], sentence)

    def settle_witness(self, witness: Key) -> list[Fault]:
        """Up to which size a witness has cosigned; a fault if one that is due has nothing after it."""
        cosigned = [size for size, one in self._own.items() if is_cosigned(one, witness)]
        newest = self.witnessed[witness.name] = max(cosigned, default=0)
        due = max((size for size, one in self._own.items() if self._is_due(one)), default=0)
        if newest and newest >= due:
            return []
        sentence = f"{witness.name} has cosigned up to {newest}, and there is a checkpoint of size {due}"
        return [Fault("not witnessed", due, sentence if newest else f"{witness.name} has cosigned nothing")]

    def _is_due(self, checkpoint: Checkpoint) -> bool:
        """Whether a checkpoint should have come to its anchors when the export was made."""
        at, times = checkpoint.at, [time for time in (self._made, self._asked) if time]
        return self._made is None or at is None or max(times) - at > ANCHORED_WITHIN

    def _signed(self, checkpoints: Iterable[Checkpoint], where: str) -> dict[int, Checkpoint]:
        """Those whose signature holds, by size."""
        found: dict[int, Checkpoint] = {}
        for checkpoint in checkpoints:
            signer = self._log.signer_of(checkpoint, where)
            if isinstance(signer, Fault):
                self._faults.append(signer)
                continue
            self._signers.append((checkpoint.size, signer, where))
            if (other := found.get(checkpoint.size)) and other.root != checkpoint.root:
                sentence = f"the log's key has signed two heads of size {checkpoint.size}, both in {where}"
                self._fault("forked", checkpoint.size, sentence)
            else:
                found[checkpoint.size] = checkpoint
        return found

    def _old_hash(self, size: int, signed: str, where: str) -> bytes:
        """The chain's hash in a checkpoint of version 0.1, which is a JSON Web Signature."""
        message, _, signature = signed.rpartition(".")
        try:
            payload = _json.decode(_base64url(message.split(".")[1]).decode())
            signer = self._log.signer_of_old(size, message, _base64url(signature))
            if signer is not None and payload["sequence"] == size:
                self._signers.append((size, signer, where))
                return bytes.fromhex(payload["hash"])
        except (ValueError, KeyError, IndexError, TypeError):
            pass
        sentence = f"the old checkpoint at entry {size} in {where} is not what the key has signed"
        self._fault("checkpoint changed", size, sentence)
        return b""

    def _fault(self, kind: str, place: int, sentence: str) -> None:
        self._faults.append(Fault(kind, place, sentence))


def _seen(entry: tuple[int, str] | None) -> Seen | None:
    if entry is None:
        return None
    try:
        return Seen(entry[0], _time(entry[1]))
    except ValueError:
        return Seen(entry[0], None)


def _words(content: object) -> set[str]:
    return {str(each) for each in content} if isinstance(content, list) else set()


def _put_between(number: int) -> Fault:
    return Fault("inserted", number, f"entry {number} was put in between")


def _fit_each_other(one: _Odd, other: _Odd) -> bool:
    return (
        link(one.before, one.number, other.leaf) == one.hash
        or link(other.before, other.number, one.leaf) == one.hash
        or link(one.before, one.number, other.leaf) == other.hash
    )


def _base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


# files


def read_anchor(path: Path, name: str = "") -> Anchored:
    """The checkpoints of an anchor: a JSON object a line, whatever a log host has written around it.

    Lines that do not begin as a checkpoint's do are another program's.
    """
    anchor = Anchored(name or path.name)
    torn: list[tuple[int, str]] = []
    for number, line in enumerate(_lines(path), 1):
        begun = _OURS.search(line)
        if begun is None:
            continue
        start = begun.start()
        try:
            content = _json.raw_decode(line, start)[0]
            if "signed" in content and "note" not in content:  # of version 0.1
                anchor.old.append((int(content["sequence"]), str(content["signed"])))
                continue
            checkpoint = read_checkpoint(content["note"], content.get("at"))
        except (AttributeError, KeyError, ValueError, TypeError, binascii.Error):
            torn.append((number, line[start:].rstrip("\n")))
            continue
        torn = [(place, rest) for place, rest in torn if not line[start:].startswith(rest)]  # whole here
        anchor.checkpoints.setdefault(checkpoint.size, []).append(checkpoint)
    anchor.faults += [
        Fault("anchor changed", 0, f"line {number} of {anchor.name} cannot be read") for number, _ in torn
    ]
    return anchor


def read_anchors(paths: Iterable[Path]) -> list[Anchored]:
    """Several anchors, each by a name of its own: of files of one name the whole path."""
    paths = list(paths)
    names = [path.name for path in paths]
    return [read_anchor(path, str(path) if names.count(path.name) > 1 else "") for path in paths]


def check_export(
    path: Path,
    log: Log,
    anchors: Iterable[Anchored],
    witnesses: Iterable[Key] = (),
    *,
    part: bool = False,
    asked: datetime | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> tuple[Record, list[Fault]]:
    """Check an exported record: first its checkpoints, then its entries in one pass.

    `asked` is when it was asked for: what was anchored later need not be in it. `since` and `until` are the
    time that was asked for: its entries must enclose it.
    """
    header: dict[str, Any] = {}
    checkpoints: list[Checkpoint] = []
    old: list[tuple[int, str]] = []
    erasures: list[Erasure] = []
    faults: list[Fault] = []
    for line in _lines(path):
        if line.startswith('{"checkpoint"'):
            try:
                content = _json.decode(line)
                if set(content) != _CHECKPOINT:
                    raise ValueError("members that no checkpoint has")
                note = content["checkpoint"] + "".join(each + "\n" for each in content["cosignatures"])
                checkpoints.append(read_checkpoint(note, content["at"]))
            except (ValueError, KeyError, TypeError, binascii.Error):
                faults.append(Fault("checkpoint changed", 0, "a checkpoint of the export cannot be read"))
        elif line.startswith('{"old_checkpoint"'):
            try:
                content = _json.decode(line)
                if set(content) != {"old_checkpoint", "size"}:
                    raise ValueError("members that no checkpoint has")
                old.append((int(content["size"]), str(content["old_checkpoint"])))
            except (ValueError, KeyError, TypeError):
                faults.append(Fault("checkpoint changed", 0, "a checkpoint of the export cannot be read"))
        elif line.startswith('{"erasure"'):
            try:
                erasures.append(Erasure.read(line, log))
            except Unusable as error:
                faults.append(Fault("erased", 0, f"what tells of an erasure is not proven. {error}"))
            except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
                faults.append(Fault("erased", 0, "what tells of an erasure cannot be read"))
        elif line.startswith('{"export"'):
            if header:
                raise Unusable(f"{path} has two heads: it cannot be read.")
            try:
                header = _json.decode(line)
            except ValueError:
                raise Unusable(f"The first line of {path} cannot be read.") from None
    if header.get("export") != FORMAT:
        what = f"not an export of a record ({FORMAT})" if any(_lines(path)) else "empty"
        raise Unusable(f"{path} is {what}.")
    try:
        record = Record(
            log, checkpoints, anchors, header=header, old=old, erasures=erasures, part=part, asked=asked
        )
    except (AttributeError, OverflowError, TypeError, ValueError):
        raise Unusable(f"The first line of {path} does not say where the record begins.") from None
    for line in _lines(path):
        if line.startswith(('{"checkpoint"', '{"old_checkpoint"', '{"erasure"', '{"export"')):
            continue
        try:
            content = _json.decode(line)
        except ValueError:
            content = {}
        record.entry(content)
    for witness in witnesses:
        faults += record.settle_witness(witness)
    return record, [*faults, *record.finish(), *record.settle_time(since, until)]


def check_proof(text: str, log: Log) -> tuple[Mapping[str, Any], Checkpoint]:
    """The event that a proof is about, and the head that holds it. Raises `Disproved` when it does not, and
    `Unusable` for what is no proof."""
    top, _, note = text.partition("\n\n")
    lines = top.split("\n")
    try:
        if lines[0] != "c2sp.org/tlog-proof@v1":
            raise ValueError("no proof")
        event = base64.b64decode(lines[1].removeprefix("extra "), validate=True)
        index = int(lines[2].removeprefix("index "))
        path = [base64.b64decode(line, validate=True) for line in lines[3:]]
        checkpoint = read_checkpoint(note)
        content = _json.decode(event.decode("ascii"))
        if not isinstance(content, dict):
            raise ValueError("no event")
    except (ValueError, IndexError, binascii.Error):
        raise Unusable("This is not a proof that `cloister audit prove` has written.") from None
    signer = log.signer_of(checkpoint, "the proof")
    if isinstance(signer, Fault):
        raise Disproved(f"The proof does not hold: {signer.sentence}.")
    if not includes(leaf_hash(event), index, checkpoint.size, path, checkpoint.root):
        raise Disproved("The proof does not hold: this event is not in the record at this place.")
    return {**content, "sequence": index + 1}, checkpoint


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Say in a sentence why a file cannot be read."""
    try:
        yield
    except FileNotFoundError:
        raise Unusable(f"{path} is not there.") from None
    except IsADirectoryError:
        raise Unusable(f"{path} is a folder; a file is wanted.") from None
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise Unusable(f"{path} is damaged: it cannot be unpacked to its end.") from None
    except UnicodeDecodeError:
        raise Unusable(f"{path} is no text: it is damaged, or a file of another kind.") from None
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror or error}.") from None


def _lines(path: Path) -> Iterator[str]:
    """The lines of a file that may be packed."""
    with _reading(path):
        with path.open("rb") as file:
            is_packed = file.read(2) == _PACKED
        with gzip.open(path, "rt", encoding="utf-8") if is_packed else path.open("rt", -1, "utf-8") as text:
            for line in text:
                if line.strip():
                    yield line


def _given(text: str) -> str:
    """A key that was given, or what stands in the file of this name."""
    if "+" in text and not os.path.exists(text):
        return text
    found = "".join(_lines(Path(text)))
    if not found:
        raise Unusable(f"{text} is empty: there is no key in it.")
    return found


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Check an exported record of Cloister.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    record = verbs.add_parser("record", help="check an export and its anchors")
    record.add_argument("export", type=Path)
    record.add_argument(
        "--anchor", type=Path, action="append", default=[], help="a file with anchored checkpoints"
    )
    record.add_argument("--no-anchor", action="store_true", help="go without: a cut end may then go unseen")
    record.add_argument("--witness", action="append", default=[], help="a witness that must have cosigned")
    record.add_argument(
        "--asked", metavar="TIME", help="when you asked for it: what was anchored later need not be in it"
    )
    record.add_argument("--part", action="store_true", help="the export is a part of the record on purpose")
    record.add_argument("--from", dest="since", metavar="TIME", help="what is since then must be in it")
    record.add_argument("--to", dest="until", metavar="TIME", help="what is until then must be in it")
    proof = verbs.add_parser("proof", help="check that an event is in the record")
    proof.add_argument("proof", type=Path)
    for each in (record, proof):
        each.add_argument(
            "--key",
            action="append",
            required=True,
            help="the log's verifier key, or a file that holds it; of several the oldest first",
        )
        each.add_argument("--json", action="store_true", help="the findings as JSON")
    asked = parser.parse_args(arguments)
    try:
        return _prove(asked) if asked.verb == "proof" else _check(asked)
    except Unusable as error:
        sys.stderr.write(f"{error}\n")
        return error.code
    except OSError as error:  # of what is written
        sys.stderr.write(f"{error}\n")
        return Unusable.code


def _check(asked: argparse.Namespace) -> int:
    if not asked.anchor and not asked.no_anchor:
        _leave("Give an anchor (--anchor FILE), or say that there is none (--no-anchor).")
    anchors = read_anchors(asked.anchor)
    for path, anchor in zip(asked.anchor, anchors):  # noqa: B905 - Python 3.9 has no strict
        if not (anchor.checkpoints or anchor.old or anchor.faults):
            raise Unusable(f"{path} holds no checkpoint: it is not an anchor of a record.")
    witnesses = [Key.parse(_given(each)) for each in asked.witness]
    log = Log.parse(*map(_given, asked.key))
    when, since, until = (_moment(given) for given in (asked.asked, asked.since, asked.until))
    record, faults = check_export(
        asked.export, log, anchors, witnesses, part=asked.part, asked=when, since=since, until=until
    )
    if asked.json:
        found = {
            "holds": record.is_checked and not faults,
            "checked": record.is_checked,
            "entries": record.entries,
            "first": _as_json(record.begins),
            "last": _as_json(record.ends),
            "erased": record.erased,
            "checkpoints": record.checkpoints,
            "covered": record.covered,
            "anchored": record.anchored,
            "witnessed": record.witnessed,
            "made_at": record.made.isoformat() if record.made else None,
            "asked": when.isoformat() if when else None,
            "beyond": [
                {"anchor": name, "size": one.size, "at": one.at.isoformat() if one.at else None}
                for name, one in record.beyond
            ],
            "anchors": sum(len(anchor.checkpoints) for anchor in anchors),
            "faults": [vars(fault) for fault in faults],
        }
        print(json.dumps(found, indent=2))
        return _end(record, faults)
    anchored = sum(len(anchor.checkpoints) for anchor in anchors)
    print(
        f"{record.entries:,} entries ({record.erased:,} of them erased), {record.checkpoints:,} signed "
        f"checkpoints and {anchored:,} anchored ones were checked."
    )
    if record.begins and record.ends:
        print(f"They are from {record.begins} to {record.ends}.")
    print(
        f"A checkpoint is signed over entries up to {record.covered:,}, anchored up to {record.anchored:,}."
    )
    for name, size in record.witnessed.items():
        print(f"{name} has cosigned up to {size:,}.")
    if record.made:
        print(f"The export says that it was made on {_said(record.made)} UTC.")
    for name, one in record.beyond:
        print(
            f"{name} goes on to size {one.size:,} ({_said(one.at) + ' UTC' if one.at else 'without a time'})."
        )
    for fault in faults[:SHOWN]:
        print(f"  {fault}")
    if len(faults) > SHOWN:
        print(f"  and {len(faults) - SHOWN:,} more")
    if faults:
        print("The record does NOT hold.")
    elif record.is_checked:
        print("The record holds.")
    else:
        what = "No checkpoint is over an entry of" if record.entries else "There is no entry in"
        print(f"{what} this export: nothing of the record was checked.")
    return _end(record, faults)


def _end(record: Record, faults: list[Fault]) -> int:
    return 1 if faults else 0 if record.is_checked else Unusable.code


def _moment(given: str | None) -> datetime | None:
    try:
        return _time(given) if given else None
    except ValueError:
        _leave(f'"{_shortened(str(given))}" is no time with its zone, such as 2026-11-22T09:20:00Z.')


def _as_json(seen: Seen | None) -> dict[str, Any] | None:
    return {"number": seen.number, "at": seen.at.isoformat() if seen.at else None} if seen else None


def _said(time: datetime) -> str:
    return f"{time.astimezone(timezone.utc):%Y-%m-%d at %H:%M}"  # noqa: UP017 - older Pythons have no other


def _prove(asked: argparse.Namespace) -> int:
    try:
        log = Log.parse(*map(_given, asked.key))
        with _reading(asked.proof):
            proof = asked.proof.read_text("utf-8")
        event, checkpoint = check_proof(proof, log)
    except Disproved as error:
        print(error)
        return error.code
    if asked.json:
        print(json.dumps({"holds": True, "size": checkpoint.size, "event": event}, indent=2))
    else:
        print(json.dumps(event, indent=2))
        print(
            f"This is entry {event['sequence']:,} of the record, under the head of size {checkpoint.size:,}."
        )
    return 0


def _leave(sentence: str) -> NoReturn:
    raise Misused(sentence)


if __name__ == "__main__":
    sys.exit(main())
