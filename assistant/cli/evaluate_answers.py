"""`cloister evaluate answers`."""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from gettext import gettext as _
from typing import Annotated, Any

import typer

from assistant.evaluation import Mark, Summary, mark, summarise
from retrieval import DemoQuestion, build_company, demo_questions

from .exits import Exit, leave
from .options import Data, Json
from .remote import Appliance, Caller

_BREAK = 10.0  # seconds
_ENDED = frozenset({"held", "problem", "done"})


def answers(
    each: Annotated[int, typer.Option(min=1, max=500, help="Questions of each kind.")] = 10,
    login: Annotated[
        str | None, typer.Option("--as", metavar="LOGIN", help="Only the questions of this person.")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="Only this kind: fact, record, list, promise …")] = None,
    day: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The day on which the demo company was made; today."),
    ] = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Put questions with known answers to a running demo appliance, and count what came of them.

    A row for each kind of question. HIT: a record that holds the answer is among the sources. RIGHT: every
    value of the answer stands in it, with a citation whose source holds it; UNCITED: it stands there without.
    ABSTAINED: nothing was found, as it must be for questions about records that the asker may not see, and
    WRONGLY where there was an answer. HELD: waits for an officer, so the answer is not counted. MEDIAN and
    P95: seconds from the question to the end.

    The questions are asked one after the other, each by a person who may see the answer, so they appear in
    those people's conversations. Ends with 0 whatever the figures are, and with 5 when a record was shown to
    a person who must not see it.
    """
    company = build_company(anchor=day.date() if day else None)
    questions = [
        question
        for question in demo_questions(company, each)
        if login in {None, question.login} and kind in {None, str(question.kind)}
    ]
    if not questions:
        leave(Exit.REFUSED, _("There is no such question: see --as, --kind and --each."))
    marks = list(_asked(Appliance.running(data), questions))
    rows = summarise(marks)
    if as_json:
        found = {"kinds": [asdict(row) for row in rows], "runs": [asdict(one) for one in marks]}
        print(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        _print_table(rows)
    if any(row.leaked for row in rows):
        leave(Exit.FAULTS, _("A record was shown to a person who must not see it: use --json to see which."))


def _asked(appliance: Appliance, questions: Sequence[DemoQuestion]) -> Iterator[Mark]:
    """Ask one after the other, with a bar on standard error when that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    callers: dict[str, Caller] = {}
    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("", total=len(questions))
        for question in questions:
            progress.update(task, description=str(question.kind))
            yield _answered(appliance, callers, question)
            progress.advance(task)


def _answered(appliance: Appliance, callers: dict[str, Caller], question: DemoQuestion) -> Mark:
    """Ask once, and once more after a break: a process that is started again takes some seconds."""
    started = time.monotonic()
    try:
        return _ask(appliance, callers, question, started)
    except typer.Exit as ended:
        if ended.exit_code != Exit.NOT_RUNNING:
            raise
    time.sleep(_BREAK)
    return _ask(appliance, callers, question, started)


def _ask(appliance: Appliance, callers: dict[str, Caller], question: DemoQuestion, started: float) -> Mark:
    if question.login not in callers:
        callers[question.login] = Caller(appliance, question.login, None)
    caller = callers[question.login]
    run = caller.post("/api/v1/runs", {"question": question.question})
    events: list[dict[str, Any]] = []
    state = "running"
    for kind, content in caller.events(f"/api/v1/runs/{run['id']}/events"):
        events.append({"kind": kind, "data": content})
        if kind in _ENDED:
            state = {"held": "held", "problem": "failed"}.get(kind, "done")
            break
    return mark(question, events, state, time.monotonic() - started)


def _print_table(rows: Sequence[Summary]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    heads = ("kind", "asked", "hit", "right", "uncited", "abstained", "wrongly", "held", "failed", "leaked")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(heads[0])
    for head in (*heads[1:], "median s", "p95 s"):
        table.add_column(head, justify="right", no_wrap=True)
    for row in rows:
        counts = (row.asked, row.hit, row.right, row.uncited, row.abstained_rightly, row.abstained_wrongly)
        more = (row.held, row.failed, row.leaked)
        table.add_row(row.kind, *map(str, (*counts, *more)), f"{row.median:.1f}", f"{row.p95:.1f}")
    Console(width=None if sys.stdout.isatty() else 110).print(table)
