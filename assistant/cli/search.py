"""`cloister search`: what somebody finds, without an answer.

With that person's own token the search goes by way of the web process. Without one, whoever can read the
appliance's signing key for the command line searches in that person's name; the record then holds both.
"""

import json
import sys
from gettext import gettext as _
from pathlib import Path
from typing import Annotated, Any

import typer

from .ask import Question, Scope, question_text
from .exits import Exit, leave
from .local import LocalAppliance
from .options import Data, Json, TokenFile, as_option
from .remote import Appliance, Caller, has_token

_MOST = 50

As = Annotated[
    str | None,
    as_option(
        "USER",
        "Whose records. Without their token it needs the appliance's own key: both names are recorded.",
    ),
]


def search(
    question: Question,
    login: As = None,
    scope: Scope = None,
    limit: Annotated[int, typer.Option(min=1, max=_MOST, help="So many passages, or records of a list.")] = 8,
    as_json: Json = False,
    token_file: TokenFile = None,
    data: Data = None,
) -> None:
    """Show the passages and facts that this person may see; no model writes."""
    appliance = Appliance.running(data)
    text = question_text(question)
    if has_token(token_file):
        caller = Caller(appliance, login, token_file)
        found = caller.post("/api/v1/search", {"question": text, "scope": scope, "limit": limit})
    elif login is None:
        leave(Exit.REFUSED, _("Say whose records: --as USER, or give that person's token with --token-file."))
    else:
        found = _as(login, text, scope, limit, data)
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        _show(found)


def _as(login: str, text: str, scope: str | None, limit: int, data: Path | None) -> dict[str, Any]:
    from assistant.search.finding import find

    local = LocalAppliance.running(data)
    found = local.speak_for(
        login,
        lambda person, door, retrieval: find(
            person, text, scope=scope, limit=limit, door=door, retrieval=retrieval
        ),
    )
    return found.model_dump(mode="json")


def _show(found: dict[str, Any]) -> None:
    for passage in found["passages"]:
        mark = _(" (internal only)") if passage["internal"] else ""
        print(f"{passage['title']}  [{passage['entity']} {passage['field']}]{mark}")
        print(_measures(passage))
        print(f"{passage['text']}\n")
    for fact in found["facts"]:
        print(f"{fact['title']} — {fact['label']}: {fact['value']}")
    listing = found["listing"]
    if listing and found["passages"]:
        shown, total = len(listing["records"]), listing["total"]
        sentence = _("{shown:,} of {total:,} {called} shown") + (
            _("; more with --limit") if shown < min(total, _MOST) else ""
        )
        print(sentence.format(shown=shown, total=total, called=listing["called"]))
    if not found["passages"] and not found["facts"]:
        print(_("Nothing found."))
    for notice in found["notices"]:
        sys.stderr.write(notice + "\n")


def _measures(passage: dict[str, Any]) -> str:
    """Id, span, score with its parts, and when it was read."""
    parts = [passage["id"], _("score {score:.4f}").format(score=passage["score"])]
    parts += [f"{name} {value:.4f}" for name, value in (passage.get("scores") or {}).items()]
    if passage.get("span"):
        parts.append(_("characters {start}–{end}").format(start=passage["span"][0], end=passage["span"][1]))
    parts.append(_("as of {time}").format(time=passage["as_of"][:19]))
    if passage.get("changed"):
        parts.append(_("changed {time}").format(time=str(passage["changed"])[:19]))
    return "  " + " · ".join(parts)
