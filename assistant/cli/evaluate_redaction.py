"""`cloister evaluate redaction`."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from gettext import gettext as _
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from redaction import EntityType, Level, Policy

if TYPE_CHECKING:
    from redaction import Gazetteer, LabelledText, Redactor, Report

from .exits import Exit, leave
from .known import read_gazetteer
from .options import Json


class Other(StrEnum):
    """What can be measured beside ours."""

    PRESIDIO = "presidio"


class Part(StrEnum):
    """Which half of our own set is used."""

    ALL = "all"
    TUNED = "tuned"
    HELD_OUT = "held-out"


def redaction(
    data: Annotated[
        Path | None,
        typer.Option(
            help="Labelled: presidio-research's JSON, or JSON Lines {text, spans: [{start, end, type}]}",
            show_default="our own set, made from the demo company",
        ),
    ] = None,
    compare: Annotated[
        Other | None, typer.Option(help="Measure this beside ours, on the same texts.")
    ] = None,
    level: Annotated[
        Level, typer.Option(help="What is masked: direct, or quasi (dates, ages and nationalities too).")
    ] = Level.DIRECT,
    guess: Annotated[
        list[EntityType] | None,
        typer.Option(
            help="What the models may guess, as the door's names.types; repeat it.", show_default="all of it"
        ),
    ] = None,
    gazetteer: Annotated[
        Path | None,
        typer.Option(help='Known identities for --data: JSON Lines {"value", "type", "entity", "field"}.'),
    ] = None,
    part: Annotated[
        Part, typer.Option(help="Of our own set: the templates that were looked at, or the others.")
    ] = Part.ALL,
    ner: Annotated[bool, typer.Option("--ner/--no-ner", help="Look for names with the models.")] = True,
    lower: Annotated[bool, typer.Option("--lower", help="All texts in lower case.")] = False,
    write: Annotated[
        Path | None, typer.Option(help="Write the texts to this file as JSON Lines, and measure nothing.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure what is masked in texts whose identities are labelled.

    SPANS: precision, recall and F2 of spans with an IoU of at least .75, whatever their types; pieces that
    lie side by side may agree with one. CHARACTERS: the same for letters and digits. FULLY MASKED: the
    labelled values of which no letter is left, with Wilson's 95 % interval. FALSE MASKS: texts without any
    identity in which something was masked all the same.

    With --data nobody is known to a CRM unless --gazetteer says so; our own set is measured with the
    customers of the demo company known, and the strangers in it not.
    """
    texts, known = _own(part) if data is None else (_read(data), _known(gazetteer))
    if lower:
        from redaction import lowered

        texts = [lowered(text) for text in texts]
    _warn_of_unknown_types(texts)
    if write is not None:
        _write(texts, write)
        return
    policy = Policy(level=level) if guess is None else Policy(level=level, guessed=frozenset(guess))
    reports = list(_measured(texts, known, policy, ner, compare))
    if as_json:
        print(json.dumps([report.as_dict() for report in reports], ensure_ascii=False, indent=2))
    else:
        _print([report.as_dict() for report in reports])


def _own(part: Part) -> "tuple[list[LabelledText], Gazetteer]":
    from assistant.evaluation.corpus import build_corpus, gazetteer_entries, is_held_out
    from redaction import Gazetteer
    from retrieval import build_company

    company = build_company()
    texts = build_corpus(company)
    if part is not Part.ALL:
        texts = [text for text in texts if is_held_out(text.template) == (part is Part.HELD_OUT)]
    return texts, Gazetteer.build(gazetteer_entries(company))


def _read(data: Path) -> "list[LabelledText]":
    from redaction import BadLabels, read_labelled

    try:
        return read_labelled(data)
    except (OSError, UnicodeDecodeError) as error:
        leave(Exit.FAILED, _("{file} cannot be read: {why}").format(file=data, why=error))
    except BadLabels as error:
        leave(Exit.FAILED, f"{data}: {error}")


def _warn_of_unknown_types(texts: "Sequence[LabelledText]") -> None:
    known = set(EntityType) | {"TITLE"}
    unknown = sorted({span.type for text in texts for span in text.spans} - known)
    if unknown:
        sentence = _("Not counted, since nothing here masks such types: {types}.\n")
        sys.stderr.write(sentence.format(types=", ".join(unknown)))


def _known(gazetteer: Path | None) -> "Gazetteer":
    from redaction import Gazetteer

    return Gazetteer.build(read_gazetteer(gazetteer) if gazetteer else ())


def _write(texts: "Sequence[LabelledText]", file: Path) -> None:
    from assistant.evaluation.corpus import write_jsonl

    try:
        with file.open("w", encoding="utf-8") as out:
            write_jsonl(texts, out)
    except OSError as error:
        leave(Exit.FAILED, _("{file} cannot be written: {why}").format(file=file, why=error.strerror))
    print(_("{count} texts were written to {file}.").format(count=len(texts), file=file))


def _measured(
    texts: "list[LabelledText]", known: "Gazetteer", policy: Policy, ner: bool, compare: Other | None
) -> "Iterator[Report]":
    from redaction import RedactionError, load_redactor, measure, stock_presidio

    try:
        redactor = load_redactor(known, ner, policy=policy)
        with _progress("Cloister", len(texts)) as advance:
            yield measure("Cloister", _finder(redactor), texts, policy.level, advance)
        if compare is Other.PRESIDIO:
            find = stock_presidio()
            with _progress("Presidio", len(texts)) as advance:
                yield measure("Presidio", find, texts, policy.level, advance)
    except RedactionError as error:
        leave(Exit.FAILED, str(error))


def _finder(redactor: "Redactor") -> Callable[[str], list[tuple[str, int, int]]]:
    def find(text: str) -> list[tuple[str, int, int]]:
        return [(str(span.type), span.start, span.end) for span in redactor.detect(text)]

    return find


@contextmanager
def _progress(what: str, total: int) -> Iterator[Callable[[], None]]:
    """A bar on standard error when that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()
    ) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)


def _print(reports: list[dict[str, Any]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 110)
    names = [report["system"] for report in reports]

    def table(title: str, *heads: str) -> Table:
        made = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")
        made.add_column("")
        for head in heads:
            made.add_column(head, justify="right", no_wrap=True)
        return made

    overall = table(
        _("{texts} texts, {characters} characters").format(**reports[0]), "precision", "recall", "F2"
    )
    rows = ("spans", "spans_one_to_one", "characters_masked")
    for report in reports:
        for row, said in zip(
            rows, (_("spans"), _("spans, one to one"), _("letters and digits")), strict=True
        ):
            figures = (f"{report[row][key]:.3f}" for key in ("precision", "recall", "f2"))
            overall.add_row(f"{report['system']}: {said}", *figures)
    console.print(overall)

    types = table(_("Spans by type: precision / recall / F2"), *names, _("labelled"))
    for kind in sorted({kind for report in reports for kind in report["by_type"]}):
        found = [report["by_type"].get(kind) for report in reports]
        cells = ["{precision:.3f} / {recall:.3f} / {f2:.3f}".format(**one) if one else "–" for one in found]
        types.add_row(kind, *cells, str(max(one["labelled"] for one in found if one)))
    console.print(types)

    for title, key in (
        (_("Fully masked, by type"), "fully_masked"),
        (_("Fully masked, by group of texts"), "fully_masked_by_group"),
        (_("Known customers fully masked, by form"), "known_fully_masked_by_form"),
    ):
        if reports[0][key]:
            shares = table(title, *names, _("labelled"))
            for name, one in reports[0][key].items():
                cells = [_share(report[key][name]) for report in reports]
                shares.add_row(name, *cells, str(one["labelled"]))
            console.print(shares)

    for report in reports:
        if report["negative_texts"]:
            sentence = _("{system}: false masks in {negative_texts_with_a_mask} of {negative_texts} texts.")
            console.print(sentence.format(**report))
        if report["milliseconds_per_1000_characters"]:
            sentence = _("{system}: {p50} ms for 1,000 characters (median), {p95} ms (p95).")
            spread = report["milliseconds_per_1000_characters"]
            console.print(sentence.format(system=report["system"], **spread))


def _share(one: dict[str, Any]) -> str:
    low, high = one["interval"]
    return f"{one['share']:.4f} ({low:.3f}–{high:.3f})"
