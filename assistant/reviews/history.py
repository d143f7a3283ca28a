"""What happened to an item and what was said about it, as one story in order of time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from approvals import APPLIANCE, Draft, Remark, RemarkKind, Vote
from assistant.pages import HistoryEntry
from gateway import Principal

from .reveal import Revealed


@dataclass(frozen=True)
class Past:
    """What is kept of an item's past: each oldest first, and the votes for its text as it is."""

    votes: Sequence[Vote]
    remarks: Sequence[Remark]
    drafts: Sequence[Draft]
    standing: Sequence[Vote]

    @property
    def people(self) -> frozenset[str]:
        """The accounts that are named in it."""
        named = {*(vote.reviewer for vote in self.votes), *(remark.author for remark in self.remarks)}
        given = {remark.given_to for remark in self.remarks if remark.given_to}
        return frozenset(named | given) - {APPLIANCE}

    @property
    def texts(self) -> list[str]:
        """The stored texts that are shown with it."""
        texts = [vote.note for vote in self.votes if vote.note]
        texts += [text for vote in self.votes for _, text in vote.diff or ()]
        return texts + [remark.text for remark in self.remarks]


def history_of(
    past: Past,
    viewer: Principal,
    names: Mapping[str, str],
    titles: Mapping[str, str],
    revealed: Mapping[str, Revealed],
) -> list[HistoryEntry]:
    """The story; what was taken back stands where it was said, and once more where it was taken back."""
    lapses = {one.at for one in past.remarks if one.kind is RemarkKind.LAPSED}
    told = [*_ends(past.votes, viewer, names, lapses)]  # who votes anew takes the vote before back, and first
    told += [_voted(one, viewer, names, revealed, past.standing) for one in past.votes]
    told += [_said(one, viewer, names, titles, revealed) for one in _shown(past.remarks)]
    told += [HistoryEntry("redrafted", "", False, _at(one.at), round=one.round + 1) for one in past.drafts]
    return sorted(told, key=lambda one: one.at)


def _voted(
    vote: Vote,
    viewer: Principal,
    names: Mapping[str, str],
    revealed: Mapping[str, Revealed],
    standing: Sequence[Vote],
) -> HistoryEntry:
    return HistoryEntry(
        what=vote.verdict,
        who=names.get(vote.reviewer, ""),
        own=vote.reviewer == viewer.id,
        at=_at(vote.at),
        text=revealed[vote.note].shown if vote.note else "",
        round=vote.round,
        reason=vote.reason,
        undone=vote.undone_at is not None,
        standing=any(one.id == vote.id for one in standing),
        entry=vote.entry,
        diff=[(kind, revealed[text].shown) for kind, text in vote.diff or ()],
    )


def _ends(
    votes: Iterable[Vote], viewer: Principal, names: Mapping[str, str], lapses: set[datetime | None]
) -> Iterable[HistoryEntry]:
    """When a vote ceased to count: its reviewer took it back, or it lapsed in the moment that was noted."""
    for vote in votes:
        if vote.undone_at is not None:
            yield HistoryEntry(
                what="lapsed" if vote.undone_at in lapses else "taken_back",
                who=names.get(vote.reviewer, ""),
                own=vote.reviewer == viewer.id,
                at=vote.undone_at,
                round=vote.round,
                of=vote.verdict,
            )


def _shown(remarks: Iterable[Remark]) -> Iterable[Remark]:
    return (one for one in remarks if one.kind is not RemarkKind.LAPSED)


def _said(
    remark: Remark,
    viewer: Principal,
    names: Mapping[str, str],
    titles: Mapping[str, str],
    revealed: Mapping[str, Revealed],
) -> HistoryEntry:
    return HistoryEntry(
        what=remark.kind,
        who=names.get(remark.author, ""),
        own=remark.author == viewer.id,
        at=_at(remark.at),
        text=revealed[remark.text].shown,
        round=remark.round,
        queue=titles.get(remark.queue, remark.queue) if remark.queue else "",
        to=names.get(remark.given_to or "", ""),
        timer=remark.author == APPLIANCE,
    )


def _at(moment: datetime | None) -> datetime:
    assert moment is not None  # noqa: S101 - the database sets it
    return moment
