"""Real model folders, installed once into a cache that outlives the test run.

CLOISTER_TEST_CACHE names the cache (default: `~/.cache/cloister-tests`).
"""

import os
from pathlib import Path

import pytest

from models import Catalogue, install_engine, install_entry, load_catalogue


@pytest.fixture(scope="session")
def cache() -> Path:
    named = os.environ.get("CLOISTER_TEST_CACHE")
    folder = Path(named) if named else Path.home() / ".cache" / "cloister-tests"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="session")
def minilm(cache: Path, catalogue: Catalogue) -> Path:
    folder = cache / "models" / "minilm"
    install_entry(catalogue.get("all-minilm-l6-v2-int8"), folder)
    return folder


@pytest.fixture(scope="session")
def engine(cache: Path) -> Path:
    folder = cache / "engines" / "vllm"
    install_engine(folder)
    return folder


@pytest.fixture(scope="session")
def smollm2(cache: Path, catalogue: Catalogue, engine: Path) -> Path:
    folder = cache / "models" / "smollm2"
    install_entry(catalogue.get("smollm2-135m-instruct-w8a8"), folder, engine=engine)
    return folder
