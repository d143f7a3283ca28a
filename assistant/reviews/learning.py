"""What the decisions say about the rules, for the page and for programs; what officers answer to it."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.encoders import jsonable_encoder
from pydantic import BaseModel, ConfigDict, Field
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals import (
    REPORT_READERS,
    Period,
    Policy,
    Reply,
    RuleReport,
    Suggestion,
    SuggestionReply,
    answer_suggestion,
    hold_rates,
    learn,
    propose,
    report_rules,
    withdraw_reply,
)
from assistant.pages import AnsweredChange, RuleLine, RulesView, SuggestedChange
from assistant.session import SignedIn
from gateway import NotFound, Principal, UnitOfWork, principal_of_account, require

router = APIRouter(prefix="/api/v1/reviews/rules", tags=["reviews"])


def _policy(request: Request) -> Policy:
    policy: Policy = request.state.policy
    return policy


def _file(request: Request) -> Path | None:
    """The policy's file, None for the shipped one."""
    settings = request.state.settings
    path: Path | None = settings.policy_file if settings else None
    return path


@dataclass(frozen=True)
class Rulebook:
    """The policy in force and its file; a dependency."""

    policy: Annotated[Policy, Depends(_policy)]
    file: Annotated[Path | None, Depends(_file)]

    def text(self) -> str | None:
        """What the file says now; of one that cannot be read, something that no program can change."""
        try:
            return self.file.read_text("utf-8") if self.file else None
        except OSError:
            return "[]"


Rules = Annotated[Rulebook, Depends(Rulebook)]
Days = Annotated[int, Query(ge=1, le=366, description="How many days back.")]


class Answering(BaseModel):
    """What an officer says to a suggestion, by the id that the report gave it over as many days."""

    model_config = ConfigDict(extra="forbid")

    suggestion: str = Field(max_length=64)
    reply: Reply
    days: int = Field(90, ge=1, le=366)


@router.get("")
async def rules(principal: SignedIn, session: UnitOfWork, rulebook: Rules, days: Days = 90) -> dict[str, Any]:
    """Count what became of what each rule held, and say what that suggests."""
    found: dict[str, Any] = jsonable_encoder(await read_rules(session, principal, rulebook, days))
    return found


@router.post("/replies")
async def reply(
    answering: Answering, principal: SignedIn, session: UnitOfWork, rulebook: Rules
) -> dict[str, str]:
    """Accept a suggestion, or put it aside."""
    made = await answer(
        session, principal, rulebook.policy, answering.suggestion, answering.days, answering.reply
    )
    return {"id": str(made.id), "reply": made.reply}


@router.delete("/replies/{reply_id}", status_code=204)
async def withdraw(reply_id: uuid.UUID, principal: SignedIn, session: UnitOfWork) -> None:
    """Take back what was said to a suggestion."""
    await withdraw_reply(session, principal, reply_id)


async def read_rules(session: AsyncSession, viewer: Principal, rulebook: Rulebook, days: int) -> RulesView:
    """The numbers of every rule, in whatever queue. Raises `NotAllowed` without one of the roles."""
    require(viewer, *REPORT_READERS)
    policy, period = rulebook.policy, Period.last(days)
    report = await report_rules(session, period)
    rates = await hold_rates(session, viewer, period)
    learned = await learn(session, policy, report)
    trial = {one.rule: one for one in rates.rules}
    names = await _names(session, [*learned.accepted, *learned.in_force, *learned.put_aside])
    now = datetime.now(UTC)
    proposal = propose(rulebook.text(), learned.accepted, f"{policy.version}.learned-{now:%Y%m%d}")
    counted = {one.rule: one for one in report.rules}
    shown = [rule.id for rule in policy.rules if rule.id in counted or rule.id in trial or rule.trial]
    shown += [name for name in (*counted, *trial) if name not in shown]
    lines = [
        RuleLine(
            rule=name,
            title=policy.title(name),
            on_trial=name in policy.on_trial,
            counts=_counts(counted[name]) if name in counted else {},
            trial=trial[name].trial if name in trial else 0,
            more=trial[name].more if name in trial else 0,
        )
        for name in dict.fromkeys(shown)
    ]
    lines.sort(key=lambda line: -line.held)
    return RulesView(
        days=days,
        policy=policy.version,
        mode=policy.mode,
        rules=lines,
        drafts=report.items,
        double=report.double,
        agreed=report.agreed,
        weighed=rates.weighed,
        held=rates.held,
        would_hold=rates.would_hold,
        suggestions=[_suggested(one, policy) for one in learned.suggestions],
        accepted=[_answered(one, policy, names) for one in learned.accepted],
        in_force=[_answered(one, policy, names) for one in learned.in_force],
        put_aside=[_answered(one, policy, names) for one in learned.put_aside],
        proposal=proposal.text or proposal.rules,
        proposal_is_whole=proposal.text is not None,
    )


async def answer(
    session: AsyncSession, actor: Principal, policy: Policy, suggestion: str, days: int, reply: Reply
) -> SuggestionReply:
    """Say yes or no to what is suggested now. Raises `NotFound` when it is not, or no longer."""
    report = await report_rules(session, Period.last(days))
    learned = await learn(session, policy, report)
    for one in learned.suggestions:
        if one.id == suggestion:
            return await answer_suggestion(session, actor, policy, one, reply)
    raise NotFound("This is not suggested, or no longer.")


def _counts(one: RuleReport) -> dict[str, Any]:
    return {**{name: count for name, count in vars(one).items() if name != "rule"}, "by": dict(one.by)}


def _suggested(one: Suggestion, policy: Policy) -> SuggestedChange:
    return SuggestedChange(
        id=one.id,
        rule=one.rule,
        title=policy.title(one.rule),
        change=one.change,
        now=_now(policy, one.rule, one.change),
        count=one.count,
        decided=one.decided,
    )


def _now(policy: Policy, rule: str, change: Mapping[str, Any]) -> Mapping[str, Any]:
    known = policy.rule(rule)
    return {name: getattr(known, name, None) for name in change}


def _answered(one: SuggestionReply, policy: Policy, names: Mapping[str, str]) -> AnsweredChange:
    assert one.at is not None  # noqa: S101 - the database sets it
    return AnsweredChange(
        id=one.id,
        rule=one.rule,
        title=policy.title(one.rule),
        change=one.change,
        count=one.count,
        decided=one.decided,
        by=names.get(one.by, one.by),
        at=one.at,
    )


async def _names(session: AsyncSession, replies: Sequence[SuggestionReply]) -> dict[str, str]:
    """Names of colleagues; who is no account (the owner of the machine) keeps what the record calls them."""
    names: dict[str, str] = {}
    for account in {one.by for one in replies}:
        try:
            principal = await principal_of_account(session, account_id=account)
        except (NotFound, ValueError):
            continue
        names[account] = principal.name or principal.login
    return names
