"""What a retrieval process is told at its start."""

from pathlib import Path
from typing import Final

from pydantic import Field

from gateway import (
    DatabaseSettings,
    ExistingFile,
    KeeperSettings,
    ListenSettings,
    PeerSettings,
    Settings,
    TrustSettings,
    read_secret,
)

MAY_DELETE: Final = 0.15
"""A sync that would delete more than this share of a kind of record stops and asks."""


class CrmSettings(Settings):
    """How the CRM's database is reached, with a role that may only read, and the map of its tables."""

    map_file: ExistingFile
    host: str = "127.0.0.1"
    port: int = 5432
    name: str
    user: str
    password_file: ExistingFile
    pool_size: int = Field(6, ge=2)
    timeout_s: float = Field(30, gt=0)
    """Seconds that a statement of the sync may take."""
    question_timeout_s: float = Field(4, gt=0)
    """Seconds that a statement may take while somebody waits for it."""

    def parameters(self, timeout_s: float) -> dict[str, object]:
        """What libpq needs to connect, for statements that take at most `timeout_s`."""
        return {
            "host": self.host,
            "port": self.port,
            "dbname": self.name,
            "user": self.user,
            "password": read_secret(self.password_file),
            "connect_timeout": 5,
            "application_name": "cloister-retrieval",
            "options": f"-c statement_timeout={int(timeout_s * 1000)}",
        }


class ServerSettings(Settings):
    """A Qdrant server, for more records or searchers than one process has room for."""

    url: str
    api_key_file: ExistingFile | None = None
    ca_file: ExistingFile | None = None
    timeout_s: int = 10


class IndexSettings(Settings):
    """Where the index is kept, and the embedding model whose vectors it holds.

    Without a `server` it is in `folder`, in this process.
    """

    folder: Path
    server: ServerSettings | None = None
    model: str = "all-MiniLM-L6-v2"
    dimensions: int = Field(384, ge=1)


class SyncSettings(Settings):
    """How often the index is brought up to date; seconds."""

    poll_s: float = Field(1.5, gt=0)
    overlap_s: float = Field(60, gt=0)
    sweep_s: float = Field(20, gt=0)
    reconcile_s: float = Field(900, gt=0)
    page_rows: int = Field(400, ge=1, le=5_000)
    embed_batch: int = Field(16, ge=1, le=256)
    fill_vectors: bool = True


class RetrievalSettings(Settings):
    """The settings file of `cloister retrieval`."""

    listen: ListenSettings
    database: DatabaseSettings
    trust: TrustSettings
    keeper: KeeperSettings
    door: PeerSettings
    crm: CrmSettings
    index: IndexSettings
    sync: SyncSettings = SyncSettings()
