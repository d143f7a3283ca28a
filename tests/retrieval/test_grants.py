"""Who may read whose identities in the clear."""

from collections.abc import Collection, Mapping

import pytest

from gateway import NotAllowed, Role

from .oracle import Oracle
from .stand import Running, Stand, principal


async def granted(
    running: Running, login: str, *entities: str, item: str | None = None, role: Role = Role.REP
) -> Mapping[str, Collection[str]]:
    """What the door would believe."""
    who = principal(login, role)
    answer = await running.client.grant(who, "conversation-1", entities=entities, item=item)
    grant = running.stand.web.verified_grant(answer.grant, issuers=["retrieval"])
    assert (grant.principal, grant.conversation) == (who.id, "conversation-1")
    assert 0 < grant.seconds <= 60
    assert grant.scope == (f"item:{item}" if item else "crm")
    return grant.fields


async def test_a_grant_holds_exactly_the_visible_records(running: Running, stand: Stand) -> None:
    oracle = Oracle(stand.crm_dsn)
    refs = [ref for ref in oracle.refs() if ref.startswith(("account:", "contact:"))]
    for person in oracle.people:
        fields = await granted(running, person.login, *refs)
        assert set(fields) == {ref for ref in refs if oracle.may_see(person, ref)}


async def test_fields_for_leads_are_granted_to_leads_alone(running: Running, stand: Stand) -> None:
    oracle = Oracle(stand.crm_dsn)
    for person in oracle.people:
        mine = [
            f"account:{key}" for key in oracle.rows["account"] if oracle.may_see(person, f"account:{key}")
        ]
        for names in (await granted(running, person.login, *mine)).values():
            assert ("iban" in names) is (person.role == "lead")
            assert {"name", "phone", "email"} <= set(names)


async def test_a_shared_value_is_granted_to_whoever_sees_one_of_its_records(
    running: Running, stand: Stand
) -> None:
    oracle = Oracle(stand.crm_dsn)
    refs = [f"account:{key}" for key in oracle.rows["account"]]
    person = next(one for one in oracle.people if 0 < sum(oracle.may_see(one, r) for r in refs) < len(refs))
    mine = next(ref for ref in refs if oracle.may_see(person, ref))
    foreign = [ref for ref in refs if not oracle.may_see(person, ref)]
    joined, others = f"{foreign[0]}|{mine}", f"{foreign[0]}|{foreign[1]}"
    assert set(await granted(running, person.login, joined, others)) == {joined, mine}


async def test_somebody_unknown_to_the_crm_is_granted_nothing(running: Running) -> None:
    assert await granted(running, "nobody@example.org", "account:1", "contact:1") == {}


async def test_an_officer_sees_all_of_a_held_item_and_nobody_else_does(
    running: Running, stand: Stand
) -> None:
    refs = ("contact:1", "contact:2|contact:3")
    fields = await granted(running, "officer@example.org", *refs, item="item-1", role=Role.OFFICER)
    assert set(fields) == {"contact:1", "contact:2", "contact:3", "contact:2|contact:3"}
    assert all(set(names) == {"*"} for names in fields.values())
    for role in (Role.REP, Role.LEAD, Role.AUDITOR, Role.ADMIN):
        with pytest.raises(NotAllowed):
            await granted(running, "someone@example.org", *refs, item="item-1", role=role)
    events = stand.appliance(
        "SELECT actor, conversation, detail->>'scope' FROM gateway.audit_event WHERE event = 'reveal.granted'"
    )
    assert events == [("id-of-officer@example.org", "conversation-1", "item:item-1")]
