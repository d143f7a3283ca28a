"""`cloister policy`: check the rules of risk, try them on past answers, and learn from decisions."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from gettext import gettext as _
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from gateway import NotFound

from .evaluate_risk import as_table, embed_with
from .exits import Exit, leave
from .local import LocalAppliance, operator
from .options import Data, Json

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from approvals import Embed, Labelled, Learned, Period, Policy, Report, Tried, Vector

app = typer.Typer(help="The rules that say which answers wait for an officer.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="A policy, whole or one that extends the shipped one.")]
Days = Annotated[int, typer.Option(min=1, help="How many days back.")]
Module = Annotated[
    list[str] | None, typer.Option("--module", help="A module that function rules may call; repeat it.")
]
InForce = Annotated[
    Path | None, typer.Option("--policy", help="The policy in force.", show_default="the shipped one")
]


@app.command()
def check(file: File, module: Module = None) -> None:
    """Validate a policy, run its rules over their own examples, and its own phrases over texts made to keep
    them busy. Ends with 5 on any fault.
    """
    from approvals import check_examples, check_patience

    policy = _policy(file, module, Exit.FAULTS)
    faults = [*check_examples(policy), *check_patience(policy)]
    for fault in faults:
        print(f"  {fault}")
    if faults:
        raise typer.Exit(Exit.FAULTS)
    sentence = _("Policy {version}: {rules} rules, mode {mode}; every example of words is as it says.")
    print(sentence.format(version=policy.version, rules=len(policy.rules), mode=policy.mode))


@app.command("try")
def try_(
    file: File,
    policy: InForce = None,
    days: Days = 90,
    limit: Annotated[int, typer.Option(min=1, help="At most so many answers, the newest.")] = 2000,
    words_only: Annotated[bool, typer.Option("--words-only", help="Without likeness.")] = False,
    module: Module = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Weigh past answers with another policy and show the change. Nothing is held, and no text is shown."""
    from approvals import try_policy
    from assistant.runs.past import past_answers

    rules = [_policy(one, module) for one in (policy, file)]
    since = datetime.now(UTC) - timedelta(days=days)
    answers = LocalAppliance.running(data).change(lambda session: past_answers(session, since, limit))
    embed = _embed(data, rules, words_only)
    with Progress(console=Console(stderr=True)) as bar:
        before, after = (
            try_policy(
                one,
                bar.track(answers, description=_("Weighing by {policy}").format(policy=one.version)),
                embed,
            )
            for one in rules
        )
    print(json.dumps(_change(before, after), indent=2) if as_json else _change_table(before, after))


@app.command()
def report(
    days: Days = 90,
    policy: InForce = None,
    accept: Annotated[
        list[str] | None, typer.Option(help="Accept the suggestion for this rule; repeat it.")
    ] = None,
    write: Annotated[
        Path | None,
        typer.Option(help="Where the accepted changes go: a policy that extends the shipped one."),
    ] = None,
    version: Annotated[str | None, typer.Option(help="Version of what is written.")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """What became of what each rule held, how often two officers agreed, and what that suggests.

    --write alone writes the changes that officers have accepted on the page of rules.
    """
    from approvals import Period

    rules = _policy(policy, None)
    if (accept or write) and not (write and version):
        leave(Exit.FAILED, _("Say where the changes go and what they are called: --write and --version."))
    period = Period.last(days)
    appliance = LocalAppliance.running(data)
    found, learned = appliance.change(lambda session: _learn(session, rules, period, accept or []))
    if write and version:
        _write(write, learned, version)
    print(json.dumps(_as_json(found, learned), indent=2) if as_json else _report_table(found, learned))


@app.command()
def train(
    write: Annotated[Path, typer.Argument(help="The file of the weights.")],
    examples: Annotated[
        list[Path] | None, typer.Option(help="More labelled texts (JSON Lines); repeat it.")
    ] = None,
    encoder: Annotated[str, typer.Option(help="Entry of the catalogue.")] = "multilingual-e5-small-q4",
    check: Annotated[
        bool,
        typer.Option("--check", help="Also measure the policy on each text with weights made without it."),
    ] = False,
    policy: InForce = None,
    data: Data = None,
) -> None:
    """Make the weights of the likeness from the examples that ship and your own."""
    from approvals import evaluate_unseen, train_likeness

    texts, rules = _labelled(examples or []), _policy(policy, None)
    embed = _kept(embed_with(data, encoder))
    trained = train_likeness(texts, embed, encoder=encoder)
    if check:
        print(as_table(evaluate_unseen(rules, texts, embed, encoder=encoder)))
    try:
        write.write_bytes(trained.content)
    except OSError as error:
        leave(Exit.FAILED, _("{file} cannot be written: {why}").format(file=write, why=error.strerror))
    print(_("{size:,} bytes, sha256 {sha256}").format(size=len(trained.content), sha256=trained.sha256))


def _labelled(files: list[Path]) -> "list[Labelled]":
    from approvals import read_labelled, shipped_examples

    texts = shipped_examples()
    for file in files:
        try:
            texts += read_labelled(file.read_text("utf-8").splitlines())
        except OSError as error:
            leave(Exit.FAILED, f"{file}: {error.strerror}")
        except ValueError as error:
            leave(Exit.FAILED, f"{file}: {error}")
    return texts


def _kept(embed: "Embed") -> "Embed":
    """The same, with each text embedded once."""
    known: dict[str, Vector] = {}

    def kept(texts: "Sequence[str]") -> "list[Vector]":
        new = [one for one in dict.fromkeys(texts) if one not in known]
        known.update(zip(new, embed(new), strict=True))
        return [known[one] for one in texts]

    return kept


def _policy(path: Path | None, modules: list[str] | None, code: int = Exit.FAILED) -> "Policy":
    from approvals import PolicyFaults, load_policy

    try:
        return load_policy(path, modules or ())
    except PolicyFaults as error:
        leave(code, str(error))


def _embed(data: Path | None, rules: "list[Policy]", words_only: bool) -> "Embed | None":
    encoders = {one.weights.encoder for one in rules if one.weights}
    if words_only or not encoders:
        return None
    if len(encoders) > 1:
        leave(Exit.FAILED, _("The two policies compare by different encoders; try them with --words-only."))
    return _kept(embed_with(data, encoders.pop()))


def _change(before: "Tried", after: "Tried") -> dict[str, Any]:
    rules = sorted({*before.rules, *after.rules, *after.shadow})
    return {
        "answers": before.answers,
        "before": _tried(before),
        "after": _tried(after),
        "newly_held": sum(b < a for b, a in zip(before.which, after.which, strict=True)),
        "newly_free": sum(b > a for b, a in zip(before.which, after.which, strict=True)),
        "rules": {one: [before.rules[one], after.rules[one], after.shadow[one]] for one in rules},
    }


def _tried(one: "Tried") -> dict[str, Any]:
    return {
        "policy": one.policy,
        "held": one.held,
        "rate": round(one.rate, 4),
        "by_chance": round(one.by_chance, 1),
    }


def _by_chance(one: "Tried") -> str:
    return _(", and about {count:.0f} by chance").format(count=one.by_chance) if one.share else ""


def _change_table(before: "Tried", after: "Tried") -> str:
    change = _change(before, after)
    lines = [
        _("{answers} past answers").format(answers=change["answers"]),
        _("in force  {policy:16} {held:6} held  {rate:6.1%}{chance}").format(
            **change["before"], chance=_by_chance(before)
        ),
        _("tried     {policy:16} {held:6} held  {rate:6.1%}{chance}").format(
            **change["after"], chance=_by_chance(after)
        ),
        _("{more} more are held, {fewer} no longer").format(
            more=change["newly_held"], fewer=change["newly_free"]
        ),
        "",
        f"{_('rule'):34} {_('before'):>8} {_('after'):>8} {_('on trial'):>9}",
    ]
    return "\n".join(lines + [f"{name:34} {b:8} {a:8} {t:9}" for name, (b, a, t) in change["rules"].items()])


async def _learn(
    session: "AsyncSession", rules: "Policy", period: "Period", accept: list[str]
) -> "tuple[Report, Learned]":
    """The report, and what follows from it after the suggestions for these rules were accepted."""
    from approvals import Reply, answer_suggestion, learn, report_rules

    found = await report_rules(session, period)
    learned = await learn(session, rules, found)
    known = {one.rule for one in learned.suggestions} | {one.rule for one in learned.accepted}
    if missing := sorted(set(accept) - known):
        raise NotFound(_("Nothing is suggested for {names}.").format(names=", ".join(missing)))
    for one in learned.suggestions:
        if one.rule in accept:
            await answer_suggestion(session, f"operator:{operator()}", rules, one, Reply.ACCEPTED)
    return found, await learn(session, rules, found)


def _write(file: Path, learned: "Learned", version: str) -> None:
    """A policy with every accepted change; a file that would not be one stays as it is."""
    from approvals import accepted

    try:
        text = accepted(file.read_text("utf-8") if file.exists() else None, learned.accepted, version)
    except ValueError as error:
        leave(Exit.FAILED, str(error))
    fresh = file.with_name(f".{file.name}.new")
    fresh.write_text(text, "utf-8")
    try:
        _policy(fresh, None)
    except typer.Exit:
        fresh.unlink()
        raise
    fresh.replace(file)


_COLUMNS: tuple[tuple[str, Callable[[Any], int]], ...] = (
    ("held", lambda one: one.held),
    ("unchanged", lambda one: one.unchanged),
    ("edited", lambda one: one.edited),
    ("rejected", lambda one: one.rejected),
    ("sent back", lambda one: one.sent_back),
    ("false alarm", lambda one: one.false_alarm),
    ("open", lambda one: one.open),
    ("ended", lambda one: one.ended),
    ("read twice", lambda one: one.double),
    ("agreed", lambda one: one.agreed),
)


def _as_json(found: "Report", learned: "Learned") -> dict[str, Any]:
    return {
        "items": found.items,
        "double_reviews": found.double,
        "agreed": found.agreed,
        "rules": [
            {"rule": one.rule, "by": dict(one.by), **{name: count(one) for name, count in _COLUMNS}}
            for one in found.rules
        ],
        "suggestions": [
            {"id": one.id, "rule": one.rule, "change": dict(one.change), "why": one.why}
            for one in learned.suggestions
        ],
        "accepted": [{"rule": one.rule, "change": one.change} for one in learned.accepted],
    }


def _report_table(found: "Report", learned: "Learned") -> str:
    lines = [f"{_('rule'):32}" + "".join(f"{name:>12}" for name, _count in _COLUMNS)]
    lines += [f"{one.rule:32}" + "".join(f"{count(one):12}" for _n, count in _COLUMNS) for one in found.rules]
    double = _("{items} items; two officers read {double} and agreed on {agreed}")
    lines += ["", double.format(items=found.items, double=found.double, agreed=found.agreed)]
    for done in learned.accepted:
        sentence = _("accepted for {rule}, and not in force: {change}")
        lines.append(sentence.format(rule=done.rule, change=_fields(done.change)))
    for one in learned.suggestions:
        change = _fields(one.change)
        lines.append(
            _("suggested for {rule}: {change}. {why}").format(rule=one.rule, change=change, why=one.why)
        )
    return "\n".join(lines)


def _fields(change: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in change.items())
