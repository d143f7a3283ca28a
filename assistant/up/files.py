"""What `up` writes into the state folder: signing keys, secrets and one settings file a process."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from assistant.appliance import PortBook, StateFolder, write_private
from assistant.migrations import PROCESS_ROLES
from assistant.migrations.bootstrap import OWNER
from gateway import LocalKeyring, make_signing_key, read_secret

from .accounts import SignIn

APPLIANCE_DATABASE: Final = "cloister"
CRM_DATABASE: Final = "crm"
CRM_READER: Final = "cloister_reader"

EMBEDDING_MODEL: Final = "all-minilm-l6-v2-int8"
LIKENESS_MODEL: Final = "multilingual-e5-small-q4"
CHAT_MODEL: Final = "smollm2-135m-instruct-w8a8"

_INNER: Final = ("postgres", "crm", "embeddings", "vllm", "door", "retrieval", "work", "likeness")
_SIGNERS: Final = ("web", "work", "retrieval", "door", "cli", "audit")
_TRUSTS: Final[Mapping[str, tuple[str, ...]]] = {
    "web": (),
    "work": (),
    "door": ("web", "work", "retrieval", "cli"),
    "retrieval": ("web", "work", "cli"),
}


@dataclass(frozen=True)
class ServedModel:
    """The language model as the door and the answers need to know it."""

    name: str
    revision: str
    window: int
    answer_tokens: int
    quoting: bool


@dataclass(frozen=True)
class Demo:
    """What a demo's sign-in page shows: which sign-ins, and whether the company is an invented one."""

    offered: Sequence[SignIn]
    invented: bool


class Layout:
    """Ports, keys, secrets and addresses of one embedded appliance."""

    def __init__(self, state: StateFolder, web_port: int) -> None:
        self.state = state
        book = PortBook(state.etc / "ports.json")
        self.ports = {"web": web_port, **{name: book.pick(name) for name in _INNER}}
        self.trust = state.etc / "trust"

    def prepare_secrets(self, *, demo: bool) -> None:
        """Make what is missing; nothing that exists is replaced. Only a `demo` has a password for all."""
        self.trust.mkdir(mode=0o700, exist_ok=True)
        for role in (OWNER, *PROCESS_ROLES, CRM_READER):
            self.password(role)
        for name in ("demo", "vllm-key", "embeddings-key"):
            self.state.secret(name)
        if demo:
            self.state.secret("demo-password", lambda: secrets.token_urlsafe(9))
        for signer in _SIGNERS:
            if not (self._public(signer).exists() and self._private(signer).exists()):
                make_signing_key(self._private(signer), self._public(signer))
        keyring = self.state.secrets / "keyring"
        if not keyring.exists():
            LocalKeyring.create(keyring)

    def password(self, role: str) -> str:
        """The database password of a role, made at first use."""
        return self.password_file(role).read_text("utf-8").strip()

    def password_file(self, role: str) -> Path:
        """Where that password lies."""
        return self.state.secret(f"db-{role}")

    @property
    def demo_password_file(self) -> Path:
        """Where the password of every demo sign-in lies."""
        return self.state.secrets / "demo-password"

    def url(self, name: str) -> str:
        """The address of a process."""
        return f"http://127.0.0.1:{self.ports[name]}"

    def settings_file(self, process: str) -> Path:
        """The settings file of a process."""
        return self.state.etc / f"{process}.yaml"

    def write_settings(self, crm_map: Path, model: ServedModel | None, demo: Demo | None) -> None:
        """Write every process's settings file."""
        peers = {"door": {"url": self.url("door")}, "retrieval": {"url": self.url("retrieval")}}
        anchors = {"folder": str(self.state.anchors)}
        keeper = {"kind": "local", "keyring_file": str(self.state.secrets / "keyring")}
        web = {
            **self._common("web"),
            **peers,
            "anchors": {**anchors, "public_key_file": str(self._public("audit"))},
            "state_folder": str(self.state.path),
            "peers": {name: self.url(name) for name in ("door", "retrieval", "work")},
        }
        if demo:
            web["demo"] = {
                "password": read_secret(self.demo_password_file),
                "secret_file": str(self.state.secret("demo")),
                "offered": [{"login": one.login, "note": one.note} for one in demo.offered],
                "invented": demo.invented,
            }
        work = {
            **self._common("work"),
            **peers,
            "anchors": {**anchors, "key_file": str(self._private("audit"))},
        }
        if model:
            work["answering"] = {
                "model": "default",
                "window": model.window,
                "answer_tokens": model.answer_tokens,
                "quoting": model.quoting,
            }
        retrieval = {
            **self._common("retrieval"),
            "keeper": keeper,
            "door": peers["door"],
            "index": {"folder": str(self.state.index)},
            "crm": {
                "map_file": str(crm_map),
                "port": self.ports["crm"],
                "name": CRM_DATABASE,
                "user": CRM_READER,
                "password_file": str(self.password_file(CRM_READER)),
            },
        }
        door = {**self._common("door"), "keeper": keeper, **self._deployments(model)}
        for name, content in {"web": web, "work": work, "retrieval": retrieval, "door": door}.items():
            self._write(name, content)

    def write_cli(self, *, demo: bool, admin: str | None, auditor: str | None) -> None:
        """Write what the command line needs to find the appliance, and whom to ask in a demo."""
        content = {
            "url": self.url("web"),
            "demo_secret_file": str(self.state.secret("demo")) if demo else None,
            "admin": admin,
            "auditor": auditor,
        }
        self._write("cli", content)

    def _deployments(self, model: ServedModel | None) -> dict[str, Any]:
        served = (("embeddings", "embedding", EMBEDDING_MODEL), ("likeness", "likeness", LIKENESS_MODEL))
        embeddings = [
            {
                "name": name,
                "model": alias,
                "url": self.url(name),
                "served_name": entry,
                "api_key_file": str(self.state.secret("embeddings-key")),
            }
            for name, alias, entry in served
        ]
        if model is None:
            return {"embeddings": embeddings}
        chat = {
            "name": "vllm",
            "model": "default",
            "url": self.url("vllm"),
            "served_name": model.name,
            "revision": model.revision,
            "api_key_file": str(self.state.secret("vllm-key")),
            "context_tokens": model.window,
        }
        return {"embeddings": embeddings, "models": [chat]}

    def _common(self, process: str) -> dict[str, Any]:
        role = f"cloister_{process}"
        trusted = {issuer: str(self._public(issuer)) for issuer in _TRUSTS[process]}
        return {
            "listen": {"port": self.ports[process]},
            "database": {
                "port": self.ports["postgres"],
                "name": APPLIANCE_DATABASE,
                "user": role,
                "password_file": str(self.password_file(role)),
            },
            "trust": {"issuer": process, "key_file": str(self._private(process)), "trusted": trusted},
        }

    def _write(self, process: str, content: Mapping[str, Any]) -> None:
        write_private(self.settings_file(process), yaml.safe_dump(dict(content), sort_keys=False))

    def _private(self, signer: str) -> Path:
        return self.state.secrets / f"sign-{signer}.jwk"

    def _public(self, signer: str) -> Path:
        return self.trust / f"{signer}.jwk"


def embedded_crm_dsn(folder: Path) -> str | None:
    """The owner's address of the CRM database in a state folder, None when there is none."""
    try:
        port = json.loads((folder / "etc" / "ports.json").read_text("utf-8"))["crm"]
        password = (folder / "secrets" / "db-crm-superuser").read_text("utf-8").strip()
    except (OSError, KeyError, ValueError):
        return None
    return f"postgresql://postgres:{password}@127.0.0.1:{port}/{CRM_DATABASE}"
