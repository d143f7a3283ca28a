"""`cloister ask`."""

import json
import os
import sys
from datetime import datetime
from gettext import gettext as _
from gettext import ngettext
from typing import Annotated, Any

import typer

from .exits import Exit, leave
from .options import As, Data, Json, TokenFile
from .remote import Appliance, Caller

Question = Annotated[str, typer.Argument(help="The question, or - to read it from standard input.")]


def _reference(scope: str | None) -> str | None:
    if scope is not None and not all(scope.partition(":")):
        sentence = _("“{scope}” names no record: write its kind and its key, as in account:12.")
        raise typer.BadParameter(sentence.format(scope=scope))
    return scope


Scope = Annotated[
    str | None,
    typer.Option(callback=_reference, help="Stay within one record, for example account:12."),
]


def ask(
    question: Question,
    login: As = None,
    scope: Scope = None,
    conversation: Annotated[str | None, typer.Option(help="Go on in a conversation.")] = None,
    as_json: Json = False,
    token_file: TokenFile = None,
    data: Data = None,
) -> None:
    """Ask a question and wait for the answer; one that is held says so and ends."""
    caller = Caller(Appliance.running(data), login, token_file)
    body = {"question": question_text(question), "scope": scope, "conversation": conversation}
    run = caller.post("/api/v1/runs", body)
    answer = _Answer(run, quiet=as_json)
    for kind, content in caller.events(f"/api/v1/runs/{run['id']}/events"):
        answer.take(kind, content)
        if kind in {"held", "problem"}:
            break
    answer.finish(as_json)
    if answer.failed:
        raise typer.Exit(Exit.FAILED)
    if "refused" in answer.result:
        raise typer.Exit(Exit.REFUSED)


class _Answer:
    """Collects a run's events; prints them as they come unless JSON is wanted."""

    def __init__(self, run: dict[str, str], *, quiet: bool) -> None:
        self._quiet = quiet
        self.failed = False
        self.result: dict[str, Any] = {
            "run": run["id"],
            "conversation": run["conversation"],
            "state": "running",
            "sentences": [],
            "passages": [],
            "facts": [],
        }

    def take(self, kind: str, data: dict[str, Any]) -> None:
        match kind:
            case "stage":
                self._aside(_stage(data))
            case "masked":
                self.result["masked"] = data
                self._aside(_("· {count} identities masked in what was found").format(count=data["count"]))
            case "receipt":
                self.result["receipt"] = data
            case "sources":
                self.result |= {"passages": data["passages"], "facts": data["facts"]}
            case "sentence":
                self.result["sentences"].append(data)
                self._say(data["text"] if not self._quiet else "")
            case "done":
                self.result["state"] = data.get("state", "done")
            case _:
                self._end(kind, data)

    def _end(self, kind: str, data: dict[str, Any]) -> None:
        self.result[kind] = data
        self.failed = kind in {"failed", "problem", "interrupted"}
        if kind == "held":
            self.result["state"] = "held"
            self._say(_held(data))
            self._say(
                _(
                    "What becomes of it stands on the pages, in conversation {conversation} (item {item})."
                ).format(conversation=self.result["conversation"], item=data["item"])
            )
        elif kind == "released":
            self._say(data["text"])
        else:
            self._say(str(data.get("sentence") or data.get("detail") or data.get("note") or kind))

    def finish(self, as_json: bool) -> None:
        if as_json:
            self.result["answer"] = "".join(sentence["text"] for sentence in self.result["sentences"]).strip()
            _print_json(self.result)
            return
        print()
        for passage in self.result["passages"]:
            print(f"[{passage['n']}] {passage['title']}  ({passage['entity']})")
        for fact in self.result["facts"]:
            print(f"[{fact['n']}] {fact['title']} — {fact['label']}: {fact['value']}")

    def _say(self, text: str) -> None:
        if not self._quiet:
            print(text, flush=True)

    def _aside(self, text: str) -> None:
        if not self._quiet:
            sys.stderr.write(text + "\n")


def _held(data: dict[str, Any]) -> str:
    """That an answer waits: its place in the queue, until when, and why."""
    return _("Held for review (place {place}, until {deadline}). {reasons}").format(
        place=data["position"],
        deadline=datetime.fromisoformat(data["deadline"]).astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        reasons=" ".join(reason["sentence"] for reason in data["reasons"]),
    )


def _stage(data: dict[str, Any]) -> str:
    """Where the question is, in words, with what was counted."""
    words = {
        "accepted": _("question accepted"),
        "searching": _("searching your records"),
        "checking": _("checking what was found"),
        "writing": _("writing"),
        "weighing": _("weighing the answer"),
    }
    found, facts = data.get("found"), data.get("facts")
    counted = [
        ngettext("{n} record", "{n} records", found).format(n=found) if found is not None else "",
        ngettext("{n} live fact", "{n} live facts", facts).format(n=facts) if facts is not None else "",
    ]
    numbers = ", ".join(filter(None, counted))
    said = words.get(data["name"], data["name"])
    return f"· {said}: {numbers}" if numbers else f"· {said}"


def question_text(question: str) -> str:
    """The question, from standard input where it is `-`."""
    text = sys.stdin.buffer.read() if question == "-" else os.fsencode(question)
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        leave(Exit.FAILED, _("The question is not UTF-8 text."))


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))
