"""What a door process is told."""

from pydantic import Field

from gateway.database import DatabaseSettings
from gateway.http import TlsSettings
from gateway.keys import KeeperSettings
from gateway.principal import TrustSettings
from gateway.settings import ExistingFile, ListenSettings, Settings
from redaction import EntityType, Level

from .schemas import ModelName


class DeploymentSettings(Settings):
    """One model server. `model` is the name that callers use, `served_name` the server's own.

    `revision` says which weights it serves, as the catalogue or their checksum does: the record has it with
    every answer, and only an answer whose revision is known can be asked for again of the same model.
    """

    name: ModelName
    url: str
    model: ModelName = "default"
    served_name: str = Field("", max_length=200, pattern=r"^[!-~]*$")
    revision: str = Field("", max_length=100, pattern=r"^[!-~]*$")
    tls: TlsSettings | None = None
    api_key_file: ExistingFile | None = None
    weight: int = Field(1, ge=1)
    context_tokens: int = Field(2048, ge=128)
    connect_s: float = 5.0
    first_chunk_s: float = 60.0
    chunk_s: float = 30.0

    @property
    def version(self) -> str:
        """What is served, by name and, where it is known, revision: `smollm2-360m@12fd25f`."""
        served = self.served_name or self.model
        return f"{served}@{self.revision}" if self.revision else served


class RerankerSettings(DeploymentSettings):
    """A server that says how well texts answer a question, as vLLM serves cross-encoders.

    Somebody waits for it, and what was found has an order without it: it gets little time.
    """

    model: str = "reranker"
    connect_s: float = 1.0
    first_chunk_s: float = 3.0


class NamesSettings(Settings):
    """The pool of processes that look for names. Without it, persons outside the CRM are not found.

    `types` are what it reports: strangers and where they live. Companies that are customers are known from
    the CRM; guessing others would hide products, towns and case numbers, which answers need and which
    identify nobody. Of what was found, `remembered` texts are in memory and `kept` in the database; of none
    with 0. `scan_answers` looks for people in a model's own words too, sentence by sentence.
    """

    enabled: bool = True
    types: frozenset[EntityType] = frozenset({EntityType.PERSON, EntityType.ADDRESS})
    workers: int = Field(1, ge=1)
    waiting_at_most: int = 512
    timeout_s: float = 20.0
    remembered: int = Field(50_000, ge=1)
    kept: int = Field(500_000, ge=0)
    scan_answers: bool = True


class MaskingSettings(Settings):
    """What is masked beyond what the CRM knows, which always is.

    `level` is `direct`, or `quasi` for dates, ages and nationalities too. `allowed` are never masked on
    a guess, such as product names. `recognizers` are Presidio recognisers of a company's own: registry files
    (`.yaml`), or `module:Class`.
    """

    level: Level = Level.DIRECT
    allowed: frozenset[str] = frozenset()
    recognizers: tuple[str, ...] = ()


class LimitSettings(Settings):
    """How much one request may hold, and how many answers one principal may be given at once."""

    body_bytes: int = 4 * 1024 * 1024
    question_characters: int = 8_000
    part_characters: int = 60_000
    request_characters: int = 400_000
    parts: int = 512
    answers_at_once: int = 16


class BreakerSettings(Settings):
    """When a model server is left alone, and for how long."""

    failures: int = Field(2, ge=1)
    seconds: float = 5.0


class LinkSettings(Settings):
    """Hosts that links in an answer may lead to, such as the CRM's own; every other link is taken out."""

    hosts: frozenset[str] = frozenset()


class DoorSettings(Settings):
    """The settings file of `cloister door`."""

    listen: ListenSettings
    database: DatabaseSettings
    trust: TrustSettings
    keeper: KeeperSettings
    models: list[DeploymentSettings] = Field(default_factory=list)
    embeddings: list[DeploymentSettings] = Field(default_factory=list)
    rerankers: list[RerankerSettings] = Field(default_factory=list)
    names: NamesSettings = NamesSettings()
    masking: MaskingSettings = MaskingSettings()
    limits: LimitSettings = LimitSettings()
    breaker: BreakerSettings = BreakerSettings()
    links: LinkSettings = LinkSettings()
