"""`cloister evaluate risk`."""

import json
from gettext import gettext as _
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .exits import Exit, leave
from .options import Data, Json

if TYPE_CHECKING:
    from approvals import Embed, Evaluation, Labelled


def risk(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="JSON Lines of labelled texts.", show_default="the examples that ship"),
    ] = None,
    policy: Annotated[Path | None, typer.Option(help="A policy in place of the shipped one.")] = None,
    words_only: Annotated[
        bool, typer.Option("--words-only", help="Without likeness: no encoder is needed.")
    ] = False,
    wrong: Annotated[
        bool, typer.Option("--wrong", help="Also print what was missed or held for nothing, and by what.")
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Measure the rules on labelled drafts and questions.

    A line is {"text", "categories"}, and where it matters "place" (draft or question), "question", "role",
    "supported", "passages", "tags", "language", "split". Categories are names of rules; a line without any is
    ordinary traffic. HELD is the recall of a category, by whatever rule, and the hold rate of ordinary texts.
    What the weights were made of (split "open", as it ships) says nothing about new texts.
    """
    from approvals import PolicyFaults, evaluate_risk, load_policy

    try:
        rules = load_policy(policy)
        texts = _texts(files)
    except OSError as error:
        sentence = _("{file} cannot be read: {reason}.")
        leave(Exit.FAILED, sentence.format(file=error.filename, reason=error.strerror))
    except (ValueError, PolicyFaults) as error:
        leave(Exit.FAILED, str(error))
    embed = None if words_only or rules.weights is None else embed_with(data, rules.weights.encoder)
    found = evaluate_risk(rules, texts, embed)
    print(json.dumps(_as_json(found), indent=2, ensure_ascii=False) if as_json else as_table(found))
    if wrong:
        for text, weighing in found.wrong:
            what = _("missed") if text.categories else _("held")
            print("\t".join((what, ",".join(text.categories or weighing.rules), text.language, text.text)))


def embed_with(data: Path | None, name: str) -> "Embed":
    """The encoder of that name, from the models of a state folder, where it is installed if it is missing.

    Texts go in one by one, as they do in use: the numbers of some depend a little on what else is in a batch.
    """
    from assistant.appliance import default_folder
    from models import ModelsError, install_entry, is_entry_current, load_catalogue, load_encoder

    folder = (data or default_folder()).expanduser() / "models" / name
    try:
        entry = load_catalogue().get(name)
        if not is_entry_current(entry, folder):
            typer.echo(_("Installing {name} in {folder} (once) …").format(name=name, folder=folder), err=True)
            install_entry(entry, folder)
        encoder = load_encoder(folder, entry)
    except (ModelsError, OSError) as error:
        hint = _("{error} Without likeness: --words-only; with another state folder: --data.")
        leave(Exit.FAILED, hint.format(error=error))
    return lambda texts: [encoder.encode([text]).vectors[0].tolist() for text in texts]


def _texts(files: list[Path] | None) -> "list[Labelled]":
    from approvals import read_labelled, shipped_examples

    if not files:
        return shipped_examples()
    texts: list[Labelled] = []
    for file in files:
        try:
            texts += read_labelled(file.read_text("utf-8").splitlines())
        except ValueError as error:
            raise ValueError(f"{file}: {error}") from error
    return texts


def _as_json(found: "Evaluation") -> dict[str, object]:
    rows = [
        {
            "split": split or None,
            "category": category,
            "language": language or None,
            "texts": tally.texts,
            "held": tally.held,
            "share": round(tally.recall, 4),
            "by_own_rule": tally.by_own_rule,
            "rules": dict(tally.rules.most_common()),
        }
        for (split, category, language), tally in sorted(found.tallies.items())
    ]
    return {"policy": found.policy, "rows": rows}


def as_table(found: "Evaluation") -> str:
    """A line a category for each half: texts, the share that was held, by language, and by its own rule."""
    lines = [_("policy {version}").format(version=found.policy)]
    for split in found.splits or [""]:
        lines.append("")
        lines.append(f"{split or _('all'):32} {'':>6} {_('HELD'):>7} {_('en'):>7} {_('de'):>7} {_('OWN'):>7}")
        for category in found.categories:
            whole = found.of(category, split=split)
            if not whole.texts:
                continue
            shares = [whole, *(found.of(category, split=split, language=one) for one in ("en", "de"))]
            shown = " ".join(f"{one.recall:7.3f}" if one.texts else f"{'–':>7}" for one in shares)
            lines.append(f"{category:32} {whole.texts:6} {shown} {whole.by_own_rule / whole.texts:7.3f}")
    return "\n".join(lines)
