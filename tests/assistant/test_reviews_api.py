"""The review queue over HTTP, with a real door: what each person sees, and what is stored."""

import asyncio
import base64
import json
import os
import re
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from subprocess import CompletedProcess
from typing import Annotated, Any, Final, get_args

import httpx
import pytest
import yaml
from fastapi import FastAPI, Header
from sqlalchemy import QueuePool

from approvals import (
    ApprovalEvent,
    By,
    HeldItem,
    HeldPart,
    HeldSentence,
    HeldSource,
    NoEffect,
    Part,
    Payload,
    Policy,
    RejectionReason,
    RuleHit,
    Tier,
    Weighing,
    hold,
    join_accounts,
    load_policy,
    note_opened,
    officer_pseudonym,
    part_accounts,
    plan_of,
    sweep,
    take_effect,
)
from assistant.cli.exits import Exit
from assistant.cli.review import Reason, State
from assistant.conversations import start_conversation
from assistant.pages import ReviewState
from assistant.reviews import deciding_router, desk_router, filters_router, office_router, router
from assistant.reviews.outgoing import router as outgoing_router
from gateway import (
    Database,
    DatabaseSettings,
    DoorClient,
    DoorSettings,
    Envelope,
    KeeperSettings,
    ListenSettings,
    NotAllowed,
    PartUnavailable,
    Principal,
    PublishedIdentity,
    RevealGrant,
    Role,
    TextPart,
    Tokens,
    TrustSettings,
    create_account,
    create_door_app,
    create_http_client,
    install_error_handlers,
    issue_api_token,
    make_signing_key,
    open_keeper,
    principal_of_account,
    publish_identities,
    register_events,
)
from redaction import EntityType
from retrieval import RetrievalClient
from tests.approvals.queues import create_tables, in_a_transaction, let_pass, run_sql, settings_of
from tests.gateway.server import serving

from .commands import cloister

ANNA = "Anna Weidenbach"
DRAFT = "We will refund 450 EUR to <PERSON_1>. [1]"


@dataclass
class Caller:
    """Somebody with an account, and the client that speaks for them."""

    principal: Principal
    http: httpx.AsyncClient


@dataclass
class Office:
    """The web process's review routes, a real door behind them, and people."""

    database: Database
    policy: Policy
    door: DoorClient
    rep: Caller
    officer: Caller
    second: Caller
    both: Caller
    admin: Caller
    anonymous: httpx.AsyncClient
    granted_items: list[str | None]
    facts: list[str]

    async def item(
        self,
        requester: Caller | None = None,
        *,
        draft: str = DRAFT,
        tier: Tier = Tier.NORMAL,
        read: bool = True,
        also: Sequence[RuleHit] = (),
    ) -> HeldItem:
        """A held answer about Anna, whom the rep's question named; which officers have opened."""
        asker = (requester or self.rep).principal
        conversation = uuid.uuid4()
        question = TextPart("q", f"How much may I refund to {ANNA}?")
        redacted = await self.door.redact(asker, conversation, [question], purpose="question")
        payload = Payload(
            question=redacted.parts[0].text,
            sentences=(HeldSentence("The order was late. [1]", (1,)), HeldSentence(draft, (1,))),
            sources=(HeldSource(1, "case:1#0", "case:1", "Case of <PERSON_1>", "<PERSON_1> waits."),),
            prompt=(
                HeldPart(Part.INSTRUCTIONS, "Answer from the sources."),
                HeldPart(Part.QUESTION, "Who is <PERSON_1>?"),
                HeldPart(Part.ANSWER, "<PERSON_1> is a customer."),
                HeldPart(Part.SOURCE, "[1] Case of <PERSON_1>\n<PERSON_1> waits."),
                HeldPart(Part.QUESTION, f"Question: {redacted.parts[0].text}"),
            ),
        )
        hits = (
            RuleHit("refund_or_credit_above_limit", tier, "Above the limit.", 15, 22, 1),
            RuleHit("refund_or_credit_above_limit", tier, "Above the limit.", 0, 8, None),
            *also,
        )
        async with self.database.transaction() as session:
            item = await hold(
                session,
                self.policy,
                run=uuid.uuid4(),
                conversation=conversation,
                requester=asker,
                payload=payload,
                weighing=Weighing(hits),
                customer="account:12",
            )
            for one in (self.officer, self.second, self.both) if read else ():
                await note_opened(session, one.principal, item)
            return item

    async def stored(self, item: HeldItem) -> str:
        """Everything the approvals schema and the audit log hold, as text."""
        async with self.database.transaction() as session:
            statement = (
                "SELECT coalesce(string_agg(t, ' '), '') FROM ("
                "SELECT held_item::text AS t FROM approvals.held_item UNION ALL "
                "SELECT vote::text FROM approvals.vote UNION ALL "
                "SELECT audit_event::text FROM gateway.audit_event) AS everything"
            )
            assert item.id
            return str((await run_sql(session, statement)).scalar_one())


def records(tokens: Tokens, granted_items: list[str | None], facts: list[str]) -> FastAPI:
    """A retrieval process whose only record is Anna's, which officers see for an item and the rep always.

    Without `facts` it does not say which there are, because it is away.
    """
    app = FastAPI()
    install_error_handlers(app)

    @app.post("/v1/grants")
    async def grants(asked: dict[str, Any], authorization: Annotated[str, Header()]) -> dict[str, Any]:
        principal = tokens.principal(authorization.removeprefix("Bearer "), audience="retrieval")
        granted_items.append(asked["item"])
        if asked["item"] and not principal.has(Role.OFFICER):
            raise NotAllowed("This needs the role officer.")
        sees = asked["item"] is not None or principal.has(Role.REP)
        fields = {entity: ["*"] for entity in asked["entities"] if sees}
        grant = RevealGrant(principal.id, asked["conversation"], fields)
        return {"grant": tokens.reveal_grant(grant), "seconds": 60}

    @app.get("/v1/facts")
    async def labels() -> dict[str, list[str]]:
        if not facts:
            raise PartUnavailable("record search", "It is away.")
        return {"labels": facts}

    @app.post("/v1/visible")
    async def visible(asked: dict[str, list[str]], authorization: Annotated[str, Header()]) -> dict[str, Any]:
        principal = tokens.principal(authorization.removeprefix("Bearer "), audience="retrieval")
        return {"entities": [one for one in asked["entities"] if one == "case:1" and principal.has(Role.REP)]}

    return app


@pytest.fixture(scope="session")
def office_trust(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TrustSettings]:
    folder = tmp_path_factory.mktemp("office-keys")
    names = ("web", "retrieval", "door")
    for name in names:
        make_signing_key(folder / f"{name}.jwk", folder / f"{name}.pub")
    trusted = {name: folder / f"{name}.pub" for name in names}
    return {
        name: TrustSettings(issuer=name, key_file=folder / f"{name}.jwk", trusted=trusted) for name in names
    }


async def _account(database: Database, login: str, *roles: Role) -> tuple[Principal, str]:
    async with database.transaction() as session:
        account = await create_account(
            session, login=f"{login}@example.test", name=login.title(), roles=roles, password=None
        )
        token = await issue_api_token(session, str(account.id), label="test")
        return await principal_of_account(session, account_id=str(account.id)), token.secret


async def _disable(database: Database, leaver: Principal) -> None:
    gone = "UPDATE gateway.account SET disabled = true WHERE id = CAST(:id AS uuid)"
    await in_a_transaction(database, gone, id=leaver.id)


@pytest.fixture(scope="session")
async def office(
    new_database: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
    office_trust: dict[str, TrustSettings],
) -> AsyncIterator[Office]:
    register_events(ApprovalEvent)
    folder: Path = tmp_path_factory.mktemp("office")
    dsn = new_database()
    create_tables(dsn)
    settings = settings_of(dsn, folder)
    (folder / "keyring").write_text(base64.b64encode(os.urandom(32)).decode())
    keeper = KeeperSettings(keyring_file=folder / "keyring")
    database = Database(settings)
    async with database.transaction() as session:
        anna = PublishedIdentity(ANNA, EntityType.PERSON, "contact:1", "name")
        await publish_identities(session, Envelope(open_keeper(keeper)), [anna])
    granted_items: list[str | None] = []
    facts = ["Region", "Status"]
    async with (
        serving(create_door_app(_door_settings(settings, keeper, office_trust["door"]))) as door_url,
        serving(records(Tokens(office_trust["retrieval"]), granted_items, facts)) as records_url,
        create_http_client(door_url, read_timeout=30) as door_http,
        create_http_client(records_url) as records_http,
    ):
        await _until_ready(door_http)
        tokens = Tokens(office_trust["web"])
        door = DoorClient(door_http, tokens)
        policy = load_policy()
        app = _web(database, policy, door, RetrievalClient(records_http, tokens))
        async with serving(app) as address:
            people = {
                name: await _account(database, name, *roles)
                for name, roles in {
                    "rep": (Role.REP,),
                    "officer": (Role.OFFICER,),
                    "second": (Role.OFFICER,),
                    "both": (Role.OFFICER, Role.REP),
                    "admin": (Role.ADMIN,),
                }.items()
            }
            callers = {
                name: Caller(principal, _client(address, token))
                for name, (principal, token) in people.items()
            }
            async with httpx.AsyncClient(base_url=address, trust_env=False) as anonymous:
                yield Office(
                    database,
                    policy,
                    door,
                    anonymous=anonymous,
                    granted_items=granted_items,
                    facts=facts,
                    **callers,
                )
            for caller in callers.values():
                await caller.http.aclose()
    await database.close()


def _door_settings(database: DatabaseSettings, keeper: KeeperSettings, trust: TrustSettings) -> DoorSettings:
    told = {"database": database, "trust": trust, "keeper": keeper, "listen": ListenSettings(port=1)}
    return DoorSettings.model_validate({**told, "names": {"enabled": False}})  # the CRM knows everybody here


def _client(address: str, token: str) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.AsyncClient(base_url=address, headers=headers, trust_env=False, timeout=30)


async def _until_ready(http: httpx.AsyncClient) -> None:
    for _ in range(600):
        if (await http.get("/readyz")).status_code == 200:
            return
        await asyncio.sleep(0.1)
    raise AssertionError((await http.get("/readyz")).text)


def _web(database: Database, policy: Policy, door: DoorClient, retrieval: RetrievalClient) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        yield {"database": database, "policy": policy, "door": door, "retrieval": retrieval}

    app = FastAPI(lifespan=lifespan)
    for one in (filters_router, office_router, router, deciding_router, desk_router, outgoing_router):
        app.include_router(one)
    install_error_handlers(app)
    return app


def path(item: HeldItem, verb: str = "") -> str:
    return f"/api/v1/reviews/{item.id}" + (f"/{verb}" if verb else "")


async def test_an_item_with_more_texts_than_the_door_takes_at_once_is_shown(office: Office) -> None:
    item = await office.item(draft=" ".join(f"Note {number} for <PERSON_1>." for number in range(600)))
    read = await office.officer.http.get(path(item))
    assert read.status_code == 200, read.text
    assert f"Note 599 for {ANNA}." in read.json()["draft"]


async def test_nobody_without_a_sign_in_gets_in(office: Office) -> None:
    item = await office.item()
    for verb in (
        *("claim", "release", "approve", "false-alarm", "edit", "reject", "send-back", "undo", "cancel"),
        *("reassign", "escalate", "ask", "answer"),
    ):
        assert (await office.anonymous.post(path(item, verb), json={})).status_code == 401
    listed = ("", "/badge", "/notices", "/queues", "/filters")
    of_item = [path(item), *(path(item, verb) for verb in ("status", "standing", "colleagues"))]
    for address in (*(f"/api/v1/reviews{one}" for one in listed), *of_item):
        assert (await office.anonymous.get(address)).status_code == 401


@pytest.mark.parametrize("who", ["rep", "admin"])
async def test_whoever_is_no_officer_sees_neither_queue_nor_draft(office: Office, who: str) -> None:
    caller: Caller = getattr(office, who)
    item = await office.item()
    assert (await caller.http.get("/api/v1/reviews")).status_code == 403
    assert (await caller.http.get("/api/v1/reviews/badge")).status_code == 403
    refused = await caller.http.get(path(item))
    assert refused.status_code == 404
    assert "refund" not in refused.text
    body = {"hash": item.payload_hash}
    assert (await caller.http.post(path(item, "approve"), json=body)).status_code == 403


async def test_the_list_has_no_identity_and_no_text(office: Office) -> None:
    item = await office.item()
    answer = await office.officer.http.get("/api/v1/reviews?state=pending")
    assert answer.status_code == 200
    (line,) = [one for one in answer.json()["items"] if one["id"] == str(item.id)]
    assert line["rep"].startswith("rep-")
    assert line["customer"] == "account:12"
    assert line["rules"][0]["title"] == "Refund or credit above the limit"
    for secret in (ANNA, "450 EUR", office.rep.principal.id, office.rep.principal.name + '"'):
        assert secret not in answer.text
    assert answer.json()["counts"]["pending"] >= 1


async def test_an_officer_reads_what_was_asked_what_the_model_saw_and_what_will_be_shown(
    office: Office,
) -> None:
    item = await office.item()
    opened = (await office.officer.http.get(path(item))).json()
    assert opened["asked"] == f"How much may I refund to {ANNA}?"
    assert opened["saw_question"] == "How much may I refund to <PERSON_1>?"
    assert opened["saw_draft"] == f"The order was late. [1] {DRAFT}"
    assert [(part["part"], part["text"]) for part in opened["saw"]] == [
        ("instructions", "Answer from the sources."),
        ("question", "Who is <PERSON_1>?"),
        ("answer", "<PERSON_1> is a customer."),
        ("source", "[1] Case of <PERSON_1>\n<PERSON_1> waits."),
        ("question", "Question: How much may I refund to <PERSON_1>?"),
    ]
    assert [mark["kind"] for mark in opened["saw"][-1]["highlights"]] == ["identity"]
    assert opened["thread"] == [["rep", f"Who is {ANNA}?"], ["assistant", f"{ANNA} is a customer."]]
    assert opened["shown"] == f"The order was late. [1] We will refund 450 EUR to {ANNA}. [1]"
    assert opened["sources"]["passages"][0]["title"] == f"Case of {ANNA}"
    assert opened["line"]["rep"] == "Rep"
    assert opened["hash"] == item.payload_hash
    marked = {
        reading: [
            (opened[reading][mark["start"] : mark["end"]], mark["kind"])
            for mark in opened["highlights"][reading]
        ]
        for reading in ("asked", "saw_question", "saw_draft", "shown")
    }
    assert marked == {
        "asked": [("How much", "rule"), (ANNA, "identity")],
        "saw_question": [("How much", "rule"), ("<PERSON_1>", "identity")],
        "saw_draft": [("450 EUR", "rule"), ("<PERSON_1>", "identity")],
        "shown": [("450 EUR", "rule"), (ANNA, "identity")],
    }
    assert office.granted_items[-1] == str(item.id)


async def test_opening_is_recorded_before_identities_are_shown(office: Office) -> None:
    item = await office.item(read=False)
    await office.officer.http.get(path(item))
    async with office.database.transaction() as session:
        rows = await run_sql(
            session,
            "SELECT actor FROM gateway.audit_event WHERE event = 'item.opened' AND subject = :item",
            item=str(item.id),
        )
        assert rows.scalars().all() == [office.officer.principal.id]


async def test_nobody_reads_the_held_answer_to_their_own_question(office: Office) -> None:
    item = await office.item(office.both)
    answer = await office.both.http.get(path(item))
    assert answer.status_code == 200
    assert (answer.json()["line"]["own"], answer.json()["barred"]) == (True, "own")
    assert answer.json()["asked"] == f"How much may I refund to {ANNA}?"
    assert "450 EUR" not in answer.text
    refused = await office.both.http.post(path(item, "approve"), json={"hash": item.payload_hash})
    assert refused.status_code == 409


async def test_nobody_reads_it_through_a_second_account_either(office: Office) -> None:
    """The same mail address with a label, as an officer's account that was never used before."""
    item = await office.item()
    principal, token = await _account(office.database, "rep+reviews", Role.OFFICER)
    del office.granted_items[:]
    async with _client(str(office.officer.http.base_url), token) as http:
        listed = (await http.get("/api/v1/reviews")).json()["items"]
        (line,) = [one for one in listed if one["id"] == str(item.id)]
        assert (line["own"], line["bulk"]) == (True, False)
        opened = (await http.get(path(item))).json()
        assert (opened["line"]["own"], opened["draft"], opened["shown"]) == (True, "", "")
        assert opened["barred"] == "other_account"
        assert office.granted_items == [None], "no right of the role for an own item"
        refused = await http.post(path(item, "approve"), json={"hash": item.payload_hash})
        assert refused.status_code == 409
    async with office.database.transaction() as session:
        seen = await run_sql(
            session,
            "SELECT count(*) FROM gateway.audit_event WHERE event = 'item.opened' AND actor = :who",
            who=principal.id,
        )
        assert seen.scalar_one() == 0


async def test_an_approval_can_be_undone_and_taken_by_another(office: Office) -> None:
    item = await office.item()
    body = {"hash": item.payload_hash}
    done = (await office.officer.http.post(path(item, "approve"), json=body)).json()
    assert (done["state"], done["position"]) == ("approved", None)
    late = await office.second.http.post(path(item, "approve"), json=body)
    assert late.status_code == 409
    told = late.json()
    assert (told["state"], told["role"]) == ("approved", "officer")
    assert told["winner"] == officer_pseudonym(office.officer.principal.id)
    undone = (await office.officer.http.post(path(item, "undo"))).json()
    assert undone["state"] == "pending"
    done = (await office.second.http.post(path(item, "approve"), json=body)).json()
    assert done["state"] == "approved"
    history = (await office.officer.http.get(path(item))).json()["history"]
    assert [(one["what"], one["of"], one["who"], one["undone"]) for one in history] == [
        ("approve", "", "Officer", True),
        ("taken_back", "approve", "Officer", False),
        ("approve", "", "Second", False),
    ]
    assert [one["at"] for one in history] == sorted(one["at"] for one in history)


async def test_a_first_vote_of_two_is_told_to_everybody_and_to_who_gave_it(office: Office) -> None:
    item = await office.item(tier=Tier.TOP)
    body = {"hash": item.current_hash, "confirmed": True}
    await office.officer.http.post(path(item, "approve"), json=body)
    for caller, voted in ((office.officer, True), (office.second, False)):
        listed = (await caller.http.get("/api/v1/reviews")).json()["items"]
        opened = (await caller.http.get(path(item))).json()
        [line] = [one for one in listed if one["id"] == str(item.id)]
        for told in (line, opened["line"]):
            assert (told["approvals"], told["reviewers"], told["voted"]) == (1, 2, voted)
        assert opened["may_undo"] is voted
    other = await office.item()
    assert (await office.officer.http.get(path(other))).json()["next"] != str(item.id)


async def test_an_edit_is_redacted_before_it_is_stored(office: Office) -> None:
    item = await office.item()
    body = {
        "hash": item.payload_hash,
        "text": f"Dear {ANNA}, we will refund 90 EUR. [1] <PERSON_7>",
        "note": f"{ANNA} was promised less.",
    }
    done = await office.officer.http.post(path(item, "edit"), json=body)
    assert done.status_code == 200, done.text
    assert (done.json()["state"], done.json()["needed"]) == ("pending", 2)
    assert done.json()["hash"] != item.payload_hash
    unread = await office.second.http.post(path(item, "approve"), json={"hash": done.json()["hash"]})
    assert (unread.status_code, unread.json()["unread"]) == (409, True)
    await office.second.http.get(path(item))
    agreed = await office.second.http.post(path(item, "approve"), json={"hash": done.json()["hash"]})
    assert agreed.json()["state"] == "edited"
    stored = await office.stored(item)
    assert ANNA not in stored
    assert "Weidenbach" not in stored
    assert "Dear <PERSON_1>, we will refund 90 EUR." in stored
    opened = (await office.second.http.get(path(item))).json()
    assert opened["shown"].startswith(f"Dear {ANNA}, we will refund 90 EUR. [1]")
    assert opened["draft"] == f"The order was late. [1] We will refund 450 EUR to {ANNA}. [1]"
    assert [one["text"] for one in opened["history"] if one["text"]] == [f"{ANNA} was promised less."]
    changes = next(one["diff"] for one in opened["history"] if one["diff"])
    assert "".join(text for kind, text in changes if kind != "removed") == opened["shown"]
    assert "".join(text for kind, text in changes if kind != "added") == opened["draft"]


async def test_an_edit_that_was_not_changed_is_an_approval(office: Office) -> None:
    item = await office.item()
    shown = (await office.officer.http.get(path(item))).json()["shown"]
    body = {"hash": item.payload_hash, "text": shown}
    done = await office.officer.http.post(path(item, "edit"), json=body)
    assert done.json()["state"] == "approved"


async def test_a_rejection_needs_a_known_reason(office: Office) -> None:
    item = await office.item()
    bad = {"hash": item.payload_hash, "reason": "because"}
    assert (await office.officer.http.post(path(item, "reject"), json=bad)).status_code == 400
    good = {"hash": item.payload_hash, "reason": "wrong_fact", "note": f"Ask {ANNA}."}
    assert (await office.officer.http.post(path(item, "reject"), json=good)).json()["state"] == "rejected"
    assert "Weidenbach" not in await office.stored(item)


async def test_sending_back_needs_an_instruction(office: Office) -> None:
    item = await office.item()
    body = {"hash": item.payload_hash}
    assert (await office.officer.http.post(path(item, "send-back"), json=body)).status_code == 400
    done = await office.officer.http.post(
        path(item, "send-back"), json={**body, "note": "Ask for the order."}
    )
    assert done.json()["state"] == "sent_back"


@pytest.mark.parametrize("given", ["", "x", "0" * 63, "G" * 64])
async def test_a_hash_that_is_none_is_bad_input(office: Office, given: str) -> None:
    item = await office.item()
    assert (await office.officer.http.post(path(item, "approve"), json={"hash": given})).status_code == 400


async def test_another_text_than_the_one_held_is_a_conflict(office: Office) -> None:
    item = await office.item()
    answer = await office.officer.http.post(path(item, "approve"), json={"hash": "0" * 64})
    assert answer.status_code == 409


async def test_what_was_only_listed_is_not_approved(office: Office) -> None:
    items = [await office.item(read=False), await office.item(read=False)]
    item = items[0]
    lines = (await office.officer.http.get("/api/v1/reviews")).json()["items"]
    assert [one["read"] for one in lines if one["id"] == str(item.id)] == [False]
    body = {"hash": item.payload_hash, "confirmed": True}
    refused = await office.officer.http.post(path(item, "approve"), json=body)
    assert refused.status_code == 409
    assert refused.json()["detail"] == "Open it first: you have not read this text."
    pairs = [{"id": str(one.id), "hash": one.payload_hash} for one in items]
    await office.officer.http.get(path(item))
    lines = (await office.officer.http.get("/api/v1/reviews")).json()["items"]
    assert [one["read"] for one in lines if one["id"] == str(item.id)] == [True]
    wanted = {"items": pairs, "verdict": "approve"}
    rows = (await office.officer.http.post("/api/v1/reviews/bulk", json=wanted)).json()
    assert [row["state"] for row in rows] == ["approved", None]
    assert rows[1]["problem"]["unread"] is True


async def test_nothing_is_written_while_the_parts_are_asked(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction that has written keeps everybody's events from being sealed."""
    item = await office.item(read=False)
    restore, writing = DoorClient.restore, []

    async def slow(self: DoorClient, *arguments: Any, **named: Any) -> Any:
        async with office.database.transaction() as session:
            others = await run_sql(
                session, "SELECT count(*) FROM pg_stat_activity WHERE backend_xid IS NOT NULL"
            )
            writing.append(others.scalar_one())
        return await restore(self, *arguments, **named)

    monkeypatch.setattr(DoorClient, "restore", slow)
    assert (await office.officer.http.get(path(item))).status_code == 200
    assert writing
    assert set(writing) == {0}


async def test_a_hasty_decision_on_a_long_text_asks_to_confirm(office: Office) -> None:
    item = await office.item(draft="A long sentence about <PERSON_1> and the order. " * 20)
    await office.officer.http.get(path(item))
    body = {"hash": item.payload_hash}
    hasty = await office.officer.http.post(path(item, "approve"), json=body)
    assert hasty.status_code == 409
    assert hasty.json()["confirm"] is True
    done = await office.officer.http.post(path(item, "approve"), json={**body, "confirmed": True})
    assert done.json()["state"] == "approved"


async def test_the_requester_sees_the_waiting_and_can_cancel(office: Office) -> None:
    item = await office.item()
    await office.officer.http.get("/api/v1/reviews")
    status = (await office.rep.http.get(path(item, "status"))).json()
    assert status["state"] == "pending"
    assert status["position"] >= 1
    assert status["officers_on_duty"] >= 1
    assert (await office.officer.http.post(path(item, "cancel"))).status_code == 404
    assert (await office.rep.http.post(path(item, "cancel"))).json()["state"] == "cancelled"


async def test_a_claim_is_shown_and_given_back(office: Office) -> None:
    item = await office.item()
    assert (await office.officer.http.post(path(item, "claim"))).status_code == 200
    mine = (await office.officer.http.get("/api/v1/reviews?state=mine")).json()["items"]
    assert str(item.id) in {line["id"] for line in mine}
    assert (await office.second.http.post(path(item, "claim"))).status_code == 409
    await office.officer.http.post(path(item, "release"))
    assert (await office.second.http.post(path(item, "claim"))).status_code == 200


async def test_a_released_answer_can_be_read_by_the_officer_who_asked(office: Office) -> None:
    item = await office.item(office.both)
    await office.officer.http.post(path(item, "approve"), json={"hash": item.payload_hash})
    assert "450 EUR" not in (await office.both.http.get(path(item))).text
    async with office.database.transaction() as session:
        await let_pass(session, 60)
        await run_sql(session, "UPDATE approvals.held_item SET effect_at = now() WHERE id = :id", id=item.id)
    assert "450 EUR" in (await office.both.http.get(path(item))).text


async def test_a_decision_names_the_fence_of_the_claim(office: Office) -> None:
    item = await office.item()
    first = (await office.officer.http.post(path(item, "claim"))).json()["fence"]
    opened = (await office.officer.http.get(path(item))).json()
    assert opened["fence"] == first
    assert (await office.second.http.get(path(item))).json()["fence"] is None
    newer = (await office.officer.http.post(path(item, "claim"))).json()["fence"]
    for fence in (first, None):
        body = {"hash": item.payload_hash, "fence": fence}
        refused = await office.officer.http.post(path(item, "approve"), json=body)
        assert refused.status_code == 409
    kept = await office.officer.http.post(path(item, "claim"), json={"fence": newer})
    assert kept.json()["fence"] == newer
    body = {"hash": item.payload_hash, "fence": newer}
    assert (await office.officer.http.post(path(item, "approve"), json=body)).json()["state"] == "approved"


async def test_an_officer_asks_and_the_rep_answers(office: Office) -> None:
    item = await office.item()
    body = {"hash": item.payload_hash, "note": f"Does {ANNA} know?"}
    assert (await office.officer.http.post(path(item, "ask"), json=body)).status_code == 200
    assert (await office.rep.http.get(path(item, "status"))).json()["asked"] is True
    [asked] = (await office.rep.http.get(path(item, "questions"))).json()
    assert (asked["own"], asked["text"]) == (False, f"Does {ANNA} know?")
    for other in (office.officer, office.admin, office.both):
        assert (await other.http.get(path(item, "questions"))).status_code == 404
    (notice,) = [
        one
        for one in (await office.rep.http.get("/api/v1/reviews/notices")).json()
        if one["item"] == str(item.id)
    ]
    assert notice["event"] == "asked"
    assert (await office.officer.http.post(path(item, "answer"), json={"text": "Yes."})).status_code == 404
    said = await office.rep.http.post(path(item, "answer"), json={"text": f"{ANNA} knows."})
    assert said.status_code == 200, said.text
    assert "Weidenbach" not in await office.stored(item)
    opened = (await office.officer.http.get(path(item))).json()
    assert [(one["what"], one["text"]) for one in opened["history"]] == [
        ("question", f"Does {ANNA} know?"),
        ("answer", f"{ANNA} knows."),
    ]
    assert opened["remarks"] == (await office.officer.http.get(path(item, "standing"))).json()["remarks"]
    seen = await office.rep.http.post("/api/v1/reviews/notices/seen", json={"ids": [notice["id"]]})
    assert seen.json() == {"seen": 1}


async def test_the_rep_says_that_the_customer_waits_and_takes_it_back(office: Office) -> None:
    item = await office.item()
    wanted = "/api/v1/reviews?waiting=yes"
    assert (await office.rep.http.get(path(item, "status"))).json()["customer_waits"] is False
    said = await office.rep.http.put(path(item, "customer-waits"), json={"waits": True})
    assert (said.status_code, said.json()["customer_waits"]) == (200, True), said.text
    for other in (office.officer, office.admin, office.both):
        assert (await other.http.put(path(item, "customer-waits"), json={"waits": False})).status_code == 404
    lines = (await office.officer.http.get(wanted)).json()["items"]
    assert [one["id"] for one in lines if one["customer_waits_since"]] == [str(item.id)]
    assert (await office.officer.http.get(path(item))).json()["line"]["customer_waits_since"]
    assert (await office.officer.http.get(path(item, "standing"))).json()["customer_waits_since"]
    told = (await office.officer.http.get("/api/v1/reviews/notices")).json()
    assert [one["event"] for one in told if one["item"] == str(item.id)] == ["customer_waits"]
    await office.rep.http.put(path(item, "customer-waits"), json={"waits": False})
    assert (await office.officer.http.get(wanted)).json()["items"] == []
    assert (await office.rep.http.put(path(item, "customer-waits"), json={})).status_code in (400, 422)


async def test_an_item_is_handed_to_a_colleague_by_login(office: Office) -> None:
    item = await office.item()
    body = {"hash": item.payload_hash, "to": office.second.principal.login}
    assert (await office.officer.http.post(path(item, "reassign"), json=body)).status_code == 200
    refused = await office.officer.http.post(path(item, "approve"), json={"hash": item.payload_hash})
    assert refused.status_code == 409
    unknown = {"hash": item.payload_hash, "to": "nobody@example.org"}
    assert (await office.second.http.post(path(item, "reassign"), json=unknown)).status_code == 400
    done = await office.second.http.post(path(item, "false-alarm"), json={"hash": item.payload_hash})
    assert done.json()["state"] == "approved"


async def test_several_are_decided_at_once_and_each_refusal_says_why(office: Office) -> None:
    one, other, top = await office.item(), await office.item(), await office.item(tier=Tier.TOP)
    items = [{"id": str(item.id), "hash": item.payload_hash} for item in (one, other, top)]
    wanted = {"items": items, "verdict": "reject", "reason": "tone"}
    answer = await office.officer.http.post("/api/v1/reviews/bulk", json=wanted)
    assert [row["state"] for row in answer.json()] == ["rejected", "rejected", None]
    assert answer.json()[2]["problem"]["status"] == 409


async def test_only_an_admin_describes_the_queues(office: Office) -> None:
    general = {"name": "general", "title": "Everything", "members": "everyone"}
    body = {"version": "1", "queues": [general]}
    for caller, status in ((office.rep, 403), (office.officer, 403), (office.admin, 200)):
        assert (await caller.http.put("/api/v1/reviews/queues", json=body)).status_code == status
    named = await office.officer.http.get("/api/v1/reviews/queues")
    assert named.json() == [{"name": "general", "title": "Everything", "alone": False, "unknown_facts": []}]
    bad = {"version": "1", "queues": [{**general, "members": [{"login": "nobody@example.org"}]}]}
    assert (await office.admin.http.put("/api/v1/reviews/queues", json=bad)).status_code == 400


async def test_an_officer_says_when_they_are_away(office: Office) -> None:
    body = {"starts": "2031-01-01T00:00:00Z", "ends": "2031-01-02T00:00:00Z"}
    cover = {**body, "cover": office.second.principal.login}
    assert (await office.officer.http.post("/api/v1/reviews/absences", json=cover)).status_code == 200
    assert (await office.rep.http.post("/api/v1/reviews/absences", json=body)).status_code == 403
    backwards = {"starts": body["ends"], "ends": body["starts"]}
    assert (await office.officer.http.post("/api/v1/reviews/absences", json=backwards)).status_code == 400
    made = (await office.officer.http.post("/api/v1/reviews/absences", json=body)).json()["id"]
    ended = f"/api/v1/reviews/absences/{made}/end"
    assert (await office.second.http.post(ended)).status_code == 404
    assert (await office.officer.http.post(ended)).status_code == 200


async def test_the_record_says_where_a_decision_was_made(office: Office) -> None:
    item = await office.item()
    headers = {"User-Agent": "cloister-cli"}
    await office.officer.http.post(path(item, "approve"), json={"hash": item.payload_hash}, headers=headers)
    async with office.database.transaction() as session:
        rows = await run_sql(
            session,
            "SELECT detail ->> 'entry' FROM gateway.audit_event WHERE event = 'item.approved' "
            "AND subject = :item",
            item=str(item.id),
        )
        assert rows.scalars().all() == ["cli"]


async def _conversation(office: Office, owner: Caller) -> str:
    async with office.database.transaction() as session:
        made = await start_conversation(
            session, owner.principal, conversation_id=uuid.uuid4(), title="Orders", scope=None
        )
        return str(made.id)


async def test_a_mail_waits_for_an_officer_without_identities(office: Office) -> None:
    mail = {
        "kind": "mail",
        "conversation": await _conversation(office, office.rep),
        "to": "someone@customer.example",
        "subject": f"Your order, {ANNA}",
        "text": f"Dear {ANNA}, it is on its way.",
    }
    held = await office.rep.http.post("/api/v1/reviews/outgoing", json=mail)
    assert held.status_code == 202, held.text
    async with office.database.transaction() as session:
        item = await session.get_one(HeldItem, uuid.UUID(held.json()["id"]))
    stored = await office.stored(item)
    assert "Weidenbach" not in stored
    assert "someone@customer.example" not in stored
    opened = (await office.officer.http.get(path(item))).json()
    assert (opened["kind"], opened["round"]) == ("mail", 1)
    assert opened["mail"] == {"to": "someone@customer.example", "subject": f"Your order, {ANNA}"}
    body = {"hash": opened["hash"], "note": "Say when."}
    sent_back = await office.officer.http.post(path(item, "send-back"), json=body)
    assert sent_back.json()["state"] == "sent_back"
    again = await office.rep.http.post(path(item, "draft"), json={"text": "Dear Anna, tomorrow."})
    assert again.status_code == 409, "it has not taken effect yet"
    assert (await office.rep.http.get(path(item, "questions"))).json() == []
    async with office.database.transaction() as session:
        await let_pass(session, 60)
        await take_effect(session, item.id, opened["hash"])
    again = await office.rep.http.post(path(item, "draft"), json={"text": f"Dear {ANNA}, tomorrow."})
    assert (again.status_code, again.json()["round"], again.json()["state"]) == (202, 2, "pending")
    (told,) = (await office.rep.http.get(path(item, "questions"))).json()
    assert (told["own"], told["text"]) == (False, "Say when.")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"subject": None}, 400),
        ({"record": "case:1", "action": "add_note"}, 400),
        ({"subject": "Two\nlines"}, 400),
        ({"conversation": str(uuid.uuid4())}, 404),
    ],
)
async def test_a_mail_that_cannot_be_one_is_not_held(
    office: Office, change: dict[str, Any], status: int
) -> None:
    mail = {"kind": "mail", "to": "a@customer.example", "subject": "Your order", "text": "It is on its way."}
    body = {**mail, "conversation": await _conversation(office, office.rep), **change}
    assert (await office.rep.http.post("/api/v1/reviews/outgoing", json=body)).status_code == status


async def test_nobody_sends_from_anothers_conversation_or_without_the_role(office: Office) -> None:
    text = {"kind": "handover", "record": "case:1", "action": "add_note", "text": "Called back."}
    body = {**text, "conversation": await _conversation(office, office.rep)}
    assert (await office.both.http.post("/api/v1/reviews/outgoing", json=body)).status_code == 404
    assert (await office.officer.http.post("/api/v1/reviews/outgoing", json=body)).status_code == 403
    assert (await office.rep.http.post("/api/v1/reviews/outgoing", json=body)).status_code == 202


@pytest.mark.parametrize(
    ("record", "status"), [(ANNA, 400), ("case:2", 404), (f"case:{ANNA.split()[0]}", 404), ("case:1", 202)]
)
async def test_a_handover_is_about_a_record_that_its_writer_may_see(
    office: Office, record: str, status: int
) -> None:
    handover = {"kind": "handover", "record": record, "action": "add_note", "text": "Called back."}
    body = {**handover, "conversation": await _conversation(office, office.rep)}
    held = await office.rep.http.post("/api/v1/reviews/outgoing", json=body)
    assert held.status_code == status, held.text
    if status == 202:
        opened = (await office.officer.http.get(f"/api/v1/reviews/{held.json()['id']}")).json()
        assert opened["handover"] == {"record": "case:1", "action": "add_note"}


async def test_a_filter_is_kept_for_its_officer_alone(office: Office) -> None:
    saved = {"name": " Mine, late ", "state": "mine", "risk": "top", "sort": "-age"}
    made = await office.officer.http.post("/api/v1/reviews/filters", json=saved)
    assert made.status_code == 201, made.text
    assert made.json() == {
        "id": made.json()["id"],
        "name": "Mine, late",
        "query": "state=mine&risk=top&sort=-age",
    }
    again = await office.officer.http.post("/api/v1/reviews/filters", json={**saved, "text": "rep-1"})
    listed = (await office.officer.http.get("/api/v1/reviews/filters")).json()
    assert [(one["id"], one["query"]) for one in listed] == [
        (made.json()["id"], "state=mine&risk=top&text=rep-1&sort=-age")
    ]
    assert again.json()["id"] == made.json()["id"]
    assert (await office.second.http.get("/api/v1/reviews/filters")).json() == []
    address = f"/api/v1/reviews/filters/{made.json()['id']}"
    assert (await office.second.http.delete(address)).status_code == 404
    assert (await office.officer.http.delete(address)).status_code == 204
    assert (await office.officer.http.delete(address)).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "  "},
        {"name": "x" * 61},
        {"name": "x", "sort": "password"},
        {"name": "x", "risk": "none"},
        {"name": "x", "state": "all"},
        {"name": "x", "text": "x" * 81},
        {"name": "x", "officer": "another"},
    ],
)
async def test_a_filter_that_is_none_is_refused(office: Office, wrong: dict[str, str]) -> None:
    assert (await office.officer.http.post("/api/v1/reviews/filters", json=wrong)).status_code == 400
    assert (await office.officer.http.get("/api/v1/reviews/filters")).json() == []


async def test_only_officers_have_filters_and_not_without_end(office: Office) -> None:
    for caller in (office.rep, office.admin):
        refused = await caller.http.post("/api/v1/reviews/filters", json={"name": "x"})
        assert refused.status_code == 403
    kept = []
    for number in range(30):
        one = await office.second.http.post("/api/v1/reviews/filters", json={"name": f"Number {number}"})
        kept.append(one.json()["id"])
    full = await office.second.http.post("/api/v1/reviews/filters", json={"name": "One more"})
    assert (full.status_code, "Delete one first" in full.text) == (400, True)
    assert (await office.second.http.post("/api/v1/reviews/filters", json={"name": "Number 7"})).is_success
    for one in kept:
        assert (await office.second.http.delete(f"/api/v1/reviews/filters/{one}")).status_code == 204


async def test_the_list_is_filtered_by_what_a_line_shows(office: Office) -> None:
    item, top = await office.item(), await office.item(tier=Tier.TOP)
    names = {str(item.id): "normal", str(top.id): "top"}

    async def found(query: str) -> set[str]:
        answer = await office.officer.http.get(f"/api/v1/reviews?{query}")
        assert answer.status_code == 200, answer.text
        return {names[one["id"]] for one in answer.json()["items"] if one["id"] in names}

    assert await found("risk=top") == {"top"}
    assert await found("text=Customer 12&risk=normal") == {"normal"}
    assert await found("text=account:12") == {"normal", "top"}
    assert await found("text=Weidenbach") == set()
    assert await found("kind=mail") == set()
    assert await found("rule=refund_or_credit_above_limit&queue=general") == {"normal", "top"}
    assert (await office.officer.http.get("/api/v1/reviews?sort=password")).status_code == 400


async def test_the_list_has_the_order_of_the_places_that_are_told(office: Office) -> None:
    items = {str(one.id): one for one in [await office.item(), await office.item(tier=Tier.TOP)]}
    listed = (await office.officer.http.get("/api/v1/reviews")).json()["items"]
    places = []
    for line in [one for one in listed if one["id"] in items]:
        status = (await office.rep.http.get(path(items[line["id"]], "status"))).json()
        assert status["reviewers"] == (2 if line["risk"] == "top" else 1)
        places.append((status["position"], line["risk"]))
    assert len(places) == 2
    assert places == sorted(places)
    assert places[0][1] == "top"


async def test_the_list_says_what_can_be_decided_with_others(office: Office) -> None:
    free, top, claimed, own = (
        await office.item(),
        await office.item(tier=Tier.TOP),
        await office.item(),
        await office.item(office.both),
    )
    await office.second.http.post(path(claimed, "claim"))

    async def bulk(caller: Caller) -> dict[str, bool]:
        lines = (await caller.http.get("/api/v1/reviews")).json()["items"]
        return {one["id"]: one["bulk"] for one in lines}

    seen = await bulk(office.both)
    assert [seen[str(item.id)] for item in (free, top, claimed, own)] == [True, False, False, False]
    line = (await office.officer.http.get("/api/v1/reviews?text=Customer 12")).json()
    assert free.payload_hash in {one["hash"] for one in line["items"]}
    (general,) = [one for one in line["queues"] if one["name"] == "general"]
    assert general["pending"] >= 4
    assert office.second.principal.name in general["here"]


async def test_who_has_an_item_is_told_without_reading_it(office: Office) -> None:
    item = await office.item(read=False)
    address = path(item, "standing")
    free = (await office.officer.http.get(address)).json()
    assert (free["state"], free["holder"], free["fence"], free["mine"]) == ("pending", None, None, False)
    claimed = (await office.second.http.post(path(item, "claim"))).json()
    other, mine = [(await one.http.get(address)).json() for one in (office.officer, office.second)]
    assert (other["holder"], other["fence"], other["mine"]) == (office.second.principal.name, None, False)
    assert (mine["fence"], mine["mine"]) == (claimed["fence"], True)
    assert ANNA not in str(other)
    opened = "SELECT count(*) FROM gateway.audit_event WHERE event = 'item.opened' AND subject = :item"
    async with office.database.transaction() as session:
        assert (await run_sql(session, opened, item=str(item.id))).scalar_one() == 0
    for caller in (office.rep, office.admin):
        assert (await caller.http.get(address)).status_code == 403
        assert (await caller.http.get(path(item, "colleagues"))).status_code == 403
    body = {"hash": item.payload_hash, "reason": "tone", "fence": claimed["fence"]}
    assert (await office.second.http.post(path(item, "reject"), json=body)).status_code == 200
    decided = (await office.officer.http.get(address)).json()
    assert (decided["state"], decided["winner"]) == (
        "rejected",
        office.second.principal.name,
    )


async def test_colleagues_are_named_by_login_and_can_be_given_the_item(office: Office) -> None:
    item = await office.item(office.both)
    people = (await office.officer.http.get(path(item, "colleagues"))).json()
    logins = [one["login"] for one in people]
    assert office.second.principal.login in logins
    assert not {office.officer.principal.login, office.both.principal.login} & set(logins)
    body = {"hash": item.payload_hash, "to": office.second.principal.login, "note": f"{ANNA} is yours."}
    assert (await office.officer.http.post(path(item, "reassign"), json=body)).status_code == 200
    standing = (await office.officer.http.get(path(item, "standing"))).json()
    assert (standing["holder"], standing["claimed_until"]) == (office.second.principal.name, None)


async def test_a_line_says_that_the_rep_is_asked_and_has_answered(office: Office) -> None:
    item = await office.item()

    async def line() -> tuple[bool, bool]:
        listed = (await office.officer.http.get("/api/v1/reviews")).json()["items"]
        (one,) = [one for one in listed if one["id"] == str(item.id)]
        return one["awaiting_rep"], one["answered"]

    assert await line() == (False, False)
    await office.officer.http.post(path(item, "ask"), json={"hash": item.payload_hash, "note": "Who?"})
    assert await line() == (True, False)
    await office.rep.http.post(path(item, "answer"), json={"text": "She does."})
    assert await line() == (False, True)


async def test_a_second_officer_is_given_both_texts_and_the_difference(office: Office) -> None:
    item = await office.item()
    edit = {"hash": item.payload_hash, "text": f"We will refund 80 EUR to {ANNA}. [1]"}
    waits = (await office.officer.http.post(path(item, "edit"), json=edit)).json()
    assert (waits["state"], waits["needed"]) == ("pending", 2)
    read = (await office.second.http.get(path(item))).json()
    assert read["shown"] == edit["text"]
    assert read["draft"] == f"The order was late. [1] We will refund 450 EUR to {ANNA}. [1]"
    (entry,) = read["history"]
    assert entry["standing"]
    assert "".join(text for kind, text in entry["diff"] if kind != "removed") == edit["text"]
    assert "".join(text for kind, text in entry["diff"] if kind != "added") == read["draft"]
    assert read["second_for_edits"] is True


@dataclass
class Terminal:
    """`cloister review` in somebody's name, against the office's web process."""

    folder: Path

    async def review(self, who: Caller, *arguments: object) -> CompletedProcess[str]:
        token = self.folder / "token"
        token.write_text(who.http.headers["authorization"].removeprefix("Bearer "))
        token.chmod(0o600)
        options = ("--token-file", str(token), "--data", str(self.folder))
        return await asyncio.to_thread(cloister, "review", *map(str, arguments), *options)


@pytest.fixture
def terminal(office: Office, tmp_path: Path) -> Terminal:
    (tmp_path / "etc").mkdir()
    url = str(office.officer.http.base_url)
    told = {"url": url, "demo_secret_file": None, "admin": None, "auditor": None}
    (tmp_path / "etc" / "cli.yaml").write_text(yaml.safe_dump(told))
    return Terminal(tmp_path)


async def test_a_command_decides_by_the_same_function(office: Office, terminal: Terminal) -> None:
    hidden = "\x1b[2K\x1b[1ANothing to see.\u202e"
    item = await office.item(draft=f"We will refund 450 EUR to <PERSON_1>.{hidden} [1]")
    shown = await terminal.review(office.officer, "show", str(item.id))
    assert f"We will refund 450 EUR to {ANNA}." in shown.stdout
    assert "\x1b" not in shown.stdout, "what is read is what is there"
    assert "\\u{1b}[2K" in shown.stdout
    claimed = (await office.officer.http.post(path(item, "claim"))).json()["fence"]
    approve = ("decide", str(item.id), "approve", "--hash", item.payload_hash)
    assert (await terminal.review(office.rep, *approve)).returncode != 0
    assert "claim" in (await terminal.review(office.officer, *approve)).stderr
    done = await terminal.review(office.officer, *approve, "--fence", str(claimed))
    assert (done.returncode, done.stdout) == (0, "Now: approved\n"), done.stderr
    undone = await terminal.review(office.officer, "decide", str(item.id), "undo")
    assert undone.stdout == "Now: pending\n"
    listed = await terminal.review(office.officer, "list")
    assert str(item.id) in listed.stdout
    assert "Weidenbach" not in listed.stdout


README: Final = Path(__file__).parents[2] / "approvals" / "README.md"
GENERAL: Final = {"name": "general", "title": "General", "members": "everyone"}


@pytest.fixture
async def described(office: Office) -> AsyncIterator[str]:
    """The queues of the manual, with officers of this house; afterwards there is `general` alone."""
    (block,) = re.findall(r"```yaml\n(version:.*?)```", README.read_text("utf-8"), re.DOTALL)
    own = {"olga@halden.example": office.officer, "otto@halden.example": office.second}
    for login, officer in own.items():
        assert login in block
        block = block.replace(login, str(officer.principal.login))
    yield block
    again = {"version": "0", "queues": [GENERAL]}
    assert (await office.admin.http.put("/api/v1/reviews/queues", json=again)).status_code == 200


async def test_the_queues_of_the_manual_can_be_put_in_place(
    office: Office, terminal: Terminal, described: str
) -> None:
    file = terminal.folder / "queues.yaml"
    file.write_text(described)
    assert "holidays: [2026-12-25]" in described
    done = await terminal.review(office.admin, "queues", file)
    assert done.returncode == 0, done.stderr
    async with office.database.transaction() as session:
        plan = await plan_of(session, "legal")
    assert plan.calendar.holidays == (date(2026, 12, 25),)


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        (None, "queues.yaml cannot be read: No such file or directory."),
        ("version: 1\nqueues: [\n", "queues.yaml:3: this is not YAML: "),
        ("version: 1\nqueues:\n  - name: legal\n   title: Legal\n", "queues.yaml:4: this is not YAML: "),
        ("- legal\n- general\n", "queues.yaml: names with values are expected (`name: value`)."),
        ("", "queues.yaml: names with values are expected (`name: value`)."),
        ("version: !!binary aGk=\n", "only texts, numbers, dates, lists and mappings can stand there."),
        ("version: .nan\n", "only texts, numbers, dates, lists and mappings can stand there."),
        ("version: &a [*a]\n", "only texts, numbers, dates, lists and mappings can stand there."),
        ("version: \x00\n", "queues.yaml: this is not YAML"),
    ],
)
async def test_a_file_that_describes_no_queues_is_refused_in_a_sentence(
    office: Office, terminal: Terminal, written: str | None, sentence: str
) -> None:
    file = terminal.folder / "queues.yaml"
    if written is not None:
        file.write_text(written)
    refused = await terminal.review(office.admin, "queues", file)
    assert (refused.returncode, refused.stdout) == (Exit.FAILED, "")
    assert sentence in refused.stderr
    assert refused.stderr.count("\n") == 1, refused.stderr


async def test_a_rule_that_the_policy_does_not_have_is_refused_with_the_nearest(
    office: Office, terminal: Terminal, described: str
) -> None:
    file = terminal.folder / "queues.yaml"
    file.write_text(described.replace("contract_termination", "contract_terminatoin"))
    refused = await terminal.review(office.admin, "queues", file)
    assert (refused.returncode, refused.stderr) == (
        Exit.FAILED,
        "legal: contract_terminatoin: no such rule; do you mean contract_termination?\n",
    )
    named = (await office.officer.http.get("/api/v1/reviews/queues")).json()
    assert "legal" not in [one["name"] for one in named], "nothing was put in place"


@pytest.mark.parametrize(
    ("right", "wrong", "sentence"),
    [
        (
            "members: everyone",
            "members: everybody",
            "queues[general].members: Input should be 'everyone' or ",
        ),
        ("- login: otto", "- name: otto", "].login: Field required"),
        ("queues:", "queuez:", "queuez: no such field; do you mean queues?\n"),
        ("title: Legal", "titel: Legal", "queues[legal].titel: no such field; do you mean title?"),
        ("[2026-12-25]", "[2026-13-25]", "queues[legal].calendar.holidays[0]: Input should be a valid date"),
        ("normal: 240", "normal: soon", "queues[legal].deadline_minutes.normal: Input should be a valid int"),
        ("escalates_to: general", "escalates_to: legal", "the queue legal escalates to itself"),
        ('version: "1"', "", "version: Field required"),
    ],
)
async def test_a_fault_of_a_description_is_told_where_it_stands(
    office: Office, terminal: Terminal, described: str, right: str, wrong: str, sentence: str
) -> None:
    file = terminal.folder / "queues.yaml"
    text = described.replace(str(office.second.principal.login), "otto@halden.example")
    assert right in text
    file.write_text(text.replace(right, wrong))
    refused = await terminal.review(office.admin, "queues", file)
    assert refused.returncode in {Exit.FAILED, Exit.REFUSED}
    assert sentence in refused.stderr
    assert "tuple[" not in refused.stderr


async def test_the_queues_are_printed_as_they_can_be_given_back(
    office: Office, terminal: Terminal, described: str
) -> None:
    file = terminal.folder / "queues.yaml"
    file.write_text(described.replace('version: "1"', 'version: "7"'))
    assert (await terminal.review(office.admin, "queues", file)).returncode == 0
    printed = await terminal.review(office.admin, "queues")
    given, again = yaml.safe_load(described), yaml.safe_load(printed.stdout)
    legal = again["queues"][0]
    assert legal["members"] == given["queues"][0]["members"]
    assert legal["rules"] == ["legal_threat", "contract_termination"]
    assert legal["calendar"] == {**given["queues"][0]["calendar"], "holidays": ["2026-12-25"]}
    assert again["version"] == "7"
    assert json.loads((await terminal.review(office.officer, "queues", "--json")).stdout) == again
    file.write_text(printed.stdout)
    assert (await terminal.review(office.admin, "queues", file)).returncode == 0
    assert (await terminal.review(office.admin, "queues")).stdout == printed.stdout
    refused = await terminal.review(office.rep, "queues")
    assert (refused.returncode, refused.stdout) == (Exit.REFUSED, "")


async def test_an_admin_is_warned_of_a_queue_in_which_not_two_could_agree(
    office: Office, terminal: Terminal, described: str
) -> None:
    alone = {
        "name": "night",
        "title": "Night",
        "rules": ["minors"],
        "members": [{"login": office.officer.principal.login}],
    }
    file = terminal.folder / "queues.yaml"
    file.write_text(yaml.safe_dump({"version": "1", "queues": [alone, GENERAL]}))
    warning = "Warning: night has not two officers. What two must agree on (the top tier, and edits) is"
    put = await terminal.review(office.admin, "queues", file)
    assert put.returncode == 0
    assert put.stderr.startswith(warning)
    assert put.stderr.count("Warning") == 1
    printed = await terminal.review(office.admin, "queues")
    assert printed.stderr.startswith(warning)
    assert yaml.safe_load(printed.stdout)["queues"][0]["name"] == "night"
    assert (await office.admin.http.get("/api/v1/reviews/queues")).json() == [
        {"name": "night", "title": "Night", "alone": True, "unknown_facts": []},
        {"name": "general", "title": "General", "alone": False, "unknown_facts": []},
    ]


async def test_a_queue_that_waits_for_a_fact_that_no_record_has_is_warned_of(
    office: Office, terminal: Terminal, described: str
) -> None:
    file = terminal.folder / "queues.yaml"
    file.write_text(described.replace("region:", "segment:"))
    warning = "Warning: legal takes nothing: no record of the CRM map has the fact segment.\n"
    put = await terminal.review(office.admin, "queues", file)
    assert (put.returncode, put.stderr) == (0, warning)
    assert (await terminal.review(office.admin, "queues")).stderr == warning
    there, office.facts[:] = list(office.facts), []
    assert "record search is away" in (await terminal.review(office.admin, "queues")).stderr
    office.facts[:] = there
    file.write_text(described)
    assert (await terminal.review(office.admin, "queues", file)).stderr == ""


async def test_no_connection_waits_for_record_search_while_the_queues_are_named(
    office: Office, terminal: Terminal, described: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = terminal.folder / "queues.yaml"
    file.write_text(described)
    assert (await terminal.review(office.admin, "queues", file)).returncode == 0
    pool = office.database.engine.pool
    assert isinstance(pool, QueuePool)
    held: list[int] = []
    ask = RetrievalClient.fact_labels

    async def fact_labels(client: RetrievalClient, principal: Principal) -> tuple[str, ...]:
        held.append(pool.checkedout())
        return await ask(client, principal)

    monkeypatch.setattr(RetrievalClient, "fact_labels", fact_labels)
    named = (await office.admin.http.get("/api/v1/reviews/queues")).json()
    assert [one["unknown_facts"] for one in named] == [[]] * len(named)
    assert held == [0]


def test_the_command_names_every_reason_and_every_tab() -> None:
    assert set(get_args(Reason)) == {one.value for one in RejectionReason}
    assert set(get_args(State)) == {one.value for one in ReviewState}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "400")
        help_ = cloister("review", "decide", "--help").stdout
        tabs = cloister("review", "list", "--help").stdout
    assert all(one in help_ for one in get_args(Reason))
    assert "reassign and escalate too" in " ".join(help_.split())
    assert all(one in tabs for one in get_args(State))


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (("reject",), "--hash"),
        (("reject", "--hash", "a" * 64), "reject needs --reason (wrong_fact, not_supported, "),
        (("reject", "--hash", "a" * 64, "--reason", "rude"), "'personal_data'"),
        (("reassign", "--hash", "a" * 64), "reassign needs --to"),
        (("ask", "--hash", "a" * 64), "ask needs --note"),
        (("edit", "--hash", "a" * 64), "edit needs --text"),
    ],
)
async def test_a_decision_without_what_it_needs_is_told_what(
    office: Office, terminal: Terminal, given: tuple[str, ...], named: str
) -> None:
    item = await office.item()
    refused = await terminal.review(office.officer, "decide", item.id, *given)
    assert refused.returncode == 2
    assert named in " ".join(refused.stderr.replace("│", " ").split())
    assert (await office.officer.http.get(path(item))).json()["line"]["state"] == "pending"


async def test_a_first_of_two_officers_is_told_that_another_must_agree(
    office: Office, terminal: Terminal
) -> None:
    item = await office.item(tier=Tier.TOP)
    approve = ("decide", item.id, "approve", "--hash", item.payload_hash)
    first = await terminal.review(office.officer, *approve)
    assert first.stdout == (
        "You have approved this text: 1 of 2. Another officer must agree before it is released.\n"
    ), first.stderr
    assert (await terminal.review(office.second, *approve)).stdout == "Now: approved\n"


async def test_an_item_is_shown_with_where_it_stands_and_what_it_rests_on(
    office: Office, terminal: Terminal
) -> None:
    item = await office.item(tier=Tier.TOP)
    body = {"hash": item.payload_hash, "note": f"Is {ANNA} the one?"}
    await office.officer.http.post(path(item, "ask"), json=body)
    await office.rep.http.post(path(item, "answer"), json={"text": "Yes, she is."})
    await office.rep.http.put(path(item, "customer-waits"), json={"waits": True})
    assert (await office.second.http.post(path(item, "claim"))).status_code == 200
    told = (await terminal.review(office.officer, "show", item.id)).stdout
    opened = (await office.officer.http.get(path(item))).json()
    asked, answered = opened["history"]
    for line in (
        "State: pending; round 1",
        "Tier: Top: two officers",
        "Approved by 0 of 2 officers",
        f"Deadline: {opened['line']['deadline']}",
        "Queue: General (general)",
        "In the hands of: Second",
        f"Rep: {opened['line']['rep']}",
        f"Customer: {opened['line']['customer']}",
        f"{asked['at']}  Question to the rep (you): Is {ANNA} the one?",
        f"{answered['at']}  The rep answers (Rep): Yes, she is.",
        f"Source [1]: Case of {ANNA}",
        f"Hash: {item.payload_hash}",
    ):
        assert f"{line}\n" in told, told
    assert "The customer is waiting, since " in told
    listed = (await terminal.review(office.officer, "list")).stdout.splitlines()
    (line,) = [line for line in listed if line.startswith(str(item.id))]
    assert line.endswith("[customer is waiting]")


async def test_an_escalation_is_told_with_the_queue_it_went_to(
    office: Office, terminal: Terminal, described: str
) -> None:
    front = {
        "name": "front",
        "title": "Front desk",
        "rules": ["refund_or_credit_above_limit"],
        "members": "everyone",
        "escalates_to": "general",
    }
    body = {"version": "1", "queues": [front, GENERAL]}
    assert (await office.admin.http.put("/api/v1/reviews/queues", json=body)).status_code == 200
    item = await office.item()
    step = ("decide", item.id, "escalate", "--hash", item.payload_hash, "--note", "Above my limit.")
    assert (await terminal.review(office.officer, *step)).returncode == 0
    (said,) = (await office.officer.http.get(path(item))).json()["history"]
    assert (said["what"], said["queue"]) == ("escalated", "General")
    shown = (await terminal.review(office.second, "show", item.id)).stdout
    assert "  Escalated to General (Officer): Above my limit.\n" in shown


async def test_where_an_item_went_is_told_without_a_word_and_by_the_clock_too(
    office: Office, terminal: Terminal, described: str
) -> None:
    front = {
        "name": "front",
        "title": "Front desk",
        "rules": ["refund_or_credit_above_limit"],
        "members": "everyone",
        "escalates_to": "general",
    }
    body = {"version": "1", "queues": [front, GENERAL]}
    assert (await office.admin.http.put("/api/v1/reviews/queues", json=body)).status_code == 200
    item = await office.item()
    given = {"hash": item.payload_hash, "to": office.second.principal.login}
    assert (await office.officer.http.post(path(item, "reassign"), json=given)).status_code == 200
    async with office.database.transaction() as session:
        due = "UPDATE approvals.held_item SET escalate_at = now() WHERE id = :id"
        await run_sql(session, due, id=item.id)
    async with office.database.transaction() as session:
        assert (await sweep(session)).escalated == [item.id]
    history = (await office.officer.http.get(path(item))).json()["history"]
    assert [(one["what"], one["who"], one["to"], one["queue"], one["timer"]) for one in history] == [
        ("handed_on", "Officer", "Second", "", False),
        ("escalated", "", "", "General", True),
    ]
    shown = (await terminal.review(office.officer, "show", item.id)).stdout
    assert "  Handed to Second (you)\n" in shown
    assert "  Escalated to General (its time had come)\n" in shown


async def test_a_vote_that_lapsed_was_not_taken_back(office: Office) -> None:
    item = await office.item()
    leaver, token = await _account(office.database, "leaver", Role.OFFICER)
    async with _client(str(office.officer.http.base_url), token) as http:
        await http.get(path(item))
        body = {"hash": item.payload_hash, "confirmed": True}
        assert (await http.post(path(item, "approve"), json=body)).json()["state"] == "approved"
    await _disable(office.database, leaver)
    async with office.database.transaction() as session:
        await let_pass(session, 60)
    async with office.database.transaction() as session:
        assert await take_effect(session, item.id, item.payload_hash) is NoEffect.DECIDER_LEFT
    history = (await office.officer.http.get(path(item))).json()["history"]
    assert [(one["what"], one["of"], one["undone"]) for one in history] == [
        ("approve", "", True),
        ("lapsed", "approve", False),
    ]


@pytest.mark.parametrize("writes", [False, True])
async def test_who_approves_second_is_told_that_the_first_approval_counts_no_more(
    office: Office, terminal: Terminal, writes: bool
) -> None:
    item = await office.item(tier=Tier.NORMAL if writes else Tier.TOP)
    leaver, token = await _account(office.database, f"left-after-{writes}", Role.OFFICER)
    verb, text = ("edit", {"text": "We will look into it."}) if writes else ("approve", {})
    body = {"hash": item.payload_hash, "confirmed": True}
    async with _client(str(office.officer.http.base_url), token) as http:
        await http.get(path(item))
        first = (await http.post(path(item, verb), json=body | text)).json()
    assert (first["state"], first["approvals"], first["lapsed"]) == ("pending", 1, False)
    await _disable(office.database, leaver)
    await office.officer.http.get(path(item))
    second = ("decide", item.id, "approve", "--hash", first["hash"], "--confirm")
    told = (await terminal.review(office.officer, *second)).stdout
    assert told.startswith("An earlier approval counts no more: ")
    words = "taken back: read the draft again" if writes else "1 of 2. Another officer must agree"
    assert words in told
    await office.second.http.get(path(item))
    third = (await office.second.http.post(path(item, "approve"), json=body)).json()
    assert (third["state"], third["lapsed"]) == ("approved", False)


async def test_who_approves_a_text_that_is_taken_back_is_told_so_though_another_approved_the_draft(
    office: Office, terminal: Terminal
) -> None:
    item = await office.item(tier=Tier.TOP)
    body = {"hash": item.payload_hash, "confirmed": True}
    assert (await office.second.http.post(path(item, "approve"), json=body)).json()["approvals"] == 1
    leaver, token = await _account(office.database, "left-after-writing", Role.OFFICER)
    async with _client(str(office.officer.http.base_url), token) as http:
        await http.get(path(item))
        text = {"text": "We will look into it."}
        edited = (await http.post(path(item, "edit"), json=body | text)).json()
    await _disable(office.database, leaver)
    await office.officer.http.get(path(item))
    agrees = ("decide", item.id, "approve", "--hash", edited["hash"], "--confirm")
    told = (await terminal.review(office.officer, *agrees)).stdout
    assert "taken back: read the draft again" in told
    after = (await office.officer.http.get(path(item))).json()
    assert (after["hash"], after["line"]["approvals"]) == (item.payload_hash, 1)


async def test_an_approval_of_who_turns_out_to_have_asked_is_shown_no_more(office: Office) -> None:
    item = await office.item(tier=Tier.TOP)
    body = {"hash": item.payload_hash, "confirmed": True}
    assert (await office.second.http.post(path(item, "approve"), json=body)).json()["approvals"] == 1
    pair = (office.rep.principal.id, office.second.principal.id)
    async with office.database.transaction() as session:
        await join_accounts(session, *pair, operator="root")
    try:
        opened = (await office.officer.http.get(path(item))).json()
    finally:
        async with office.database.transaction() as session:
            await part_accounts(session, *pair, operator="root")
    assert opened["line"]["approvals"] == 0
    assert (await office.officer.http.get(path(item))).json()["line"]["approvals"] == 1


async def test_who_voted_with_another_account_is_told_why_they_cannot_decide(office: Office) -> None:
    item = await office.item(tier=Tier.TOP)
    body = {"hash": item.payload_hash, "confirmed": True}
    assert (await office.officer.http.post(path(item, "approve"), json=body)).status_code == 200
    _other, token = await _account(office.database, "officer+evening", Role.OFFICER)
    async with _client(str(office.officer.http.base_url), token) as http:
        listed = (await http.get("/api/v1/reviews")).json()["items"]
        (line,) = [one for one in listed if one["id"] == str(item.id)]
        assert line["voted"] is True
        opened = (await http.get(path(item))).json()
        assert (opened["barred"], opened["line"]["own"], opened["may_undo"]) == (
            "other_account",
            False,
            False,
        )
        assert (await http.post(path(item, "claim"), json={})).status_code == 409
        assert (await http.post(path(item, "approve"), json=body)).status_code == 409
    assert (await office.officer.http.get(path(item))).json()["barred"] == ""
    assert (await office.second.http.get(path(item))).json()["barred"] == ""


async def test_an_opened_item_says_how_each_rule_found_it(office: Office) -> None:
    like = RuleHit("refund_or_credit_above_limit", Tier.NORMAL, "Above the limit.", 0, 5, 0, By.LIKENESS)
    found = ((0.83, "A refund is granted."), (0.7, "Money is given."))
    item = await office.item(also=[replace(like, share=share, example=text) for share, text in found])
    (rule,) = (await office.officer.http.get(path(item))).json()["line"]["rules"]
    assert rule["found"] == [
        {"by": "words", "share": None, "example": ""},
        {"by": "likeness", "share": 0.83, "example": "A refund is granted."},
    ]
