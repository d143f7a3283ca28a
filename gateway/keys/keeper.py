"""The keeper: wraps data keys and computes keyed hashes, in a local keyring or in OpenBao or Vault."""

import asyncio
import base64
import hmac
import os
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import Field

from gateway.errors import PartUnavailable
from gateway.settings import ExistingFile, Settings, SettingsError, read_secret

_NONCE: Final = 12
_BATCH: Final = 200  # OpenBao refuses JSON of more than 1,000 strings, and a key has four with their names


class KeeperUnavailable(PartUnavailable):
    """The key service is sealed, unreachable or refuses us."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            "key service", f"The key service {reason}. Nothing is stored or shown until it is back."
        )


class Keeper(Protocol):
    """Holds the key-encryption key; it never leaves here."""

    async def wrap(self, key: bytes, subject: str) -> str:
        """Wrap a data key; `subject` is bound to it as associated data."""

    async def unwrap(self, wrapped: str, subject: str) -> bytes:
        """The data key. Raises `KeeperUnavailable` when it cannot be opened."""

    async def unwrap_many(self, wrapped: Sequence[tuple[str, str]]) -> list[bytes]:
        """The data keys of (wrapped, subject) pairs: for very many, in few calls."""

    async def hash_key(self, purpose: str) -> bytes:
        """A stable 32-byte key for keyed hashes, one for each purpose."""


class KeeperSettings(Settings):
    """Where the key-encryption key is held.

    Keyed hashes must stay when the key is rotated in the key service: `hash_version` of it makes them.
    """

    kind: Literal["local", "transit"] = "local"
    keyring_file: ExistingFile | None = None
    address: str = ""
    token_file: ExistingFile | None = None
    ca_file: ExistingFile | None = None
    mount: str = "transit"
    key_name: str = "cloister"
    hash_version: int = Field(1, ge=1)


def open_keeper(settings: KeeperSettings) -> Keeper:
    """The keeper that the settings name. Raises `SettingsError` when they are incomplete."""
    if settings.kind == "local":
        if settings.keyring_file is None:
            raise SettingsError("keeper.keyring_file is missing: a local keyring needs its file.")
        return LocalKeyring(settings.keyring_file)
    if settings.token_file is None or not settings.address:
        raise SettingsError("keeper.address and keeper.token_file are needed for a transit keeper.")
    return TransitKeeper(settings)


class LocalKeyring:
    """A 32-byte key in a file readable by its owner alone; for one machine and for trying things out.

    It does not promise what a key service does: whoever reads the file has the key.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._key = base64.b64decode(read_secret(path), validate=True)
        except ValueError as error:
            raise SettingsError(f"The keyring {path} is not base64.") from error
        if len(self._key) != 32:
            raise SettingsError(f"The keyring {path} must hold 32 bytes, not {len(self._key)}.")

    @staticmethod
    def create(path: Path) -> None:
        """Make a new keyring file, mode 0600. Raises `FileExistsError` rather than replace one."""
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(base64.b64encode(os.urandom(32)).decode())

    async def wrap(self, key: bytes, subject: str) -> str:
        nonce = os.urandom(_NONCE)
        return base64.b64encode(nonce + AESGCM(self._key).encrypt(nonce, key, subject.encode())).decode()

    async def unwrap(self, wrapped: str, subject: str) -> bytes:
        raw = base64.b64decode(wrapped)
        try:
            return AESGCM(self._key).decrypt(raw[:_NONCE], raw[_NONCE:], subject.encode())
        except InvalidTag as error:
            raise KeeperUnavailable("does not hold the key that this data was sealed with") from error

    async def unwrap_many(self, wrapped: Sequence[tuple[str, str]]) -> list[bytes]:
        return [await self.unwrap(key, subject) for key, subject in wrapped]

    async def hash_key(self, purpose: str) -> bytes:
        return hmac.digest(self._key, b"hash:" + purpose.encode(), sha256)


class TransitKeeper:
    """The transit engine of OpenBao or Vault: the key-encryption key stays in the key service."""

    def __init__(self, settings: KeeperSettings) -> None:
        assert settings.token_file  # noqa: S101 - open_keeper has checked
        transit = _Transit(
            settings.address, settings.token_file, settings.ca_file, settings.mount, settings.key_name
        )
        self._call = transit.call
        self._hash_version = settings.hash_version

    async def wrap(self, key: bytes, subject: str) -> str:
        return str(
            await self._call(
                "encrypt_data",
                "ciphertext",
                plaintext=base64.b64encode(key).decode(),
                associated_data=_b64(subject),
            )
        )

    async def unwrap(self, wrapped: str, subject: str) -> bytes:
        opened = await self._call(
            "decrypt_data", "plaintext", ciphertext=wrapped, associated_data=_b64(subject)
        )
        return base64.b64decode(opened)

    async def unwrap_many(self, wrapped: Sequence[tuple[str, str]]) -> list[bytes]:
        if len(wrapped) == 1:
            return [await self.unwrap(*wrapped[0])]
        keys: list[bytes] = []
        for start in range(0, len(wrapped), _BATCH):
            batch = [
                {"ciphertext": key, "associated_data": _b64(subject)}
                for key, subject in wrapped[start : start + _BATCH]
            ]
            results = await self._call("decrypt_data", "batch_results", ciphertext=None, batch_input=batch)
            opened = [result.get("plaintext") for result in results]
            if len(opened) != len(batch) or not all(opened):
                raise KeeperUnavailable("does not hold the key that this data was sealed with")
            keys += map(base64.b64decode, opened)
        return keys

    async def hash_key(self, purpose: str) -> bytes:
        hashed = await self._call(
            "generate_hmac",
            "hmac",
            hash_input=_b64("hash:" + purpose),
            algorithm="sha2-256",
            key_version=self._hash_version,  # without it the newest, so that a rotation changed every hash
        )
        # vault:v1:<base64>
        return base64.b64decode(str(hashed).rsplit(":", 1)[-1])


class SigningKeySettings(Settings):
    """A key of type ed25519 in the transit engine of OpenBao or Vault, which may be used and not read.

    Of a key that is rotated there, `key_version` goes on signing until the settings name another.
    """

    address: str
    token_file: ExistingFile
    ca_file: ExistingFile | None = None
    mount: str = "transit"
    key_name: str = "cloister-record"
    key_version: int = Field(1, ge=1)


class TransitSigner:
    """Signs with a key that stays in the key service."""

    def __init__(self, settings: SigningKeySettings) -> None:
        self._transit = _Transit(
            settings.address, settings.token_file, settings.ca_file, settings.mount, settings.key_name
        )
        self._version = settings.key_version

    async def public_key(self) -> bytes:
        """The 32 bytes of the Ed25519 key that signs. Raises `KeeperUnavailable`."""
        keys = await self._transit.call("read_key", "keys")
        try:
            raw = base64.b64decode(keys[str(self._version)]["public_key"])
        except (KeyError, TypeError, ValueError) as error:
            raise KeeperUnavailable("has no Ed25519 key of this name") from error
        if len(raw) != 32:
            raise KeeperUnavailable("has no Ed25519 key of this name")
        return raw

    async def sign(self, message: bytes) -> bytes:
        """An Ed25519 signature. Raises `KeeperUnavailable`."""
        encoded = base64.b64encode(message).decode()
        signature = await self._transit.call(
            "sign_data", "signature", hash_input=encoded, key_version=self._version
        )
        return base64.b64decode(str(signature).rsplit(":", 1)[-1])


class _Transit:
    """Calls of one key in the transit engine. The token is read each time: an agent may have renewed it."""

    def __init__(self, address: str, token_file: Path, ca_file: Path | None, mount: str, name: str) -> None:
        import hvac

        self._token_file = token_file
        self._client = hvac.Client(
            url=address,
            token=read_secret(token_file),
            verify=str(ca_file) if ca_file else True,
            timeout=5,
        )
        self._mount, self._name = mount, name

    async def call(self, verb: str, wanted: str, **arguments: Any) -> Any:
        """Ask, away from the event loop; gives one member of the answer. Raises `KeeperUnavailable`."""
        import hvac.exceptions
        import requests

        try:
            self._client.token = read_secret(self._token_file)
            method = getattr(self._client.secrets.transit, verb)
            answer = await asyncio.to_thread(method, name=self._name, mount_point=self._mount, **arguments)
        except SettingsError as error:
            raise KeeperUnavailable("cannot be asked: the file of its token is missing or empty") from error
        except (hvac.exceptions.VaultError, requests.RequestException) as error:
            raise KeeperUnavailable("is sealed, unreachable or refuses this process") from error
        try:
            return answer["data"][wanted]
        except (KeyError, TypeError) as error:  # hvac gives what is no JSON as it came
            raise KeeperUnavailable("answers what is not a key service's answer") from error


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
