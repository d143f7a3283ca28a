"""Ports: remembered, and a taken one is explained."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.appliance.errors import PortTaken
from assistant.appliance.ports import PortBook, free_port, is_free, require_free


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_taken_port_is_explained_with_its_holder_and_a_way_out(taken: int) -> None:
    with pytest.raises(
        PortTaken, match=rf"port {taken} is taken \(pid {os.getpid()} .+\); use --port \d+ or stop it"
    ):
        require_free(taken)


def test_the_port_that_is_suggested_is_free(taken: int) -> None:
    with pytest.raises(PortTaken) as raised:
        require_free(taken)
    suggested = int(str(raised.value).split("--port ")[1].split()[0])
    assert is_free(suggested)


def test_a_free_port_passes() -> None:
    require_free(free_port())


def test_a_server_on_every_address_takes_the_port_too() -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:  # noqa: S104 that is the point
        assert not is_free(server.getsockname()[1])


def test_an_inner_port_is_remembered(tmp_path: Path) -> None:
    book = tmp_path / "ports.json"
    port = PortBook(book).pick("door")
    assert PortBook(book).pick("door") == port
    assert PortBook(book).pick("work") != port


def test_a_remembered_port_that_is_taken_is_picked_anew(tmp_path: Path) -> None:
    book = tmp_path / "ports.json"
    port = PortBook(book).pick("door")
    with socket.create_server(("127.0.0.1", port)):
        other = PortBook(book).pick("door")
        assert other != port
    assert PortBook(book).pick("door") == other


@pytest.mark.parametrize("content", ["", "{", "[]", '{"door": "x"}'])
def test_a_broken_port_file_is_written_anew(tmp_path: Path, content: str) -> None:
    book = tmp_path / "ports.json"
    book.write_text(content)
    port = PortBook(book).pick("door")
    assert PortBook(book).pick("door") == port
