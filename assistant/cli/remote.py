"""Talking to a running appliance: its address, and in whose name."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from gettext import gettext as _
from pathlib import Path
from typing import Any, Protocol

import httpx
import yaml

from assistant.appliance import default_folder
from gateway import read_secret

from .exits import Exit, exit_of, leave

TOKEN_VARIABLE = "CLOISTER_TOKEN"  # noqa: S105 - a variable's name


def has_token(token_file: Path | None) -> bool:
    """Whether somebody's own API token was given."""
    return token_file is not None or bool(os.environ.get(TOKEN_VARIABLE))


@dataclass(frozen=True)
class Appliance:
    """What `up` left in the state folder for the command line."""

    url: str
    demo_secret_file: Path | None
    admin: str | None
    auditor: str | None

    @classmethod
    def running(cls, folder: Path | None) -> "Appliance":
        """The appliance of a state folder. Ends with 3 when there is none."""
        state = (folder or default_folder()).expanduser()
        try:
            content = yaml.safe_load((state / "etc" / "cli.yaml").read_text("utf-8"))
        except OSError:
            sentence = _("There is no appliance in {folder}. Start one with `cloister up`, or give --data.")
            leave(Exit.NOT_RUNNING, sentence.format(folder=state))
        secret = content.get("demo_secret_file")
        return cls(content["url"], Path(secret) if secret else None, content["admin"], content["auditor"])


class Writable(Protocol):
    """Where bytes go."""

    def write(self, data: bytes, /) -> int:
        """Take them."""


class _Calls:
    """HTTP calls to an appliance; refusals end the command with a sentence."""

    def __init__(self, appliance: Appliance) -> None:
        once = httpx.Limits(max_keepalive_connections=0)  # so that nothing stays open when a command ends
        self._client = httpx.Client(base_url=appliance.url, timeout=60, trust_env=False, limits=once)
        self._headers: dict[str, str] = {}
        self._client.headers["User-Agent"] = "cloister-cli"

    def get(self, path: str, **parameters: Any) -> Any:
        """GET, decoded."""
        return self._call("GET", path, params=parameters).json()

    def text(self, path: str, **parameters: Any) -> str:
        """GET, as text."""
        return self._call("GET", path, params=parameters).text

    def save(self, path: str, out: Writable, **parameters: Any) -> int:
        """GET into a file as it comes; gives the number of lines."""
        try:
            with self._client.stream(
                "GET", path, headers=self._headers, params=parameters, timeout=None
            ) as response:
                if response.is_error:
                    response.read()
                    _refuse(response)
                lines = 0
                for chunk in response.iter_bytes():
                    out.write(chunk)
                    lines += chunk.count(b"\n")
                return lines
        except httpx.TransportError as error:
            leave(Exit.NOT_RUNNING, _unreachable(error))

    def lines(self, path: str) -> Iterator[Any]:
        """POST, answered in JSON Lines as they come."""
        headers = {**self._headers, "Accept": "application/x-ndjson"}
        try:
            with self._client.stream("POST", path, headers=headers, timeout=None) as response:
                if response.is_error:
                    response.read()
                    _refuse(response)
                yield from map(json.loads, filter(None, response.iter_lines()))
        except httpx.TransportError as error:
            leave(Exit.NOT_RUNNING, _unreachable(error))

    def post_slowly(self, path: str, body: object = None) -> Any:
        """POST, decoded, however long the answer takes: a model is asked."""
        return self._call("POST", path, json=body, timeout=None).json()

    def post(self, path: str, body: object = None, **parameters: Any) -> Any:
        """POST, decoded."""
        return self._call("POST", path, json=body, params=parameters).json()

    def put(self, path: str, body: object) -> Any:
        """PUT, decoded."""
        return self._call("PUT", path, json=body).json()

    def delete(self, path: str) -> None:
        """DELETE."""
        self._call("DELETE", path)

    def _call(self, method: str, path: str, **content: Any) -> httpx.Response:
        try:
            response = self._client.request(method, path, headers=self._headers, **content)
        except httpx.TransportError as error:
            leave(Exit.NOT_RUNNING, _unreachable(error))
        if response.is_error:
            _refuse(response)
        return response


class Caller(_Calls):
    """Calls in one person's name, with their API token."""

    def __init__(self, appliance: Appliance, login: str | None, token_file: Path | None) -> None:
        super().__init__(appliance)
        self._headers = {"Authorization": f"Bearer {self._token(appliance, login, token_file)}"}

    def events(self, path: str) -> Iterator[tuple[str, Any]]:
        """Server-sent events as (kind, data), coming back after a break until the stream is at its end."""
        last = ""
        while True:
            headers = {**self._headers, **({"Last-Event-ID": last} if last else {})}
            try:
                with self._client.stream("GET", path, headers=headers, timeout=None) as response:
                    if response.status_code == httpx.codes.NO_CONTENT:
                        return
                    if response.is_error:
                        response.read()
                        _refuse(response)
                    for number, kind, data in _parse(response.iter_lines()):
                        last = number or last
                        yield kind, data
                        if kind == "done":
                            return
            except httpx.TransportError as error:
                leave(Exit.NOT_RUNNING, _unreachable(error))

    def _token(self, appliance: Appliance, login: str | None, token_file: Path | None) -> str:
        if token_file is not None:
            return read_secret(token_file)
        if os.environ.get(TOKEN_VARIABLE):
            return os.environ[TOKEN_VARIABLE]
        if appliance.demo_secret_file is None:
            sentence = _(
                "This appliance holds real data: it does not take a name. Give that person's own API token "
                "with --token-file or in {variable}."
            )
            leave(Exit.REFUSED, sentence.format(variable=TOKEN_VARIABLE))
        if login is None:
            leave(
                Exit.REFUSED, _("Say who asks: --as LOGIN, for example one of the sign-ins that `up` prints.")
            )
        headers = {"X-Demo-Secret": read_secret(appliance.demo_secret_file)}
        try:
            response = self._client.post("/api/v1/demo/token", json={"login": login}, headers=headers)
        except httpx.TransportError as error:
            leave(Exit.NOT_RUNNING, _unreachable(error))
        if response.is_error:
            _refuse(response)
        return str(response.json()["token"])


class SignedIn(_Calls):
    """Calls of a person who has signed in with their password, as the page does; signed out at the end."""

    def __init__(self, appliance: Appliance, login: str, password: str) -> None:
        super().__init__(appliance)
        self._form = {"login": login, "password": password}

    def __enter__(self) -> "SignedIn":
        """Sign in. Ends with 4 when the sign-in is refused."""
        try:
            response = self._client.post("/sign-in", data=self._form)
        except httpx.TransportError as error:
            leave(Exit.NOT_RUNNING, _unreachable(error))
        if response.status_code == httpx.codes.UNAUTHORIZED:
            sentence = _(
                "The sign-in was refused: the login or the password is wrong, the account is disabled, "
                "or too many wrong passwords came from here: wait a minute, longer after each further one."
            )
            leave(Exit.REFUSED, sentence)
        if response.is_error:
            _refuse(response)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        """Sign out; a failure that ended the block is the one that is told."""
        try:
            self._client.post("/sign-out")
        except httpx.TransportError as error:
            if kind is None:
                leave(Exit.NOT_RUNNING, _unreachable(error))
        finally:
            self._client.close()


def _parse(lines: Iterator[str]) -> Iterator[tuple[str, str, Any]]:
    number, kind, data = "", "message", ""
    for line in lines:
        field, _colon, value = line.partition(":")
        if not line:
            if data:
                yield number, kind, json.loads(data)
            number, kind, data = "", "message", ""
        elif field == "id":
            number = value.strip()
        elif field == "event":
            kind = value.strip()
        elif field == "data":
            data += value.strip()


def _refuse(response: httpx.Response) -> None:
    is_problem = "json" in response.headers.get("content-type", "")
    detail = response.json().get("detail") if is_problem else None
    sentence = str(detail or f"The appliance answered with status {response.status_code}.")
    leave(exit_of(response.status_code), sentence)


def _unreachable(error: httpx.TransportError) -> str:
    return _("The appliance does not answer ({reason}). Is `cloister up` running?").format(
        reason=type(error).__name__
    )
