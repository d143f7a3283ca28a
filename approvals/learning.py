"""What the decisions say about the rules, and what follows. Nothing changes until a person accepts it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import yaml
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from .policy import Policy
from .risk import By, Tier
from .tables import HeldItem, ItemState, Vote

_ENOUGH: Final = 20
_NEARLY_ALL: Final = 0.95
_HALF: Final = 0.5
_STEP: Final = 0.1
_HIGHEST: Final = 0.95
_LIGHT: Final = 0.5
_FALSE_ALARM: Final = "false_alarm"


@dataclass
class RuleReport:
    """What became of the items that a rule held; an item of several rules counts for each."""

    rule: str
    held: int = 0
    unchanged: int = 0
    edited: int = 0
    rejected: int = 0
    sent_back: int = 0
    false_alarm: int = 0
    open: int = 0
    ended: int = 0
    by: Counter[str] = field(default_factory=Counter)

    @property
    def decided(self) -> int:
        """How many of them a person has decided."""
        return self.unchanged + self.edited + self.rejected + self.sent_back + self.false_alarm

    @property
    def for_nothing(self) -> float:
        """The share of the decided ones that went out as they were."""
        return (self.unchanged + self.false_alarm) / self.decided if self.decided else 0.0


@dataclass(frozen=True)
class Report:
    """Rules by how many items they held; of the texts that two officers read, how many they agreed on."""

    rules: tuple[RuleReport, ...]
    items: int
    double: int
    agreed: int


@dataclass(frozen=True)
class Suggestion:
    """A change of fields of a rule, and why."""

    rule: str
    change: Mapping[str, Any]
    why: str


async def report_rules(session: AsyncSession, since: datetime) -> Report:
    """What the decisions since then say about each rule."""
    items = (await session.exec(select(HeldItem).where(col(HeldItem.created_at) >= since))).all()
    wanted = select(Vote).where(
        col(Vote.item).in_(select(HeldItem.id).where(col(HeldItem.created_at) >= since)),
        col(Vote.undone_at).is_(None),
    )
    votes = (await session.exec(wanted)).all()
    alarms = {vote.item for vote in votes if str(vote.verdict) == _FALSE_ALARM}
    rules: dict[str, RuleReport] = {}
    for item in items:
        hits = item.rule_hits()
        for name in dict.fromkeys(hit.rule for hit in hits):
            report = rules.setdefault(name, RuleReport(name))
            report.by.update({str(hit.by) for hit in hits if hit.rule == name})
            _count(report, item, false_alarm=item.id in alarms)
    double, agreed = _agreement(votes)
    ordered = sorted(rules.values(), key=lambda one: (-one.held, one.rule))
    return Report(tuple(ordered), len(items), double, agreed)


def _count(report: RuleReport, item: HeldItem, *, false_alarm: bool) -> None:
    report.held += 1
    if false_alarm and item.state is ItemState.APPROVED:
        report.false_alarm += 1
    elif item.state is ItemState.APPROVED:
        report.unchanged += 1
    elif item.state is ItemState.EDITED:
        report.edited += 1
    elif item.state is ItemState.REJECTED:
        report.rejected += 1
    elif item.state is ItemState.SENT_BACK:
        report.sent_back += 1
    elif item.state is ItemState.PENDING:
        report.open += 1
    else:
        report.ended += 1


def _agreement(votes: Iterable[Vote]) -> tuple[int, int]:
    """Texts with the votes of two, and those of them on which both would let out the same."""
    by_item: dict[Any, dict[str, Vote]] = {}
    for vote in votes:
        by_item.setdefault(vote.item, {})[vote.reviewer] = vote
    double = [list(one.values()) for one in by_item.values() if len(one) > 1]
    refusing = {"reject", "send_back"}
    agreed = [one for one in double if len({str(vote.verdict) in refusing for vote in one}) == 1]
    return len(double), len(agreed)


def suggest(report: Report, policy: Policy) -> tuple[Suggestion, ...]:
    """What a person might change: rules that hold for nothing, and rules that one officer is too few for."""
    found = (_suggestion(one, policy) for one in report.rules if one.decided >= _ENOUGH)
    return tuple(one for one in found if one)


def _suggestion(report: RuleReport, policy: Policy) -> Suggestion | None:
    rule = policy.rule(report.rule)
    if rule is None:
        return None
    if report.for_nothing >= _NEARLY_ALL:
        free = report.unchanged + report.false_alarm
        why = f"{free} of {report.decided} decided items went out as they were."
        likeness = rule.likeness
        if likeness is not None and likeness < _HIGHEST and report.by[By.LIKENESS] > report.held / 2:
            return Suggestion(rule.id, {"likeness": round(min(likeness + _STEP, _HIGHEST), 2)}, why)
        return Suggestion(rule.id, {"weight": _LIGHT}, why) if rule.weight > _LIGHT else None
    changed = report.edited + report.rejected + report.sent_back
    if changed >= report.decided * _HALF and rule.tier is Tier.NORMAL:
        why = f"{changed} of {report.decided} decided items did not go out as they were."
        return Suggestion(rule.id, {"tier": str(Tier.TOP)}, why)
    return None


def accepted(current: str | None, suggestions: Sequence[Suggestion], version: str) -> str:
    """The text of a policy that extends the shipped one by these changes; `current` is what there was.

    Raises `ValueError` when what there was does not extend the shipped policy.
    """
    content: Any = yaml.safe_load(current) if current else {"extends": "shipped"}
    if not isinstance(content, dict) or content.get("extends") != "shipped":
        raise ValueError("The file holds a whole policy; change its rules there by hand.")
    rules = {name: dict(fields) for name, fields in (content.get("rules") or {}).items()}
    for one in suggestions:
        rules.setdefault(one.rule, {}).update(one.change)
    content |= {"version": version, "rules": rules}
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
