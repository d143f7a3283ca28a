"""Webhooks, signed as Standard Webhooks has it: id, time and body under one HMAC-SHA256.

The other side checks `webhook-signature` over `webhook-id.webhook-timestamp.body`, refuses old times, and
takes an id that it has had already as done: what was not answered in time is sent again with the same id.
"""

import base64
import binascii
import hmac
import json
import time
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

import httpx

from assistant.settings import WebhookSettings
from gateway import SettingsError, create_http_client, read_secret

_PREFIX: Final = "whsec_"
_GONE: Final = 410  # the other side says that it wants no more of these


class HookRefused(Exception):
    """The other side did not take an event; `final` says that trying again does not help."""

    def __init__(self, sentence: str, *, final: bool = False) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.final = final


class Hook:
    """Sends events to one address. Redirects are not followed: the address is what was agreed on."""

    def __init__(self, settings: WebhookSettings) -> None:
        """Raises `SettingsError` for a secret that cannot be one."""
        _key_of(read_secret(settings.secret_file))
        self._settings = settings
        self._client = create_http_client(tls=settings.tls, timeout=settings.timeout_s)

    async def send(self, event_id: str, event: str, data: Mapping[str, Any]) -> None:
        """Send one event. Raises `HookRefused`."""
        body = json.dumps({"type": event, "data": data}, separators=(",", ":"), ensure_ascii=False).encode()
        moment = str(int(time.time()))
        headers = {
            "content-type": "application/json",
            "webhook-id": event_id,
            "webhook-timestamp": moment,
            "webhook-signature": sign(read_secret(self._settings.secret_file), event_id, moment, body),
        }
        try:
            answer = await self._client.post(self._settings.url, content=body, headers=headers)
        except httpx.TransportError as error:
            raise HookRefused(f"The webhook failed ({type(error).__name__}).") from error
        if not answer.is_success:
            sentence = f"The webhook answered {answer.status_code}."
            raise HookRefused(sentence, final=answer.status_code == _GONE)

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.aclose()


def sign(secret: str, event_id: str, moment: str, body: bytes) -> str:
    """`v1,` and the base64 of HMAC-SHA256 over id, time and body."""
    signed = f"{event_id}.{moment}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(_key_of(secret), signed, sha256)).decode()


def _key_of(secret: str) -> bytes:
    """The key: what `whsec_` stands before is base64, anything else is taken as it is."""
    if not secret.startswith(_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise SettingsError("The webhook's secret begins with whsec_ and is not base64 after it.") from error
