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
    """Where the checkpoints lie, and the key that verifies them."""

    folder: Path
    public_key_file: ExistingFile


class ProgramSettings(Settings):
    """Programs that search for people."""

    calls_per_minute: int = Field(120, ge=1)


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
    policy_modules: tuple[str, ...] = ()
    sampling_secret_file: Path | None = None
    concurrency: int = 4
