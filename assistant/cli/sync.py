"""`cloister sync`: how far the index is, whether it is right, and what an administrator decides about it."""

import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from gettext import gettext as _
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from .exits import Exit, leave
from .options import As, Data, Json, TokenFile
from .remote import Appliance, Caller

_AT_MOST_S = 6 * 3600
_LOOK_S = 0.5
_SAY_S = 15.0

app = typer.Typer(help="The index that follows the CRM.", no_args_is_help=True)


@app.command()
def status(
    login: As = None,
    as_json: Json = False,
    watch: Annotated[bool, typer.Option("--watch", help="Keep showing it, until Ctrl-C.")] = False,
    token_file: TokenFile = None,
    data: Data = None,
) -> None:
    """Show how far the index is, kind by kind (role admin). Ends with 5 when something needs a person."""
    caller = _caller(data, login, token_file)
    if watch and not as_json:
        _watch(caller)
    _show(caller, caller.get("/api/v1/sync"), as_json)


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
            _show(caller, found, as_json)
            return
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{', '.join(waiting)} …\x1b[K")
        time.sleep(_LOOK_S)
    leave(Exit.FAILED, _("The sync did not end within an hour."))


@app.command()
def verify(
    login: As = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only look; mend nothing.")] = False,
    as_json: Json = False,
    token_file: TokenFile = None,
    data: Data = None,
) -> None:
    """Compare every row, point and right with the CRM, and mend what differs (role admin).

    Ends with 5 when something differs still.
    """
    caller = _caller(data, login, token_file)
    caller.post("/api/v1/sync/verify", dry_run=str(dry_run).lower())
    found = _follow(caller, "/api/v1/sync/verify", _compared, as_json)
    if found["error"]:
        leave(Exit.FAILED, found["error"])
    drifts = sum(sum(kinds.values()) for kinds in found["found"].values())
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        _report(found, drifts)
    if drifts > found["mended"]:
        raise typer.Exit(Exit.FAULTS)


@app.command()
def resolve(
    kind: Annotated[str, typer.Argument(help="The kind of record whose deletions wait.")],
    allow_deletes: Annotated[
        bool, typer.Option("--allow-deletes", help="They are right: delete the rows from the index.")
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the rows until the CRM has them again; nobody sees them.")
    ] = False,
    login: As = None,
    as_json: Json = False,
    token_file: TokenFile = None,
    data: Data = None,
) -> None:
    """Decide about deletions that were too many at once (role admin)."""
    if allow_deletes == keep:
        raise typer.BadParameter(_("Give either --allow-deletes or --keep."))
    body = {"entity": kind, "allow_deletes": allow_deletes}
    found = _caller(data, login, token_file).post("/api/v1/sync/resolve", body)
    sentence = (
        _("{rows:,} rows of “{kind}” deleted.") if allow_deletes else _("{rows:,} rows of “{kind}” kept.")
    )
    print(json.dumps(found, indent=2) if as_json else sentence.format(rows=found["rows"], kind=kind))


@app.command()
def retry(login: As = None, as_json: Json = False, token_file: TokenFile = None, data: Data = None) -> None:
    """Try rows that were set aside again at once (role admin)."""
    found = _caller(data, login, token_file).post("/api/v1/sync/retry")
    sentence = _("{rows:,} rows are tried again.").format(rows=found["total"])
    print(json.dumps(found, indent=2) if as_json else sentence)


@app.command()
def rebuild(login: As = None, as_json: Json = False, token_file: TokenFile = None, data: Data = None) -> None:
    """Fill a new generation of the index beside the one that is asked, and switch (role admin).

    Questions are answered from the old one until the new one has every row and every vector.
    """
    caller = _caller(data, login, token_file)
    before = caller.get("/api/v1/sync/rebuild")["serving"]
    caller.post("/api/v1/sync/rebuild")
    if not as_json:
        sentence = _("Questions are answered from {before} until the new index has every row and vector.")
        sys.stderr.write(sentence.format(before=before) + "\n")
    found = _follow(caller, "/api/v1/sync/rebuild", _rebuilt, as_json)
    if found["serving"] == before:
        leave(Exit.FAILED, found["error"] or _("The index was not rebuilt."))
    sentence = _("{generation} is asked now; it took the place of {before}.")
    print(
        json.dumps(found, indent=2)
        if as_json
        else sentence.format(generation=found["serving"], before=before)
    )


def _caller(data: Any, login: str | None, token_file: Any) -> Caller:
    appliance = Appliance.running(data)
    return Caller(appliance, login or appliance.admin, token_file)


@dataclass(frozen=True)
class _Stretch:
    """How far something is that takes a while; `total` is 0 as long as it is not known."""

    doing: str
    done: int
    total: int
    until: str = ""


def _compared(found: dict[str, Any]) -> _Stretch:
    return _Stretch(_("rows compared"), found["done"], found["total"])


def _rebuilt(found: dict[str, Any]) -> _Stretch:
    """Rows first; their vectors, which take longest, go on after the last row."""
    until = _("Questions are answered from the old index until then.")
    if found["rows"] < found["total"]:
        return _Stretch(_("rows"), found["rows"], found["total"], until)
    return _Stretch(_("vectors"), found["vectors"], found["vectors"] + found["wanting"], until)


def _follow(
    caller: Caller, path: str, stretch_of: Callable[[dict[str, Any]], _Stretch], as_json: bool
) -> dict[str, Any]:
    """Show a bar until it has ended, where there is no terminal a line now and then; gives how it ended."""
    lines = not as_json and not sys.stderr.isatty()
    said = -math.inf
    console = Console(stderr=True, quiet=as_json or not sys.stderr.isatty())
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"), TimeRemainingColumn(),
    )  # fmt: skip
    until = time.monotonic() + _AT_MOST_S
    found: dict[str, Any] = caller.get(path)
    doing, from_done, began = None, 0, time.monotonic()
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=None, rate="")
        while found["running"]:
            now = time.monotonic()
            if now > until:
                leave(Exit.FAILED, _("It did not end within six hours; it goes on by itself."))
            stretch = stretch_of(found)
            if stretch.doing != doing:
                doing, from_done, began = stretch.doing, stretch.done, now
            rate = f"{(stretch.done - from_done) / max(now - began, 1):,.0f}/s"
            told = found["error"] or stretch.doing
            bar.update(task, description=told, completed=stretch.done, total=stretch.total or None, rate=rate)
            if lines and now - said > _SAY_S:
                said = now
                print(_line(stretch, found["error"]), file=sys.stderr, flush=True)
            time.sleep(_LOOK_S)
            found = caller.get(path)
    return found


def _line(stretch: _Stretch, error: str | None) -> str:
    sentence = _("{done:,} of {total:,} {doing}.") if stretch.total else _("{done:,} {doing}.")
    numbers = sentence.format(done=stretch.done, total=stretch.total, doing=stretch.doing)
    goes_on = _("It goes on by itself when this command ends.")
    return " ".join(filter(None, (numbers, error, stretch.until, goes_on)))


def _report(found: dict[str, Any], drifts: int) -> None:
    print(
        _("{rows:,} rows compared, {rate:,.0f} a second.").format(rows=found["done"], rate=found["rate"] or 0)
    )
    for kind, kinds in found["found"].items():
        for drift, number in kinds.items():
            print(f"  {kind:<16}{drift:<16}{number:>8,}")
    for example in found["examples"][:10]:
        print(f"    {example}")
    if not drifts:
        print(_("The index is as the CRM has it."))
    elif found["dry_run"]:
        print(_("{drifts:,} rows differ; nothing was mended.").format(drifts=drifts))
    else:
        print(
            _("{drifts:,} rows differed, {mended:,} were mended.").format(
                drifts=drifts, mended=found["mended"]
            )
        )
    if found["parked"]:
        print(_("{parked:,} rows are set aside: cloister sync status").format(parked=found["parked"]))


def _watch(caller: Caller) -> None:
    """Until Ctrl-C."""
    console = Console()
    try:
        with Live(console=console, auto_refresh=False) as live:
            while True:
                live.update(_table(caller.get("/api/v1/sync")), refresh=True)
                time.sleep(1)
    except KeyboardInterrupt:
        return


def _table(found: dict[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(_("kind"))
    table.add_column(_("followed by"))
    for name in (_("rows"), _("points"), _("vectors"), _("lag"), _("rate"), _("parked")):
        table.add_column(name, justify="right")
    table.add_column(_("state"), overflow="fold")
    for row in found["entities"]:
        rate = "" if row["rate"] is None else f"{row['rate']:,.0f}/s"
        lag = "–" if row["lag_seconds"] is None else f"{row['lag_seconds']:.0f} s"
        table.add_row(
            row["entity"], row["mode"] or "–", f"{row['rows']:,}", f"{row['points']:,}",
            f"{row['vectors']:,}", lag, rate, f"{row['parked']:,}", _state(row),
        )  # fmt: skip
    return table


def _state(row: dict[str, Any]) -> str:
    if row["error"]:
        return str(row["error"])
    if row["running"]:
        return _("comparing")
    return _("{kept:,} kept that the CRM lost").format(kept=row["kept"]) if row["kept"] else _("up to date")


def _show(caller: Caller, found: dict[str, Any], as_json: bool) -> None:
    parked = sum(row["parked"] for row in found["entities"])
    aside = caller.get("/api/v1/sync/parked") if parked else {"rows": []}
    if as_json:
        print(json.dumps({**found, "parked": aside["rows"]}, indent=2))
    else:
        console = Console(width=None if sys.stdout.isatty() else 200)
        console.print(_table(found))
        for notice in (found.get("following") or {}).get("notices", ()):
            console.print(notice)
        for sentence in _going_on(found, caller.get("/api/v1/sync/rebuild")):
            console.print(sentence)
        if parked:
            _show_parked(console, parked, aside["rows"])
    if parked or any(row["error"] for row in found["entities"]):
        raise typer.Exit(Exit.FAULTS)


def _going_on(found: dict[str, Any], rebuild: dict[str, Any]) -> Iterator[str]:
    if found["filling"]:
        made = sum(row["vectors"] for row in found["entities"])
        said = _("{made:,} vectors are made, others still are; until then search goes more by words.")
        yield said.format(made=made)
    if rebuild["running"]:
        yield _("A new index is being filled beside this one; `cloister index status` tells how far it is.")


def _show_parked(console: Console, parked: int, rows: list[dict[str, Any]]) -> None:
    sentence = _(
        "\n{parked:,} rows could not be indexed and are found by nobody; the others are. Each is tried again "
        "by itself, and when it changes. Mend what the reason names in the CRM or the map, then: "
        "cloister sync retry"
    )
    console.print(sentence.format(parked=parked))
    for row in rows[:20]:
        tried = _("tried {tries} times").format(tries=row["tries"])
        console.print(
            f"  {row['entity']}:{row['key']}  {row['stage']}  {row['reason']}  {tried}", markup=False
        )
