"""One record and one user, asked three ways: the map's rules, the index's filter, the CRM's late check."""

from collections.abc import Collection
from pathlib import Path
from typing import Final

from gateway import Principal, Role
from retrieval.crm import AmbiguousUser, CrmMap, Entity
from retrieval.crm.document import read_document
from retrieval.crm.map import TextColumn
from retrieval.index import AskedGeneration, Generations
from retrieval.records import Records
from retrieval.rights import Visibility, visibility_of
from retrieval.search.kinds import require_kind

from .reading import Lines, Reader, attributes_shown
from .values import Explanation, IndexSaid, RecordSaid
from .words import HIDDEN, conditions_of, may_be_shown, plain

_NOBODY: Final = "No active user of the CRM has the login {login}: every search in this name is empty."
_NOT_THERE: Final = (
    "There is no record {ref} for Cloister: the CRM has none with this key, or the map leaves it out."
)


def lines_of(map_file: Path) -> Lines:
    """Where each part of a map stands in its file."""
    return read_document(map_file.read_text("utf-8")).line_of


class Explainer:
    """Explains; it reads rights and shows no content."""

    def __init__(self, records: Records, index: Generations | AskedGeneration, lines: Lines) -> None:
        self._records = records
        self._map = records.crm_map
        self._index = index
        self._lines = lines

    async def explain(self, login: str, record: str) -> Explanation:
        """Why the CRM user `login` sees `record` at this moment, or why not.

        Raises `NotFound` for what is no record of a kind that the map knows, and `CrmUnavailable`.
        """
        kind, key = require_kind(self._map, record)
        asked = Principal("", login, frozenset({Role.REP}), "")
        try:
            visibility = await visibility_of(self._records, asked)
        except AmbiguousUser as error:
            return _short(login, record, str(error))
        exists = key in await self._records.rows(kind, [key])
        index = await self._index_says(record, visibility)
        if visibility is None:
            found = _short(login, record, _NOBODY.format(login=login))
            return found.model_copy(update={"exists": exists, "index": index})
        return await self._explained(login, kind, key, visibility, index)

    async def _explained(
        self, login: str, kind: str, key: str, visibility: Visibility, index: IndexSaid
    ) -> Explanation:
        ref = f"{kind}:{key}"
        reader = Reader(self._records, visibility.user.attributes, self._lines)
        reading = await reader.record(kind, key)
        sees = key in await self._records.rows(kind, [key], visibility)
        return Explanation(
            login=login,
            user_known=True,
            record=ref,
            exists=reading.exists,
            sees=sees,
            sentence=_sentence(login, ref, reading, _left_out(self._map.entities[kind]), sees=sees),
            attributes=attributes_shown(visibility.user.attributes),
            reading=reading if reading.exists else None,
            fields=reader.fields(kind),
            internal=_internal(self._map, kind),
            index=index,
            drift=tuple(_drift(reading, index, sees=sees)),
        )

    async def _index_says(self, ref: str, visibility: Visibility | None) -> IndexSaid:
        keys = (await self._index.rights([ref])).get(ref)
        grants = frozenset(visibility.grants if visibility else ())
        shared = (keys or frozenset()) & grants
        return IndexSaid(
            held=keys is not None,
            finds=bool(shared),
            keys=self._shown(keys or ()),
            shared=self._shown(shared),
        )

    def _shown(self, keys: Collection[str]) -> tuple[str, ...]:
        return tuple(sorted({_key_shown(self._map, key) for key in keys}))


def _key_shown(crm_map: CrmMap, key: str) -> str:
    """A key as the index has it; a value that may say who somebody is, is left out of it."""
    name, found, value = key.partition("=")
    if not found:
        return key
    kind, _, column = name.rpartition("/")[2].partition("~")[0].partition(".")
    entity = crm_map.entities.get(kind)
    open_value = entity is None or may_be_shown(entity, column)
    return f"{name}={plain(value) if open_value else HIDDEN}"


def _internal(crm_map: CrmMap, kind: str) -> tuple[str, ...]:
    """What of a kind is marked as not for customers: fields, and the column that marks whole rows."""
    entity = crm_map.entities[kind]
    marked = [name for name, one in entity.readable if isinstance(one, TextColumn) and one.internal]
    return (*marked, *([f"rows with {entity.internal}"] if entity.internal else []))


def _left_out(entity: Entity) -> list[str]:
    """The conditions under which the map leaves rows out altogether."""
    found = [f"Only rows exist where {condition}." for condition in conditions_of(entity.where)]
    if entity.retention:
        found.append(f"Rows are kept {entity.retention.days} days by {entity.retention.column}.")
    return found


def _sentence(login: str, ref: str, reading: RecordSaid, left_out: list[str], *, sees: bool) -> str:
    if not reading.exists:
        return " ".join([_NOT_THERE.format(ref=ref), *left_out])
    if not sees:
        why = " ".join(reading.barred) or "No rule of the map holds."
        return f"{login} does not see {ref}. {why}"
    rules = [f"rule {rule.number} (line {rule.line}: {rule.rule})" for rule in reading.rules if rule.holds]
    return f"{login} sees {ref} by {' and '.join(rules) or 'the CRM’s own word alone'}."


def _drift(reading: RecordSaid, index: IndexSaid, *, sees: bool) -> list[str]:
    """What of the three does not agree, the gravest first."""
    found = []
    if reading.sees is not sees:
        found.append(
            f"The rules as they are written say {_word(reading.sees)}, the CRM's own check {_word(sees)}. "
            "What counts is the CRM's check; please report this."
        )
    if index.finds and not sees:
        found.append(
            "The index would still find it, the CRM's check withholds it: the index is behind, and nothing "
            "is shown. If this lasts, run `cloister sync verify`."
        )
    if sees and not index.finds:
        missing = "has other keys for it" if index.held else "does not have it"
        found.append(
            f"The user may see it, but the index {missing}: a search will not find it by its words until the "
            "sync has caught up. If this lasts, run `cloister sync verify`."
        )
    if index.held and not reading.exists:
        found.append("The index still has a record that is no longer there; nothing of it is shown.")
    return found


def _word(sees: bool) -> str:
    return "visible" if sees else "hidden"


def _short(login: str, record: str, sentence: str) -> Explanation:
    return Explanation(
        login=login,
        user_known=False,
        record=record,
        exists=False,
        sees=False,
        sentence=sentence,
        index=IndexSaid(held=False, finds=False),
    )
