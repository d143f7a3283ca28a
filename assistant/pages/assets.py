"""Static files, read once and named by the hash of all of them, so that browsers may keep them for good."""

import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent / "static"
_TYPES: Final = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class Asset:
    """A file's bytes and media type."""

    body: bytes
    media_type: str


@dataclass(frozen=True)
class Assets:
    """All static files. Relative imports between modules stay under one version."""

    version: str
    files: Mapping[str, Asset]

    def url(self, path: str) -> str:
        """The address of a file. Raises `KeyError` for one that does not exist."""
        self.files[path]
        return f"/static/{self.version}/{path}"


@cache
def load_assets() -> Assets:
    """Read the static folder."""
    digest = hashlib.sha256()
    files = {}
    for path in sorted(path for path in _FOLDER.rglob("*") if path.is_file()):
        name, body = path.relative_to(_FOLDER).as_posix(), path.read_bytes()
        digest.update(name.encode() + b"\0" + hashlib.sha256(body).digest())
        kind = _TYPES.get(path.suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
        files[name] = Asset(body, kind)
    return Assets(digest.hexdigest()[:16], files)
