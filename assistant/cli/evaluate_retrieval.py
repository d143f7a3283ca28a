"""`cloister evaluate retrieval`."""

import asyncio
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from gettext import gettext as _
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .exits import Exit, leave
from .maps import map_file
from .options import Data, Json

if TYPE_CHECKING:
    from assistant.evaluation.retrieval import Figures, Query, Records, Tried
    from retrieval import CrmMap, Embedder, Phase, System


class Part(StrEnum):
    """Which part of the queries is used."""

    ALL = "all"
    TUNED = "tuned"
    HELD_OUT = "held-out"


@dataclass(frozen=True)
class _Wanted:
    """The options that say what is measured."""

    crm_map: "CrmMap"
    map_file: Path
    dsn: str
    queries: "Callable[[Records], list[Query]]"
    model: Path | None
    cache: Path | None
    ner: bool
    systems: "tuple[System, ...]"


def evaluate_retrieval(
    map_name: Annotated[
        str, typer.Option("--map", metavar="MAP", help="The CRM's map: a file, or the name of a shipped one.")
    ],
    queries: Annotated[
        Path | None,
        typer.Option(
            help='JSON Lines {"query" or "turns", "relevant": [record ids]}.',
            show_default="our own set, over the demo company",
        ),
    ] = None,
    dsn: Annotated[
        str | None,
        typer.Option(
            help="Address of the CRM's database: postgresql://…, or SQLAlchemy's form for others.",
            show_default="the appliance's own CRM",
        ),
    ] = None,
    data: Data = None,
    model: Annotated[
        Path | None,
        typer.Option(help="Folder of the embedding model.", show_default="the appliance's own"),
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Keep vectors in this folder; the next time takes seconds.")
    ] = None,
    vectors: Annotated[bool, typer.Option("--vectors/--no-vectors", help="Search by meaning too.")] = True,
    ner: Annotated[
        bool, typer.Option("--ner/--no-ner", help="Hide guessed names in queries, as the door does.")
    ] = True,
    kind: Annotated[str | None, typer.Option(help="Only queries of this kind.")] = None,
    part: Annotated[Part, typer.Option(help="Only queries of this part.")] = Part.ALL,
    write: Annotated[
        Path | None, typer.Option(help="Write our own set to this file, and measure nothing.")
    ] = None,
    runs: Annotated[
        Path | None, typer.Option(help="Write TREC run files and judgements into this folder.")
    ] = None,
    details: Annotated[
        Path | None, typer.Option(help="Write what came of each query to this file, as JSON Lines.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure the search with queries whose records are known, beside plain searches.

    The CRM is read through the map into an index of this command's own, as the sync does it, and each query
    is asked as in production: names in it are hidden and found by their records. BM25, DENSE and RRF search
    the same pieces, plainly. Rankings are of records; measures are means over the queries with an answer:
    nDCG@10, recall within 5, 10, 20 and 50, and the reciprocal rank of the first. P is the probability that
    ours and the best plain search differ by chance (paired randomisation).

    A query is {"query": "…"} or {"turns": ["…", "…"]}, where the last is the question, with "relevant": a
    list of records (KIND:KEY, TABLE:KEY, or a key alone that only one kind has) or an object of record and
    grade. None relevant: the right answer is that there is none. Besides "id", "kind", "scope": KIND:KEY,
    "as": LOGIN (with that user's rights; without, everything is seen), and "forbidden": records that must
    not come up.

    Our own set is about the demo company, as `cloister up --demo` makes it: --map demo. Half of its templates
    were not looked at while the search was tuned: --part held-out.

    Ends with 5 when a forbidden record came up, whatever the other figures are.
    """
    if write is not None:
        _write_own(write)
        return
    wanted = _wanted(map_name, queries, dsn, data, model, cache, vectors, ner, kind, part)
    tried = asyncio.run(_measured(wanted))
    from assistant.evaluation.retrieval import figures_of, write_details, write_runs

    figures = figures_of(tried, wanted.systems)
    try:
        if runs is not None:
            write_runs(runs, tried, wanted.systems)
        if details is not None:
            write_details(details, tried, figures.per_query)
    except OSError as error:
        leave(
            Exit.FAILED, _("{file} cannot be written: {why}").format(file=error.filename, why=error.strerror)
        )
    if as_json:
        print(json.dumps(figures.as_dict(), ensure_ascii=False, indent=2))
    else:
        _print(figures)
    if figures.leaked:
        told = ", ".join(f"{query}: {record}" for query, record in figures.leaked[:8])
        leave(Exit.FAULTS, _("A record came up that must not: {told}.").format(told=told))


def _write_own(file: Path) -> None:
    from assistant.evaluation.retrieval import own_queries, write_queries
    from retrieval import build_company

    queries = own_queries(build_company())
    try:
        with file.open("w", encoding="utf-8") as out:
            write_queries(queries, out)
    except OSError as error:
        leave(Exit.FAILED, _("{file} cannot be written: {why}").format(file=file, why=error.strerror))
    print(_("{count} queries were written to {file}.").format(count=len(queries), file=file))


def _wanted(
    map_name: str,
    queries: Path | None,
    dsn: str | None,
    data: Path | None,
    model: Path | None,
    cache: Path | None,
    vectors: bool,
    ner: bool,
    kind: str | None,
    part: Part,
) -> _Wanted:
    from assistant.appliance import default_folder
    from models import DEFAULT_ENTRY
    from retrieval import MapInvalid, System, load_map

    state = (data or default_folder()).expanduser()
    file = map_file(map_name)
    try:
        crm_map = load_map(file)
    except MapInvalid as error:
        leave(Exit.FAULTS, str(error))

    def read(records: "Records") -> "list[Query]":
        found = [
            query
            for query in _read(queries, records)
            if kind in {None, query.kind} and part in {Part.ALL, query.part}
        ]
        if not found:
            leave(Exit.REFUSED, _("There is no such query: see --kind and --part."))
        return found

    folder = (model or state / "models" / DEFAULT_ENTRY) if vectors else None
    systems = tuple(System) if vectors else (System.BM25, System.OURS)
    return _Wanted(crm_map, file, dsn or _embedded(state), read, folder, cache, ner, systems)


def _embedded(state: Path) -> str:
    from assistant.up.files import embedded_crm_dsn

    dsn = embedded_crm_dsn(state)
    if dsn is None:
        sentence = _("There is no appliance in {folder}; start one, or give --dsn.")
        leave(Exit.NOT_RUNNING, sentence.format(folder=state))
    return dsn


def _read(file: Path | None, records: "Records") -> "Iterator[Query]":
    from assistant.evaluation.retrieval import BadQuery, own_queries, read_queries
    from retrieval import build_company

    if file is None:
        yield from own_queries(build_company())
        return
    try:
        with file.open(encoding="utf-8") as lines:
            missing: list[str] = []
            for query in read_queries(lines, records):
                missing += [f"{query.id}: {ref}" for ref in query.relevant if not records.has(ref)]
                yield query
    except (OSError, UnicodeDecodeError) as error:
        leave(Exit.FAILED, _("{file} cannot be read: {why}").format(file=file, why=error))
    except BadQuery as error:
        leave(Exit.FAILED, f"{file}, {error}.")
    if missing:
        told = ", ".join(missing[:5]) + (" …" if len(missing) > 5 else "")
        sentence = _("{n} relevant records are not among those that the map reads: {told}")
        sys.stderr.write(sentence.format(n=len(missing), told=told) + "\n")


async def _measured(wanted: _Wanted) -> "list[Tried]":
    from assistant.evaluation.retrieval import Asker, Records, try_queries
    from gateway import CloisterError
    from models import ModelsError
    from redaction import RedactionError, load_redactor
    from retrieval import CrmError, UnknownLogin, open_trial

    try:
        embedder = _embedder(wanted.model)
        with tempfile.TemporaryDirectory(prefix="cloister-trial-") as folder, _progress() as bars:
            if wanted.cache is not None:
                wanted.cache.mkdir(parents=True, exist_ok=True)
            async with open_trial(
                wanted.crm_map,
                wanted.map_file,
                wanted.dsn,
                Path(folder),
                embedder,
                bars.advance,
                kept=wanted.cache,
            ) as trial:
                tables = {kind: entity.table for kind, entity in wanted.crm_map.entities.items()}
                queries = wanted.queries(Records(trial.present, tables, trial.called))
                asker = Asker(load_redactor(ner=wanted.ner), trial)
                tried = []
                async for one in try_queries(trial, asker, queries, wanted.systems):
                    tried.append(one)
                    bars.advance("queries", 1, len(queries))
                return tried
    except UnknownLogin as error:
        leave(Exit.REFUSED, _("The CRM has no active user {login}.").format(login=error))
    except ModelsError as error:
        leave(Exit.FAILED, _("{why} Give --model, or --no-vectors.").format(why=error))
    except (CrmError, CloisterError, RedactionError, OSError) as error:
        leave(Exit.FAILED, str(error))


def _embedder(folder: Path | None) -> "Embedder | None":
    from assistant.evaluation.retrieval import InProcess

    return InProcess(folder) if folder is not None else None


class _Bars:
    """Bars on standard error when that is a terminal, with how much is done a second."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            ProgressColumn,
            Task,
            TextColumn,
            TimeRemainingColumn,
        )
        from rich.text import Text

        class Rate(ProgressColumn):
            def render(self, task: Task) -> Text:
                return Text(f"{task.speed or task.finished_speed or 0:,.0f}/s")

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate())
        self._progress = Progress(
            *columns,
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self._tasks: dict[str, object] = {}
        self._names = {
            "names": _("names"),
            "rows": _("records"),
            "vectors": _("vectors"),
            "queries": _("queries"),
        }

    def advance(self, phase: "Phase | str", some: int, total: int) -> None:
        task = self._tasks.get(str(phase))
        if task is None:
            task = self._tasks[str(phase)] = self._progress.add_task(self._names[str(phase)], total=total)
        self._progress.advance(task, some)  # type: ignore[arg-type]

    def start(self) -> None:
        self._progress.start()

    def stop(self) -> None:
        self._progress.stop()


@contextmanager
def _progress() -> Iterator[_Bars]:
    bars = _Bars()
    bars.start()
    try:
        yield bars
    finally:
        bars.stop()


def _print(figures: "Figures") -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from assistant.evaluation.retrieval import MEASURES, PERCENTILES

    console = Console(width=None if sys.stdout.isatty() else 110)

    def table(title: str, *heads: str) -> Table:
        made = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title or None, title_justify="left")
        made.add_column(heads[0])
        for head in heads[1:]:
            made.add_column(head, justify="right", no_wrap=True)
        return made

    main = table("", "kind", _("queries"), _("system"), *MEASURES)
    last = ""
    for row in figures.rows:
        if last and row.kind != last:
            main.add_section()
        first = row.kind != last
        last = row.kind
        values = (f"{row.measures[name]:.3f}" for name in MEASURES)
        main.add_row(row.kind if first else "", str(row.queries) if first else "", row.system, *values)
    console.print(main)

    if figures.against:
        against = table(
            _("Ours against the best plain search"),
            *("", _("best"), _("best's"), _("ours"), "p", _("better"), _("worse")),
        )
        for one in figures.against:
            numbers = (
                f"{one.theirs:.3f}",
                f"{one.ours:.3f}",
                f"{one.p:.4f}",
                str(one.better),
                str(one.worse),
            )
            against.add_row(one.measure, one.best, *numbers)
        console.print(against)

    abstention = figures.abstention
    if abstention.unanswerable or abstention.abstained:
        sentence = _(
            "Abstention: {rightly} of {unanswerable} without an answer (recall {recall}), and {wrongly} of "
            "{answerable} with one (precision {precision})."
        )
        console.print(
            sentence.format(
                rightly=abstention.rightly,
                unanswerable=abstention.unanswerable,
                wrongly=abstention.abstained - abstention.rightly,
                answerable=abstention.answerable,
                recall=_share(abstention.recall),
                precision=_share(abstention.precision),
            )
        )
    if figures.latency:
        percentiles = [f"p{percent}" for percent in PERCENTILES]
        latency = table(_("Milliseconds a query, ours"), "", *percentiles)
        for stage, spread in figures.latency.items():
            latency.add_row(stage, *(f"{value:.1f}" for value in spread.values()))
        console.print(latency)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
