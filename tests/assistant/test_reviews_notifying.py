"""Notices leave by mail and webhook, once each, signed, and without a word of what they are about."""

import hmac
import json
import ssl
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from fastapi import FastAPI, Request, Response
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from approvals import (
    DueNotice,
    Handover,
    HeldItem,
    HeldSentence,
    ItemKind,
    MailDraft,
    Payload,
    QueuePlans,
    RuleHit,
    Tier,
    Weighing,
    approve,
    configure_queues,
    hold,
    load_policy,
    notices_for,
    send_back,
    tell_not_rewritten,
)
from assistant.composition import register_all_events
from assistant.reviews.hooks import Hook, sign
from assistant.reviews.links import read_link, router, sign_link
from assistant.reviews.mailing import Mailer, MailRefused, is_address, is_subject
from assistant.reviews.notifying import Notifier
from assistant.runs.resume import RunResumer
from assistant.session import maybe_signed_in
from assistant.settings import MailSettings, NoticeSettings, WebhookSettings
from gateway import (
    Database,
    DoorClient,
    NotFound,
    Principal,
    Role,
    SettingsError,
    create_account,
    install_error_handlers,
)
from retrieval import RetrievalClient
from tests.approvals.queues import let_pass, open_item, run_sql
from tests.gateway.server import serving
from tests.migrated import Migrated
from tests.retrieval.certificates import Authority

from .mailbox import Mailbox, mailbox

register_all_events()
POLICY = load_policy()
DRAFT = "We will refund 450 EUR."
RISKY = Weighing((RuleHit("refund_or_credit_above_limit", Tier.NORMAL, "Above the limit.", 0, 2, 0),))
SECRET = "a secret of both sides"


class NoTokens(DoorClient):
    """A door for texts without identities: nothing is asked of it."""

    def __init__(self) -> None: ...

    async def entities(self, principal: Principal, conversation: uuid.UUID) -> list[str]:
        return []

    async def restore(self, principal: Principal, conversation: uuid.UUID, *args: Any, **kwargs: Any) -> Any:
        @dataclass
        class Shown:
            texts: tuple[str, ...] = tuple(args[0])
            withheld: int = 0

        return Shown()


class NoRecords(RetrievalClient):
    """Rights over one case."""

    def __init__(self) -> None: ...

    async def visible(self, principal: Principal, entities: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(one for one in entities if one == "case:7")


@dataclass
class Desk:
    """A queue with one officer who is told by every channel."""

    database: Database
    web: Database
    rep: Principal
    officer: Principal
    folder: Path

    async def item(self, kind: ItemKind = ItemKind.ANSWER, *, text: str = DRAFT, **of: Any) -> HeldItem:
        """An item that waits."""
        payload = Payload("May I?", (HeldSentence(text),), **of)
        async with self.database.transaction() as session:
            return await hold(
                session,
                POLICY,
                run=uuid.uuid4(),
                conversation=uuid.uuid4(),
                requester=self.rep,
                payload=payload,
                weighing=RISKY,
                kind=kind,
            )

    async def released(self, item: HeldItem) -> None:
        """Approved, and carried out."""
        async with self.web.transaction() as session:
            await open_item(session, self.officer, item.id)
            await approve(session, POLICY, self.officer, item.id, item.current_hash)
        await self.wait(60)
        for _ in range(2):
            await RunResumer(self.database, NoRecords()).resume(item.id)

    async def wait(self, seconds: float) -> None:
        """Let time pass."""
        async with self.web.transaction() as session:
            await let_pass(session, seconds)

    async def recorded(self, item: HeldItem) -> list[str]:
        """Events of the record about an item, in order."""
        statement = "SELECT event FROM gateway.audit_event WHERE subject = :item ORDER BY at"
        async with self.database.transaction() as session:
            return list((await run_sql(session, statement, item=str(item.id))).scalars())

    async def recorded_of(self, item: HeldItem) -> list[str]:
        """Events of the record in an item's conversation."""
        statement = "SELECT event FROM gateway.audit_event WHERE conversation = :id"
        async with self.database.transaction() as session:
            return list((await run_sql(session, statement, id=str(item.conversation))).scalars())

    def notifier(
        self, *, mail: MailSettings | None = None, webhook: WebhookSettings | None = None
    ) -> Notifier:
        """A sender with these channels."""
        secret = self.folder / "link"
        secret.write_text("a secret of ours")
        told = NoticeSettings(
            page_url="https://assistant.example", link_secret_file=secret, mail=mail, webhook=webhook
        )
        return Notifier(self.database, NoTokens(), NoRecords(), told)

    async def faults(self, item: HeldItem) -> list[tuple[str, bool]]:
        """Why notices of an item were not sent, and whether that is for good."""
        statement = (
            "SELECT fault, given_up_at IS NOT NULL AS over FROM approvals.notice "
            "WHERE item = :item AND fault IS NOT NULL ORDER BY 1"
        )
        async with self.database.transaction() as session:
            return [(row.fault, row.over) for row in await run_sql(session, statement, item=item.id)]


def plain(box: Mailbox) -> MailSettings:
    """A mail server on this machine, unencrypted."""
    return MailSettings(host="127.0.0.1", port=box.port, security="none", sender="cloister@assistant.example")


@pytest.fixture
async def desk(work_database: Database, web_database: Database, tmp_path: Path) -> AsyncIterator[Desk]:
    people = []
    async with web_database.transaction() as session:
        for role in (Role.REP, Role.OFFICER, Role.ADMIN):
            login = f"{role}-{uuid.uuid4().hex}@example.org"
            made = await create_account(session, login=login, name=role.title(), roles=[role], password=None)
            people.append(Principal(str(made.id), made.login, frozenset({role}), made.name))
        rep, officer, admin = people
        queue = {
            "name": "told",
            "title": "Told",
            "rules": ["refund_or_credit_above_limit"],
            "members": [{"login": officer.login}],
            "channels": ["page", "mail", "webhook"],
        }
        plans = QueuePlans.model_validate({"version": "1", "queues": [queue]})
        await configure_queues(session, admin, plans)
        await run_sql(session, "UPDATE approvals.notice SET sent_at = now() WHERE sent_at IS NULL")
    yield Desk(work_database, web_database, rep, officer, tmp_path)
    only = {"name": "general", "title": "General", "members": "everyone"}
    async with web_database.transaction() as session:
        await configure_queues(session, admin, QueuePlans.model_validate({"version": "2", "queues": [only]}))


async def test_an_officer_is_told_by_mail_without_content_and_once(desk: Desk) -> None:
    async with mailbox() as box:
        notifier = desk.notifier(mail=plain(box))
        item = await desk.item()
        for _ in range(3):
            await notifier.send_due()
    (message,) = box.messages
    assert box.recipients == [desk.officer.login]
    assert message["Auto-Submitted"] == "auto-generated"
    text = message.get_content()
    assert "refund" not in message.as_string()
    assert "Queue: told" in text
    link = next(line for line in text.split() if line.startswith("https://"))
    assert read_link("a secret of ours", urlsplit(link).path.rsplit("/", 1)[1], desk.officer.id) == item.id


async def test_what_the_server_did_not_take_is_sent_again_as_the_same_message(desk: Desk) -> None:
    async with mailbox() as box:
        box.refuse = {"DATA": ["451 later"]}
        notifier = desk.notifier(mail=plain(box))
        item = await desk.item()
        await notifier.send_due()
        assert ("The mail server answered 451.", False) in await desk.faults(item)
        await desk.wait(11)
        await notifier.send_due()
    (message,) = box.messages
    async with desk.database.transaction() as session:
        notice = await run_sql(
            session,
            "SELECT id FROM approvals.notice WHERE item = :item AND channel = 'mail'",
            item=item.id,
        )
        assert message["Message-ID"] == f"<{notice.scalar_one()}@assistant.example>"


async def test_a_recipient_that_is_refused_for_good_is_not_asked_again(desk: Desk) -> None:
    async with mailbox() as box:
        box.refuse = {"RCPT": ["550 nobody here"]}
        notifier = desk.notifier(mail=plain(box))
        item = await desk.item()
        await notifier.send_due()
    assert ("The mail server refused the recipient.", True) in await desk.faults(item)


async def test_mail_is_encrypted_and_its_server_known(desk: Desk, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    async with mailbox(context) as box:
        told = {"port": box.port, "sender": "cloister@assistant.example", "host": "localhost"}
        good = MailSettings.model_validate({**told, "ca_file": authority.file})
        unknown = MailSettings.model_validate(told)
        item = await desk.item()
        await desk.notifier(mail=unknown).send_due()
        assert box.messages == []
        assert any("SSLCertVerificationError" in fault for fault, _ in await desk.faults(item))
        await desk.wait(11)
        await desk.notifier(mail=good).send_due()
    assert box.encrypted == [True]


async def test_without_a_mail_server_a_notice_says_so_and_is_given_up(desk: Desk) -> None:
    item = await desk.item()
    await desk.notifier().send_due()
    assert await desk.faults(item) == [
        ("No mail server is set (notices.mail).", True),
        ("No webhook is set (notices.webhook).", True),
    ]


@dataclass
class Heard:
    """Requests that a webhook was sent, and what it answers."""

    url: str
    requests: list[tuple[httpx.Headers, bytes]]
    answers: list[int]


@asynccontextmanager
async def listening() -> AsyncIterator[Heard]:
    """The other side of a webhook."""
    app = FastAPI()
    requests: list[tuple[httpx.Headers, bytes]] = []
    answers: list[int] = []

    @app.post("/hook")
    async def hook(request: Request) -> Response:
        requests.append((httpx.Headers(request.headers.raw), await request.body()))
        return Response(status_code=answers.pop(0) if answers else 204)

    async with serving(app) as address:
        yield Heard(f"{address}/hook", requests, answers)


def hooked(desk: Desk, heard: Heard) -> WebhookSettings:
    secret = desk.folder / "hook"
    secret.write_text(SECRET)
    return WebhookSettings(url=heard.url, secret_file=secret)


async def test_a_webhook_is_signed_and_holds_no_content(desk: Desk) -> None:
    async with listening() as heard:
        notifier = desk.notifier(webhook=hooked(desk, heard))
        item = await desk.item()
        for _ in range(2):
            await notifier.send_due()
        await notifier.close()
    ((headers, body),) = heard.requests
    signed = sign(SECRET, headers["webhook-id"], headers["webhook-timestamp"], body)
    assert hmac.compare_digest(signed, headers["webhook-signature"])
    assert sign("another", headers["webhook-id"], headers["webhook-timestamp"], body) != signed
    event = json.loads(body)
    assert (event["type"], event["data"]["item"]) == ("review.held", str(item.id))
    assert b"refund" not in body


@pytest.mark.parametrize(("status", "over"), [(500, False), (302, False), (410, True)])
async def test_a_webhook_that_refuses_is_sent_again_unless_it_wants_no_more(
    desk: Desk, status: int, over: bool
) -> None:
    async with listening() as heard:
        heard.answers.append(status)
        notifier = desk.notifier(webhook=hooked(desk, heard))
        item = await desk.item()
        await notifier.send_due()
        assert (f"The webhook answered {status}.", over) in await desk.faults(item)
        await desk.wait(11)
        await notifier.send_due()
        await notifier.close()
    ids = [headers["webhook-id"] for headers, _ in heard.requests]
    assert len(ids) == (1 if over else 2)
    assert len(set(ids)) == 1, "the other side can tell that it is the same event"


async def test_a_released_mail_is_sent_to_its_customer_once(desk: Desk) -> None:
    async with mailbox() as box:
        notifier = desk.notifier(mail=plain(box))
        item = await desk.item(ItemKind.MAIL, mail=MailDraft("anna@customer.example", "Your order"))
        await notifier.send_due()
        assert "anna@customer.example" not in box.recipients, "nothing leaves before it is released"
        await desk.released(item)
        for _ in range(2):
            await notifier.send_due()
    assert (await desk.recorded(item))[-2:] == ["item.took_effect", "item.sent"]
    sent = [message for message in box.messages if message["To"] == "anna@customer.example"]
    assert [(one["Subject"], one.get_content().strip()) for one in sent] == [("Your order", DRAFT)]


async def test_a_released_handover_is_told_to_the_crm_and_nothing_is_written_there(desk: Desk) -> None:
    async with listening() as heard:
        notifier = desk.notifier(webhook=hooked(desk, heard))
        item = await desk.item(ItemKind.HANDOVER, handover=Handover("case:7", "add_note"))
        await desk.released(item)
        for _ in range(2):
            await notifier.send_due()
        await notifier.close()
    events = [json.loads(body) for _, body in heard.requests]
    (told,) = [event["data"] for event in events if event["type"] == "handover"]
    assert (told["record"], told["action"], told["text"]) == ("case:7", "add_note", DRAFT)
    assert told["hash"] == item.current_hash


async def test_a_handover_about_a_record_that_is_not_the_reps_any_more_is_not_told(desk: Desk) -> None:
    async with listening() as heard:
        item = await desk.item(ItemKind.HANDOVER, handover=Handover("case:8", "add_note"))
        await desk.released(item)
        notifier = desk.notifier(webhook=hooked(desk, heard))
        await notifier.send_due()
        await notifier.close()
    assert "handover" not in [json.loads(body)["type"] for _, body in heard.requests]


async def test_an_answer_without_its_run_leaves_the_house_by_no_way(desk: Desk) -> None:
    async with listening() as heard:
        item = await desk.item()
        await desk.released(item)
        notifier = desk.notifier(webhook=hooked(desk, heard))
        await notifier.send_due()
        await notifier.close()
    assert all(DRAFT.encode() not in body for _, body in heard.requests)
    assert "run.not_released" in await desk.recorded_of(item)


async def test_a_released_mail_that_was_changed_before_it_left_is_not_sent(
    desk: Desk, appliance_database: Migrated
) -> None:
    async with mailbox() as box:
        item = await desk.item(ItemKind.MAIL, mail=MailDraft("anna@customer.example", "Your order"))
        await desk.released(item)
        with psycopg.connect(appliance_database.superuser_dsn) as owner:
            owner.execute("SET LOCAL session_replication_role = replica")
            owner.execute(
                "UPDATE approvals.held_item SET payload = jsonb_set(payload, '{mail,to}', %s) WHERE id = %s",
                ('"x@evil.example"', item.id),
            )
        await desk.notifier(mail=plain(box)).send_due()
    assert not {"x@evil.example", "anna@customer.example"} & set(box.recipients)
    assert (await desk.recorded(item))[-1] == "item.not_sent"


async def test_a_released_mail_that_is_given_up_is_recorded_and_its_requester_told(desk: Desk) -> None:
    async with mailbox() as box:
        item = await desk.item(ItemKind.MAIL, mail=MailDraft("anna@customer.example", "Your order"))
        await desk.released(item)
        box.refuse = {"RCPT": ["550 nobody here"] * 9}
        await desk.notifier(mail=plain(box)).send_due()
    assert (await desk.recorded(item))[-2:] == ["item.took_effect", "item.not_sent"]
    async with desk.database.transaction() as session:
        told = [notice.event for notice in await notices_for(session, desk.rep) if notice.item == item.id]
    assert "not_sent" in told


async def test_who_sent_a_draft_back_is_told_by_mail_that_no_other_was_written(desk: Desk) -> None:
    async with mailbox() as box:
        notifier = desk.notifier(mail=plain(box))
        item = await desk.item()
        async with desk.web.transaction() as session:
            await open_item(session, desk.officer, item.id)
            await send_back(session, POLICY, desk.officer, item.id, item.current_hash, instruction="Shorter.")
        await desk.wait(60)
        await RunResumer(desk.database, NoRecords()).resume(item.id)
        async with desk.database.transaction() as session:
            for _twice in range(2):
                await tell_not_rewritten(session, item.id)
        await notifier.send_due()
    mails = {message["Subject"]: message["To"] for message in box.messages}
    assert mails["No other draft was written"] == desk.officer.login
    assert [message["Subject"] for message in box.messages].count("No other draft was written") == 1


async def test_of_a_draft_that_was_not_sent_back_nobody_is_told_that_no_other_was_written(desk: Desk) -> None:
    item = await desk.item()
    async with desk.database.transaction() as session:
        await tell_not_rewritten(session, item.id)
    await desk.released(item)
    async with desk.database.transaction() as session:
        await tell_not_rewritten(session, item.id)
        told = {one.event for one in await notices_for(session, desk.officer) if one.item == item.id}
    assert "not_rewritten" not in told


class SlowMailer(Notifier):
    """A sender who is overtaken by another while the server takes its time."""

    other: Notifier | None = None

    async def _mail(self, notice: DueNotice) -> None:
        if self.other is not None:
            async with self._database.transaction() as session:
                await run_sql(
                    session,
                    "UPDATE approvals.notice SET next_try = next_try - interval '61 seconds' "
                    "WHERE sent_at IS NULL AND id <> :this",
                    this=notice.id,
                )
            other, self.other = self.other, None
            await other.send_due()
        await super()._mail(notice)


async def test_what_waits_behind_a_slow_server_is_not_sent_twice(desk: Desk) -> None:
    """A minute passes while the first of several mails is on its way, and another worker looks."""
    async with mailbox() as box:
        for _ in range(3):
            await desk.item()
        secret = desk.folder / "link"
        secret.write_text("a secret of ours")
        told = NoticeSettings(mail=plain(box), link_secret_file=secret)
        slow = SlowMailer(desk.database, NoTokens(), NoRecords(), told)
        slow.other = Notifier(desk.database, NoTokens(), NoRecords(), told)
        await slow.send_due()
    ids = [message["Message-ID"] for message in box.messages]
    assert (len(ids), len(set(ids))) == (3, 3)


@pytest.mark.parametrize(
    ("to", "subject"),
    [
        ("anna@customer.example", "=?utf-8?q?Hello=0d=0aReply-To:_x@evil.example?="),
        ("anna@customer.example", "Two\u2028lines"),
        ("anna@customer.example", "Two\x85lines"),
        ("anna@customer.example\nBcc: x@evil.example", "Your order"),
        ("anna@customer.example, x@evil.example", "Your order"),
        ("(anna)x@evil.example", "Your order"),
        ("=?utf-8?q?anna?=@customer.example", "Your order"),
        ("a@[", "Your order"),
    ],
)
async def test_no_header_is_smuggled_into_a_mail(desk: Desk, to: str, subject: str) -> None:
    async with mailbox() as box:
        with pytest.raises(MailRefused):
            await Mailer(plain(box)).send(to=to, subject=subject, text="Hello.", message_id="1")
    assert box.messages == []


@settings(max_examples=200, deadline=None)
@given(local=st.from_regex(r"[\w.!#$%&'*+/=?^`{|}~-]{1,12}", fullmatch=True), subject=st.text(max_size=40))
def test_what_may_be_sent_is_one_recipient_and_one_subject(local: str, subject: str) -> None:
    to = f"{local}@customer.example"
    if not (is_address(to) and is_subject(subject)):
        return
    message = EmailMessage()
    message["To"], message["Subject"] = to, subject
    message.set_content("Hello.")
    read = message_from_bytes(message.as_bytes(), policy=default)
    assert sorted(read.keys()) == sorted(message.keys())
    assert read.get_content().strip() == "Hello."


def test_a_password_is_not_sent_in_the_clear(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("secret")
    told = {"host": "mail.example", "sender": "a@b.example"}
    for wrong in (
        {"security": "none", "user": "cloister", "password_file": password},
        {"user": "cloister"},
        {"password_file": password},
    ):
        with pytest.raises(ValidationError):
            MailSettings.model_validate({**told, **wrong})
    MailSettings.model_validate({**told, "user": "cloister", "password_file": password})


def test_a_webhook_is_signed_as_the_standards_own_example() -> None:
    """The secret, message and signature of the specification's libraries' tests."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    signed = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body) == signed


def test_a_webhooks_secret_that_is_none_stops_the_start(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("whsec_not base64!")
    with pytest.raises(SettingsError, match="whsec_"):
        Hook(WebhookSettings(url="https://crm.example/hook", secret_file=secret))


async def test_a_text_whose_identities_cannot_be_shown_is_not_sent(desk: Desk) -> None:
    async with mailbox() as box:
        notifier = desk.notifier(mail=plain(box))
        draft = MailDraft("<PERSON_1_EMAIL>", "Your order")
        item = await desk.item(ItemKind.MAIL, mail=draft, text="Dear <PERSON_1>, we refund 450 EUR.")
        await desk.released(item)
        await notifier.send_due()
    assert ("Its requester may no longer see who it is about.", True) in await desk.faults(item)
    assert box.recipients == [desk.officer.login, desk.rep.login, desk.rep.login]


TOMORROW = datetime.now(UTC) + timedelta(days=1)
ITEM = uuid.UUID("0d9f7c1e-5a52-4f4e-9f0b-6f5c2a7d3b18")
Change = Callable[[str], str]


@pytest.mark.parametrize(
    "change",
    [
        lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"),
        lambda token: "A" + token,
        lambda token: token.partition(".")[0],
        lambda _token: "",
        lambda _token: sign_link("another secret", ITEM, "olga", TOMORROW),
        lambda _token: sign_link(SECRET, ITEM, "olga", TOMORROW - timedelta(days=2)),
        lambda _token: sign_link(SECRET, ITEM, "otto", TOMORROW),
    ],
)
def test_a_link_that_was_changed_has_expired_or_is_anothers_leads_nowhere(change: Change) -> None:
    token = sign_link(SECRET, ITEM, "olga", TOMORROW)
    assert read_link(SECRET, token, "olga") == ITEM
    with pytest.raises(NotFound):
        read_link(SECRET, change(token), "olga")


@pytest.mark.parametrize(
    ("who", "status", "leads"),
    [(None, 303, "/sign-in?next="), ("olga", 303, f"/queue/{ITEM}"), ("otto", 404, "")],
)
async def test_a_link_asks_for_a_sign_in_and_for_the_right_person(
    tmp_path: Path, who: str | None, status: int, leads: str
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET)

    @dataclass
    class Settings:
        review_link_secret_file: Path = secret

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        yield {"settings": Settings()}

    app = FastAPI(lifespan=lifespan)
    app.include_router(router)
    install_error_handlers(app)
    caller = Principal(who, who, frozenset({Role.OFFICER})) if who else None
    app.dependency_overrides[maybe_signed_in] = lambda: caller
    token = sign_link(SECRET, ITEM, "olga", TOMORROW)
    async with serving(app) as address, httpx.AsyncClient(base_url=address, trust_env=False) as http:
        answer = await http.get(f"/review/{token}")
    assert answer.status_code == status
    assert answer.headers.get("location", "").startswith(leads)
