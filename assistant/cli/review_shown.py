"""What `cloister review` prints of an item, in lines that leave a terminal as it is."""

from collections.abc import Iterator
from gettext import gettext as _
from typing import Any
from unicodedata import category

_HAPPENED = {
    "approve": _("Approved"),
    "edit": _("Approved with edits"),
    "reject": _("Rejected"),
    "send_back": _("Sent back"),
    "false_alarm": _("Approved as a false alarm"),
    "question": _("Question to the rep"),
    "answer": _("The rep answers"),
}


def item_lines(opened: dict[str, Any]) -> Iterator[str]:
    """An opened item: where it stands, what was asked, what would be shown, and what it rests on."""
    yield from _standing(opened)
    yield _("Asked: {text}").format(text=plain(opened["asked"]))
    yield _("Draft: {text}").format(text=plain(opened["shown"]))
    if mail := opened["mail"]:
        yield _("Mail to {to}: {subject}").format(to=plain(mail["to"]), subject=plain(mail["subject"]))
    if handover := opened["handover"]:
        yield _("For the CRM: {action} at {record}").format(**handover)
    for rule in opened["line"]["rules"]:
        yield f"· {rule['title']}: {rule['sentence']}"
        yield from (f"  {_found_by(one)}" for one in rule["found"])
    yield from (_happened(one) for one in opened["history"])
    yield from _sources(opened["sources"])
    yield _("Hash: {hash}").format(hash=opened["hash"])


def status_line(verb: str, status: dict[str, Any]) -> str:
    """Where an item stands after a step."""
    if verb in {"approve", "edit", "false-alarm"} and status["state"] == "pending":
        return _waits_for_another(status)
    return _("Now: {state}").format(state=status["state"])


def _waits_for_another(status: dict[str, Any]) -> str:
    """What an officer is told whose approval is not the last one."""
    lapsed = _("An earlier approval counts no more: whoever gave it may decide no longer. ")
    if status["taken_back"]:
        return lapsed + _("What they had written is taken back: read the draft again.")
    sentence = _(
        "You have approved this text: {approvals} of {needed}. "
        "Another officer must agree before it is released."
    ).format(approvals=status["approvals"], needed=status["needed"])
    return lapsed + sentence if status["lapsed"] else sentence


def plain(text: str) -> str:
    """A text that a terminal shows as it is: what would move the cursor or turn the line is written out."""
    kept = (
        one if one == "\n" or not category(one).startswith("C") else f"\\u{{{ord(one):x}}}" for one in text
    )
    return "".join(kept)


def _standing(opened: dict[str, Any]) -> Iterator[str]:
    line = opened["line"]
    tier = _("Top: two officers") if line["risk"] == "top" else _("Normal: one officer")
    yield _("State: {state}; round {round}").format(state=line["state"], round=line["round"])
    yield _("Tier: {tier}").format(tier=tier)
    yield _("Approved by {approvals} of {needed} officers").format(
        approvals=line["approvals"], needed=line["reviewers"]
    )
    yield _("Deadline: {deadline}").format(deadline=line["deadline"])
    yield _("Queue: {title} ({name})").format(title=plain(opened["queue_title"]), name=opened["queue"])
    if line["assignee"]:
        yield _("In the hands of: {name}").format(name=plain(line["assignee"]))
    yield _("Rep: {name}").format(name=plain(line["rep"]))
    if line["customer"]:
        yield _("Customer: {name}").format(name=plain(line["customer"]))
    if line["customer_waits_since"]:
        yield _("The customer is waiting, since {at}").format(at=line["customer_waits_since"])


def _found_by(found: dict[str, Any]) -> str:
    words = {
        "words": _("by its words"),
        "likeness": _("by likeness to examples of this risk"),
        "mark": _("by a mark of the customer or of a source"),
        "check": _("by a check of the answer"),
        "function": _("by a function of your own"),
        "chance": _("by chance"),
    }
    share = "" if found["share"] is None else f": {found['share']:.2f}"
    example = _(", most to “{example}”").format(example=plain(found["example"])) if found["example"] else ""
    return f"{words[found['by']]}{share}{example}"


def _happened(one: dict[str, Any]) -> str:
    """A line of an item's history: when, what, by whom, and their words."""
    match one["what"]:
        case "taken_back":
            what = _("Taken back: {what}").format(what=_HAPPENED[one["of"]])
        case "lapsed":
            what = _("Counts no more: {what}").format(what=_HAPPENED[one["of"]])
        case "redrafted":
            what = _("Draft {round} came").format(round=one["round"])
        case "escalated":
            what = _("Escalated to {queue}").format(queue=plain(one["queue"]))
        case "handed_on":
            what = _("Handed to {who}").format(who=plain(one["to"]))
        case known:
            what = _HAPPENED[known]
    who = _("its time had come") if one["timer"] else _("you") if one["own"] else one["who"]
    by = f" ({plain(who)})" if who else ""
    words = f": {plain(one['text'])}" if one["text"] else ""
    return f"{one['at']}  {what}{by}{words}"


def _sources(sources: dict[str, Any]) -> Iterator[str]:
    titles = {(one["n"], one["title"]): None for one in (*sources["passages"], *sources["facts"])}
    for number, title in titles:
        yield _("Source [{number}]: {title}").format(number=number or "–", title=plain(title))
