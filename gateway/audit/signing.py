"""Who signs checkpoints: a key in a file, or one that never leaves the key service."""

from typing import Protocol

from gateway.keys import KeeperUnavailable, TransitSigner
from gateway.principal import read_key
from gateway.settings import SettingsError

from .notes import CheckpointSigner, VerifierKey, note_of
from .settings import AnchorSettings


class RecordSigner(Protocol):
    """Signs the heads of one log."""

    async def sign(self, size: int, root: bytes) -> str:
        """The signed note of a checkpoint."""

    async def verifier(self) -> VerifierKey:
        """By what its signatures are verified."""


class FileSigner:
    """With a key that this process holds."""

    def __init__(self, signer: CheckpointSigner) -> None:
        self._signer = signer

    async def sign(self, size: int, root: bytes) -> str:
        return self._signer.sign(size, root)

    async def verifier(self) -> VerifierKey:
        return self._signer.verifier


class ServiceSigner:
    """With a key that only the key service holds; its public half is asked for once."""

    def __init__(self, origin: str, service: TransitSigner) -> None:
        self._origin, self._service = origin, service
        self._verifier: VerifierKey | None = None

    async def sign(self, size: int, root: bytes) -> str:
        verifier = await self.verifier()
        text, assemble = note_of(verifier, size, root)
        signature = await self._service.sign(text)
        if not verifier.holds(signature, text):
            raise KeeperUnavailable("does not sign checkpoints with the key that it names")
        return assemble(signature)

    async def verifier(self) -> VerifierKey:
        if self._verifier is None:
            self._verifier = VerifierKey(self._origin, await self._service.public_key())
        return self._verifier


def open_signer(settings: AnchorSettings) -> RecordSigner:
    """The signer that the settings name. Raises `SettingsError` unless they name one."""
    if (settings.key_file is None) is (settings.key_service is None):
        raise SettingsError("anchors needs either key_file or key_service, to sign checkpoints with.")
    if settings.key_service is not None:
        return ServiceSigner(settings.origin, TransitSigner(settings.key_service))
    assert settings.key_file is not None  # noqa: S101 - the other one is not there
    return FileSigner(CheckpointSigner(settings.origin, read_key(settings.key_file)))
