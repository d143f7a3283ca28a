import base64
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import numpy as np
import openai
import pytest
import uvicorn
from fastapi import FastAPI

from models import EntryDamaged, NotInstalled, create_embedding_app, install_entry, load_catalogue

MODEL = "all-minilm-l6-v2-int8"


@contextmanager
def served(app: FastAPI) -> Iterator[httpx.Client]:
    """A client of the really served application."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
        thread = Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=60) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def client(minilm: Path) -> Iterator[httpx.Client]:
    with served(create_embedding_app(minilm)) as client:
        yield client


def _embed(client: httpx.Client, given: Any, **more: Any) -> Any:
    return client.post("/v1/embeddings", json={"model": MODEL, "input": given, **more})


def test_the_openai_client_works(minilm: Path) -> None:
    with served(create_embedding_app(minilm, api_key="key")) as http:
        client = openai.OpenAI(base_url=http.base_url.join("/v1"), api_key="key", http_client=http)
        answer = client.embeddings.create(model=MODEL, input=["one", "two", "one"])
    assert [row.index for row in answer.data] == [0, 1, 2]
    assert answer.data[0].embedding == answer.data[2].embedding
    assert len(answer.data[0].embedding) == 384
    assert answer.usage.prompt_tokens == 9


def test_both_encodings_carry_the_same_vector(client: httpx.Client) -> None:
    plain = _embed(client, "an invoice").json()["data"][0]["embedding"]
    packed = _embed(client, "an invoice", encoding_format="base64").json()["data"][0]["embedding"]
    assert np.allclose(plain, np.frombuffer(base64.b64decode(packed), dtype="<f4"))


def test_health_says_which_model_is_loaded(client: httpx.Client) -> None:
    assert client.get("/health").json() == {"status": "ready", "model": MODEL, "dimensions": 384}


def test_a_text_that_was_cut_is_reported(client: httpx.Client) -> None:
    assert _embed(client, ["short", "word " * 500]).json()["truncated"] == [1]


@pytest.mark.parametrize(
    ("given", "more", "status", "said"),
    [
        ([], {}, 400, "Between 1 and 512"),
        (["x"] * 513, {}, 400, "Between 1 and 512"),
        ("", {}, 400, "Text 0 is empty"),
        (["ok", "  \n"], {}, 400, "Text 1 is empty"),
        ("x" * 20_001, {}, 400, "20001 characters"),
        ([[1, 2, 3]], {}, 400, "input"),
        (None, {}, 400, "input"),
        ("x", {"model": "other"}, 404, f"only the model {MODEL}"),
        ("x", {"dimensions": 100}, 400, "384"),
        ("x", {"encoding_format": "int8"}, 400, "encoding_format"),
        ("x", {"temperature": 1}, 400, "temperature"),
    ],
)
def test_a_bad_request_is_answered_with_a_sentence(
    client: httpx.Client, given: Any, more: dict[str, Any], status: int, said: str
) -> None:
    answer = _embed(client, given, **more)
    assert answer.status_code == status
    assert said in answer.json()["error"]["message"]


def test_a_refusal_does_not_repeat_the_text(client: httpx.Client) -> None:
    assert "Ada Lovelace" not in _embed(client, [{"name": "Ada Lovelace"}]).text


def test_a_body_beyond_the_limit_is_refused(client: httpx.Client) -> None:
    announced = client.post("/v1/embeddings", content=b"x" * (8 << 20) + b"x")
    streamed = client.post("/v1/embeddings", content=iter([b"x" * (1 << 20)] * 9))
    assert [announced.status_code, streamed.status_code] == [413, 413]
    assert "fewer texts" in streamed.json()["error"]["message"]


@pytest.mark.parametrize("header", [{}, {"authorization": "Bearer wrong"}, {"authorization": "Basic key"}])
def test_with_a_key_nobody_else_gets_in(minilm: Path, header: dict[str, str]) -> None:
    with served(create_embedding_app(minilm, api_key="key")) as client:
        answer = client.post("/v1/embeddings", json={"model": MODEL, "input": "x"}, headers=header)
        assert answer.status_code == 401
        assert client.get("/v1/models", headers=header).status_code == 401
        assert client.get("/health").status_code == 200


async def test_an_empty_folder_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(NotInstalled):
        await _start(create_embedding_app(tmp_path))


async def test_a_changed_model_stops_the_start(minilm: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(minilm, tmp_path / "copy"))
    with (copy / "tokenizer.json").open("a") as file:
        file.write(" ")
    with pytest.raises(EntryDamaged):
        await _start(create_embedding_app(copy))
    install_entry(load_catalogue().get(MODEL), copy)
    await _start(create_embedding_app(copy))


async def _start(app: FastAPI) -> None:
    async with app.router.lifespan_context(app):
        pass
