"""Which models there are, how they get onto a machine, and how they are served."""

from models.embedding_app import create_embedding_app
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
from models.progress import OnProgress, Phase, Progress
from models.serving import ServeCommand, ServingTls, serving_command

__all__ = [
    "Catalogue",
    "CatalogueEntry",
    "CatalogueInvalid",
    "ChecksumMismatch",
    "DiskFull",
    "DownloadFailed",
    "EngineInstallFailed",
    "EngineMissing",
    "EntryDamaged",
    "InstallBusy",
    "ModelsError",
    "NotInstalled",
    "OnProgress",
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
    "serving_command",
    "verify_entry",
]
