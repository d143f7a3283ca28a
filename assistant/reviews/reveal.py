"""Texts of a held item as one viewer may read them, with places that move along."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from approvals import HeldItem
from assistant.restoring import restored_texts
from gateway import DoorClient, Principal, Role, TextPart
from redaction import find_tokens
from retrieval import RetrievalClient


@dataclass(frozen=True)
class _Piece:
    """A token or the text between two, as it is stored and as it is shown."""

    start: int
    text: str
    shown: str
    token: bool


@dataclass(frozen=True)
class Revealed:
    """A stored text and what its viewer reads. Offsets are code points."""

    stored: str
    shown: str
    pieces: tuple[_Piece, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where a range of the stored text is in the shown one; a token is never cut."""
        return self._moved(start, last=False), self._moved(end, last=True)

    def tokens(self) -> list[tuple[int, int, str]]:
        """Start and end in the stored text, and the token, of each identity."""
        return [(p.start, p.start + len(p.text), p.text) for p in self.pieces if p.token]

    def _moved(self, offset: int, *, last: bool) -> int:
        shown = 0
        for piece in self.pieces:
            inside = offset - piece.start
            if inside < len(piece.text) or (last and inside == len(piece.text)):
                if not piece.token and len(piece.text) == len(piece.shown):
                    return shown + max(inside, 0)
                return shown + (len(piece.shown) if last and inside > 0 else 0)
            shown += len(piece.shown)
        return shown


async def reveal(
    door: DoorClient,
    retrieval: RetrievalClient,
    viewer: Principal,
    item: HeldItem,
    texts: Sequence[str],
    *,
    own: bool = False,
) -> dict[str, Revealed]:
    """Restore texts of an item for one viewer, however many they are.

    An officer sees what the item contains by a right of the role for this item; a requester (`own`: the same
    person, with whatever account) sees what their own rights allow. Raises `PartUnavailable` when rights or
    values cannot be had: a text that an officer decides on is not shown in part.
    """
    split = {text: split_pieces(text) for text in texts}
    pieces = (piece for every in split.values() for _, piece, _ in every if piece.strip())
    wanted = list(dict.fromkeys(pieces))
    values: dict[str, str] = {}
    if wanted:
        reviews = viewer.has(Role.OFFICER) and not own and item.requester != viewer.id
        grant = await _grant(door, retrieval, viewer, item, reviews=reviews)
        values = await restored_texts(door, viewer, item.conversation, wanted, grant)
    return {text: joined_pieces(text, pieces, values) for text, pieces in split.items()}


async def conceal(
    door: DoorClient, writer: Principal, item: HeldItem, texts: Mapping[str, str]
) -> dict[str, str]:
    """Redact what an officer wrote, into the tokens of the item's conversation.

    Tokens that the officer could not see through are theirs to keep; any other text that looks like a
    token becomes plain text that never resolves.
    """
    known = {token for _, _, token in find_tokens(item.to_release().text)}
    parts = [
        TextPart(name, text, "tokenised" if _keeps(text, known) else "raw") for name, text in texts.items()
    ]
    redacted = await door.redact(writer, item.conversation, parts, purpose="edit")
    return {part.id: part.text for part in redacted.parts}


def _keeps(text: str, known: set[str]) -> bool:
    written = {token for _, _, token in find_tokens(text)}
    return bool(written) and written <= known


async def _grant(
    door: DoorClient, retrieval: RetrievalClient, viewer: Principal, item: HeldItem, *, reviews: bool
) -> str | None:
    entities = await door.entities(viewer, item.conversation)
    if not entities:
        return None
    granted = await retrieval.grant(
        viewer,
        str(item.conversation),
        entities=tuple(entities),
        item=str(item.id) if reviews else None,
    )
    return granted.grant


def split_pieces(text: str) -> list[tuple[int, str, bool]]:
    """Start, text, and whether it is a token, of each piece."""
    pieces, done = [], 0
    for start, end, token in find_tokens(text):
        if start > done:
            pieces.append((done, text[done:start], False))
        pieces.append((start, token, True))
        done = end
    if done < len(text):
        pieces.append((done, text[done:], False))
    return pieces


def joined_pieces(text: str, pieces: Sequence[tuple[int, str, bool]], values: Mapping[str, str]) -> Revealed:
    """The text with each piece replaced by what it stands for; a piece without a value stays."""
    shown = tuple(_Piece(start, piece, values.get(piece, piece), token) for start, piece, token in pieces)
    return Revealed(text, "".join(piece.shown for piece in shown), shown)
