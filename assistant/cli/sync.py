"""`cloister sync`: how far the index is, and comparing it anew."""

import json
import sys
import time
from gettext import gettext as _
from typing import Annotated, Any

import typer

from .exits import Exit, leave
from .options import As, Data, Json, TokenFile
from .remote import Appliance, Caller

app = typer.Typer(help="The index that follows the CRM.", no_args_is_help=True)


@app.command()
def status(login: As = None, as_json: Json = False, token_file: TokenFile = None, data: Data = None) -> None:
    """Show how far the index is, kind by kind (role admin). Ends with 5 when a sync failed."""
    found = _caller(data, login, token_file).get("/api/v1/sync")
    _show(found, as_json)


@app.command()
def run(
    login: As = None,
    allow_deletes: Annotated[
        bool, typer.Option("--allow-deletes", help="Let it delete more than 15 % of a kind.")
    ] = False,
    as_json: Json = False,
    token_file: TokenFile = None,
    data: Data = None,
) -> None:
    """Compare the whole index with the CRM, and wait for the end (role admin)."""
    caller = _caller(data, login, token_file)
    before = {row["entity"]: row["last_sync"] for row in caller.get("/api/v1/sync")["entities"]}
    caller.post("/api/v1/sync/run", allow_deletes=str(allow_deletes).lower())
    until = time.monotonic() + 3600
    while time.monotonic() < until:
        found = caller.get("/api/v1/sync")
        waiting = [
            row["entity"]
            for row in found["entities"]
            if row["running"] or (row["last_sync"] == before.get(row["entity"]) and not row["error"])
        ]
        if not waiting:
            _show(found, as_json)
            return
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{', '.join(waiting)} …\x1b[K")
        time.sleep(0.5)
    leave(Exit.FAILED, _("The sync did not end within an hour."))


def _caller(data: Any, login: str | None, token_file: Any) -> Caller:
    appliance = Appliance.running(data)
    return Caller(appliance, login or appliance.admin, token_file)


def _show(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        print(f"{'kind':<14}{'rows':>8}{'pieces':>9}{'vectors':>9}{'behind':>9}  ")
        for row in found["entities"]:
            behind = "–" if row["lag_seconds"] is None else f"{row['lag_seconds']:.0f} s"
            state = row["error"] or (_("running") if row["running"] else "")
            numbers = f"{row['rows']:>8,}{row['points']:>9,}{row['vectors']:>9,}{behind:>9}"
            print(f"{row['entity']:<14}{numbers}  {state}")
    if any(row["error"] for row in found["entities"]):
        raise typer.Exit(Exit.FAULTS)
