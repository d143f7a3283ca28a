"""A live row as the index keeps it: masked, cut, weighed, and with a keyed version."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Final

from retrieval.crm import CrmMap, covers, lead, render
from retrieval.crm.map import Row
from retrieval.index import IndexedChunk, IndexedRow, Terms
from retrieval.pieces import FACTS, as_terms, prose_in

from .family import Kin
from .roster import Roster, word_of

_RULES: Final = 4  # raised when a row is cut or masked differently: everything is then written anew
_TITLES: Final = 50_000
_SPOKEN: Final = re.compile(r"[^\W\d_]{3,}")
_FEW_WORDS: Final = 2
_NUMBERED: Final = re.compile(r"[\w-]*\d[\w-]*")


@dataclass(frozen=True, slots=True)
class PieceTexts:
    """A piece without identities: as its words are indexed, and as its vector is made.

    The dense text holds nothing that this row alone has, so that the same words have the same vector. Columns
    have one where they are all that the row has, and hold words.
    """

    terms_text: str
    dense_text: str
    wants_vector: bool = True


class Builder:
    """Makes rows for the index. `hash_key` keys every digest, so that none can be guessed back."""

    RULES: Final = str(_RULES)

    def __init__(self, crm_map: CrmMap, roster: Roster, terms: Terms, hash_key: bytes) -> None:
        self._map = crm_map
        self._roster = roster
        self._terms = terms
        self._key = hash_key
        self._titles: dict[tuple[str, str], str] = {}
        self._titles_of = roster.version
        kinds = "|".join(re.escape(kind) for kind in sorted(crm_map.entities, key=len, reverse=True))
        self._references = re.compile(rf"(?<!\w)({kinds})_\w+")

    def row(self, kind: str, row: Row, kin: Kin) -> IndexedRow:
        """The row; without pieces when nobody may see it or it may not be processed."""
        title, texts = self._texts(kind, row, kin) if kin.acl else (self._title(kin), {})
        chunks = [
            IndexedChunk(
                field,
                ordinal,
                self.digest_of(piece),
                self._terms.of_document(as_terms(piece.terms_text, self._map.entities)),
                wants_vector=piece.wants_vector,
                vdigest=self.vdigest_of(piece),
            )
            for (field, ordinal), piece in texts.items()
        ]
        names = self.names(kin.ref, kin.up)
        shape = self.digest(*kin.acl, "", *kin.up, "", title, *self._lineage(kin.above))
        state = [str(_RULES), str(self._map.version), names, *kin.acl, "", *kin.up, "", shape]
        state += [f"{chunk.field}/{chunk.ordinal}/{chunk.digest}" for chunk in chunks]
        _, _, key = kin.ref.partition(":")
        return IndexedRow(kind, key, self.digest(*state), shape, names, kin.acl, kin.up, tuple(chunks))

    def texts(self, kind: str, row: Row, kin: Kin) -> dict[tuple[str, int], PieceTexts]:
        """What is indexed and embedded of a row: (field, ordinal) → texts without identities."""
        return self._texts(kind, row, kin)[1]

    def _texts(self, kind: str, row: Row, kin: Kin) -> tuple[str, dict[tuple[str, int], PieceTexts]]:
        """The row's title without identities, and its pieces."""
        rendered = render(self._map, kind, row)
        prose = prose_in(self._map, kind, row, rendered)
        lines = []
        for part in rendered:
            if part.kind != "text":
                value = word_of(kin.ref) if part.identity else part.text[part.value_start :]
                lines.append(f"{part.text[: part.value_start]}{value}")
        own, said, facts, *masked = self._roster.mask_each(
            [kin.title, lead(self._map, kind, row), "\n".join(lines), *(piece.text for piece in prose)],
            kin.ref,
            kin.up,
        )
        context = (own, *self._context(kin))
        found = {
            (piece.field, piece.ordinal): self._piece(kind, kin.ref, (*context, said), text)
            for piece, text in zip(prose, masked, strict=True)
        }
        if lines or not found:
            values = " ".join(part.text[part.value_start :] for part in rendered if not part.identity)
            speaks = not found and len(_SPOKEN.findall(values)) >= _FEW_WORDS
            columns = self._piece(kind, kin.ref, (*context, said), facts)
            found[FACTS, 0] = replace(columns, wants_vector=speaks)
        return own, found

    def _piece(self, kind: str, ref: str, context: Sequence[str], text: str) -> PieceTexts:
        head = f"{kind} {word_of(ref)} {' · '.join(filter(None, context))}"
        told = " ".join(_NUMBERED.sub("", " ".join(context)).split())
        plain = self._references.sub(lambda found: found.group(1), text)
        return PieceTexts(f"{head}\n{text}", f"{kind} {told}\n{plain}")

    def _context(self, kin: Kin) -> Iterator[str]:
        """What a row says of the records it belongs to: nothing that its readers may not see.

        The title of one that all of its readers see; of one that only some of them see, the reference that
        stands for its name; nothing of one that nobody may see or that may not be processed.
        """
        above = kin.above
        while above:
            title = self._title(above)
            if covers(above.acl, kin.acl):
                yield title
            elif above.acl and re.search(rf"(?<!\w){word_of(above.ref)}(?!\w)", title):
                yield word_of(above.ref)
            above = above.above

    def _lineage(self, kin: Kin | None) -> Iterator[str]:
        """The titles and rights of a record and of those above it: what those below may take from them."""
        while kin:
            yield from (self._title(kin), *kin.acl, "")
            kin = kin.above

    def _title(self, kin: Kin) -> str:
        """The title of a record without identities: masked once for all children."""
        if self._titles_of != self._roster.version or len(self._titles) > _TITLES:
            self._titles, self._titles_of = {}, self._roster.version
        title = self._titles.get((kin.ref, kin.title))
        if title is None:
            title = self._titles[kin.ref, kin.title] = self._roster.mask(kin.title, kin.ref, kin.up)
        return title

    def digest_of(self, piece: PieceTexts) -> str:
        """Changes with any text of the piece."""
        return self.digest(piece.terms_text, piece.dense_text)

    def vdigest_of(self, piece: PieceTexts) -> str:
        """The same for all pieces that have the same vector."""
        return self.digest("vector", piece.dense_text)

    def names(self, ref: str, up: Sequence[str]) -> str:
        """A digest of what is published of a record; empty when nothing is."""
        items = self._roster.own_values(ref, up)
        return self.digest(*(f"{item.type}/{item.field}/{item.value}" for item in items)) if items else ""

    def digest(self, *parts: str) -> str:
        """A keyed digest: without the key nobody can try out what it was made of."""
        digest = blake2b(key=self._key, digest_size=12)
        for part in parts:
            digest.update(part.encode() + b"\x1f")
        return digest.hexdigest()
