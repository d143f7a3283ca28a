"""`cloister evaluate tokens`."""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from gettext import gettext as _
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from assistant.appliance import default_folder
from gateway import DeploymentSettings, DoorSettings, create_http_client, load_settings, read_secret
from redaction import FORMS, FormRow, measure_forms, sample_texts

from .exits import Exit, leave
from .options import Data, Json

_AT_ONCE = 8
_LONGEST = 96  # tokens of an answer; the longest sentence has about 60
_PATIENCE = 120.0  # seconds


def evaluate_tokens(
    texts: Annotated[int, typer.Option(min=1, max=5000, help="Sentences for each form and task.")] = 200,
    form: Annotated[
        list[str] | None, typer.Option(metavar="FORM", help="Only this form, such as [PERSON_1]; repeat it.")
    ] = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Measure in which written form a running appliance's language model copies tokens best.

    The model repeats and rewrites short sentences with tokens in them, in nine forms. COPIED: of what it
    wrote as a token, the share that is right to the letter. EXACT: the share that is restored for the right
    person, slips included. WRONG: restored for another than was written. OMITTED, DOUBLED, INVENTED: tokens
    that did not come back, came back more than once, or were never given, as shares of the given ones; what
    was invented stays marked. LENGTH: tokens of the model's own tokenizer for one of ours.

    Ends with 5 when the form in use restored less than 99.5 % of what the model repeated.
    """
    forms = [each for each in FORMS if form is None or each.name in form]
    if not forms:
        leave(Exit.REFUSED, _("There is no such form: see FORMS in redaction/evaluation/token_forms.py."))
    model = _Model(_deployment(data))
    rows: list[FormRow] = []
    for row in measure_forms(model.answers, sample_texts(texts), forms, count=model.lengths):
        rows.append(row)
        if sys.stderr.isatty():
            sys.stderr.write(f"{row.form} {row.task}\n")
    if as_json:
        print(json.dumps([asdict(row) | {"exact": row.exact} for row in rows], ensure_ascii=False, indent=2))
    else:
        _print_table(rows)
    used = [row for row in rows if row.form == FORMS[0].name and row.task == "repeat"]
    if any(row.exact < 0.995 for row in used):
        leave(Exit.FAULTS, _("Less than 99.5 % of the repeated tokens were restored."))


class _Model:
    """The model server itself, without the door: the sentences hold nobody's data."""

    def __init__(self, deployment: DeploymentSettings) -> None:
        self._deployment = deployment
        self._name = deployment.served_name or deployment.model

    def answers(self, prompts: Sequence[str]) -> list[str]:
        """Greedy answers, eight asked at once."""
        bodies = [
            {
                "model": self._name,
                "messages": [{"role": "user", "content": prompt}],
                "temperature": 0,
                "max_tokens": _LONGEST,
            }
            for prompt in prompts
        ]
        answers = self._post_all("/v1/chat/completions", bodies)
        return [str(answer["choices"][0]["message"]["content"] or "") for answer in answers]

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """How long each text is for the model, after a space."""
        bodies = [{"model": self._name, "prompt": f" {text}", "add_special_tokens": False} for text in texts]
        return [int(answer["count"]) for answer in self._post_all("/tokenize", bodies)]

    def _post_all(self, path: str, bodies: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        try:
            return asyncio.run(self._answers(path, bodies))
        except (httpx.HTTPError, ValueError) as error:
            sentence = _("The language model does not answer ({kind}). See `cloister doctor`.")
            leave(Exit.NOT_RUNNING, sentence.format(kind=type(error).__name__))

    async def _answers(self, path: str, bodies: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        settings = self._deployment
        few = asyncio.Semaphore(_AT_ONCE)
        async with create_http_client(settings.url, tls=settings.tls, timeout=_PATIENCE) as client:
            if settings.api_key_file is not None:
                client.headers["Authorization"] = f"Bearer {read_secret(settings.api_key_file)}"

            async def one(body: dict[str, Any]) -> dict[str, Any]:
                async with few:
                    response = await client.post(path, json=body)
                    return dict(response.raise_for_status().json())

            return list(await asyncio.gather(*map(one, bodies)))


def _deployment(data: Path | None) -> DeploymentSettings:
    state = (data or default_folder()).expanduser()
    try:
        models = load_settings(state / "etc" / "door.yaml", DoorSettings).models
    except OSError:
        sentence = _("There is no appliance in {folder}. Start one with `cloister up`, or give --data.")
        leave(Exit.NOT_RUNNING, sentence.format(folder=state))
    if not models:
        leave(Exit.NOT_RUNNING, _("This appliance has no language model."))
    return models[0]


def _print_table(rows: Sequence[FormRow]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("form", no_wrap=True)
    table.add_column("task")
    for head in ("length", "given", "copied", "exact", "wrong", "omitted", "doubled", "invented"):
        table.add_column(head, justify="right", no_wrap=True)
    for row in rows:
        copied = row.copied / row.repeated if row.repeated else 0.0
        shares = (each / row.given for each in (row.omitted, row.doubled, row.invented))
        counts = (str(row.given), f"{copied:.3f}", f"{row.exact:.4f}", str(row.wrong))
        table.add_row(row.form, row.task, f"{row.length:.1f}", *counts, *(f"{share:.3f}" for share in shares))
    Console(width=None if sys.stdout.isatty() else 110, markup=False).print(table)
