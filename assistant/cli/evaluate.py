"""`cloister evaluate`: what of the product can be measured, on your own machine and data."""

import typer

from .evaluate_answers import answers
from .evaluate_redaction import redaction
from .evaluate_retrieval import evaluate_retrieval
from .evaluate_risk import risk
from .evaluate_tokens import evaluate_tokens

app = typer.Typer(
    help="Measure the search, the demo's answers, the rules of risk, what the redaction finds, and how "
    "tokens fare in a model.",
    no_args_is_help=True,
)
app.command()(answers)
app.command()(redaction)
app.command("retrieval")(evaluate_retrieval)
app.command()(risk)
app.command("tokens")(evaluate_tokens)
