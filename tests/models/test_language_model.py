"""The embedded language model, really installed, quantised and served."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest

from models import Catalogue, EngineMissing, engine_python, is_engine_current, serving_command, verify_entry

pytestmark = [pytest.mark.model, pytest.mark.timeout(900)]

NAME = "smollm2-135m-instruct-w8a8"
KEY = "a key for this test"
START_SECONDS = 240


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("vllm") / "vllm.log"


@pytest.fixture(scope="module")
def base_url(catalogue: Catalogue, engine: Path, smollm2: Path, log: Path) -> Iterator[str]:
    port = _free_port()
    command = serving_command(
        catalogue.get(NAME),
        "cpu",
        python=engine_python(engine),
        folder=smollm2,
        host="127.0.0.1",
        port=port,
        state=log.parent / "state",
        api_key=KEY,
        log_prompts=True,
    )
    for folder in command.folders:
        folder.mkdir(parents=True)
    with log.open("w") as output:
        server = subprocess.Popen(
            command.argv,
            env={**os.environ, **command.env},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_ready(server, f"http://127.0.0.1:{port}{command.ready_path}", log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        try:
            server.wait(timeout=30)
        finally:
            _end_group(server.pid)


@pytest.fixture(scope="module")
def client(base_url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=base_url, api_key=KEY) as client:
        yield client


def test_the_manifest_names_the_tools_that_quantised_it(catalogue: Catalogue, smollm2: Path) -> None:
    manifest = verify_entry(catalogue.get(NAME), smollm2)
    assert {"llmcompressor", "compressed-tensors", "transformers", "torch"} <= set(manifest.tools)
    assert manifest.files["model.safetensors"].bytes < 200_000_000


def test_an_engine_counts_only_when_it_was_finished(engine: Path, tmp_path: Path) -> None:
    assert is_engine_current(engine)
    (tmp_path / "bin").mkdir()
    with pytest.raises(EngineMissing):
        engine_python(tmp_path)


def test_the_int8_kernel_is_used(client: openai.OpenAI, log: Path) -> None:
    client.models.list()
    assert "CPUInt8ScaledMMLinearKernel" in log.read_text()


def test_a_quoted_answer_copies_its_tokens_exactly(client: openai.OpenAI) -> None:
    sentences = [
        'A refund of 129.90 € was promised to <PERSON_1> by "24 November". [1]',
        "The records do not say.",
    ]
    answer = client.chat.completions.create(
        model=NAME,
        messages=[{"role": "user", "content": "What was promised to <PERSON_1>?"}],
        temperature=0,
        max_tokens=80,
        extra_body={"structured_outputs": {"choice": sentences}},
    )
    assert answer.choices[0].message.content in sentences


def test_an_answer_streams(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model=NAME,
        messages=[{"role": "user", "content": "Count to five."}],
        max_tokens=20,
        temperature=0,
        stream=True,
    )
    chunks = [chunk.choices[0].delta.content for chunk in stream if chunk.choices]
    assert len([text for text in chunks if text]) > 3


def test_the_prompt_that_arrived_stands_in_the_log(client: openai.OpenAI, log: Path) -> None:
    words = "Hello <PERSON_77>, what is new?"
    client.chat.completions.create(model=NAME, messages=[{"role": "user", "content": words}], max_tokens=2)
    assert [line for line in log.read_text().splitlines() if "details: prompt:" in line and words in line]


def test_without_the_key_there_is_no_answer(base_url: str) -> None:
    asked = {"model": NAME, "messages": [{"role": "user", "content": "x"}], "max_tokens": 1}
    assert httpx.post(f"{base_url}/chat/completions", json=asked).status_code == 401


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(server: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if server.poll() is not None:
            break
        try:
            if httpx.get(url, timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.5)
    pytest.fail(f"vLLM did not become ready: {log.read_text()[-3000:]}")


def _end_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return
