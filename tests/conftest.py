"""What every test may use: a real PostgreSQL, and a wall against other hosts."""

import ipaddress
import itertools
import os
import re
import shutil
import socket
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

from assistant.appliance.postgres import PostgresCluster

from .clusters import running_cluster

CONTINUOUS_INTEGRATION = os.environ.get("CI", "").lower() in {"1", "true", "yes"}


def require_or_skip(reason: str, *, available: bool = False) -> None:
    """Skip a test whose part is missing on this machine; under CI=true a missing part is a failure.

    `require_or_skip("Chromium is not installed (apt install chromium)", available=path is not None)`
    """
    if available:
        return
    if CONTINUOUS_INTEGRATION:
        pytest.fail(f"{reason}, and CI=true wants every part", pytrace=False)
    pytest.skip(reason)


def chromium() -> str:
    """Return Chromium's path, or skip (fail under CI=true)."""
    found = next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))),
        None,
    )
    require_or_skip("Chromium is not installed (apt install chromium)", available=found is not None)
    assert found is not None
    return found


class ByFile(LoadFileScheduling):  # type: ignore[misc]
    """Workers share a run by files: what a module makes is made once, and its tests keep their order.

    Files that use the one kept state folder (`tests.appliance`) stay with one worker.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return "state folder" if re.search(r"/models/|/test_end_to_end\.py$", file) else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """How tests are dealt out, whatever `--dist` says."""
    return ByFile(config, log)


class OtherHostReached(AssertionError):
    """A test tried to leave this machine."""


def _is_local(address: Any) -> bool:
    if not isinstance(address, tuple):  # AF_UNIX, AF_NETLINK
        return True
    host = str(address[0])
    if host in {"", "localhost"}:
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True, scope="session")
def _no_other_hosts() -> Iterator[None]:
    """Refuse every connection from the test process to another host (name look-ups included)."""
    patch = pytest.MonkeyPatch()
    connect, connect_ex, sendto = socket.socket.connect, socket.socket.connect_ex, socket.socket.sendto
    resolve = socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        _refuse_other_hosts(address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        _refuse_other_hosts(address)
        return connect_ex(self, address)

    def guarded_sendto(self: socket.socket, *args: Any) -> int:
        _refuse_other_hosts(args[-1])
        return sendto(self, *args)

    def guarded_resolve(host: Any, *args: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name is not None and not _is_local((name,)):
            raise OtherHostReached(f"a test looked up {name}; tests stay on this machine")
        return resolve(host, *args, **options)

    patch.setattr(socket.socket, "connect", guarded_connect)
    patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
    patch.setattr(socket.socket, "sendto", guarded_sendto)
    patch.setattr(socket, "getaddrinfo", guarded_resolve)
    yield
    patch.undo()


def _refuse_other_hosts(address: Any) -> None:
    if not _is_local(address):
        raise OtherHostReached(f"a test connected to {address[0]}; tests stay on this machine")


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[PostgresCluster]:
    """One running PostgreSQL 18 for the whole session; nothing in it survives the session."""
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def new_database(postgres_cluster: PostgresCluster) -> Iterator[Callable[[], str]]:
    """Make fresh, empty databases for fixtures of any scope: returns the superuser's DSN of each."""
    names: list[str] = []
    numbers = itertools.count(1)

    def make() -> str:
        name = f"test_{next(numbers)}"
        names.append(name)
        _administer(postgres_cluster, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return postgres_cluster.dsn(name)

    yield make
    for name in names:
        _drop(postgres_cluster, name)


@pytest.fixture
def postgres_dsn(postgres_cluster: PostgresCluster) -> Iterator[str]:
    """The superuser's DSN (`postgresql://…`) of an empty database that is dropped after the test."""
    name = f"fresh_{os.urandom(6).hex()}"
    _administer(postgres_cluster, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield postgres_cluster.dsn(name)
    _drop(postgres_cluster, name)


def _drop(cluster: PostgresCluster, database: str) -> None:
    """Drop a database with the replication slots a test left in it (they would forbid it)."""
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots"
            " WHERE database = %s AND active_pid IS NOT NULL",
            (database,),
        )
        connection.execute(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = %s",
            (database,),
        )
        connection.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database))
        )


def _administer(cluster: PostgresCluster, statement: sql.Composed) -> None:
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute(statement)
