"""Decided once, by an officer, never by the requester, for exactly the text that was read."""

import uuid

import pytest
from sqlalchemy.exc import IntegrityError

from approvals import (
    AlreadyDecided,
    ClaimedByAnother,
    DeadlinePassed,
    Decision,
    Effect,
    ItemState,
    NeedsConfirmation,
    NoEffect,
    NotOpened,
    OwnRequest,
    PayloadChanged,
    RejectionReason,
    Tier,
    TooLateToUndo,
    Verdict,
    approve,
    claim,
    decide,
    edit,
    get_item,
    hold,
    officer_pseudonym,
    reject,
    release_claim,
    send_back,
    take_effect,
    undo,
    votes_on,
    word_diff,
)
from approvals.risk.policy import SamplingSettings
from gateway import BadInput, Database, NotAllowed, NotFound, Principal, Role

from .queues import (
    ADMIN,
    LEAD,
    LONG,
    OFFICER,
    POLICY,
    REP,
    SECOND,
    answer,
    have_read,
    held,
    in_a_transaction,
    let_pass,
    open_item,
    person,
    risky,
    run_sql,
    untriggered,
)

ONE_IS_ENOUGH = POLICY.model_copy(
    update={"review": POLICY.review.model_copy(update={"second_for_edits": False})}
)


async def test_an_officer_approves_and_it_takes_effect_once_after_the_undo_window(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)
        decided = await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
        assert decided.state is ItemState.APPROVED
        assert decided.decided_by == OFFICER.id
        assert await take_effect(session, item.id, item.payload_hash) is NoEffect.TOO_EARLY
        await let_pass(session, POLICY.review.undo_seconds + 1)
        effect = await take_effect(session, item.id, item.payload_hash)
        assert isinstance(effect, Effect)
        assert effect.released
        assert effect.payload == answer()
        assert await take_effect(session, item.id, item.payload_hash) is NoEffect.DONE_BEFORE


async def test_the_resume_job_is_deferred_for_the_end_of_the_undo_window(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)
        decided = await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
        jobs = (
            await run_sql(
                session,
                "SELECT task_name, queue_name, args, scheduled_at FROM jobs.procrastinate_jobs "
                "WHERE task_name = 'run.resume'",
            )
        ).all()
    assert [(job.task_name, job.queue_name, job.args["item"], job.args["run"]) for job in jobs] == [
        ("run.resume", "runs", str(item.id), str(item.run))
    ]
    assert jobs[0].scheduled_at == decided.effective_after


async def test_a_decision_that_is_rolled_back_leaves_no_job_and_no_audit(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)

    async def decide_and_fail() -> None:
        async with database.transaction() as session:
            await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await decide_and_fail()
    async with database.transaction() as session:
        assert (await get_item(session, OFFICER, item.id)).state is ItemState.PENDING
        resumes = "SELECT count(*) FROM jobs.procrastinate_jobs WHERE task_name = 'run.resume'"
        assert (await run_sql(session, resumes)).scalar_one() == 0
        events = (await run_sql(session, "SELECT event FROM gateway.audit_event")).scalars().all()
    assert events == ["item.held"]


async def test_nobody_decides_their_own_request(database: Database) -> None:
    both = person("olivia", Role.OFFICER, Role.REP)
    async with database.transaction() as session:
        item = await held(session, requester=both)
        for attempt in (
            approve(session, POLICY, both, item.id, item.payload_hash),
            edit(session, POLICY, both, item.id, item.payload_hash, "Other."),
            reject(session, POLICY, both, item.id, item.payload_hash, reason=RejectionReason.TONE),
            send_back(session, POLICY, both, item.id, item.payload_hash, instruction="Ask."),
            claim(session, POLICY, both, item.id),
        ):
            with pytest.raises(OwnRequest):
                await attempt


async def test_the_database_itself_refuses_a_decision_by_the_requester(database: Database) -> None:
    forced = "UPDATE approvals.held_item SET state = 'approved', decided_by = requester WHERE id = :id"
    async with database.transaction() as session:
        item = await held(session)
    with pytest.raises(IntegrityError, match="held_item_not_by_requester"):
        await in_a_transaction(database, forced, id=item.id)


@pytest.mark.parametrize("caller", [REP, LEAD, ADMIN, person("audrey", Role.AUDITOR)])
async def test_only_an_officer_decides(database: Database, caller: Principal) -> None:
    async with database.transaction() as session:
        item = await held(session, requester=person("bob", Role.REP))
        for attempt in (
            approve(session, POLICY, caller, item.id, item.payload_hash),
            claim(session, POLICY, caller, item.id),
            undo(session, caller, item.id),
            release_claim(session, caller, item.id),
        ):
            with pytest.raises(NotAllowed):
                await attempt
        with pytest.raises(NotFound):
            await open_item(session, caller, item.id)


async def test_an_item_that_is_not_there_is_not_found(database: Database) -> None:
    async with database.transaction() as session:
        for attempt in (
            approve(session, POLICY, OFFICER, uuid.uuid4(), "0" * 64),
            claim(session, POLICY, OFFICER, uuid.uuid4()),
            open_item(session, OFFICER, uuid.uuid4()),
        ):
            with pytest.raises(NotFound):
                await attempt


async def test_a_decision_is_taken_once(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)
        await reject(session, POLICY, OFFICER, item.id, item.payload_hash, reason=RejectionReason.LEGAL)
        with pytest.raises(AlreadyDecided) as refused:
            await approve(session, POLICY, SECOND, item.id, item.payload_hash)
        told = {"state": "rejected", "role": "officer", "winner": officer_pseudonym(OFFICER.id)}
        assert refused.value.extra == told
        with pytest.raises(AlreadyDecided):
            await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
        assert (await get_item(session, OFFICER, item.id)).reason == "legal"


async def test_a_decision_for_another_text_is_refused(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)
        with pytest.raises(PayloadChanged):
            await approve(session, POLICY, OFFICER, item.id, answer("Something else.").digest())


async def test_a_payload_that_was_changed_in_the_database_is_neither_decided_nor_released(
    database: Database,
) -> None:
    change = (
        "UPDATE approvals.held_item SET payload = jsonb_set(payload, '{question}', '\"?\"') WHERE id = :id"
    )
    async with database.transaction() as session:
        item, decided = await held(session), await held(session)
        await approve(session, POLICY, OFFICER, decided.id, decided.payload_hash)
        await let_pass(session, 60)
    for changed in (item, decided):
        with pytest.raises(IntegrityError, match="held_item_keeps_its_payload"):
            await in_a_transaction(database, change, id=changed.id)
        async with database.transaction() as session:
            await untriggered(session, change, id=changed.id)
    async with database.transaction() as session:
        with pytest.raises(PayloadChanged):
            await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
        with pytest.raises(PayloadChanged):
            await take_effect(session, decided.id, decided.payload_hash)


async def test_a_claim_keeps_others_out_until_it_ends(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)
        await claim(session, POLICY, OFFICER, item.id)
        with pytest.raises(ClaimedByAnother):
            await claim(session, POLICY, SECOND, item.id)
        with pytest.raises(ClaimedByAnother):
            await approve(session, POLICY, SECOND, item.id, item.payload_hash)
        await let_pass(session, POLICY.review.claim_minutes * 60 + 1)
        await claim(session, POLICY, SECOND, item.id)
        with pytest.raises(ClaimedByAnother) as refused:
            await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
        assert refused.value.extra["winner"] == officer_pseudonym(SECOND.id)
        await release_claim(session, SECOND, item.id)
        await approve(session, POLICY, OFFICER, item.id, item.payload_hash)


async def test_giving_back_a_claim_of_another_changes_nothing(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)
        await claim(session, POLICY, OFFICER, item.id)
        assert (await release_claim(session, SECOND, item.id)).claimed_by == OFFICER.id


async def test_nothing_is_decided_after_the_deadline(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)
        await let_pass(session, 7 * 24 * 3600)
        with pytest.raises(DeadlinePassed):
            await approve(session, POLICY, OFFICER, item.id, item.payload_hash)


async def test_whoever_edits_does_not_release_it_alone_and_both_texts_are_kept(database: Database) -> None:
    words = "We are sorry, <PERSON_1>."
    async with database.transaction() as session:
        item = await held(session)
        edited = await edit(session, POLICY, OFFICER, item.id, item.payload_hash, words)
        assert (edited.state, edited.needed) == (ItemState.PENDING, 2)
        assert edited.current_hash != edited.payload_hash == item.payload_hash
        await have_read(session, edited)
        again = await approve(session, POLICY, OFFICER, item.id, edited.current_hash)
        assert again.state is ItemState.PENDING
        decided = await approve(session, POLICY, SECOND, item.id, edited.current_hash)
        assert (decided.state, decided.decided_by) == (ItemState.EDITED, SECOND.id)
        await let_pass(session, 60)
        assert await take_effect(session, item.id, item.payload_hash) is NoEffect.OTHER_TEXT
        effect = await take_effect(session, item.id, decided.current_hash)
        assert isinstance(effect, Effect)
        assert effect.payload.text == words
        assert effect.held == answer()
        [vote] = [vote for vote in await votes_on(session, item.id) if vote.diff]
    assert (vote.text_before, vote.text_after) == (answer().text, words)
    assert vote.diff == [list(change) for change in word_diff(answer().text, words)]


async def test_the_record_says_who_wrote_what_another_had_the_last_word_on(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)
        edited = await edit(session, POLICY, OFFICER, item.id, item.payload_hash, "Sorry.")
        await have_read(session, edited)
        await approve(session, POLICY, SECOND, item.id, edited.current_hash)
        alone = await held(session)
        await edit(session, ONE_IS_ENOUGH, OFFICER, alone.id, alone.payload_hash, "Sorry.")
        await have_read(session, unedited := await held(session))
        await approve(session, POLICY, OFFICER, unedited.id, unedited.current_hash)
        told = (
            await run_sql(
                session,
                "SELECT event, actor, detail->>'verdict', detail->>'editor' FROM gateway.audit_event"
                " WHERE event IN ('item.voted', 'item.edited', 'item.approved') ORDER BY at",
            )
        ).all()
    assert [tuple(row) for row in told] == [
        ("item.voted", OFFICER.id, "edit", None),
        ("item.edited", SECOND.id, "approve", OFFICER.id),
        ("item.edited", OFFICER.id, "edit", OFFICER.id),
        ("item.approved", OFFICER.id, "approve", None),
    ]


async def test_who_takes_an_edit_back_does_not_spare_the_second_officer(database: Database) -> None:
    """An item that was drawn for two officers, and then edited by the one who would release it alone."""
    both = POLICY.model_copy(update={"sampling": SamplingSettings(second=1.0)})
    async with database.transaction() as session:
        item = await hold(
            session,
            both,
            run=uuid.uuid4(),
            conversation=uuid.uuid4(),
            requester=REP,
            payload=answer(),
            weighing=risky(),
        )
        assert (item.tier, item.needed) == (Tier.NORMAL, 2)
        await have_read(session, item)
        await edit(session, POLICY, OFFICER, item.id, item.current_hash, "Another text.")
        undone = await undo(session, OFFICER, item.id)
        assert (undone.final_payload, undone.needed) == (None, 2)
        voted = await approve(session, POLICY, OFFICER, item.id, undone.current_hash)
        assert voted.state is ItemState.PENDING


async def test_a_policy_may_let_one_officer_release_an_edit(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)
        decided = await edit(session, ONE_IS_ENOUGH, OFFICER, item.id, item.payload_hash, "Sorry.")
        assert (decided.state, decided.decided_by) == (ItemState.EDITED, OFFICER.id)


async def test_a_false_alarm_is_released_as_it_is_and_kept_as_one(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)
        wanted = Decision(Verdict.FALSE_ALARM)
        decided = await decide(session, POLICY, OFFICER, item.id, item.payload_hash, wanted)
        assert decided.state is ItemState.APPROVED
        assert [vote.verdict for vote in await votes_on(session, item.id)] == [Verdict.FALSE_ALARM]
        await let_pass(session, 60)
        effect = await take_effect(session, item.id, item.payload_hash)
        assert isinstance(effect, Effect)
        assert effect.released


async def test_an_edit_that_changes_nothing_is_an_approval(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)
        decided = await edit(session, POLICY, OFFICER, item.id, item.payload_hash, answer().text)
        assert decided.state is ItemState.APPROVED


@pytest.mark.parametrize("words", ["", "  \n", "x" * 20_001])
async def test_an_edit_needs_a_text_of_reasonable_length(database: Database, words: str) -> None:
    async with database.transaction() as session:
        item = await held(session)
        with pytest.raises(BadInput):
            await edit(session, POLICY, OFFICER, item.id, item.payload_hash, words)


async def test_what_is_rejected_or_sent_back_is_not_released(database: Database) -> None:
    async with database.transaction() as session:
        rejected, returned = await held(session), await held(session)
        await reject(
            session, POLICY, OFFICER, rejected.id, rejected.payload_hash, reason=RejectionReason.WRONG_FACT
        )
        await send_back(
            session, POLICY, OFFICER, returned.id, returned.payload_hash, instruction="Ask for the invoice."
        )
        await let_pass(session, 60)
        for item, state in ((rejected, ItemState.REJECTED), (returned, ItemState.SENT_BACK)):
            effect = await take_effect(session, item.id, item.payload_hash)
            assert isinstance(effect, Effect)
            assert (effect.state, effect.released) == (state, False)


async def test_a_decision_can_be_undone_by_its_decider_within_the_window(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)
        decided = await edit(session, ONE_IS_ENOUGH, OFFICER, item.id, item.payload_hash, "Other words.")
        with pytest.raises(TooLateToUndo):
            await undo(session, SECOND, item.id)
        undone = await undo(session, OFFICER, item.id)
        assert (undone.state, undone.current_hash) == (ItemState.PENDING, item.payload_hash)
        await let_pass(session, 60)
        assert await take_effect(session, item.id, decided.current_hash) is NoEffect.PENDING
        await approve(session, POLICY, SECOND, item.id, item.payload_hash)
        with pytest.raises(TooLateToUndo):
            await undo(session, OFFICER, item.id)
        await let_pass(session, 60)
        with pytest.raises(TooLateToUndo):
            await undo(session, SECOND, item.id)


async def test_the_top_tier_needs_two_different_officers_for_one_text(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session, tier=Tier.TOP)
        first = await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
        again = await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
        assert first.state is again.state is ItemState.PENDING
        edited = await edit(session, POLICY, SECOND, item.id, item.payload_hash, "Shorter.")
        assert edited.state is ItemState.PENDING
        with pytest.raises(PayloadChanged):
            await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
        await have_read(session, edited)
        final = await approve(session, POLICY, OFFICER, item.id, edited.current_hash)
        assert (final.state, final.decided_by) == (ItemState.EDITED, OFFICER.id)


async def test_one_officer_can_reject_in_the_top_tier(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session, tier=Tier.TOP)
        await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
        done = await reject(
            session, POLICY, SECOND, item.id, item.payload_hash, reason=RejectionReason.PERSONAL_DATA
        )
        assert done.state is ItemState.REJECTED


async def test_a_first_vote_can_be_taken_back_while_the_second_is_awaited(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session, tier=Tier.TOP)
        await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
        await undo(session, OFFICER, item.id)
        assert (await approve(session, POLICY, SECOND, item.id, item.payload_hash)).state is ItemState.PENDING


@pytest.mark.parametrize("words", ["Short.", LONG])
@pytest.mark.parametrize("verdict", [Verdict.APPROVE, Verdict.FALSE_ALARM, Verdict.EDIT])
async def test_nobody_lets_out_what_they_have_not_opened(
    database: Database, verdict: Verdict, words: str
) -> None:
    wanted = Decision(verdict, text="Other." if verdict is Verdict.EDIT else None, confirmed=True)
    async with database.transaction() as session:
        item = await held(session, payload=answer(words), read=False)
        await open_item(session, SECOND, item.id)
        with pytest.raises(NotOpened, match="Open it first: you have not read this text"):
            await decide(session, POLICY, OFFICER, item.id, item.payload_hash, wanted)
        edited = await edit(
            session, POLICY, SECOND, item.id, item.payload_hash, "What SECOND wrote.", confirmed=True
        )
        with pytest.raises(NotOpened):
            await decide(session, POLICY, OFFICER, item.id, edited.current_hash, wanted)
        await open_item(session, OFFICER, item.id)
        done = await decide(session, POLICY, OFFICER, item.id, edited.current_hash, wanted)
        assert done.state is (ItemState.PENDING if verdict is Verdict.EDIT else ItemState.EDITED)


async def test_what_was_never_opened_can_be_rejected(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session, read=False)
        why = RejectionReason.TONE
        done = await reject(session, POLICY, OFFICER, item.id, item.payload_hash, reason=why)
        assert done.state is ItemState.REJECTED


async def test_a_hasty_decision_on_a_long_text_is_asked_for_once_more(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session, payload=answer(LONG))
        with pytest.raises(NeedsConfirmation) as refused:
            await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
        assert refused.value.extra["confirm"] is True
        await open_item(session, OFFICER, item.id)
        await let_pass(session, 2)
        with pytest.raises(NeedsConfirmation):
            await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
        await let_pass(session, 2)
        await approve(session, POLICY, OFFICER, item.id, item.payload_hash)


async def test_a_hasty_decision_goes_through_when_it_is_confirmed(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session, payload=answer(LONG))
        decided = await approve(session, POLICY, OFFICER, item.id, item.payload_hash, confirmed=True)
        assert decided.state is ItemState.APPROVED


async def test_the_audit_names_every_step_with_the_hash_and_no_text(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)
        await open_item(session, OFFICER, item.id)
        claimed = await claim(session, POLICY, OFFICER, item.id)
        await approve(session, POLICY, OFFICER, item.id, item.payload_hash, fence=claimed.fence)
        await let_pass(session, 60)
        await take_effect(session, item.id, item.payload_hash)
        await session.flush()
        rows = (
            await run_sql(
                session,
                "SELECT event, subject, detail::text AS detail FROM gateway.audit_event ORDER BY at",
            )
        ).all()
    assert [row.event for row in rows] == [
        "item.held",
        "item.opened",
        "item.claimed",
        "item.approved",
        "item.took_effect",
    ]
    assert {row.subject for row in rows} == {str(item.id)}
    assert all(item.payload_hash in row.detail and "refund 450" not in row.detail for row in rows)
