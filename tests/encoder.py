"""The encoder that ships, in this process: what the door's embedding server would answer."""

from collections.abc import Sequence
from functools import cache

from approvals import Vector
from assistant.appliance import StateFolder
from models import Encoder, install_entry, load_catalogue, load_encoder
from tests.appliance import STATE


@cache
def _encoder() -> Encoder:
    entry = load_catalogue().get("all-minilm-l6-v2-int8")
    STATE.parent.mkdir(parents=True, exist_ok=True)
    folder = StateFolder.open(STATE).path / "models" / entry.name
    install_entry(entry, folder)
    return load_encoder(folder, entry)


def embed(texts: Sequence[str]) -> list[Vector]:
    """One vector a text, each alone in its batch, as sentences come."""
    return [_encoder().encode([text]).vectors[0].tolist() for text in texts]
