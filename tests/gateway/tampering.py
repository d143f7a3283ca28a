"""A record as it is exported, made without a database, and every way in which somebody may bend it."""

import copy
import json
import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from joserfc.jwk import OKPKey

from gateway.audit.chain import GENESIS, leaf_of, link
from gateway.audit.merkle import Frontier
from gateway.audit.notes import CheckpointSigner
from gateway.audit.standalone.verify_record import FORMAT, Log, check_export, read_anchor

ORIGIN = "example.org/record"
EVERY = 3
START = datetime(2026, 3, 1, 9, tzinfo=UTC)


@dataclass
class Exported:
    """What an auditor is given; `signer` is what the log alone has."""

    header: dict[str, Any]
    checkpoints: list[dict[str, Any]]
    entries: list[dict[str, Any]]
    anchor: list[dict[str, Any]]
    signer: CheckpointSigner

    @property
    def key(self) -> str:
        return str(self.signer.verifier)

    def write(self, folder: Path) -> tuple[Path, Path]:
        """The export and the anchor, as files."""
        export, anchor = folder / "record.jsonl", folder / "checkpoints.jsonl"
        lines = [self.header, *self.checkpoints, *self.entries]
        export.write_text("".join(json.dumps(line) + "\n" for line in lines))
        anchor.write_text("".join(json.dumps(line) + "\n" for line in self.anchor))
        return export, anchor

    def kinds(self, folder: Path) -> set[str]:
        """The classes of what the stand-alone verifier finds."""
        export, anchor = self.write(folder)
        _, faults = check_export(export, Log.parse(self.key), [read_anchor(anchor)])
        return {fault.kind for fault in faults}

    def copy(self) -> "Exported":
        parts = (self.header, self.checkpoints, self.entries, self.anchor)
        header, checkpoints, entries, anchor = json.loads(json.dumps(parts))
        return Exported(header, checkpoints, entries, anchor, self.signer)

    def seal_again(self, start: int) -> None:
        """Compute number, leaf and link of every entry from an index on, as the sealer does."""
        previous = bytes.fromhex(self.entries[start - 1]["hash"]) if start else GENESIS
        for index in range(start, len(self.entries)):
            entry = self.entries[index]
            leaf = leaf_of(entry["event"])
            previous = link(previous, index + 1, leaf)
            entry |= {"sequence": index + 1, "leaf": leaf.hex(), "hash": previous.hex()}

    def sign_again(self, after: int, signer: CheckpointSigner) -> None:
        """Sign the checkpoints over more than `after` entries over what there is now."""
        made = signed(self.entries, signer)
        kept = [line for line in self.checkpoints if size_of(line) <= after]
        self.checkpoints = [*kept, *(line for line in made if size_of(line) > after)]


def size_of(line: dict[str, Any]) -> int:
    return int(line["checkpoint"].split("\n")[1])


def new_signer(origin: str = ORIGIN) -> CheckpointSigner:
    return CheckpointSigner(origin, OKPKey.generate_key("Ed25519"))


def an_event(number: int) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()),
        "at": (START + timedelta(seconds=number)).isoformat(timespec="microseconds"),
        "event": "text.redacted",
        "actor": f"person-{number % 7}",
        "roles": ["rep"],
        "conversation": None,
        "run": str(uuid.uuid4()),
        "subject": None,
        "detail": {"parts": number, "types": {"PERSON": 1}},
        "correlation": "-",
        "txid": 700 + number,
        "salt": os.urandom(16).hex(),
        "origin": "door 127.0.0.1",
    }


def signed(entries: list[dict[str, Any]], signer: CheckpointSigner) -> list[dict[str, Any]]:
    frontier, made = Frontier(), []
    for number, entry in enumerate(entries, 1):
        frontier.append(bytes.fromhex(entry["leaf"]))
        if number % EVERY == 0 or number == len(entries):
            at = (START + timedelta(seconds=number)).isoformat()
            note = signer.sign(number, frontier.root())
            made.append({"checkpoint": note, "cosignatures": [], "at": at})
    return made


def exported(count: int) -> Exported:
    """An honest record of so many events, whose checkpoints have all been anchored."""
    signer = new_signer()
    made = Exported({}, [], [{"event": an_event(number)} for number in range(1, count + 1)], [], signer)
    made.seal_again(0)
    made.checkpoints = signed(made.entries, signer)
    made.anchor = [
        {"size": size_of(line), "at": line["at"], "note": line["checkpoint"]} for line in made.checkpoints
    ]
    made.header = {
        "export": FORMAT,
        "log": made.key,
        "first": 1,
        "last": count,
        "made_at": (START + timedelta(hours=5)).isoformat(),
        "before": {"size": 0, "chain": GENESIS.hex(), "hashes": []},
    }
    return made


Tamper = Callable[[Exported, int], None]
"""Bends a record at an entry's index, or at the index of a checkpoint."""


def change_an_event(record: Exported, at: int) -> None:
    record.entries[at]["event"]["actor"] = "somebody else"


def change_a_detail(record: Exported, at: int) -> None:
    record.entries[at]["event"]["detail"]["parts"] += 1


def change_an_event_and_its_leaf(record: Exported, at: int) -> None:
    change_an_event(record, at)
    record.entries[at]["leaf"] = leaf_of(record.entries[at]["event"]).hex()


def change_a_link(record: Exported, at: int) -> None:
    record.entries[at]["hash"] = os.urandom(32).hex()


def remove_an_entry(record: Exported, at: int) -> None:
    del record.entries[at]


def remove_an_entry_and_renumber(record: Exported, at: int) -> None:
    del record.entries[at]
    for index in range(at, len(record.entries)):
        record.entries[index]["sequence"] -= 1


def remove_an_event(record: Exported, at: int) -> None:
    del record.entries[at]["event"]


def insert_an_entry(record: Exported, at: int) -> None:
    event = an_event(at)
    previous = bytes.fromhex(record.entries[at - 1]["hash"]) if at else GENESIS
    leaf = leaf_of(event)
    forged = {
        "event": event,
        "sequence": at + 1,
        "leaf": leaf.hex(),
        "hash": link(previous, at + 1, leaf).hex(),
    }
    record.entries.insert(at, forged)


def insert_an_entry_and_renumber(record: Exported, at: int) -> None:
    insert_an_entry(record, at)
    for index in range(at + 1, len(record.entries)):
        record.entries[index]["sequence"] += 1


def swap_two_lines(record: Exported, at: int) -> None:
    entries = record.entries
    entries[at], entries[at + 1] = entries[at + 1], entries[at]


def swap_two_lines_and_renumber(record: Exported, at: int) -> None:
    swap_two_lines(record, at)
    for index in (at, at + 1):
        record.entries[index]["sequence"] = index + 1


def swap_two_events(record: Exported, at: int) -> None:
    one, other = record.entries[at], record.entries[(at + 97) % len(record.entries)]
    one["event"], other["event"] = other["event"], one["event"]


def swap_two_events_with_leaves(record: Exported, at: int) -> None:
    swap_two_events(record, at)
    one, other = record.entries[at], record.entries[(at + 97) % len(record.entries)]
    one["leaf"], other["leaf"] = other["leaf"], one["leaf"]


def repeat_an_entry(record: Exported, at: int) -> None:
    record.entries.insert(at + 1, copy.deepcopy(record.entries[at]))


def renumber_an_entry(record: Exported, at: int) -> None:
    record.entries[at]["sequence"] += 1000


def renumber_the_rest(record: Exported, at: int) -> None:
    for index in range(at, len(record.entries)):
        record.entries[index]["sequence"] += 1


def cut_the_end(record: Exported, at: int) -> None:
    del record.entries[at:]


def cut_the_end_with_its_checkpoints(record: Exported, at: int) -> None:
    cut_the_end(record, at)
    record.checkpoints = [line for line in record.checkpoints if size_of(line) <= at]
    record.header["last"] = at


def cut_the_end_and_back_date(record: Exported, at: int) -> None:
    cut_the_end_with_its_checkpoints(record, at)
    record.header["made_at"] = (START + timedelta(seconds=at + 1)).isoformat()


def add_a_member(record: Exported, at: int) -> None:
    record.entries[at]["remark"] = "approved"


def rewrite_the_rest(record: Exported, at: int) -> None:
    change_an_event(record, at)
    record.seal_again(at)


def rewrite_with_an_entry_less(record: Exported, at: int) -> None:
    del record.entries[at]
    record.entries.append({"event": an_event(0)})
    record.seal_again(at)


def rewrite_and_sign_with_another_key(record: Exported, at: int) -> None:
    rewrite_the_rest(record, at)
    record.sign_again(at, new_signer())


def rewrite_and_sign_with_the_key(record: Exported, at: int) -> None:
    rewrite_the_rest(record, at)
    record.sign_again(at, record.signer)


def sign_two_heads_of_one_size(record: Exported, at: int) -> None:
    size = size_of(record.checkpoints[at])
    note = record.signer.sign(size, os.urandom(32))
    record.checkpoints.insert(at, {**record.checkpoints[at], "checkpoint": note})


def change_a_checkpoint(record: Exported, at: int) -> None:
    lines = record.checkpoints[at]["checkpoint"].split("\n")
    lines[1] = str(int(lines[1]) + 1)
    record.checkpoints[at]["checkpoint"] = "\n".join(lines)


def remove_a_checkpoint(record: Exported, at: int) -> None:
    del record.checkpoints[at]


def remove_an_anchored_checkpoint(record: Exported, at: int) -> None:
    del record.anchor[at]


def call_an_entry_erased(record: Exported, at: int) -> None:
    record.entries[at]["erased"] = {"id": record.entries[at].pop("event")["id"]}


OF_ENTRIES: dict[Tamper, str] = {
    change_an_event: "changed",
    change_a_detail: "changed",
    change_an_event_and_its_leaf: "changed",
    change_a_link: "changed",
    remove_an_entry: "removed",
    remove_an_entry_and_renumber: "removed",
    remove_an_event: "removed",
    insert_an_entry: "inserted",
    insert_an_entry_and_renumber: "inserted",
    swap_two_lines: "swapped",
    swap_two_lines_and_renumber: "swapped",
    swap_two_events: "swapped",
    swap_two_events_with_leaves: "swapped",
    repeat_an_entry: "repeated",
    renumber_an_entry: "renumbered",
    renumber_the_rest: "renumbered",
    cut_the_end: "truncated",
    cut_the_end_with_its_checkpoints: "truncated",
    cut_the_end_and_back_date: "truncated",
    add_a_member: "changed",
    rewrite_the_rest: "rewritten",
    rewrite_with_an_entry_less: "rewritten",
    rewrite_and_sign_with_another_key: "re-signed",
    rewrite_and_sign_with_the_key: "forked",
    call_an_entry_erased: "erased",
}
"""Each with the class by which it must be named."""

OF_CHECKPOINTS: dict[Tamper, str] = {
    sign_two_heads_of_one_size: "forked",
    change_a_checkpoint: "checkpoint changed",
    remove_a_checkpoint: "checkpoint removed",
    remove_an_anchored_checkpoint: "anchor missing",
}
