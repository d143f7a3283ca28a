"""A policy is tried on past answers as they were weighed, where that is kept."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from approvals import load_policy, try_policy
from assistant.answer import Generation, Step
from assistant.composition import register_all_events
from assistant.runs.execute import RunExecutor
from assistant.runs.past import past_answers
from assistant.runs.tables import RunGeneration
from gateway import Database, Principal

from .running import ToldPipeline, opened, sentence
from .scripted import NOTE, ScriptedDoor, found, note, steps

register_all_events()
SHIPPED = load_policy().by_words
POLICY = SHIPPED.model_copy(
    update={"rules": tuple(rule.model_copy(update={"weight": 1.0}) for rule in SHIPPED.rules)}
)
REFUND = "We will refund EUR 4,000 to <PERSON_1> today."
TERMS = "A contract can be terminated at the end of a year. The lawyer of a customer writes to us by letter."
ARTICLE = note(2, TERMS, "Terms").model_copy(update={"open": True})
SECRET = f"{NOTE} Do not tell the customer that the batch is under recall."


async def kept(door: ScriptedDoor, *given: Any, **asked: Any) -> Generation:
    """What is kept of an answer."""
    taken = await steps(door, *given, policy=POLICY, **asked)
    [made] = [step.kept for step in taken if isinstance(step, Step) and step.kept]
    return made


async def published() -> Generation:
    article = found(passages=(note(1, NOTE), ARTICLE))
    return await kept(ScriptedDoor("The lawyer of a customer writes to us by letter. [2]"), article)


@pytest.mark.parametrize(
    ("text", "note_text", "asked", "rules"),
    [
        ("<PERSON_1> has an open case. [1]", NOTE, {}, set()),
        (REFUND, NOTE, {}, {"refund_or_credit_above_limit"}),
        ("<PERSON_1> has an open case. [7]", NOTE, {}, {"wrong_citation"}),
        ("<PERSON_1> has an open case. [1]", NOTE, {"flags": ("injection",)}, {"checks"}),
        ("<PERSON_1> has an open case. [1]", SECRET, {}, {"confidential_source"}),
    ],
)
async def test_an_answer_weighs_by_the_same_policy_what_it_weighed(
    text: str, note_text: str, asked: dict[str, Any], rules: set[str]
) -> None:
    made = await kept(ScriptedDoor(text), found(text=note_text), **asked)
    tried = try_policy(POLICY, [made.as_past(None)])
    assert set(tried.rules) == set(made.scale.rules)
    assert set(tried.rules) == rules
    assert tried.which == [made.scale.held]


async def test_what_everybody_may_read_weighs_nothing() -> None:
    made = await published()
    assert made.scale.rules == ()
    past = made.as_past(None)
    assert try_policy(POLICY, [past]).held == 0
    weighed = replace(past, sentences=tuple(replace(one, free=False) for one in past.sentences))
    assert try_policy(POLICY, [weighed]).held == 1, "it would be held as a sentence of our own"


async def test_an_answer_that_chance_chose_is_not_held_for_that() -> None:
    made = replace(await published(), sampled=True)
    assert try_policy(POLICY, [made.as_past(None)]).held == 0


async def test_the_last_kept_draft_of_a_run_is_taken_and_what_was_shown_of_a_run_without(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    made = await kept(ScriptedDoor(REFUND), found())
    with_draft, without = await opened(web_database, rep), await opened(web_database, rep)
    async with work_database.transaction() as session:
        for attempt, one in ((1, replace(made, written=("It is late. [1]",))), (2, made)):
            draft = RunGeneration(
                run_id=with_draft.id, attempt=attempt, weighed=attempt, made_of=one.as_json()
            )
            session.add(draft)
    for run in (with_draft, without):
        shown = ToldPipeline(sentence(0, "His lawyer called. [1]"))
        await RunExecutor(work_database, shown, POLICY, "one").execute(run.id)
    async with web_database.transaction() as session:
        told, drafted = await past_answers(session, datetime.now(UTC) - timedelta(minutes=5), 2)
    assert drafted == made.as_past(with_draft.created_at)
    assert [one.text for one in told.sentences] == ["His lawyer called. [1]"]
    assert try_policy(POLICY, [told, drafted]).rules == {
        "legal_threat": 1,
        "refund_or_credit_above_limit": 1,
    }
