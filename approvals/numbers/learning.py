"""What the decisions say about the rules, and what follows. Nothing changes until a person accepts it."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import yaml
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals.risk.policy import Policy
from approvals.risk.value import By, Tier

from .periods import Period
from .reports import REVIEWS, read_rows

_ENOUGH: Final = 20
_NEARLY_ALL: Final = 0.95
_HALF: Final = 0.5
_STEP: Final = 0.1
_HIGHEST: Final = 0.95
_LIGHT: Final = 0.5


@dataclass
class RuleReport:
    """What became of the drafts that a rule held; one that several rules held counts for each.

    `ended` expired or were taken back. `double` were read by two officers, who both let out the same or
    neither in `agreed` of them.
    """

    rule: str
    held: int = 0
    unchanged: int = 0
    edited: int = 0
    rejected: int = 0
    sent_back: int = 0
    false_alarm: int = 0
    open: int = 0
    ended: int = 0
    double: int = 0
    agreed: int = 0
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
    """A change of fields of a rule, and why: what is said of `count` of `decided` items."""

    rule: str
    change: Mapping[str, Any]
    why: str
    count: int = 0
    decided: int = 0

    @property
    def id(self) -> str:
        """The same for the same change of the same rule."""
        return hashlib.sha256(json.dumps([self.rule, self.change], sort_keys=True).encode()).hexdigest()[:16]


_BY_RULE: Final = f"""
    WITH r AS (
        SELECT every.item, every.round, every.outcome, every.hits FROM ({REVIEWS}) every
        WHERE every.began >= :since AND every.began < :until
    ), hit AS (
        SELECT r.item, r.round, r.outcome, h.value ->> 'rule' AS rule,
            array_agg(coalesce(h.value ->> 'by', 'words')) AS by
        FROM r, jsonb_array_elements(r.hits) h GROUP BY 1, 2, 3, 4
    ), read AS (
        SELECT r.item, r.round, min(v.reviewer) <> max(v.reviewer) AS twice,
            bool_and(v.verdict IN ('reject', 'send_back')) = bool_or(v.verdict IN ('reject', 'send_back'))
                AS agreed,
            bool_or(v.verdict = 'false_alarm') AS alarm
        FROM r JOIN approvals.vote v ON v.item = r.item AND v.round = r.round AND v.undone_at IS NULL
        GROUP BY r.item, r.round
    )
    SELECT hit.rule, count(*) AS held,
        count(*) FILTER (WHERE outcome = 'approved' AND alarm IS NOT TRUE) AS unchanged,
        count(*) FILTER (WHERE outcome = 'approved' AND alarm) AS false_alarm,
        count(*) FILTER (WHERE outcome = 'edited') AS edited,
        count(*) FILTER (WHERE outcome = 'rejected') AS rejected,
        count(*) FILTER (WHERE outcome = 'sent_back') AS sent_back,
        count(*) FILTER (WHERE outcome = 'pending') AS open,
        count(*) FILTER (WHERE outcome IN ('expired', 'cancelled')) AS ended,
        count(*) FILTER (WHERE twice) AS double, count(*) FILTER (WHERE twice AND agreed) AS agreed,
        {", ".join(f"count(*) FILTER (WHERE '{by}' = ANY (hit.by)) AS by_{by}" for by in By)}
    FROM hit LEFT JOIN read USING (item, round) GROUP BY hit.rule
    UNION ALL
    SELECT NULL, count(*), 0, 0, 0, 0, 0, 0, 0,
        count(*) FILTER (WHERE twice), count(*) FILTER (WHERE twice AND agreed), {", ".join("0" for by in By)}
    FROM r LEFT JOIN read USING (item, round)
"""  # noqa: S608 - made of constants


async def report_rules(session: AsyncSession, period: Period) -> Report:
    """What the decisions on what was held in a period say about each rule, in whatever queue."""
    span = {"since": period.since, "until": period.until}
    rows = await read_rows(session, _BY_RULE, **span)
    whole = next(row for row in rows if row["rule"] is None)
    rules = [_counted(row) for row in rows if row["rule"] is not None]
    rules.sort(key=lambda one: (-one.held, one.rule))
    return Report(tuple(rules), whole["held"], whole["double"], whole["agreed"])


def _counted(row: Mapping[str, Any]) -> RuleReport:
    by = Counter({by.value: row[f"by_{by}"] for by in By if row[f"by_{by}"]})
    return RuleReport(**{name: value for name, value in row.items() if not name.startswith("by_")}, by=by)


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
        numbers = (why, free, report.decided)
        likeness = rule.likeness
        if likeness is not None and likeness < _HIGHEST and report.by[By.LIKENESS] > report.held / 2:
            return Suggestion(rule.id, {"likeness": round(min(likeness + _STEP, _HIGHEST), 2)}, *numbers)
        return Suggestion(rule.id, {"weight": _LIGHT}, *numbers) if rule.weight > _LIGHT else None
    changed = report.edited + report.rejected + report.sent_back
    if changed >= report.decided * _HALF and rule.tier is Tier.NORMAL:
        why = f"{changed} of {report.decided} decided items did not go out as they were."
        return Suggestion(rule.id, {"tier": str(Tier.TOP)}, why, changed, report.decided)
    return None


class Change(Protocol):
    """A change of fields of a rule, suggested or accepted."""

    @property
    def rule(self) -> str:
        """The rule's name."""

    @property
    def change(self) -> Mapping[str, Any]:
        """Its fields as they should be."""


def is_in_force(policy: Policy, wanted: Change) -> bool:
    """Whether a policy has this change."""
    rule = policy.rule(wanted.rule)
    return rule is not None and all(
        getattr(rule, name, None) == value for name, value in wanted.change.items()
    )


@dataclass(frozen=True)
class Proposal:
    """A policy with changes, for IT to put in place: a whole file `text`, or only its `rules` when it
    cannot be written by a program.
    """

    version: str
    rules: str
    text: str | None


def propose(current: str | None, changes: Sequence[Change], version: str) -> Proposal:
    """What to put in place of the policy in force, whose file says `current`; None for the shipped one."""
    by_rule: dict[str, dict[str, Any]] = {}
    for one in changes:
        by_rule.setdefault(one.rule, {}).update(one.change)
    rules = yaml.safe_dump({"rules": by_rule}, sort_keys=False, allow_unicode=True)
    try:
        text = accepted(current, changes, version)
    except (ValueError, yaml.YAMLError):
        text = None
    return Proposal(version, rules, text)


def accepted(current: str | None, suggestions: Sequence[Change], version: str) -> str:
    """The text of a policy that extends the shipped one by these changes; `current` is what there was.

    Raises `ValueError` when what there was is no YAML or does not extend the shipped policy.
    """
    try:
        content: Any = yaml.safe_load(current) if current else {"extends": "shipped"}
    except yaml.YAMLError as error:
        raise ValueError(f"The file is not YAML: {error}") from error
    if not isinstance(content, dict) or content.get("extends") != "shipped":
        raise ValueError("The file holds a whole policy; change its rules there by hand.")
    rules = {name: dict(fields) for name, fields in (content.get("rules") or {}).items()}
    for one in suggestions:
        rules.setdefault(one.rule, {}).update(one.change)
    content |= {"version": version, "rules": rules}
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
