"""Settings: each process reads one YAML file, once, at its entry, and hands the sections in.

Secrets are named as files and read at start; a named file that is missing stops the start.
"""

from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError


class SettingsError(Exception):
    """The settings file cannot be used; the sentence says which line to change."""


class Settings(BaseModel):
    """Base of every package's settings class: unknown names are refused, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _readable(path: Path) -> Path:
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        raise ValueError(f"the file {path} cannot be read ({error.strerror})") from error


ExistingFile = Annotated[Path, AfterValidator(_readable)]
"""A path whose file must be readable when settings are loaded."""


class ListenSettings(Settings):
    """Where a process listens; `proxies` are addresses whose word is taken for whom they speak for."""

    host: str = "127.0.0.1"
    port: int
    proxies: tuple[str, ...] = ()


S = TypeVar("S", bound=Settings)


def load_settings(path: Path, kind: type[S]) -> S:
    """Read a process's settings file.

    Raises `SettingsError` with one line a fault: where in the file, what is wrong.
    """
    try:
        content: Any = yaml.safe_load(path.read_text("utf-8")) or {}
    except OSError as error:
        raise SettingsError(f"The settings file {path} cannot be read: {error.strerror}.") from error
    except yaml.YAMLError as error:
        raise SettingsError(f"The settings file {path} is not YAML: {error}") from error
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        faults = [f"  {'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors()]
        raise SettingsError(f"The settings file {path} has faults:\n" + "\n".join(faults)) from error


def read_secret(path: Path) -> str:
    """A secret's text without its trailing newline.

    Raises `SettingsError` when the file is missing or empty.
    """
    try:
        secret = path.read_text("utf-8").strip()
    except OSError as error:
        raise SettingsError(f"The secret file {path} cannot be read: {error.strerror}.") from error
    if not secret:
        raise SettingsError(f"The secret file {path} is empty.")
    return secret
