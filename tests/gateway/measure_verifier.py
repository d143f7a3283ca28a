"""Measure the stand-alone verifier: `python -m tests.gateway.measure_verifier [--entries N]`.

A record of so many entries is made without a database, with a checkpoint after every 256 of them and an
anchor that has each; the verifier reads both files in a process of its own, as an auditor runs it.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gateway import verifier_source
from gateway.audit.chain import GENESIS, leaf_of, link
from gateway.audit.merkle import Frontier
from gateway.audit.standalone.verify_record import FORMAT

from .tampering import START, an_event, new_signer

EVERY = 256


def write_record(folder: Path, entries: int) -> str:
    """Write `record.jsonl` and `checkpoints.jsonl`; gives the key that signed them."""
    signer, frontier, previous = new_signer(), Frontier(), GENESIS
    lines, heads, anchored = folder / "entries.jsonl", folder / "heads.jsonl", folder / "checkpoints.jsonl"
    with lines.open("w") as out, heads.open("w") as own, anchored.open("w") as anchor:
        for number in range(1, entries + 1):
            event = an_event(number)
            leaf = leaf_of(event)
            previous = link(previous, number, leaf)
            frontier.append(leaf)
            entry = {"sequence": number, "event": event, "leaf": leaf.hex(), "hash": previous.hex()}
            out.write(json.dumps(entry) + "\n")
            if number % EVERY == 0 or number == entries:
                at = (START + timedelta(seconds=number)).isoformat()
                note = signer.sign(number, frontier.root())
                own.write(json.dumps({"checkpoint": note, "cosignatures": [], "at": at}) + "\n")
                anchor.write(json.dumps({"size": number, "at": at, "note": note}) + "\n")
    header: dict[str, Any] = {
        "export": FORMAT,
        "log": str(signer.verifier),
        "first": 1,
        "last": entries,
        "made_at": datetime.now(UTC).isoformat(),
        "before": {"size": 0, "chain": GENESIS.hex(), "hashes": []},
    }
    with (folder / "record.jsonl").open("w") as out:
        out.write(json.dumps(header) + "\n")
        for part in (heads, lines):
            with part.open() as written:
                shutil.copyfileobj(written, out)
    lines.unlink()
    return str(signer.verifier)


def main() -> int:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--entries", type=int, default=1_000_000)
    entries = parser.parse_args().entries
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        key = write_record(folder, entries)
        verifier = folder / "verify_record.py"
        verifier.write_text(verifier_source())
        files = [str(folder / "record.jsonl"), "--key", key, "--anchor", str(folder / "checkpoints.jsonl")]
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-I", str(verifier), "record", *files, "--json"],
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = round(time.perf_counter() - began, 1)
        found = json.loads(done.stdout)
        megabytes = round((folder / "record.jsonl").stat().st_size / 1e6)
    figures = {
        "entries": found["entries"],
        "holds": found["holds"],
        "seconds": seconds,
        "megabytes": megabytes,
    }
    print(json.dumps(figures))
    return 0 if found["holds"] and found["entries"] == entries else 1


if __name__ == "__main__":
    sys.exit(main())
