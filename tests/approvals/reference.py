"""What the queue promises, said once more and shortly: the state machine holds the real one against it.

Time is seconds since the beginning. An outcome is the name of the refusal, or `ok`.
"""

from dataclasses import dataclass, field

PENDING = "pending"
RELEASED = {"approved", "edited"}
CLAIM, UNDO = 600, 8


@dataclass
class Vote:
    """A standing vote."""

    verdict: str
    text: str
    edited: bool


@dataclass
class Item:
    """One item; `text` is what would be released now."""

    requester: str
    tier: int
    deadline: float
    draft: str
    text: str
    needed: int
    state: str = PENDING
    round: int = 1
    fence: int = 0
    holder: str | None = None
    until: float = 0
    assigned: str | None = None
    decided_by: str | None = None
    effective: float = 0
    effect: bool = False
    votes: dict[str, Vote] = field(default_factory=dict)
    read: dict[str, tuple[str, str]] = field(default_factory=dict)


@dataclass
class Model:
    """Everything that is held, and who is still employed."""

    officers: set[str]
    waits: float
    clock: float = 0
    gone: set[str] = field(default_factory=set)
    items: dict[object, Item] = field(default_factory=dict)

    def put(self, key: object, requester: str, tier: int, draft: str) -> None:
        self.items[key] = Item(requester, tier, self.clock + self.waits, draft, draft, tier)

    def open(self, key: object, who: str) -> str:
        item = self.items[key]
        if who != item.requester:
            item.read[who] = item.draft, item.text
        return "ok"

    def claim(self, key: object, who: str, fence: int | None) -> str:
        item = self.items[key]
        if who not in self.officers:
            return "NotAllowed"
        if who == item.requester:
            return "OwnRequest"
        if item.state != PENDING:
            return "AlreadyDecided"
        if item.assigned not in (None, who):
            return "AssignedToAnother"
        running = item.holder is not None and item.until > self.clock
        if fence is not None:
            if not (running and item.holder == who and item.fence == fence):
                return "LeaseLost"
        elif running and item.holder != who:
            return "ClaimedByAnother"
        else:
            item.fence += 1
        item.holder, item.until = who, self.clock + CLAIM
        return "ok"

    def give_back(self, key: object, who: str, fence: int | None) -> str:
        item = self.items[key]
        if item.holder == who and fence in (None, item.fence):
            item.holder = None
        return "ok"

    def refused(self, item: Item, who: str, fence: int | None) -> str | None:
        if who not in self.officers:
            return "NotAllowed"
        if who == item.requester:
            return "OwnRequest"
        if item.state != PENDING:
            return "AlreadyDecided"
        if item.deadline <= self.clock:
            return "DeadlinePassed"
        if item.assigned not in (None, who):
            return "AssignedToAnother"
        holder = item.holder if item.until > self.clock else None
        if holder not in (None, who):
            return "ClaimedByAnother"
        if (holder or fence is not None) and (holder is None or fence != item.fence):
            return "LeaseLost"
        return None

    def decide(self, key: object, who: str, verdict: str, text: str | None, fence: int | None) -> str:
        item = self.items[key]
        if refusal := self.refused(item, who, fence):
            return refusal
        approving = verdict in {"approve", "edit", "false_alarm"}
        if approving and item.read.get(who) != (item.draft, item.text):
            return "NotOpened"
        edited = text is not None and text != item.text
        said = text if edited and text is not None else item.text
        item.votes[who] = Vote(verdict, said, edited)
        needed = max(item.needed, 2) if edited else item.needed
        agreeing = {
            one
            for one, v in item.votes.items()
            if v.text == said and v.verdict not in {"reject", "send_back"}
        }
        left = (agreeing & self.gone) - {who}
        item.holder = None
        if approving and len(agreeing - left) < needed:
            item.text, item.needed, item.assigned = said, needed, None
            if left:
                self._without(item, left)
            return "ok"
        item.text = said
        ends = {"reject": "rejected", "send_back": "sent_back"}
        item.state = ends.get(verdict, "edited" if item.text != item.draft else "approved")
        item.decided_by, item.effective = who, self.clock + UNDO
        return "ok"

    def reassign(self, key: object, who: str, to: str, fence: int | None) -> str:
        item = self.items[key]
        if refusal := self.refused(item, who, fence):
            return refusal
        if to in self.gone or to == item.requester or to in item.votes:
            return "BadInput"
        item.assigned, item.holder = to, None
        item.fence += 1
        return "ok"

    def undo(self, key: object, who: str) -> str:
        item = self.items[key]
        vote = item.votes.get(who)
        decided = item.state not in {PENDING, "expired", "cancelled"}
        within = decided and item.decided_by == who and item.effective > self.clock and not item.effect
        if vote is None or not (item.state == PENDING or within):
            return "TooLateToUndo"
        self._without(item, {who})
        return "ok"

    def cancel(self, key: object, who: str) -> str:
        item = self.items[key]
        if who != item.requester:
            return "NotFound"
        if item.state != PENDING:
            return "AlreadyDecided"
        item.state, item.holder = "cancelled", None
        return "ok"

    def expire(self) -> set[object]:
        due = {
            key for key, item in self.items.items() if item.state == PENDING and item.deadline <= self.clock
        }
        for key in due:
            self.items[key].state, self.items[key].holder = "expired", None
        return due

    def take_effect(self, key: object) -> str:
        item = self.items[key]
        if item.effect:
            return "done_before"
        if item.state == PENDING:
            return "pending"
        if item.decided_by is not None:
            if item.effective > self.clock:
                return "too_early"
            released = item.state in RELEASED
            resting = {
                who
                for who, vote in item.votes.items()
                if vote.text == item.text
                and (vote.verdict not in {"reject", "send_back"} if released else who == item.decided_by)
            }
            if left := resting & self.gone:
                self._without(item, left)
                return "decider_left"
        item.effect = True
        return "effect"

    def hold_again(self, key: object, draft: str) -> str:
        item = self.items[key]
        if item.state == PENDING and item.draft == draft:
            return "ok"
        if item.state != "sent_back" or not item.effect:
            return "Conflict"
        item.round, item.draft, item.text, item.needed = item.round + 1, draft, draft, item.tier
        item.state, item.effect, item.decided_by, item.assigned = PENDING, False, None, None
        item.deadline, item.votes = self.clock + self.waits, {}
        return "ok"

    def _without(self, item: Item, who: set[str]) -> None:
        """The item pending again, without these votes and without what they wrote."""
        wrote = [item.votes[one].edited and item.votes[one].text == item.text for one in who]
        for one in who:
            del item.votes[one]
        if any(wrote):
            item.text, item.needed = item.draft, item.tier
        item.state, item.decided_by = PENDING, None
