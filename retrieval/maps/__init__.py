"""Maps of known CRMs, shipped with the product."""

from pathlib import Path
from typing import Final

SCHEMA_FILE: Final = Path(__file__).parent / "crm-map.schema.json"
"""What an editor needs to know the map language: `cloister crm schema`."""


def shipped_map(name: str) -> Path:
    """The file of a shipped map, such as `demo`. Raises `FileNotFoundError`."""
    path = Path(__file__).parent / f"{name}.yaml"
    if not path.is_file():
        raise FileNotFoundError(path)
    return path
