"""The keys of the log: the one that signs now, and those that signed before it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.principal import read_key
from gateway.settings import SettingsError, read_secret

from .notes import NotANote, VerifierKey, signers_of, verifier_of
from .tables import IS_NOTE

_PAGE: Final = 1_000
_NOTES: Final = text(
    "SELECT sequence, signed FROM gateway.audit_checkpoint c"  # noqa: S608 - constants
    f" WHERE sequence < :before AND {IS_NOTE.format('c')} ORDER BY sequence DESC LIMIT :page"
)


def record_key(origin: str, public_key_file: Path) -> VerifierKey:
    """The key by which checkpoints of this record are verified; the file holds a JWK or a verifier key.

    Raises `SettingsError` for a verifier key of another log.
    """
    key = _read(origin, public_key_file)
    if key.name != origin:
        raise SettingsError(f"{public_key_file} is the key of {key.name}, and the log is {origin}.")
    return key


def record_keys(origin: str, public_key_file: Path, earlier: Sequence[Path] = ()) -> tuple[VerifierKey, ...]:
    """Every key that has signed checkpoints of this record, in order; the log may have had another name.

    Raises `SettingsError`.
    """
    return (*(_read(origin, file) for file in earlier), record_key(origin, public_key_file))


async def with_their_ends(session: AsyncSession, keys: Sequence[VerifierKey]) -> list[VerifierKey]:
    """Each key but the newest with the largest size that it signed, as the record has it."""
    wanted = {(key.name, key.id): key for key in keys[:-1] if key.last is None}
    ends: dict[tuple[str, bytes], int] = {}
    connection = await session.connection()
    before = 2**62
    while len(ends) < len(wanted):
        rows = (await connection.execute(_NOTES, {"before": before, "page": _PAGE})).all()
        for row in rows:
            for signer in signers_of(row.signed) & wanted.keys():
                ends.setdefault(signer, row.sequence)
        if not rows:
            break
        before = rows[-1].sequence
    return [replace(key, last=ends.get((key.name, key.id), key.last)) for key in keys[:-1]] + [keys[-1]]


def _read(origin: str, file: Path) -> VerifierKey:
    content = read_secret(file)
    if content.startswith("{"):
        return verifier_of(origin, read_key(file))
    try:
        return VerifierKey.parse(content)
    except NotANote as error:
        raise SettingsError(f"{file} holds neither a JWK nor a verifier key.") from error
