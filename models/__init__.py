"""Which models there are, how they get onto a machine, and how they are served."""

from models.embedding_app import DEFAULT_ENTRY, create_embedding_app, load_encoder
from models.encoder import Encoder
from models.engine import engine_python, install_engine, is_engine_current
from models.entries import Catalogue, CatalogueEntry, ServingProfile, load_catalogue
from models.errors import (
    CatalogueInvalid,
    ChecksumMismatch,
    DiskFull,
    DownloadFailed,
    EngineInstallFailed,
    EngineMissing,
    EntryDamaged,
    InstallBusy,
    ModelsError,
    NotInstalled,
    QuantisationFailed,
    SourceMissing,
    UnknownEntry,
    UnknownProfile,
)
from models.install import install_entry, is_entry_current, verify_entry
from models.packed import PackedEncoder
from models.progress import OnProgress, Phase, Progress
from models.serving import ServeCommand, ServingTls, serving_command

__all__ = [
    "DEFAULT_ENTRY",
    "Catalogue",
    "CatalogueEntry",
    "CatalogueInvalid",
    "ChecksumMismatch",
    "DiskFull",
    "DownloadFailed",
    "Encoder",
    "EngineInstallFailed",
    "EngineMissing",
    "EntryDamaged",
    "InstallBusy",
    "ModelsError",
    "NotInstalled",
    "OnProgress",
    "PackedEncoder",
    "Phase",
    "Progress",
    "QuantisationFailed",
    "ServeCommand",
    "ServingProfile",
    "ServingTls",
    "SourceMissing",
    "UnknownEntry",
    "UnknownProfile",
    "create_embedding_app",
    "engine_python",
    "install_engine",
    "install_entry",
    "is_engine_current",
    "is_entry_current",
    "load_catalogue",
    "load_encoder",
    "serving_command",
    "verify_entry",
]
