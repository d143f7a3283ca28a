"""A throwaway PostgreSQL of the product's own programs, for tests and measurements."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assistant.appliance.launch import Account
from assistant.appliance.ports import free_port
from assistant.appliance.postgres import PostgresCluster, install_programs, server_account


def enterable_folder(account: Account | None) -> Path:
    """Return a fresh folder that `account` may enter: pytest's own are closed to other accounts."""
    folder = Path(tempfile.mkdtemp(prefix="cloister-test-"))
    if account is not None:
        folder.chmod(0o711)
    return folder


@contextmanager
def created_cluster() -> Iterator[PostgresCluster]:
    """A cluster that has been created and does not run; its folder is removed at the end."""
    folder = enterable_folder(server_account())
    cluster = PostgresCluster(
        folder=folder / "cluster",
        port=free_port(),
        password_file=folder / "password",
        programs=install_programs(folder),
        durable=False,
    )
    try:
        cluster.create()
        yield cluster
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running_cluster() -> Iterator[PostgresCluster]:
    """The same, running until the end of the block."""
    with created_cluster() as cluster:
        server = cluster.start(cluster.folder.parent / "postgres.log")
        try:
            yield cluster
        finally:
            cluster.stop(server)
