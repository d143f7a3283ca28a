"""`cloister evaluate`: what of the product can be measured, on your own machine and data."""

import typer

from .evaluate_answers import answers
from .evaluate_redaction import redaction

app = typer.Typer(help="Measure the answers of the demo, and what the redaction finds.", no_args_is_help=True)
app.command()(answers)
app.command()(redaction)
