"""The encoder of likeness, in this process: what the door's server of it would answer."""

from collections.abc import Sequence
from functools import cache

from approvals import Vector
from assistant.appliance import StateFolder
from models import Encoder, PackedEncoder, install_entry, load_catalogue, load_encoder
from tests.appliance import STATE


@cache
def _encoder() -> Encoder | PackedEncoder:
    entry = load_catalogue().get("multilingual-e5-small-q4")
    STATE.parent.mkdir(parents=True, exist_ok=True)
    folder = StateFolder.open(STATE).path / "models" / entry.name
    install_entry(entry, folder)
    return load_encoder(folder, entry)


def embed(texts: Sequence[str]) -> list[Vector]:
    """One vector a text."""
    return [_embedded(text) for text in texts]


@cache
def _embedded(text: str) -> Vector:
    return tuple(_encoder().encode([text]).vectors[0].tolist())
