"""One person is one person, whatever account they come with."""

import pytest
from sqlalchemy.exc import IntegrityError

from approvals import (
    Decision,
    ItemState,
    Move,
    NoEffect,
    SamePerson,
    Tier,
    approve,
    claim,
    decide,
    is_same_person,
    know_person,
    next_item,
    reject,
    take_effect,
)
from approvals import RejectionReason as Reason
from gateway import BadInput, Database, NotAllowed, Principal, Role

from .queues import (
    OFFICER,
    POLICY,
    REP,
    SECOND,
    held,
    in_a_transaction,
    let_pass,
    open_item,
    person,
    run_sql,
)

ASKS = person("mia@example.org", Role.REP)
DECIDES = person("mia+officer@example.org", Role.OFFICER)
IDP = "https://idp.example"
OTHER = person("mia@example.com", Role.OFFICER)


async def test_the_label_of_a_mail_address_makes_no_other_person(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session, requester=ASKS)
        for attempt in (
            claim(session, POLICY, DECIDES, item.id),
            approve(session, POLICY, DECIDES, item.id, item.payload_hash),
            reject(session, POLICY, DECIDES, item.id, item.payload_hash, reason=Reason.TONE),
        ):
            with pytest.raises(SamePerson):
                await attempt
        assert await is_same_person(session, ASKS.id, DECIDES.id)
        assert not await is_same_person(session, ASKS.id, OTHER.id)
        assert (await approve(session, POLICY, OTHER, item.id, item.payload_hash)).state is ItemState.APPROVED


async def test_a_common_subject_makes_one_person(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session, read=False)
        for account in (REP, OFFICER):
            await know_person(session, account.id, subject="248289761001", issuer=IDP)
        with pytest.raises(SamePerson):
            await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
        assert await next_item(session, OFFICER, item.id) is None
        opened = await open_item(session, OFFICER, item.id)
        recorded = await run_sql(session, "SELECT count(*) FROM approvals.opening")
        assert (opened.id, recorded.scalar_one()) == (item.id, 0)


async def test_the_same_subject_of_another_provider_is_somebody_else(database: Database) -> None:
    async with database.transaction() as session:
        await know_person(session, REP.id, subject="7", issuer="https://one.example")
        await know_person(session, OFFICER.id, subject="7", issuer="https://two.example")
        assert not await is_same_person(session, REP.id, OFFICER.id)


async def test_two_accounts_of_one_officer_are_one_of_two_reviewers(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session, tier=Tier.TOP)
        for account in (OFFICER, SECOND):
            await know_person(session, account.id, subject="o", issuer=IDP)
        await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
        with pytest.raises(SamePerson):
            await approve(session, POLICY, SECOND, item.id, item.payload_hash)


_VOTE = (
    "INSERT INTO approvals.vote (id, item, reviewer, verdict, payload_hash) "
    "VALUES (gen_random_uuid(), :item, :reviewer, 'approve', :hash)"
)


async def test_the_database_itself_refuses_such_votes(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)
        for account in (REP, OFFICER):
            await know_person(session, account.id, subject="a", issuer=IDP)
    for reviewer in (REP, OFFICER):
        with pytest.raises(IntegrityError, match="vote_not_by_requester"):
            await in_a_transaction(
                database, _VOTE, item=item.id, reviewer=reviewer.id, hash=item.payload_hash
            )
    async with database.transaction() as session:
        await know_person(session, SECOND.id, subject="b", issuer=IDP)
        await know_person(session, OTHER.id, subject="b", issuer=IDP)
    await in_a_transaction(database, _VOTE, item=item.id, reviewer=SECOND.id, hash=item.payload_hash)
    with pytest.raises(IntegrityError, match="vote_one_a_person"):
        await in_a_transaction(database, _VOTE, item=item.id, reviewer=OTHER.id, hash=item.payload_hash)


async def test_nobody_decides_in_somebody_elses_name(database: Database) -> None:
    program = Principal(OFFICER.id, OFFICER.login, OFFICER.roles, OFFICER.name, by="service:bridge")
    async with database.transaction() as session:
        item = await held(session)
        with pytest.raises(NotAllowed):
            await approve(session, POLICY, program, item.id, item.payload_hash)


async def test_a_second_account_opens_nothing_though_it_was_never_here_before(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session, requester=ASKS, read=False)
        await open_item(session, DECIDES, item.id)
        opened = await run_sql(session, "SELECT count(*) FROM approvals.opening")
        recorded = await run_sql(
            session, "SELECT count(*) FROM gateway.audit_event WHERE event = 'item.opened'"
        )
        assert (opened.scalar_one(), recorded.scalar_one()) == (0, 0)


async def test_a_second_account_is_given_nothing_though_it_was_never_here_before(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session, requester=ASKS)
        hand_on = Decision(Move.REASSIGN, to=DECIDES.id)
        with pytest.raises(BadInput, match="own request"):
            await decide(session, POLICY, OFFICER, item.id, item.payload_hash, hand_on)


async def test_no_mail_address_of_anybody_is_kept_beside_the_accounts(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session, requester=ASKS)
        with pytest.raises(SamePerson):
            await approve(session, POLICY, DECIDES, item.id, item.payload_hash)
        await approve(session, POLICY, OTHER, item.id, item.payload_hash)
        kept = await run_sql(session, "SELECT count(*) FROM approvals.person_key")
        assert kept.scalar_one() == 0


async def test_a_login_that_became_the_requesters_address_makes_one_person(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session, requester=ASKS)
        changed = "UPDATE gateway.account SET login = ' MIA+x@Example.org ' WHERE id = CAST(:id AS uuid)"
        await run_sql(session, changed, id=OTHER.id)
        with pytest.raises(SamePerson):
            await approve(session, POLICY, OTHER, item.id, item.payload_hash)


async def test_two_votes_of_who_turns_out_to_be_one_person_release_nothing(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session, tier=Tier.TOP)
        await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
    async with database.transaction() as session:
        await approve(session, POLICY, SECOND, item.id, item.payload_hash)
        for account in (OFFICER, SECOND):
            await know_person(session, account.id, subject="o", issuer=IDP)
        await let_pass(session, 60)
        assert await take_effect(session, item.id, item.payload_hash) is NoEffect.DECIDER_LEFT
    async with database.transaction() as session:
        with pytest.raises(SamePerson):
            await approve(session, POLICY, SECOND, item.id, item.payload_hash)
