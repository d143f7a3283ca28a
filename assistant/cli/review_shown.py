"""What `cloister review` prints of an item, in lines that leave a terminal as it is."""

from collections.abc import Iterator
from gettext import gettext as _
from typing import Any
from unicodedata import category

_REMARKS = {
    "question": _("Question to the rep"),
    "answer": _("The rep answers"),
    "instruction": _("Instruction"),
    "handed_on": _("Handed on"),
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
    for said in opened["remarks"]:
        who = _("you") if said["own"] else said["author"] or _("a colleague")
        kind = _REMARKS.get(said["kind"], said["kind"])
        if said["kind"] == "escalated":
            kind = _("Escalated to {queue}").format(queue=plain(said["queue"]))
        yield f"{kind} ({plain(who)}): {plain(said['text'])}"
    yield from _sources(opened["sources"])
    yield _("Hash: {hash}").format(hash=opened["hash"])


def status_line(verb: str, status: dict[str, Any]) -> str:
    """Where an item stands after a step."""
    if verb in {"approve", "edit", "false-alarm"} and status["state"] == "pending":
        sentence = _(
            "You have approved this text: {approvals} of {needed}. "
            "Another officer must agree before it is released."
        )
        return sentence.format(approvals=status["approvals"], needed=status["needed"])
    return _("Now: {state}").format(state=status["state"])


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


def _sources(sources: dict[str, Any]) -> Iterator[str]:
    titles = {(one["n"], one["title"]): None for one in (*sources["passages"], *sources["facts"])}
    for number, title in titles:
        yield _("Source [{number}]: {title}").format(number=number or "–", title=plain(title))
