"""The wall around the tests: nothing leaves this machine."""

import asyncio
import socket

import pytest

from tests import conftest
from tests.conftest import OtherHostReached


def test_another_host_cannot_be_reached() -> None:
    with socket.socket() as client, pytest.raises(OtherHostReached):
        client.connect(("192.0.2.1", 80))
    with socket.socket() as client, pytest.raises(OtherHostReached):
        client.connect_ex(("192.0.2.1", 80))
    with socket.socket(type=socket.SOCK_DGRAM) as client, pytest.raises(OtherHostReached):
        client.sendto(b"x", ("192.0.2.1", 53))


def test_another_host_cannot_be_looked_up() -> None:
    with pytest.raises(OtherHostReached):
        socket.getaddrinfo("example.org", 443)


async def test_asynchronous_clients_meet_the_wall_too() -> None:
    with pytest.raises(OtherHostReached):
        await asyncio.open_connection("192.0.2.1", 80)


def test_this_machine_can_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pass


@pytest.mark.parametrize(("ci", "outcome"), [(True, pytest.fail.Exception), (False, pytest.skip.Exception)])
def test_a_missing_part_is_skipped_by_hand_and_fails_in_continuous_integration(
    monkeypatch: pytest.MonkeyPatch, ci: bool, outcome: type[BaseException]
) -> None:
    monkeypatch.setattr(conftest, "CONTINUOUS_INTEGRATION", ci)
    conftest.require_or_skip("Chromium is not installed", available=True)
    with pytest.raises(outcome, match="Chromium is not installed"):
        conftest.require_or_skip("Chromium is not installed")
