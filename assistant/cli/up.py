"""`cloister up`: the whole appliance on this machine."""

import shlex
from gettext import gettext as _
from pathlib import Path
from typing import Annotated

import typer

from assistant.appliance import ApplianceError, StateFolder, default_folder, require_free, supervise

from .exits import leave
from .options import Data

_USAGE = 2


def up(
    data: Data = None,
    port: Annotated[int, typer.Option(help="Port of the web pages, on this machine only.")] = 8080,
    demo: Annotated[
        bool,
        typer.Option("--demo/--no-demo", help="Make sign-ins with a shown password; take names with --as."),
    ] = False,
    no_model: Annotated[
        bool, typer.Option("--no-model", help="Serve passages and facts without a language model.")
    ] = False,
    crm_map: Annotated[
        Path | None,
        typer.Option(
            "--map",
            exists=True,
            dir_okay=False,
            resolve_path=True,  # children run elsewhere
            help="CRM map of an imported CRM, instead of the demo company.",
        ),
    ] = None,
    import_: Annotated[
        Path | None,
        typer.Option(
            "--import",
            exists=True,
            file_okay=False,
            resolve_path=True,
            help="Folder of CSV or JSON files to fill the CRM database with.",
        ),
    ] = None,
    log_prompts: Annotated[
        bool, typer.Option("--log-prompts", help="Write every prompt that the model receives to its log.")
    ] = False,
) -> None:
    """Start everything on this machine, and keep it running until Ctrl-C.

    State lies in one folder (--data). Exit codes: 0 stopped as asked, 1 failed, 2 bad option or map,
    3 already running, 4 port taken, 5 disk low, 6 a process does not become ready, 7 a step failed,
    8 folder unusable, 130 killed by a second Ctrl-C.
    """
    if import_ is not None and crm_map is None:
        raise typer.BadParameter(_("An import needs its CRM map: --map FILE."), param_hint="--import")
    from assistant.up.files import Layout
    from assistant.up.plan import Plan, UpOptions

    if crm_map is not None:
        _require_good(crm_map)
    try:
        state = StateFolder.open(data)
        with state.lock():
            require_free(port)
            layout = Layout(state, port)
            layout.prepare_secrets(demo=demo)
            plan = Plan(layout, UpOptions(demo, not no_model, crm_map, import_, log_prompts))
            code = supervise(state, plan.items(), on_ready=lambda: _welcome(plan, layout.url("web"), state))
    except ApplianceError as error:
        leave(error.exit_code, str(error))
    raise typer.Exit(code)


def _require_good(crm_map: Path) -> None:
    """End with 2, and every fault of the map, before anything is made."""
    from retrieval import check_map

    faults = [problem.in_file(crm_map) for problem in check_map(crm_map)]
    if faults:
        leave(_USAGE, "\n".join(faults))


def _welcome(plan: "object", url: str, state: StateFolder) -> list[str]:
    from assistant.up.accounts import offered
    from assistant.up.plan import Plan

    assert isinstance(plan, Plan)  # noqa: S101 - typed late: importing the plan takes a second
    lines = ["", _("Cloister is at {url}").format(url=url), ""]
    if plan.offers_sign_ins:
        lines.append(_("Sign in with the password {password} as").format(password=plan.password))
        shown = offered(plan.sign_ins)
        width = max((len(one.login) for one in shown), default=0)
        lines += [f"  {one.login:<{width}}  {one.roles[0].value:<8} {one.note}" for one in shown]
        return lines
    data = "" if state.path == default_folder() else f" --data {shlex.quote(str(state.path))}"
    if plan.closed_sign_ins:
        sentence = _(
            "{count} sign-ins of the demo no longer have its password. Give them passwords of their own, or "
            "disable them:"
        )
        lines.append(sentence.format(count=len(plan.closed_sign_ins)))
        lines += [f"  cloister account password LOGIN{data}", f"  cloister account disable LOGIN{data}", ""]
    if not plan.has_admin:
        lines.append(_("No administrator can sign in yet. Make the first one, as this user, with:"))
        lines.append(f"  cloister account add LOGIN --name NAME --role admin{data}")
    return lines
