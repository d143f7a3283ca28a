"""The embedded PostgreSQL: what it promises about rights, reach and recovery."""

import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from assistant.appliance.errors import ServerAccountBlocked
from assistant.appliance.postgres import PostgresCluster, install_programs, server_account
from tests.clusters import created_cluster


@pytest.fixture
def cluster() -> Iterator[PostgresCluster]:
    with created_cluster() as cluster:
        yield cluster


def test_a_fresh_database_is_empty_and_replicates_logically(postgres_dsn: str) -> None:
    with psycopg.connect(postgres_dsn) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
        level = connection.execute("SHOW wal_level").fetchone()
        version = connection.execute("SHOW server_version_num").fetchone()
    assert tables == (0,)
    assert level == ("logical",)
    assert version is not None
    assert version[0].startswith("18")


def test_nobody_enters_without_the_password(postgres_cluster: PostgresCluster) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres_cluster.dsn(password="guessed"))


def test_only_the_loopback_address_is_served_and_no_socket_file_exists(
    postgres_cluster: PostgresCluster,
) -> None:
    with psycopg.connect(postgres_cluster.dsn()) as connection:
        settings = connection.execute(
            "SELECT current_setting('listen_addresses'), current_setting('unix_socket_directories')"
        ).fetchone()
    assert settings == ("127.0.0.1", "")


def test_password_is_private_and_the_cluster_is_closed_to_others(cluster: PostgresCluster) -> None:
    assert stat.S_IMODE(cluster.password_file.stat().st_mode) == 0o600
    assert cluster.password_file.stat().st_uid == os.geteuid()
    assert stat.S_IMODE(cluster.folder.stat().st_mode) == 0o700
    assert sorted(path.name for path in cluster.folder.iterdir()) == ["data"]


def test_creating_twice_keeps_the_cluster(cluster: PostgresCluster) -> None:
    before = (cluster.data / "PG_VERSION").stat().st_mtime_ns, cluster.password_file.read_text()
    cluster.create()
    assert ((cluster.data / "PG_VERSION").stat().st_mtime_ns, cluster.password_file.read_text()) == before


def test_a_creation_that_was_cut_off_is_begun_anew(cluster: PostgresCluster) -> None:
    cluster.data.rename(cluster.folder / "data.new")
    (cluster.folder / "data.new" / "PG_VERSION").unlink()
    cluster.create()
    assert cluster.exists()


def test_committed_rows_survive_kill_nine_of_the_server(cluster: PostgresCluster) -> None:
    log = cluster.folder.parent / "postgres.log"
    server = cluster.start(log)
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
        connection.execute("CHECKPOINT")
    server.send_signal(signal.SIGKILL)
    server.wait()
    assert (cluster.data / "postmaster.pid").exists()
    again = cluster.start(log)
    with psycopg.connect(cluster.dsn()) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)
    cluster.stop(again)
    assert not (cluster.data / "postmaster.pid").exists()


def test_a_pid_file_that_names_a_stranger_neither_blocks_the_start_nor_harms_it(
    cluster: PostgresCluster,
) -> None:
    (cluster.data / "postmaster.pid").write_text(f"{os.getppid()}\n{cluster.data}\n")
    server = cluster.start(cluster.folder.parent / "postgres.log")
    assert cluster.answers()
    cluster.stop(server)
    os.kill(os.getppid(), 0)


def test_a_server_left_by_a_crash_is_ended_before_the_next_one(cluster: PostgresCluster) -> None:
    log = cluster.folder.parent / "postgres.log"
    left = cluster.start(log)
    server = cluster.start(log)
    assert left.wait(10) == 0
    assert cluster.answers()
    cluster.stop(server)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has another account to run PostgreSQL as")
def test_root_is_told_when_the_servers_account_may_not_enter(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(ServerAccountBlocked, match="may not execute it in"):
        install_programs(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root drops privileges")
def test_only_the_server_leaves_root(cluster: PostgresCluster) -> None:
    account = server_account()
    assert account is not None
    server = cluster.start(cluster.folder.parent / "postgres.log")
    status = Path(f"/proc/{server.pid}/status").read_text()
    assert f"Uid:\t{account.uid}\t{account.uid}\t{account.uid}\t{account.uid}" in status
    assert "Groups:\t\n" in status or "Groups:\t \n" in status
    cluster.stop(server)
