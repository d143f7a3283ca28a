"""`cloister doctor`: everything that can be checked from this machine, on one page."""

import importlib
import json
import shutil
import sys
from dataclasses import asdict, dataclass
from gettext import gettext as _
from pathlib import Path

import typer

from assistant.appliance import default_folder

from .exits import Exit
from .options import As, Data, Json, TokenFile
from .remote import Appliance, Caller

_PACKAGES = ("assistant", "retrieval", "gateway", "approvals", "redaction", "models")


@dataclass(frozen=True)
class Finding:
    """One check: ok, warn, off or down, and what to do."""

    name: str
    state: str
    sentence: str = ""


def doctor(login: As = None, as_json: Json = False, token_file: TokenFile = None, data: Data = None) -> None:
    """Check packages, the state folder and every part.

    Ends with 5 when something is down, with 3 when no appliance answers.
    """
    findings = [*_packages(), *_folder((data or default_folder()).expanduser())]
    code = 0
    try:
        findings += _parts(login, token_file, data)
    except typer.Exit as ending:
        code = ending.exit_code
        findings.append(Finding("parts", "down", _("They could not be asked, so nothing more was checked.")))
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            print(f"{finding.state:<8} {finding.name:<22} {finding.sentence}")
    if any(finding.state == "down" for finding in findings):
        raise typer.Exit(code or Exit.FAULTS)


def _parts(login: str | None, token_file: Path | None, data: Path | None) -> list[Finding]:
    """What the appliance itself says. Ends the command where it cannot be asked."""
    appliance = Appliance.running(data)
    health = Caller(appliance, login or appliance.admin, token_file).get("/api/v1/health")
    jobs = ", ".join(f"{count} {state}" for state, count in health["queue"].items()) or _("empty")
    parts = [Finding(part["name"], part["state"], part["sentence"]) for part in health["parts"]]
    return [*parts, Finding("jobs", "ok", jobs)]


def _packages() -> list[Finding]:
    """A stray folder called `models` in site-packages would shadow ours: say where each came from."""
    places = {name: Path(str(importlib.import_module(name).__file__)).parent.parent for name in _PACKAGES}
    if len(set(places.values())) > 1:
        where = ", ".join(f"{name}: {place}" for name, place in places.items())
        return [
            Finding("packages", "down", _("Packages come from different places: {where}").format(where=where))
        ]
    version = sys.version.split()[0]
    return [Finding("packages", "ok", f"Python {version}, {places['assistant']}")]


def _folder(folder: Path) -> list[Finding]:
    open_files = [
        path.name for path in (folder / "secrets").glob("*") if path.is_file() and path.stat().st_mode & 0o077
    ]
    if open_files:
        return [Finding("secrets", "down", _("Others may read {files}.").format(files=", ".join(open_files)))]
    if not folder.exists():
        return [Finding("state folder", "down", _("There is no {folder}.").format(folder=folder))]
    free = shutil.disk_usage(folder).free / 1024**3
    return [Finding("state folder", "warn" if free < 2 else "ok", f"{folder}, {free:.1f} GiB free")]
