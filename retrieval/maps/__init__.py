"""Maps of known CRMs, shipped with the product."""

from pathlib import Path


def shipped_map(name: str) -> Path:
    """The file of a shipped map, such as `demo`. Raises `FileNotFoundError`."""
    path = Path(__file__).parent / f"{name}.yaml"
    if not path.is_file():
        raise FileNotFoundError(path)
    return path
