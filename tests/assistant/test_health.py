"""What the health page says of model servers that answer, that are still loading, and that are gone."""

import socket
from pathlib import Path

import pytest

from assistant.admin.health import process_health, server_health, serving
from gateway import ServerState, create_http_client

UP = ServerState("one", "default", answers=True)
LOADING = ServerState("two", "default", answers=False, starting=True)
GONE = ServerState("three", "default", answers=False)


@pytest.mark.parametrize(
    ("servers", "state", "model", "said"),
    [
        ([UP], "ok", "serving", ""),
        ([UP, LOADING], "starting", "serving", "The others answer."),
        ([LOADING], "starting", "starting", "Until then: search goes by words alone."),
        ([LOADING, GONE], "down", "starting", "two and three do not answer."),
        ([UP, GONE], "warn", "serving", "three does not answer; the others do."),
        ([GONE], "down", "silent", "See {folder}/log/three.log."),
    ],
    ids=["up", "one loads", "all load", "one loads and one is gone", "one is gone", "all are gone"],
)
def test_a_server_that_loads_is_starting_and_not_down(
    servers: list[ServerState], state: str, model: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "three.log").touch()
    found = server_health("model", servers, "Search goes by words alone.", tmp_path)
    assert (found.state, serving(servers)) == (state, model)
    assert said.format(folder=tmp_path) in found.sentence


def test_a_server_of_another_machine_has_its_log_there(tmp_path: Path) -> None:
    found = server_health("model", [GONE], "Search goes by words alone.", tmp_path)
    assert found.sentence.endswith("See its log on the machine that it runs on.")


async def test_a_process_that_hangs_is_told_with_what_is_missing_and_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log" / "work.log"
    log.parent.mkdir()
    log.touch()
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        port = hanging.getsockname()[1]
        async with create_http_client(timeout=0.2) as client:
            hung = await process_health(client, "work", f"http://127.0.0.1:{port}", tmp_path)
    assert (hung.state, hung.sentence.split(". ")[0]) == ("down", "It runs and does not answer")
    assert "nothing is answered or released" in hung.sentence
    assert hung.sentence.endswith(f"See {log}.")
    async with create_http_client(timeout=0.2) as client:
        gone = await process_health(client, "work", f"http://127.0.0.1:{port}", tmp_path)
    assert gone.sentence.startswith("It cannot be reached. ")
