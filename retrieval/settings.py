"""What a retrieval process is told at its start."""

from pathlib import Path
from typing import Any, Final, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import Field, model_validator
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

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

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})

MAY_DELETE: Final = 0.15
"""A sync that would delete more than this share of a kind of record stops and asks."""


_DATABASES: Final[dict[str, Literal["postgresql", "mysql", "sqlite"]]] = {
    "postgresql": "postgresql",
    "mysql": "mysql",
    "mariadb": "mysql",
    "sqlite": "sqlite",
}
_PORTS: Final = {"postgresql": 5432, "mysql": 3306}


class CrmSettings(Settings):
    """How the CRM's database is reached, with a role that may only read, and the map of its tables.

    PostgreSQL by `host`, `port`, `name` and `user`. Any database by `url`, SQLAlchemy's form without the
    password: `mysql://reader@host:3306/crm`, `sqlite:////path/crm.db`.
    """

    map_file: ExistingFile
    url: str | None = None
    host: str = "127.0.0.1"
    port: int = 5432
    name: str | None = None
    user: str | None = None
    password_file: ExistingFile | None = None
    sslmode: Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] = "prefer"
    """As in PostgreSQL. MariaDB and MySQL are spoken to in the clear below `require`."""
    ca_file: ExistingFile | None = None
    """Whose certificates are believed, for `verify-ca` and `verify-full`."""
    timezone: str | None = None
    """The zone of times that are kept without one; the server's own in PostgreSQL, else UTC."""
    pool_size: int = Field(6, ge=2)
    timeout_s: float = Field(30, gt=0)
    """Seconds that a statement of the sync may take."""
    question_timeout_s: float = Field(4, gt=0)
    """Seconds that a statement may take while somebody waits for it."""

    @model_validator(mode="before")
    @classmethod
    def _by_url(cls, given: Any) -> Any:
        """Take host, port, name and user from a URL, so that there is one place to look for them."""
        if not isinstance(given, dict) or not given.get("url"):
            return given
        try:
            url = make_url(given["url"])
        except ArgumentError:
            raise ValueError("url is no database URL; write one as in mysql://reader@host:3306/crm") from None
        if url.password:
            raise ValueError("url holds a password; put it into a file and name that as password_file")
        database = _DATABASES.get(url.get_backend_name())
        if database is None:
            raise ValueError(f"url must begin with one of {', '.join(f'{name}:' for name in _DATABASES)}")
        parts = {"host": url.host, "port": url.port or _PORTS.get(database), "name": url.database}
        parts["user"] = url.username
        return {**given, **{name: value for name, value in parts.items() if value is not None}}

    @model_validator(mode="after")
    def _whole(self) -> Self:
        needed = ["name"] if self.database == "sqlite" else ["name", "user", "password_file"]
        if missing := [name for name in needed if getattr(self, name) is None]:
            raise ValueError(f"{' and '.join(missing)} is missing; it says how to reach the CRM's database")
        if self.sslmode in ("verify-ca", "verify-full") and self.ca_file is None:
            raise ValueError("ca_file is missing; it says whose certificates are believed")
        if self.timezone and self.timezone not in available_timezones():
            raise ValueError(f"timezone “{self.timezone}” is unknown; write one as in Europe/Berlin")
        return self

    @property
    def database(self) -> Literal["postgresql", "mysql", "sqlite"]:
        """Which database the CRM is; MariaDB is `mysql` too."""
        return _DATABASES[make_url(self.url).get_backend_name()] if self.url else "postgresql"

    @property
    def password(self) -> str | None:
        return read_secret(self.password_file) if self.password_file else None

    def parameters(self, timeout_s: float) -> dict[str, object]:
        """What libpq needs to connect to PostgreSQL, for statements that take at most `timeout_s`."""
        options = {"statement_timeout": int(timeout_s * 1000), "default_transaction_read_only": "on"}
        if self.timezone:
            options["timezone"] = self.timezone
        found: dict[str, object] = {
            "host": self.host,
            "port": self.port,
            "dbname": self.name,
            "user": self.user,
            "password": self.password,
            "sslmode": self.sslmode,
            "connect_timeout": 3,
            # a machine that is gone says nothing: without these its connections are waited for for hours
            "keepalives_idle": 20,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 30_000,
            "application_name": "cloister-retrieval",
            "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
        }
        return found | ({"sslrootcert": str(self.ca_file)} if self.ca_file else {})


class ServerSettings(Settings):
    """A Qdrant server or cluster, for more records or searchers than one process has room for.

    `url` and `more_urls` are nodes of one cluster, or one load balancer before it. A node that does not
    answer is passed over. `replication_factor`, `write_consistency_factor`, `shards` and what is kept
    `on_disk` count for collections made from now on; left out, the server's own defaults do.
    `collection_prefix` keeps several appliances apart on one cluster.
    """

    url: str
    more_urls: tuple[str, ...] = ()
    api_key_file: ExistingFile | None = None
    ca_file: ExistingFile | None = None
    certificate_file: ExistingFile | None = None
    key_file: ExistingFile | None = None
    timeout_s: int = Field(10, ge=1)
    """Seconds that one try of an operation may take, on both sides."""
    question_timeout_s: int = Field(3, ge=1)
    """Seconds that a search may take, further tries included, while somebody waits for it."""
    patience_s: float = Field(30, gt=0)
    """Seconds after which an operation is not tried again, however long the server asks to wait."""
    tries: int = Field(4, ge=1, le=20)
    collection_prefix: str = Field("cloister", pattern=r"^[A-Za-z0-9_-]{1,64}$")
    replication_factor: int | None = Field(None, ge=1)
    write_consistency_factor: int | None = Field(None, ge=1)
    shards: int | None = Field(None, ge=1)
    on_disk: frozenset[Literal["vectors", "terms", "payload", "graph"]] = frozenset()
    write_ordering: Literal["weak", "medium", "strong"] = "medium"
    read_consistency: int | Literal["majority", "quorum", "all"] | None = None

    @property
    def urls(self) -> tuple[str, ...]:
        return (self.url, *self.more_urls)

    @model_validator(mode="after")
    def _is_coherent(self) -> Self:
        """No key in the clear, no half of a certificate, no write that can never be acknowledged."""
        for url in self.urls if self.url != ":memory:" else ():
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError(f"{url!r} is no address such as https://qdrant.example:6333")
            if self.api_key_file and parts.scheme == "http" and parts.hostname not in _LOOPBACK:
                raise ValueError(f"the API key would be sent in the clear to {url}: use https")
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file go together")
        if (self.write_consistency_factor or 1) > (self.replication_factor or 1):
            raise ValueError("write_consistency_factor is larger than replication_factor")
        return self


class IndexSettings(Settings):
    """Where the index is kept, and the embedding model whose vectors it holds.

    Without a `server` it is in `folder`, in this process.
    """

    folder: Path
    server: ServerSettings | None = None
    model: str = "all-MiniLM-L6-v2"
    dimensions: int = Field(384, ge=1)
    rerank_model: str | None = None
    """The name by which the door knows a reranker; without one, the order is that of the search."""
    rerank_top: int = Field(30, ge=2, le=100)
    rerank_s: float = Field(1.5, gt=0)
    """Seconds that a question waits for the reranker before it does without."""


class SyncSettings(Settings):
    """How often the index is brought up to date; seconds.

    A PostgreSQL CRM that has the `publication` is followed by its log, unless `follow` is poll; then it is
    compared as a whole every `reconcile_log_s`, else every `reconcile_s`.
    """

    poll_s: float = Field(1.5, gt=0)
    overlap_s: float = Field(60, gt=0)
    sweep_s: float = Field(20, gt=0)
    reconcile_s: float = Field(900, gt=0)
    follow: Literal["log", "poll"] = "log"
    publication: str = "cloister"
    reconcile_log_s: float = Field(21_600, gt=0)
    page_rows: int = Field(400, ge=1, le=5_000)
    embed_batch: int = Field(16, ge=1, le=256)
    fill_vectors: bool = True


class RetrievalSettings(Settings):
    """The settings file of `cloister retrieval`.

    With an index on a server, one `writer` keeps it up to the CRM and any number of `searcher`s answer
    questions; `both` does both. An index in a folder has one process, which is both.
    """

    listen: ListenSettings
    database: DatabaseSettings
    trust: TrustSettings
    keeper: KeeperSettings
    door: PeerSettings
    crm: CrmSettings
    index: IndexSettings
    sync: SyncSettings = SyncSettings()
    role: Literal["both", "writer", "searcher"] = "both"

    @model_validator(mode="after")
    def _has_one_process_with_a_folder(self) -> Self:
        if self.role != "both" and self.index.server is None:
            raise ValueError(f"role: {self.role} needs index.server: an index in a folder has one process")
        return self
