"""Measure the inbound filter on labelled sets: `python -m gateway.filter.evaluate FOLDER`.

FOLDER holds any of `injection/llmwarden_train.csv`, `injection/notinject_one.json`,
`injection/bipia_text_attack_train.json` and `intents/clinc150_small.json`; what is there is measured.
"""

import csv
import json
import sys
from collections.abc import Iterable
from pathlib import Path

from .inbound import judge
from .verdict import outcome_of


def main(arguments: list[str]) -> int:
    """Print a line a set; exit code 2 when the folder holds none of them."""
    if len(arguments) != 1:
        sys.stderr.write(__doc__ or "")
        return 2
    folder = Path(arguments[0])
    found = False
    for name, path, texts in (
        ("attacks, llmwarden", "injection/llmwarden_train.csv", _attacks),
        ("harmless, llmwarden (role play among it)", "injection/llmwarden_train.csv", _benign),
        ("harmless, NotInject", "injection/notinject_one.json", _notinject),
        ("harmless, CLINC150 test", "intents/clinc150_small.json", _clinc),
        ("out of scope, CLINC150 test", "intents/clinc150_small.json", _clinc_oos),
        ("planted tasks, BIPIA (not told from harmless ones by words)",
         "injection/bipia_text_attack_train.json", _bipia),
    ):  # fmt: skip
        if (folder / path).exists():
            found = True
            sys.stdout.write(_line(name, texts(folder / path)) + "\n")
    return 0 if found else 2


def _line(name: str, texts: Iterable[str]) -> str:
    outcomes = [outcome_of(judge(text)) for text in texts]
    denied, flagged = outcomes.count("denied"), outcomes.count("flagged")
    shares = f"denied {denied / len(outcomes):.1%}, flagged {flagged / len(outcomes):.1%}"
    return f"{name}: {len(outcomes)} texts, {shares}"


def _labelled(path: Path, label: str) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return [row["prompt"] for row in csv.DictReader(file) if row["type"] == label]


def _attacks(path: Path) -> list[str]:
    return _labelled(path, "jailbreak")


def _benign(path: Path) -> list[str]:
    return _labelled(path, "benign")


def _notinject(path: Path) -> list[str]:
    return [item["prompt"] for item in json.loads(path.read_text("utf-8"))]


def _clinc(path: Path) -> list[str]:
    return [text for text, _ in json.loads(path.read_text("utf-8"))["test"]]


def _clinc_oos(path: Path) -> list[str]:
    return [text for text, _ in json.loads(path.read_text("utf-8"))["oos_test"]]


def _bipia(path: Path) -> list[str]:
    return [text for texts in json.loads(path.read_text("utf-8")).values() for text in texts]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
