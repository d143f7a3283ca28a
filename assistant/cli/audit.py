"""`cloister audit`: verify and export the record."""

import json
from gettext import gettext as _

import typer

from .exits import Exit
from .options import As, Data, Json, TokenFile
from .remote import Appliance, Caller

app = typer.Typer(help="The record of what happened.", no_args_is_help=True)


@app.command()
def verify(login: As = None, as_json: Json = False, token_file: TokenFile = None, data: Data = None) -> None:
    """Recompute the chain and check signatures and anchors (role auditor). Ends with 5 on any fault."""
    appliance = Appliance.running(data)
    found = Caller(appliance, login or appliance.auditor, token_file).post("/api/v1/audit/verify")
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        sentence = _(
            "{sealed:,} sealed events, {checkpoints:,} signed checkpoints and {anchors:,} anchors checked; "
            "{unsealed:,} not sealed yet."
        )
        print(sentence.format(**found))
        for fault in found["faults"]:
            print(f"  {fault}")
        print(_("The record holds.") if found["holds"] else _("The record does NOT hold."))
    if not found["holds"]:
        raise typer.Exit(Exit.FAULTS)
