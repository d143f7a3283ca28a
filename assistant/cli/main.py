"""The command `cloister`."""

import os
import sys

import typer

from gateway import SettingsError

from . import account, audit, crm, evaluate, index, models, policy, review, sync, token
from .ask import ask
from .doctor import doctor
from .exits import Exit
from .explain import explain
from .processes import door, embeddings, retrieval, web, work
from .redact import redact
from .search import search
from .up import up

app = typer.Typer(
    name="cloister",
    help="A private assistant for customer service on your own machines.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(up)
app.command()(ask)
app.command()(search)
app.command()(explain)
app.command()(redact)
app.command()(doctor)

app.add_typer(crm.app, name="crm")
app.add_typer(sync.app, name="sync")
app.add_typer(index.app, name="index")
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(audit.app, name="audit")
app.add_typer(policy.app, name="policy")
app.add_typer(review.app, name="review")
app.add_typer(models.app, name="models")
app.add_typer(account.app, name="account")
app.add_typer(token.app, name="token")
for process in (web, work, door, retrieval, embeddings):
    app.command(rich_help_panel="Processes")(process)


def main() -> None:
    """Run the command line; a closed pipe and Ctrl-C end it quietly, a missing file with a sentence."""
    try:
        app()
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(Exit.FAILED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
