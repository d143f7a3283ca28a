"""Long prose in pieces that an embedding model can read whole. The only module that imports llama-index."""

import re
from functools import lru_cache
from typing import Any, Final

_WORD: Final = re.compile(r"\w+|[^\w\s]")
_SENTENCE: Final = re.compile(r"[^.!?\n]+[.!?\n]*\s*|[.!?\n]+\s*")
PIECE_WORDS: Final = 180
OVERLAP_WORDS: Final = 24
_SURELY_SHORT: Final = PIECE_WORDS  # characters: no text has more words than characters


def split(text: str) -> list[str]:
    """Pieces of whole sentences, at most `PIECE_WORDS` words and marks each, overlapping a little."""
    if len(text) <= _SURELY_SHORT or len(_WORD.findall(text)) <= PIECE_WORDS:
        return [text] if text.strip() else []
    return [piece for piece in _splitter().split_text(text) if piece.strip()]


@lru_cache(maxsize=1)
def _splitter() -> Any:
    from llama_index.core.node_parser import SentenceSplitter

    return SentenceSplitter(
        chunk_size=PIECE_WORDS,
        chunk_overlap=OVERLAP_WORDS,
        tokenizer=_WORD.findall,
        chunking_tokenizer_fn=_SENTENCE.findall,
    )
