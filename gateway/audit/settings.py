"""Where checkpoints go to be kept by somebody else, and the key that signs them."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from gateway.http import TlsSettings
from gateway.keys import SigningKeySettings
from gateway.settings import ExistingFile, Settings

from .notes import VerifierKey

ORIGIN = "cloister.internal/record"


def _verifier(text: str) -> str:
    return str(VerifierKey.parse(text))


class SyslogSettings(Settings):
    """A log host that takes RFC 5424 messages over TLS (RFC 5425)."""

    host: str
    port: int = 6514
    tls: TlsSettings


class WitnessSettings(Settings):
    """A witness as C2SP `tlog-witness` has it; `key` is its verifier key, `NAME+ID+KEY` with kind 4."""

    url: str
    key: Annotated[str, AfterValidator(_verifier)]
    tls: TlsSettings | None = None


class AnchorSettings(Settings):
    """Where checkpoints go. They are signed with the key in `key_file`, or by `key_service`.

    `folder` should be on storage that the database's administrators cannot write. `origin` names the log in
    checkpoints: a witness tells logs apart by it. `every_s` is the longest that a sealed event waits for a
    checkpoint, `late_s` how long an anchor may be behind before `/readyz` says so.
    """

    folder: Path
    key_file: ExistingFile | None = None
    key_service: SigningKeySettings | None = None
    origin: str = ORIGIN
    every_s: int = Field(60, ge=0, le=60)
    late_s: int = Field(180, ge=1)
    syslog: SyslogSettings | None = None
    witness: WitnessSettings | None = None
