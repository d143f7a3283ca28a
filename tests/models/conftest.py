"""Real model folders, installed once into the state folder of the tests' appliance, which is kept."""

from pathlib import Path

import pytest

from assistant.appliance import StateFolder
from models import Catalogue, install_engine, install_entry, load_catalogue
from tests.appliance import STATE


@pytest.fixture(scope="session")
def cache() -> Path:
    STATE.parent.mkdir(parents=True, exist_ok=True)
    return StateFolder.open(STATE).path


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="session")
def minilm(cache: Path, catalogue: Catalogue) -> Path:
    entry = catalogue.get("all-minilm-l6-v2-int8")
    folder = cache / "models" / entry.name
    install_entry(entry, folder)
    return folder


@pytest.fixture(scope="session")
def e5(cache: Path, catalogue: Catalogue) -> Path:
    entry = catalogue.get("multilingual-e5-small-q4")
    folder = cache / "models" / entry.name
    install_entry(entry, folder)
    return folder


@pytest.fixture(scope="session")
def engine(cache: Path) -> Path:
    folder = cache / "engines" / "vllm"
    install_engine(folder)
    return folder


@pytest.fixture(scope="session")
def smollm2(cache: Path, catalogue: Catalogue, engine: Path) -> Path:
    entry = catalogue.get("smollm2-135m-instruct-w8a8")
    folder = cache / "models" / entry.name
    install_entry(entry, folder, engine=engine)
    return folder
