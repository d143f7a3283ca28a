"""Settings of the processes that the assistant composes."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from assistant.answer import AnsweringSettings
from gateway import (
    RECORD_ORIGIN,
    AccountSettings,
    AnchorSettings,
    DatabaseSettings,
    ExistingFile,
    ListenSettings,
    PeerSettings,
    RetentionSettings,
    Settings,
    TlsSettings,
    TrustSettings,
)


class OfferedSignIn(Settings):
    """A sign-in that the page offers; `note` says in a few words what its person can show."""

    login: str
    note: str = ""


class DemoSettings(Settings):
    """Only a demo appliance has this section: its sign-ins may be named without their password.

    `secret_file` is what the command line shows to be given a token for a name; whoever can read it
    owns the machine anyway. `password` is that of every demo sign-in, `offered` are those that the page
    shows, and `invented` is whether the company is the demo's own.
    """

    password: str
    secret_file: ExistingFile
    offered: tuple[OfferedSignIn, ...] = ()
    invented: bool = True


class AnchorReading(Settings):
    """Where the checkpoints lie, the key that verifies them, and the log's name in them.

    `earlier_key_files` are the keys that signed before that one, the oldest first.
    """

    folder: Path
    public_key_file: ExistingFile
    earlier_key_files: tuple[ExistingFile, ...] = ()
    origin: str = RECORD_ORIGIN


class ProgramSettings(Settings):
    """Programs that search for people."""

    calls_per_minute: int = Field(120, ge=1)


class MailSettings(Settings):
    """The mail server that takes our messages."""

    host: str
    port: int = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    ca_file: ExistingFile | None = None
    user: str | None = None
    password_file: ExistingFile | None = None
    sender: str
    timeout_s: float = 10

    @model_validator(mode="after")
    def _tells_no_password_in_the_clear(self) -> Self:
        if (self.user is None) != (self.password_file is None):
            raise ValueError("`user` and `password_file` go together")
        if self.user is not None and self.security == "none":
            raise ValueError("a password is only sent over an encrypted connection: `security` is none")
        return self


class WebhookSettings(Settings):
    """Where events are sent, and the secret that both sides share."""

    url: str
    secret_file: ExistingFile
    tls: TlsSettings | None = None
    timeout_s: float = 10


class NoticeSettings(Settings):
    """How people and programs are told; a channel without its section tells nobody."""

    page_url: str = ""
    link_secret_file: ExistingFile | None = None
    mail: MailSettings | None = None
    webhook: WebhookSettings | None = None


class WebSettings(Settings):
    """`cloister web`."""

    listen: ListenSettings
    database: DatabaseSettings
    trust: TrustSettings
    door: PeerSettings
    retrieval: PeerSettings
    anchors: AnchorReading
    state_folder: Path
    accounts: AccountSettings = AccountSettings()
    policy_file: Path | None = None
    policy_modules: tuple[str, ...] = ()
    https: bool = False
    origins: tuple[str, ...] = ()
    programs: ProgramSettings = ProgramSettings()
    review_link_secret_file: ExistingFile | None = None
    demo: DemoSettings | None = None
    peers: dict[str, str] = Field(default_factory=dict)


class WorkSettings(Settings):
    """`cloister work`."""

    listen: ListenSettings
    database: DatabaseSettings
    trust: TrustSettings
    door: PeerSettings
    retrieval: PeerSettings
    anchors: AnchorSettings
    retention: RetentionSettings = RetentionSettings()
    answering: AnsweringSettings = AnsweringSettings()
    policy_file: Path | None = None
    policy_modules: tuple[str, ...] = ()
    sampling_secret_file: Path | None = None
    notices: NoticeSettings = NoticeSettings()
    concurrency: int = 4
