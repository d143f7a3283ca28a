"""Settings of the processes that the assistant composes."""

from pathlib import Path

from pydantic import Field

from assistant.answer import AnsweringSettings
from gateway import (
    AccountSettings,
    AnchorSettings,
    DatabaseSettings,
    ExistingFile,
    ListenSettings,
    PeerSettings,
    Settings,
    TrustSettings,
)


class DemoSettings(Settings):
    """Only a demo appliance has this section: who may be named without a password, and how."""

    password: str
    secret_file: ExistingFile


class WebSettings(Settings):
    """`cloister web`."""

    listen: ListenSettings
    database: DatabaseSettings
    trust: TrustSettings
    door: PeerSettings
    retrieval: PeerSettings
    accounts: AccountSettings = AccountSettings()
    https: bool = False
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
    answering: AnsweringSettings = AnsweringSettings()
    policy_file: Path | None = None
    concurrency: int = 4
