"""The token map of one conversation, as rows: every value has one token, whoever asks at once.

Requests in one conversation wait for each other. That makes conflicts rare; what makes two tokens for one
value impossible is the table: one row a value and one a token, whichever door inserts first.
"""

import hmac
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, TypeVar

from sqlalchemy import any_, func, literal, text, tuple_, update
from sqlalchemy.exc import DBAPIError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.database import Database
from gateway.errors import Conflict
from gateway.keys import Envelope
from redaction import EntityType, GazetteerEntry, TokenMap, TokenRecord, parse_token

from .tables import TokenRow

T = TypeVar("T")
SHARED: Final = "|"
_TRIES: Final = 5
_DEADLOCK: Final = "40P01"
_HASH_PURPOSE: Final = "token"
_LOCK: Final = text(
    "SELECT coalesce((SELECT version FROM gateway.identity_version), 0)"
    " FROM pg_advisory_xact_lock(hashtextextended(:conversation, 7))"
)

_INSERT: Final = text(
    # one statement for any number of rows: SQLAlchemy's own takes the loop a second for 2,000
    """
    INSERT INTO gateway.token
        (conversation, value_mac, token, type, entity, field, read_in, read_field, subject, sealed, typed_by)
    SELECT CAST(:conversation AS uuid), t.mac, t.token, t.type, t.entity, t.field, t.read_in, t.read_field,
        t.subject, t.sealed, CASE WHEN t.wrote THEN ARRAY[CAST(:principal AS text)] ELSE '{}' END
    FROM unnest(
        CAST(:macs AS bytea[]), CAST(:tokens AS text[]), CAST(:types AS text[]), CAST(:entities AS text[]),
        CAST(:fields AS text[]), CAST(:read_ins AS text[]), CAST(:read_fields AS text[]),
        CAST(:subjects AS text[]), CAST(:sealed AS bytea[]), CAST(:wrote AS boolean[])
    ) AS t(mac, token, type, entity, field, read_in, read_field, subject, sealed, wrote)
    ON CONFLICT DO NOTHING
    RETURNING token
    """
)


class TokensTaken(Conflict):
    """Another door has just given out tokens here: those must be loaded, and the texts redacted again."""

    retry = True

    def __init__(self) -> None:
        super().__init__("Too much happens in this conversation at once. Try again in a moment.")


@dataclass(frozen=True)
class TokenFacts:
    """What a token is, without its value. `entity` joins several by `|` when they share the value.

    `read_in` and `read_field` say in which record a value was read that the CRM knows of nobody, and in which
    of its fields: where it could be any of several, they are joined by `|` too, and all must be readable.
    """

    token: str
    type: EntityType
    entity: str | None
    field: str | None
    read_in: str | None = None
    read_field: str | None = None

    @property
    def entities(self) -> tuple[str, ...]:
        """The entities that the value belongs to."""
        return tuple(self.entity.split(SHARED)) if self.entity else ()


class ConversationTokens:
    """The book of a conversation with what is known of each token."""

    def __init__(self, conversation: uuid.UUID, rows: Iterable[tuple[TokenRow, str | None]]) -> None:
        self.conversation = conversation
        self.facts: dict[str, TokenFacts] = {}
        self.typed_by: dict[str, frozenset[str]] = {}
        self._values: dict[str, str] = {}
        records = []
        for row, value in rows:
            self.facts[row.token] = TokenFacts(
                row.token, EntityType(row.type), row.entity, row.field, row.read_in, row.read_field
            )
            self.typed_by[row.token] = frozenset(row.typed_by)
            if value is not None:
                self._values[row.token] = value
            records.append(TokenRecord(row.token, _in_book(row.token, value), _one(row.entity)))
        self.book = TokenMap(records)

    def dictionary(self) -> list[GazetteerEntry]:
        """Every value known in this conversation, to be found again anywhere in it."""
        return [
            GazetteerEntry(value, facts.type, _one(facts.entity), facts.field, _stem(token))
            for token, value in self._values.items()
            if (facts := self.facts[token]).type is not EntityType.LITERAL
        ]

    def value_of(self, token: str) -> str | None:
        """The value behind a stored token, None when it is unknown or its subject has been erased."""
        return self._values.get(token)

    async def save(
        self,
        session: AsyncSession,
        envelope: Envelope,
        found: Mapping[str, TokenFacts],
        *,
        typed: Iterable[str] = (),
        principal: str = "",
    ) -> None:
        """Insert the tokens that the book has given out, and note which of them `principal` typed.

        Raises `TokensTaken` when another door was first with one of them; the transaction must end then.
        """
        wrote = frozenset(typed)
        added = self.book.added()
        if added:
            key = await envelope.hash_key(_HASH_PURPOSE)
            subjects = [self._subject(found[record.token]) for record in added]
            values = [record.value for record in added]
            sealed = await envelope.seal_many(session, list(zip(subjects, values, strict=True)))
            rows = sorted(
                (
                    (self._mac(key, record), record.token, found[record.token], subject, value)
                    for record, subject, value in zip(added, subjects, sealed, strict=True)
                ),
                key=lambda row: row[0],  # two doors wait for each other in one order
            )
            macs, tokens, facts, subjects_of, values_of = zip(*rows, strict=True)
            columns = {
                "macs": list(macs),
                "tokens": list(tokens),
                "types": [each.type.value for each in facts],
                "entities": [each.entity for each in facts],
                "fields": [each.field for each in facts],
                "read_ins": [each.read_in for each in facts],
                "read_fields": [each.read_field for each in facts],
                "subjects": list(subjects_of),
                "sealed": list(values_of),
                "wrote": [token in wrote for token in tokens],
            }
            connection = await session.connection()
            inserted = await connection.execute(
                _INSERT, {**columns, "conversation": self.conversation, "principal": principal}
            )
            if len(inserted.all()) != len(rows):
                raise TokensTaken
            for record in added:
                self.facts[record.token] = found[record.token]
                self._values[record.token] = record.value
                self.typed_by[record.token] = frozenset([principal] if record.token in wrote else [])
        await self._note_typed(session, wrote - {record.token for record in added}, principal)

    async def _note_typed(self, session: AsyncSession, tokens: frozenset[str], principal: str) -> None:
        news = [token for token in tokens if principal not in self.typed_by[token]]
        if news:
            await session.exec(
                update(TokenRow)
                .where(col(TokenRow.conversation) == self.conversation, col(TokenRow.token).in_(news))
                .values(typed_by=func.array_append(TokenRow.typed_by, principal))
            )

    def _subject(self, facts: TokenFacts) -> str:
        """Whose key seals the value: of several owners the first, so that erasing them all erases it."""
        if facts.entities:
            return facts.entities[0]
        return facts.read_in or unknown_subject(self.conversation)

    def _mac(self, key: bytes, record: TokenRecord) -> bytes:
        message = b"\0".join([self.conversation.bytes, record.owner.encode(), record.value.encode()])
        return hmac.digest(key, message, sha256)


async def in_agreement(database: Database, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    """What `work` gives in a transaction of its own; done again when another door was first with a token."""
    for _ in range(_TRIES - 1):
        try:
            async with database.transaction() as session:
                return await work(session)
        except TokensTaken:
            continue
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != _DEADLOCK:
                raise
    async with database.transaction() as session:
        return await work(session)


async def lock_conversation(session: AsyncSession, conversation: uuid.UUID) -> int:
    """Let no one else give out tokens in this conversation until the transaction ends.

    Gives the newest publication of identities, which the same round trip has read.
    """
    connection = await session.connection()
    return int((await connection.execute(_LOCK, {"conversation": str(conversation)})).scalar_one())


async def load_tokens(
    session: AsyncSession, envelope: Envelope, conversation: uuid.UUID
) -> ConversationTokens:
    """The conversation's tokens as they stand. Raises `KeeperUnavailable`."""
    found = await session.exec(
        select(TokenRow)
        .where(TokenRow.conversation == conversation)
        .order_by(col(TokenRow.created_at), col(TokenRow.token))
    )
    rows = list(found)
    values = await envelope.open_many(session, [(row.subject, row.sealed) for row in rows]) if rows else []
    return ConversationTokens(conversation, zip(rows, values, strict=True))


async def typed_values(
    session: AsyncSession, envelope: Envelope, principal: str, wanted: Mapping[uuid.UUID, Iterable[str]]
) -> dict[uuid.UUID, dict[str, str]]:
    """Token to value, a conversation, of those `wanted` tokens that `principal` typed there or that are text.

    One statement for all of them. Raises `KeeperUnavailable`.
    """
    pairs = [(conversation, token) for conversation, tokens in wanted.items() for token in tokens]
    typed = (literal(principal) == any_(col(TokenRow.typed_by))) | (
        col(TokenRow.type) == EntityType.LITERAL.value
    )
    place = tuple_(col(TokenRow.conversation), col(TokenRow.token))
    rows = list(await session.exec(select(TokenRow).where(place.in_(pairs), typed))) if pairs else []
    values = await envelope.open_many(session, [(row.subject, row.sealed) for row in rows]) if rows else []
    found: dict[uuid.UUID, dict[str, str]] = {}
    for row, value in zip(rows, values, strict=True):
        if value is not None:
            found.setdefault(row.conversation, {})[row.token] = value
    return found


async def entities_of(session: AsyncSession, conversation: uuid.UUID) -> list[str]:
    """References of the entities whose identities the conversation holds, and of those it read some in."""
    found = await session.exec(
        select(TokenRow.entity, TokenRow.read_in).where(TokenRow.conversation == conversation).distinct()
    )
    return sorted({name for joined in found for one in joined if one for name in str(one).split(SHARED)})


def unknown_subject(conversation: uuid.UUID) -> str:
    """The subject of values that belong to nobody whom the CRM knows."""
    return f"conversation:{conversation}"


def _one(entity: str | None) -> str | None:
    """The book numbers by a single record; a shared value goes by its letters."""
    return entity if entity and SHARED not in entity else None


def _in_book(token: str, value: str | None) -> str:
    """An erased value keeps its number taken; no text holds a NUL character."""
    return f"\0{token}" if value is None else value


def _stem(token: str) -> EntityType | None:
    parsed = parse_token(token)
    return parsed.stem if parsed else None
