"""One person is one person, whatever account they come with."""

import asyncio
import uuid

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from approvals import (
    AssignedToAnother,
    Decision,
    Effect,
    ItemState,
    Move,
    NoEffect,
    SamePerson,
    Tier,
    approve,
    claim,
    decide,
    forget_subject,
    is_same_person,
    join_accounts,
    know_person,
    next_item,
    part_accounts,
    persons,
    queue,
    reject,
    standing_approvals,
    take_effect,
)
from approvals import RejectionReason as Reason
from gateway import AuditRow, BadInput, Database, NotAllowed, Principal, Role

from .queues import (
    IDP,
    OFFICER,
    POLICY,
    REP,
    SECOND,
    held,
    in_a_transaction,
    known_by,
    let_pass,
    open_item,
    person,
    run_sql,
)

ASKS = person("mia@example.org", Role.REP)
DECIDES = person("mia+officer@example.org", Role.OFFICER)
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
        await known_by(session, REP, OFFICER, subject="248289761001")
        with pytest.raises(SamePerson):
            await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
        assert await next_item(session, OFFICER, item.id) is None
        opened = await open_item(session, OFFICER, item.id)
        recorded = await run_sql(session, "SELECT count(*) FROM approvals.opening")
        assert (opened.id, recorded.scalar_one()) == (item.id, 0)


async def test_the_same_subject_of_another_provider_is_somebody_else(database: Database) -> None:
    async with database.transaction() as session:
        await known_by(session, REP, subject="7", issuer="https://one.example")
        await known_by(session, OFFICER, subject="7", issuer="https://two.example")
        assert not await is_same_person(session, REP.id, OFFICER.id)


async def test_two_accounts_of_one_officer_are_one_of_two_reviewers(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session, tier=Tier.TOP)
        await known_by(session, OFFICER, SECOND)
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
        await known_by(session, REP, OFFICER, subject="a")
    for reviewer in (REP, OFFICER):
        with pytest.raises(IntegrityError, match="vote_not_by_requester"):
            await in_a_transaction(
                database, _VOTE, item=item.id, reviewer=reviewer.id, hash=item.payload_hash
            )
    async with database.transaction() as session:
        await known_by(session, SECOND, OTHER, subject="b")
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


async def test_a_vote_of_who_turns_out_to_have_asked_is_counted_no_more(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session, tier=Tier.TOP)
        await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
        assert [one.approvals for one in await queue(session, SECOND)] == [1]
        await join_accounts(session, OFFICER.id, REP.id, operator="root")
        assert [one.approvals for one in await queue(session, SECOND)] == [0]
        assert await standing_approvals(session, item.id) == 0


async def test_two_votes_of_who_turns_out_to_be_one_person_release_nothing(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session, tier=Tier.TOP)
        await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
    async with database.transaction() as session:
        await approve(session, POLICY, SECOND, item.id, item.payload_hash)
        await known_by(session, OFFICER, SECOND)
        await let_pass(session, 60)
        assert await take_effect(session, item.id, item.payload_hash) is NoEffect.DECIDER_LEFT
    async with database.transaction() as session:
        with pytest.raises(SamePerson):
            await approve(session, POLICY, SECOND, item.id, item.payload_hash)


async def test_who_is_one_person_with_an_account_is_so_with_all_that_it_is_one_person_with(
    database: Database,
) -> None:
    async with database.transaction() as session:
        await known_by(session, DECIDES, SECOND)
        await join_accounts(session, OTHER.id, SECOND.id, operator="root")
        item = await held(session, requester=ASKS)
        with pytest.raises(SamePerson):
            await approve(session, POLICY, OTHER, item.id, item.payload_hash)
        person = frozenset(one.id for one in (ASKS, DECIDES, SECOND, OTHER))
        known = await persons(session)
        assert [known[one] for one in person] == [person] * len(person)
    with pytest.raises(IntegrityError, match="vote_not_by_requester"):
        await in_a_transaction(database, _VOTE, item=item.id, reviewer=OTHER.id, hash=item.payload_hash)


async def test_of_a_waiting_item_the_requesters_second_account_has_nothing_more(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session, read=False)
        await claim(session, POLICY, OFFICER, item.id)
        assert [one.own for one in await queue(session, OFFICER)] == [False]
    async with database.transaction() as session:
        assert await join_accounts(session, OFFICER.id, REP.id, operator="root")
    async with database.transaction() as session:
        await open_item(session, OFFICER, item.id)
        opened = await run_sql(session, "SELECT count(*) FROM approvals.opening")
        assert opened.scalar_one() == 0
        assert [one.own for one in await queue(session, OFFICER)] == [True]
        assert await next_item(session, OFFICER, uuid.uuid4()) is None
        for attempt in (
            claim(session, POLICY, OFFICER, item.id, fence=1),
            approve(session, POLICY, OFFICER, item.id, item.payload_hash, fence=1),
        ):
            with pytest.raises(SamePerson):
                await attempt
        await let_pass(session, 601)
        assert await next_item(session, SECOND, uuid.uuid4()) == item.id


async def test_the_vote_of_an_account_that_is_the_requesters_does_not_count(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)
        await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
        await join_accounts(session, REP.id, OFFICER.id, operator="root")
        await let_pass(session, 60)
        assert await take_effect(session, item.id, item.payload_hash) is NoEffect.DECIDER_LEFT
        await approve(session, POLICY, SECOND, item.id, item.payload_hash)
        await let_pass(session, 60)
        effect = await take_effect(session, item.id, item.payload_hash)
        assert isinstance(effect, Effect)
        assert effect.decided_by == SECOND.id


_RELEASE = (
    "UPDATE approvals.held_item SET state = 'approved', decided_by = :by, decided_at = now(), "
    "effective_after = now() WHERE id = :item"
)
_TAKES_EFFECT = (
    "UPDATE approvals.held_item SET effect_at = now(), effective_after = now() - interval '1 minute' "
    "WHERE id = :item"
)


async def test_the_database_counts_persons_and_not_accounts(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session, tier=Tier.TOP)
    for reviewer in (OFFICER, SECOND):
        await in_a_transaction(database, _VOTE, item=item.id, reviewer=reviewer.id, hash=item.payload_hash)
    async with database.transaction() as session:
        await join_accounts(session, OFFICER.id, SECOND.id, operator="root")
    with pytest.raises(IntegrityError, match="held_item_enough_votes"):
        await in_a_transaction(database, _RELEASE, item=item.id, by=SECOND.id)
    async with database.transaction() as session:
        await part_accounts(session, OFFICER.id, SECOND.id, operator="root")
    await in_a_transaction(database, _RELEASE, item=item.id, by=SECOND.id)
    async with database.transaction() as session:
        await join_accounts(session, OFFICER.id, REP.id, operator="root")
    with pytest.raises(IntegrityError, match="held_item_enough_votes"):
        await in_a_transaction(database, _TAKES_EFFECT, item=item.id)


async def test_what_was_given_to_the_requesters_second_account_waits_for_all(database: Database) -> None:
    hand_on = Decision(Move.REASSIGN, to=SECOND.id)
    async with database.transaction() as session:
        item = await held(session)
        await decide(session, POLICY, OFFICER, item.id, item.payload_hash, hand_on)
        with pytest.raises(AssignedToAnother):
            await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
        await join_accounts(session, SECOND.id, REP.id, operator="root")
        done = await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
        assert done.state is ItemState.APPROVED


async def test_what_was_given_to_who_has_voted_through_another_account_waits_for_all(
    database: Database,
) -> None:
    hand_on = Decision(Move.REASSIGN, to=SECOND.id)
    async with database.transaction() as session:
        item = await held(session, tier=Tier.TOP)
        await approve(session, POLICY, OTHER, item.id, item.payload_hash)
        await decide(session, POLICY, OFFICER, item.id, item.payload_hash, hand_on)
        await join_accounts(session, SECOND.id, OTHER.id, operator="root")
        done = await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
        assert done.state is ItemState.APPROVED


async def test_what_was_said_of_two_accounts_can_be_taken_back_and_said_again(database: Database) -> None:
    async with database.transaction() as session:
        for _again in range(2):
            assert await join_accounts(session, OFFICER.id, SECOND.id, operator="root")
            assert not await join_accounts(session, SECOND.id, OFFICER.id, operator="root")
            assert await is_same_person(session, OFFICER.id, SECOND.id)
            assert await part_accounts(session, SECOND.id, OFFICER.id, operator="root")
            assert not await part_accounts(session, OFFICER.id, SECOND.id, operator="root")
            assert not await is_same_person(session, OFFICER.id, SECOND.id)


async def test_two_who_say_the_same_at_once_say_it_once(database: Database) -> None:
    async def said(one: str, other: str) -> bool:
        async with database.transaction() as session:
            return await join_accounts(session, one, other, operator="root")

    for _ in range(20):
        both = (said(OFFICER.id, SECOND.id), said(SECOND.id, OFFICER.id))
        assert sorted(await asyncio.gather(*both)) == [False, True]
        async with database.transaction() as session:
            assert await part_accounts(session, OFFICER.id, SECOND.id, operator="root")


async def test_a_wrong_subject_can_be_taken_back(database: Database) -> None:
    told: dict[str, str] = {"subject": "o", "issuer": IDP, "operator": "root"}
    async with database.transaction() as session:
        assert await know_person(session, OFFICER.id, **told)
        assert not await know_person(session, OFFICER.id, **told)
        assert await know_person(session, SECOND.id, **told)
        assert await forget_subject(session, SECOND.id, **told)
        assert not await forget_subject(session, SECOND.id, **told)
        assert not await is_same_person(session, OFFICER.id, SECOND.id)


@pytest.mark.parametrize("issuer", ["HTTPS://IDP.Example", "https://idp.example/", " https://idp.example "])
async def test_an_issuer_is_the_same_however_its_address_is_typed(database: Database, issuer: str) -> None:
    async with database.transaction() as session:
        await known_by(session, OFFICER, issuer="https://idp.example")
        await known_by(session, SECOND, issuer=issuer)
        assert await is_same_person(session, OFFICER.id, SECOND.id)


@pytest.mark.parametrize(
    ("subject", "issuer", "words"),
    [
        (" ", IDP, "1 to 255"),
        ("s" * 256, IDP, "1 to 255"),
        ("a\nb", IDP, "printable"),
        *(
            ("a", issuer, "address of an identity provider")
            for issuer in ("", "idp.example", "ftp://idp.example", "https://", "https://[", "https://a b")
        ),
        ("a", "https://idp.example?x=1", "address of an identity provider"),
    ],
)
async def test_what_can_be_no_subject_or_issuer_is_refused(
    database: Database, subject: str, issuer: str, words: str
) -> None:
    async with database.transaction() as session:
        with pytest.raises(BadInput, match=words):
            await known_by(session, OFFICER, subject=subject, issuer=issuer)
        assert OFFICER.id not in await persons(session)


async def test_what_is_said_of_who_is_one_person_is_recorded_without_content(database: Database) -> None:
    told: dict[str, str] = {"subject": "maria.curie", "issuer": IDP, "operator": "root"}
    async with database.transaction() as session:
        await know_person(session, SECOND.id, **told)
        for _twice in range(2):
            await know_person(session, OFFICER.id, **told)
            await join_accounts(session, OFFICER.id, SECOND.id, operator="root")
        await part_accounts(session, OFFICER.id, SECOND.id, operator="root")
        await forget_subject(session, OFFICER.id, **told)
    async with database.transaction() as session:
        rows = (await session.exec(select(AuditRow).where(AuditRow.subject == OFFICER.id))).all()
    assert sorted(row.event for row in rows) == [
        "account.joined",
        "account.parted",
        "account.subject_forgotten",
        "account.subject_known",
    ]
    for row in rows:
        assert (row.actor, row.roles) == ("operator", [])
        with_whom: dict[str, object] = (
            {"others": [SECOND.id]} if "subject" in row.event else {"other": SECOND.id}
        )
        assert row.detail == {"operator": "root", **with_whom}
