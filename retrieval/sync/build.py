"""A live row as the index keeps it: masked, cut, weighed, and with a keyed version."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

from retrieval.crm import CrmMap, render
from retrieval.crm.map import Row
from retrieval.index import IndexedChunk, IndexedRow, Terms
from retrieval.pieces import FACTS, as_terms, prose_in

from .family import Kin
from .roster import Roster, word_of

_RULES: Final = 1  # raised when a row is cut or masked differently: everything is then written anew


class Builder:
    """Makes rows for the index. `hash_key` keys every digest, so that none can be guessed back."""

    def __init__(self, crm_map: CrmMap, roster: Roster, terms: Terms, hash_key: bytes) -> None:
        self._map = crm_map
        self._roster = roster
        self._terms = terms
        self._key = hash_key

    def row(self, kind: str, row: Row, kin: Kin) -> IndexedRow:
        """The row; without pieces when nobody may see it or it may not be processed."""
        texts = self.texts(kind, row, kin) if kin.acl else {}
        chunks = [
            IndexedChunk(
                field,
                ordinal,
                self.digest(text),
                self._terms.of_document(as_terms(text, self._map.entities)),
                wants_vector=field != FACTS or len(texts) == 1,
            )
            for (field, ordinal), text in texts.items()
        ]
        names = self.names(kin.ref, kin.up)
        state = [str(_RULES), str(self._map.version), names, *kin.acl, "", *kin.up, ""]
        state += [f"{chunk.field}/{chunk.ordinal}/{chunk.digest}" for chunk in chunks]
        shape = self.digest(*kin.acl, "", *kin.up, "", *(self._masked(text, kin) for text in kin.titles))
        _, _, key = kin.ref.partition(":")
        return IndexedRow(kind, key, self.digest(*state), shape, names, kin.acl, kin.up, tuple(chunks))

    def texts(self, kind: str, row: Row, kin: Kin) -> dict[tuple[str, int], str]:
        """What is indexed and embedded of a row: (field, ordinal) → text without identities."""
        context = " · ".join(self._masked(text, kin) for text in kin.titles)
        rendered = render(self._map, kind, row)
        lead = f"{kind} {word_of(kin.ref)} {context}"
        found = {
            (piece.field, piece.ordinal): f"{lead}\n{self._masked(piece.text, kin)}"
            for piece in prose_in(self._map, kind, row, rendered)
        }
        lines = []
        for part in rendered:
            if part.kind == "text":
                continue
            label = part.text[: part.value_start]
            value = word_of(kin.ref) if part.identity else part.text[part.value_start :]
            lines.append(self._masked(f"{label}{value}", kin))
        if lines or not found:
            found[FACTS, 0] = "\n".join([lead, *lines])
        return found

    def names(self, ref: str, up: Sequence[str]) -> str:
        """A digest of what is published of a record; empty when nothing is."""
        items = self._roster.own_values(ref, up)
        return self.digest(*(f"{item.type}/{item.field}/{item.value}" for item in items)) if items else ""

    def _masked(self, text: str, kin: Kin) -> str:
        return self._roster.mask(text, kin.ref, kin.up)

    def digest(self, *parts: str) -> str:
        """A keyed digest: without the key nobody can try out what it was made of."""
        digest = blake2b(key=self._key, digest_size=12)
        for part in parts:
            digest.update(part.encode() + b"\x1f")
        return digest.hexdigest()
