"""`cloister crm`: propose, check and describe a map, import an export."""

import json
import sys
from dataclasses import asdict
from gettext import gettext as _
from pathlib import Path
from typing import Annotated

import typer

from .exits import Exit, leave
from .options import Data, Json

app = typer.Typer(help="The CRM: its map, and importing an export.", no_args_is_help=True)

Dsn = Annotated[str | None, typer.Option(help="libpq address of the CRM's PostgreSQL (postgresql://…).")]


@app.command()
def check(
    map_file: Annotated[Path, typer.Argument(metavar="MAP", help="The map, a YAML file.")],
    dsn: Dsn = None,
    as_json: Json = False,
) -> None:
    """Check a CRM map; ends with 5 when it has faults.

    With --dsn also against the database, if that is a PostgreSQL: tables, columns, unique keys, types, SQL,
    and the right to read; best with the role that Cloister will use. Notes say what would let changes be
    followed as they happen; they are no faults. Of a CRM in another database the map alone is checked here.
    """
    from retrieval import CrmError, Problem, check_map, check_map_at, notes_at

    notes: list[Problem] = []
    try:
        problems = check_map(map_file)
        if not problems and dsn:
            problems = check_map_at(map_file, dsn)
            notes = [] if problems else notes_at(map_file, dsn)
    except (CrmError, OSError) as error:
        leave(Exit.FAILED, str(error))
    if as_json:
        said = [(problem, False) for problem in problems] + [(note, True) for note in notes]
        print(json.dumps([{**asdict(each), "note": is_note} for each, is_note in said], indent=2))
    else:
        for problem in problems:
            print(problem.in_file(map_file))
        for note in notes:
            print(_("{note} (a note, no fault)").format(note=note.in_file(map_file)))
        if not problems:
            print(_("{map} is a good map.").format(map=map_file))
    if problems:
        raise typer.Exit(Exit.FAULTS)


@app.command()
def schema() -> None:
    """Print the JSON Schema of maps, by which an editor completes and explains them.

    A map names the file it is saved in: # yaml-language-server: $schema=crm-map.schema.json
    """
    from retrieval import map_schema_text

    sys.stdout.write(map_schema_text())


@app.command()
def suggest(
    dsn: Annotated[str, typer.Option(help="libpq address of the CRM's PostgreSQL (postgresql://…).")],
    schema: Annotated[str, typer.Option(help="The schema whose tables are looked at.")] = "public",
    names: Annotated[bool, typer.Option(help="Look for names of people in values too; takes longer.")] = True,
) -> None:
    """Propose a map for a live CRM in PostgreSQL, for a person to finish; print it.

    Tables, columns, types and keys are read, and some values of columns whose name does not tell what is in
    them; the detectors of redaction say what those are like. No value is printed or kept. What is uncertain
    stands beside a “check”. Who may see records that nothing ties to a user is left open, and `crm check`
    refuses the map until somebody has decided.
    """
    from redaction import RedactionError, load_redactor
    from retrieval import CrmError, suggest_map_at

    try:
        text = suggest_map_at(dsn, schema, load_redactor(ner=names).detect)
    except (CrmError, RedactionError) as error:
        leave(Exit.FAILED, str(error))
    sys.stdout.write(text)


@app.command()
def script(
    map_file: Annotated[Path, typer.Argument(metavar="MAP", help="The map, a YAML file.")],
    reader: Annotated[str | None, typer.Option(help="The role that Cloister reads with.")] = None,
) -> None:
    """Print SQL for the CRM's administrator (psql): a role, a publication, and how to undo both.

    Ends with 5, as `crm check` does, when the map has faults.
    """
    from retrieval import CrmError, MapInvalid, admin_script, load_map

    try:
        crm_map = load_map(map_file)
    except MapInvalid as error:
        leave(Exit.FAULTS, str(error))
    except (CrmError, OSError) as error:
        leave(Exit.FAILED, str(error))
    sys.stdout.write(admin_script(crm_map, reader=reader) if reader else admin_script(crm_map))


@app.command("import")
def import_(
    folder: Annotated[Path, typer.Argument(help="Folder of CSV or JSON files, one table a file.")],
    dsn: Dsn = None,
    data: Data = None,
    replace: Annotated[bool, typer.Option("--replace", help="Drop tables of the same names first.")] = False,
    staff: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LOGIN:ROLE",
            help="Somebody who may sign in, for exports without users; goes into a table staff. Repeatable.",
        ),
    ] = None,
    opaque_keys: Annotated[
        bool,
        typer.Option("--opaque-keys", help="Number the rows of every table whose key is no number."),
    ] = False,
) -> None:
    """Load CSV or JSON files into tables, all or nothing.

    Without --dsn they go into the CRM database of the appliance that runs in the state folder. A key that
    says who somebody is, such as anna_smith_7, stays a column and is numbered (row_id), and so is every
    column that refers to it.
    """
    from retrieval import CrmError, import_folder

    target = dsn or _embedded(data)
    people = {}
    for one in staff or []:
        login, _colon, role = one.rpartition(":")
        if not login or not role:
            raise typer.BadParameter(
                _("{one} is no LOGIN:ROLE, such as ann@shop.example:agent.").format(one=one)
            )
        people[login] = role
    try:
        tables = import_folder(folder, target, _told, replace=replace, staff=people, opaque_keys=opaque_keys)
    except CrmError as error:
        leave(Exit.FAILED, str(error))
    total = sum(table.rows for table in tables)
    print(_("Imported {rows:,} rows into {tables} tables.").format(rows=total, tables=len(tables)))


def _told(table: str, rows: int) -> None:
    sys.stderr.write(f"  {table}: {rows:,}\n")


def _embedded(data: Path | None) -> str:
    from assistant.appliance import default_folder
    from assistant.up.files import embedded_crm_dsn

    state = (data or default_folder()).expanduser()
    dsn = embedded_crm_dsn(state)
    if dsn is None:
        leave(
            Exit.NOT_RUNNING,
            _("There is no appliance in {folder}; start one, or give --dsn.").format(folder=state),
        )
    return dsn
