"""A throwaway MariaDB, for tests."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from assistant.appliance.ports import free_port

_START_S = 60
_PASSWORDS = {"owner": "it's a \\ password", "reader": "only for reading"}
_SETUP = """
CREATE DATABASE crm CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
CREATE USER owner@'127.0.0.1' IDENTIFIED BY 'it''s a \\\\ password';
GRANT ALL ON *.* TO owner@'127.0.0.1';
CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'only for reading';
GRANT ALL ON crm.* TO reader@'127.0.0.1';
"""


@dataclass(frozen=True)
class MariaDb:
    """A running server with the database `crm`, in which `owner` and `reader` may do anything: that Cloister
    only reads is for its sessions to see to."""

    port: int

    def url(self, user: str = "owner", *, password: bool = True) -> sa.URL:
        secret = _PASSWORDS[user] if password else None
        query = {"charset": "utf8mb4"} if password else {}
        return sa.URL.create("mysql+pymysql", user, secret, "127.0.0.1", self.port, "crm", query)

    @staticmethod
    def password(user: str) -> str:
        return _PASSWORDS[user]


def is_installed() -> bool:
    return shutil.which("mariadbd") is not None and shutil.which("mariadb-install-db") is not None


@contextmanager
def running_mariadb() -> Iterator[MariaDb]:
    """A server that is gone at the end of the block, with all it held."""
    folder = Path(tempfile.mkdtemp(prefix="cloister-maria-"))
    folder.chmod(0o755)
    account = ["--user=mysql"] if os.geteuid() == 0 else []
    data, port = folder / "data", free_port()
    (folder / "setup.sql").write_text(_SETUP)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        installed = subprocess.run(
            ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--skip-test-db",
             "--auth-root-authentication-method=normal", *account],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert installed.returncode == 0, installed.stderr[-2000:]
        log = stack.enter_context((folder / "log").open("w"))
        server = subprocess.Popen(
            ["mariadbd", "--no-defaults", f"--datadir={data}", f"--port={port}", "--bind-address=127.0.0.1",
             f"--socket={data / 'maria.sock'}", f"--pid-file={data / 'maria.pid'}",
             f"--init-file={folder / 'setup.sql'}", "--skip-name-resolve", "--innodb-buffer-pool-size=32M",
             "--innodb-flush-log-at-trx-commit=0", *account],
            stdout=subprocess.DEVNULL, stderr=log,
        )  # fmt: skip
        stack.callback(server.wait)
        stack.callback(server.kill)
        _wait(MariaDb(port), server, folder / "log")
        yield MariaDb(port)


def _wait(maria: MariaDb, server: subprocess.Popen[bytes], log: Path) -> None:
    engine = sa.create_engine(maria.url(), poolclass=sa.NullPool)
    until = time.monotonic() + _START_S
    while True:
        try:
            with engine.connect():
                return
        except sa.exc.OperationalError:
            assert server.poll() is None, log.read_text()[-2000:]
            assert time.monotonic() < until, log.read_text()[-2000:]
            time.sleep(0.05)
