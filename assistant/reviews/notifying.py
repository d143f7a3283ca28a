"""Sending what is due: notices to officers and reps, and what was released to go out of the house."""

from collections.abc import Mapping
from datetime import timedelta
from gettext import gettext as _
from typing import Any, Final

from approvals import (
    Channel,
    DueNotice,
    HeldItem,
    ItemKind,
    Occasion,
    mark_failed,
    mark_sent,
    take_due_notices,
)
from assistant.settings import NoticeSettings
from gateway import (
    CloisterError,
    Database,
    DoorClient,
    NotFound,
    Principal,
    log,
    principal_of_account,
    read_secret,
)
from redaction import find_tokens
from retrieval import RetrievalClient

from .hooks import Hook, HookRefused
from .links import sign_link
from .mailing import Mailer, MailRefused
from .reveal import reveal

_AT_ONCE: Final = 20
_LINK_HOLDS: Final = timedelta(days=7)
_TO_THE_REP: Final = (Occasion.ASKED, Occasion.EXPIRED, Occasion.DECIDED, Occasion.NOT_SENT)


class _Undeliverable(Exception):
    """It cannot be sent, now or ever (`final`)."""

    def __init__(self, sentence: str, *, final: bool) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.final = final


class Notifier:
    """Sends due notices. Any number of workers may: each takes what no other has."""

    def __init__(
        self, database: Database, door: DoorClient, retrieval: RetrievalClient, settings: NoticeSettings
    ) -> None:
        self._database = database
        self._door = door
        self._retrieval = retrieval
        self._settings = settings
        self._mailer = Mailer(settings.mail) if settings.mail else None
        self._hook = Hook(settings.webhook) if settings.webhook else None

    async def send_due(self) -> int:
        """Send what is due; gives how many were taken by the other side.

        One is taken at a time: what waits behind a slow server is nobody's, and not sent twice.
        """
        sent = 0
        for _turn in range(_AT_ONCE):
            async with self._database.transaction() as session:
                due = await take_due_notices(session, limit=1)
            if not due:
                break
            sent += await self._send(due[0])
        return sent

    async def close(self) -> None:
        """Give the connections back."""
        if self._hook is not None:
            await self._hook.close()

    async def _send(self, notice: DueNotice) -> bool:
        try:
            if notice.event is Occasion.RELEASED:
                await self._hand_out(notice)
            elif notice.channel is Channel.MAIL:
                await self._mail(notice)
            else:
                await self._tell_program(notice)
        except (_Undeliverable, MailRefused, HookRefused) as refusal:
            log.warning("notice.not_sent", notice=str(notice.id), reason=refusal.sentence)
            async with self._database.transaction() as session:
                await mark_failed(session, notice, refusal.sentence, final=refusal.final)
            return False
        except CloisterError as error:  # a part that is needed is away
            async with self._database.transaction() as session:
                await mark_failed(session, notice, error.sentence)
            return False
        async with self._database.transaction() as session:
            await mark_sent(session, notice.id)
        return True

    async def _mail(self, notice: DueNotice) -> None:
        """Say that there is something to look at, with a link that asks for a sign-in."""
        mailer = self._need_mailer()
        recipient = await self._account(notice.recipient)
        if "@" not in recipient.login:
            raise _Undeliverable("The account has no mail address.", final=True)
        subject, sentence = _words(notice)
        lines = [
            sentence,
            _("Queue: {queue}. Deadline: {deadline:%Y-%m-%d %H:%M} UTC.").format(
                queue=notice.queue, deadline=notice.deadline
            ),
            self._link(notice),
        ]
        text = "\n\n".join(filter(None, lines)) + "\n"
        await mailer.send(to=recipient.login, subject=subject, text=text, message_id=str(notice.id))

    async def _tell_program(self, notice: DueNotice) -> None:
        data = {
            "item": str(notice.item),
            "run": str(notice.run),
            "kind": notice.kind,
            "queue": notice.queue,
            "tier": notice.tier,
            "state": notice.state,
            "deadline": notice.deadline.isoformat(),
        }
        await self._need_hook().send(str(notice.id), f"review.{notice.event}", data)

    async def _hand_out(self, notice: DueNotice) -> None:
        """Send what was released, with identities that its requester may see now, and with no token left."""
        async with self._database.transaction() as session:
            item = await session.get_one(HeldItem, notice.item)
        if not item.is_sound():
            raise _Undeliverable("The stored text is not the one that was approved.", final=True)
        requester = await self._account(item.requester)
        payload = item.to_release()
        mail = payload.mail
        texts = [payload.text, *((mail.to, mail.subject) if mail else ())]
        revealed = await reveal(self._door, self._retrieval, requester, item, texts)
        shown = {text: revealed[text].shown for text in texts}
        if any(True for text in shown.values() for _found in find_tokens(text)):
            raise _Undeliverable("Its requester may no longer see who it is about.", final=True)
        if item.kind is ItemKind.MAIL and mail is not None:
            await self._need_mailer().send(
                to=shown[mail.to],
                subject=shown[mail.subject],
                text=shown[payload.text],
                message_id=str(notice.id),
                automatic=False,
            )
            return
        await self._need_hook().send(str(notice.id), "handover", _handover(item, shown[payload.text]))

    def _link(self, notice: DueNotice) -> str:
        settings = self._settings
        if not (settings.page_url and settings.link_secret_file):
            return ""
        if notice.event in _TO_THE_REP:
            return f"{settings.page_url.rstrip('/')}/"  # told to the rep, whose page is the chat
        secret = read_secret(settings.link_secret_file)
        token = sign_link(secret, notice.item, notice.recipient, notice.deadline + _LINK_HOLDS)
        return f"{settings.page_url.rstrip('/')}/review/{token}"

    async def _account(self, account: str) -> Principal:
        async with self._database.transaction() as session:
            try:
                return await principal_of_account(session, account_id=account)
            except NotFound as error:
                raise _Undeliverable("The account may no longer sign in.", final=True) from error

    def _need_mailer(self) -> Mailer:
        if self._mailer is None:
            raise _Undeliverable("No mail server is set (notices.mail).", final=True)
        return self._mailer

    def _need_hook(self) -> Hook:
        if self._hook is None:
            raise _Undeliverable("No webhook is set (notices.webhook).", final=True)
        return self._hook


def _handover(item: HeldItem, text: str) -> Mapping[str, Any]:
    """What the CRM is told: it writes to its own database, we never do."""
    handover = item.to_release().handover
    return {
        "item": str(item.id),
        "conversation": str(item.conversation),
        "record": handover.record if handover else None,
        "action": handover.action if handover else None,
        "text": text,
        "hash": item.current_hash,
        "policy": item.policy_version,
    }


def _words(notice: DueNotice) -> tuple[str, str]:
    """Subject and sentence; no content, no identity."""
    words = {
        Occasion.HELD: (_("A draft waits for review"), _("A draft waits for an officer of your queue.")),
        Occasion.REMINDED: (_("A draft still waits"), _("Half of its time is over and nobody has decided.")),
        Occasion.ESCALATED: (_("A draft was escalated"), _("A draft was escalated to your queue.")),
        Occasion.ASSIGNED: (_("A draft was given to you"), _("A colleague gave you a draft to decide.")),
        Occasion.ASKED: (_("An officer has a question"), _("An officer asks you about your question.")),
        Occasion.ANSWERED: (_("The rep has answered"), _("The rep has answered your question.")),
        Occasion.DECIDED: (_("Your draft was decided"), _("An officer has decided; see your conversation.")),
        Occasion.EXPIRED: (
            _("Not released in time"),
            _("Nobody decided before the deadline: it is not released. Ask again if you still need it."),
        ),
        Occasion.NOT_SENT: (
            _("It could not be sent"),
            _("What an officer released could not be sent, and nobody tries again. Ask your administrator."),
        ),
        Occasion.NOT_REWRITTEN: (
            _("No other draft was written"),
            _("What you sent back was not written anew, and nothing is released."),
        ),
        Occasion.LAPSED: (
            _("A decision no longer stands"),
            _("Somebody who decided may no longer do so: the draft waits again."),
        ),
    }
    return words[notice.event]
