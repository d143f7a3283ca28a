"""Mail by SMTP: one connection a message, encrypted unless the settings say otherwise."""

import asyncio
import re
import smtplib
import ssl
from contextlib import ExitStack
from email.message import EmailMessage
from email.utils import formatdate
from typing import Final

from assistant.settings import MailSettings
from gateway import read_secret

_ADDRESS: Final = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(\.[\w-]+)*")
_NO_LINE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]|=\?")  # an encoded word may hold a line break
_FOR_GOOD: Final = 500  # RFC 5321, section 4.2.1: a 5yz reply, asked again, is given again


class MailRefused(Exception):
    """The server did not take a message; `final` says that trying again does not help."""

    def __init__(self, sentence: str, *, final: bool) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.final = final


def is_address(text: str) -> bool:
    """Whether a text is one bare address, and nothing that a mail program would read as another."""
    return bool(_ADDRESS.fullmatch(text)) and "=?" not in text


def is_subject(text: str) -> bool:
    """Whether a text is one line that cannot become several headers, also when it is decoded."""
    return not _NO_LINE.search(text)


class Mailer:
    """Sends messages; the server's word that it has taken one is believed."""

    def __init__(self, settings: MailSettings) -> None:
        self._settings = settings

    async def send(
        self, *, to: str, subject: str, text: str, message_id: str, automatic: bool = True
    ) -> None:
        """Send one message. Raises `MailRefused`.

        A recipient is one bare address, and a subject one line: anything else is refused for good. The same
        `message_id` a second time is the same message: a server or a reader may drop it.
        """
        if not (is_address(to) and is_subject(subject)):
            raise MailRefused("The recipient or the subject cannot be one of a mail.", final=True)
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._settings.sender, to, subject
        message["Date"] = formatdate(usegmt=True)
        message["Message-ID"] = f"<{message_id}@{self._settings.sender.rpartition('@')[2].strip('>')}>"
        if automatic:
            message["Auto-Submitted"] = "auto-generated"  # RFC 3834
        message.set_content(text)
        await asyncio.to_thread(self._deliver, message, to)

    def _deliver(self, message: EmailMessage, to: str) -> None:
        try:
            with self._connected() as server:
                server.send_message(message, to_addrs=[to])
        except smtplib.SMTPRecipientsRefused as error:
            code = next(iter(error.recipients.values()))[0]
            raise MailRefused("The mail server refused the recipient.", final=code >= _FOR_GOOD) from error
        except smtplib.SMTPResponseException as error:
            sentence = f"The mail server answered {error.smtp_code}."
            raise MailRefused(sentence, final=error.smtp_code >= _FOR_GOOD) from error
        except (smtplib.SMTPException, OSError) as error:
            raise MailRefused(f"The mail server failed ({type(error).__name__}).", final=False) from error

    def _connected(self) -> smtplib.SMTP:
        settings = self._settings
        tls = ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
        if settings.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                settings.host, settings.port, timeout=settings.timeout_s, context=tls
            )
        else:
            server = smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout_s)
        with ExitStack() as unless_ready:
            unless_ready.callback(server.close)
            if settings.security == "starttls":
                server.starttls(context=tls)
            if settings.user and settings.password_file:
                server.login(settings.user, read_secret(settings.password_file))
            unless_ready.pop_all()
        return server
