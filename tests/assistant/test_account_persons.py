"""The machine's owner says which accounts are one person, and that counts from the next request on."""

import asyncio
import json
import subprocess
import sys
import uuid
from contextlib import AsyncExitStack

import httpx
import pytest

from approvals import HeldItem, NoEffect, Tier, cancel, take_effect
from assistant.cli.exits import Exit
from gateway import Role, principal_of_account
from tests.approvals.queues import held, let_pass, open_item
from tests.assistant.stand import Stand, browser

IDP = ("--issuer", "https://login.example.com/")


async def _waiting(stand: Stand, requester: str, *readers: str, tier: Tier = Tier.NORMAL) -> HeldItem:
    """An item that these officers have read."""
    async with stand.database.transaction() as session:
        item = await held(session, requester=await principal_of_account(session, login=requester), tier=tier)
        for reader in readers:
            await open_item(session, await principal_of_account(session, login=reader), item.id)
    return item


async def _cancelled(stand: Stand, requester: str, item: HeldItem) -> None:
    """Nothing of this test is left in the queue that others look at."""
    async with stand.database.transaction() as session:
        await cancel(session, await principal_of_account(session, login=requester), item.id)


async def _approved(client: httpx.AsyncClient, item: HeldItem) -> httpx.Response:
    return await client.post(f"/api/v1/reviews/{item.id}/approve", json={"hash": item.current_hash})


async def _own(client: httpx.AsyncClient, item: HeldItem) -> bool:
    """Whether the queue says of an item that the officer asked for it."""
    [line] = [
        one for one in (await client.get("/api/v1/reviews")).json()["items"] if one["id"] == str(item.id)
    ]
    return bool(line["own"])


async def _same_as(stand: Stand, login: str) -> list[str]:
    listed = json.loads((await stand.cloister("account", "list", "--json")).stdout)
    [account] = [one for one in listed if one["login"] == login]
    return list(account["same_person"])


async def test_what_waits_is_no_longer_for_the_requesters_other_account(stand: Stand) -> None:
    rep, officer = await stand.account(), await stand.account(Role.OFFICER)
    item = await _waiting(stand, rep, officer)
    async with browser(stand, officer) as client:
        assert not await _own(client, item)
        said = await stand.cloister("account", "same", rep, officer.upper())
        assert said.stdout == f"{rep} and {officer} are one person now.\n", said.stderr
        assert await _own(client, item)
        for answer in (
            await client.post(f"/api/v1/reviews/{item.id}/claim"),
            await _approved(client, item),
        ):
            assert answer.status_code == 409
            assert "account" in answer.json()["detail"]
        many = {"items": [{"id": str(item.id), "hash": item.current_hash}], "verdict": "approve"}
        [refused] = (await client.post("/api/v1/reviews/bulk", json=many)).json()
        assert refused["problem"]["status"] == 409
    await _cancelled(stand, rep, item)


async def test_a_vote_of_the_requesters_other_account_is_shown_no_more(stand: Stand) -> None:
    rep, first, second = [await stand.account(role) for role in (Role.REP, Role.OFFICER, Role.OFFICER)]
    item = await _waiting(stand, rep, first, second, tier=Tier.TOP)
    async with browser(stand, first) as one:
        assert (await _approved(one, item)).json()["approvals"] == 1
    assert (await stand.cloister("account", "same", rep, first)).returncode == 0
    async with browser(stand, second) as other:
        listed = (await other.get("/api/v1/reviews")).json()["items"]
        assert [one["approvals"] for one in listed if one["id"] == str(item.id)] == [0]
        again = (await _approved(other, item)).json()
    assert (again["state"], again["approvals"], again["lapsed"]) == ("pending", 1, True)
    await _cancelled(stand, rep, item)


async def test_the_subject_of_an_identity_provider_makes_one_reviewer_of_two_accounts(stand: Stand) -> None:
    rep = await stand.account()
    first, second = await stand.account(Role.OFFICER), await stand.account(Role.OFFICER)
    item = await _waiting(stand, rep, first, second, tier=Tier.TOP)
    async with AsyncExitStack() as stack:
        one, other = [await stack.enter_async_context(browser(stand, login)) for login in (first, second)]
        assert (await _approved(one, item)).json()["state"] == "pending"
        for login in (first, second):
            said = await stand.cloister("account", "subject", login, *IDP, "--subject", f"o-{rep}")
            assert said.returncode == 0, said.stderr
        assert f"(one person with {first})" in said.stdout
        assert (await _approved(other, item)).status_code == 409
        wrong = await stand.cloister("account", "subject", second, *IDP, "--subject", f"o-{rep}", "--undo")
        assert wrong.stdout == f"{second} is no longer known by this subject.\n"
        assert (await _approved(other, item)).json()["state"] == "approved"
        assert (await stand.cloister("account", "same", first, second)).returncode == 0
    async with stand.database.transaction() as session:
        await let_pass(session, 60)
        assert await take_effect(session, item.id, item.current_hash) is NoEffect.DECIDER_LEFT
    await _cancelled(stand, rep, item)


@pytest.mark.parametrize("how", ["same", "subject"])
async def test_a_process_of_its_own_can_say_it_and_take_it_back(stand: Stand, how: str) -> None:
    """Nothing but the command makes its events known there, as this test's process has for all."""
    rep, officer = await stand.account(), await stand.account(Role.OFFICER)
    said = ["account", how, rep, *([officer] if how == "same" else [*IDP, "--subject", f"o-{rep}"])]
    for undo in ([], ["--undo"]):
        command = [sys.executable, "-m", "assistant", *said, *undo, "--data", str(stand.folder)]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert rep in done.stdout
    events = [row.event for row in await stand.events(rep)]
    assert events[-2:] == (
        ["account.joined", "account.parted"]
        if how == "same"
        else ["account.subject_known", "account.subject_forgotten"]
    )


async def test_the_list_names_every_other_account_of_a_person(stand: Stand) -> None:
    name = uuid.uuid4().hex[:12]
    mail, label = f"{name}@example.com", f"{name}+officer@example.com"
    for login in (mail, label):
        await stand.account(login=login)
    third, alone = await stand.account(), await stand.account()
    assert await _same_as(stand, mail) == [label]
    assert (await stand.cloister("account", "same", label, third)).returncode == 0
    assert await _same_as(stand, mail) == sorted([label, third])
    assert await _same_as(stand, third) == sorted([label, mail])
    assert await _same_as(stand, alone) == []
    lines = {line.split()[0]: line for line in (await stand.cloister("account", "list")).stdout.splitlines()}
    assert lines[third].endswith(f"(one person with {', '.join(sorted([label, mail]))})")
    assert "one person" not in lines[alone]


async def test_saying_it_twice_changes_nothing_and_says_so(stand: Stand) -> None:
    one, other = await stand.account(), await stand.account()
    subject = (*IDP, "--subject", f"s-{one}")
    for arguments, first, second in (
        (("same", one, other), "one person now", "said already"),
        (("same", other, one, "--undo"), "no longer said", "Nobody had said"),
        (("subject", one, *subject), "by this subject now", "was known by this subject already"),
        (("subject", one, *subject, "--undo"), "no longer known", "was not known"),
    ):
        for words in (first, second):
            done = await stand.cloister("account", *arguments)
            assert done.returncode == 0, done.stderr
            assert words in done.stdout
    made = ("account.joined", "account.parted", "account.subject_known", "account.subject_forgotten")
    events = [row.event for login in (one, other) for row in await stand.events(login)]
    assert {name: events.count(name) for name in made} == dict.fromkeys(made, 1)


async def test_taking_it_back_says_where_they_are_one_person_all_the_same(stand: Stand) -> None:
    one, third, other = [await stand.account() for _ in range(3)]
    for pair in ((one, other), (one, third), (third, other)):
        assert (await stand.cloister("account", "same", *pair)).returncode == 0
    done = await stand.cloister("account", "same", one, other, "--undo")
    assert done.returncode == Exit.FAILED
    assert "one person all the same" in done.stderr
    assert (await stand.cloister("account", "same", one, third, "--undo")).returncode == 0
    assert await _same_as(stand, one) == []


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("same", "{known}", "nobody@example.org"), Exit.REFUSED, "no account nobody@example.org"),
        (("same", "nobody@example.org", "{known}", "--undo"), Exit.REFUSED, "no account nobody@example.org"),
        (("same", "{known}", " {known} "), Exit.FAILED, "name two"),
        (("same", "{known}"), 2, "other"),
        (("subject", "nobody@example.org", *IDP, "--subject", "s"), Exit.REFUSED, "no account"),
        (("subject", "{known}", *IDP, "--subject", " "), Exit.FAILED, "1 to 255"),
        (("subject", "{known}", *IDP, "--subject", "s" * 256), Exit.FAILED, "1 to 255"),
        (("subject", "{known}", "--issuer", "ldap://x", "--subject", "s"), Exit.FAILED, "identity provider"),
        (("subject", "{known}", "--subject", "s"), 2, "--issuer"),
        (("subject", "{known}", *IDP), 2, "--subject"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, tuple) else None,
)
async def test_what_cannot_be_said_is_refused_and_changes_nothing(
    stand: Stand, arguments: tuple[str, ...], code: int, words: str
) -> None:
    known = await stand.account()
    done = await stand.cloister("account", *(one.format(known=known) for one in arguments))
    assert done.returncode == code
    assert words in done.stderr
    assert await _same_as(stand, known) == []
    assert [row.event for row in await stand.events(known)] == ["account.created"]
