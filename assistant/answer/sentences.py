"""Cut a stream of text into sentences as it arrives."""

import re
from typing import Final

_ABBREVIATIONS: Final = frozenset(
    """mr mrs ms dr prof st no nr approx incl excl e.g i.e z.b bzw ca vs inc ltd co etc tel fig art
    abs""".split()
)
# an end mark, closing quotes or brackets, citations, and white space before the next sentence
_END: Final = re.compile(r"(?:[.!?…]+[\"'”’)\]]*(?:\s?\[\d{1,3}\])*)(?=\s)|\n+")
_LAST_WORD: Final = re.compile(r"([\w.]+?)\.$")
_MAX: Final = 1200


_MARK: Final = re.compile(r"\s?\[\d{1,3}\]")


class SentenceSplitter:
    """Feed it chunks; it gives whole sentences. Any chunking gives the same sentences as the whole.

    A sentence's text keeps its inner spacing; paragraphs end a sentence and are kept as a newline in
    front of the next one. Text without an end is cut at 1,200 characters.
    """

    def __init__(self) -> None:
        self._buffer = ""

    def feed(self, chunk: str) -> list[str]:
        """The sentences that this chunk completes."""
        self._buffer += chunk
        sentences = []
        while (cut := self._cut()) is not None:
            sentence, self._buffer = self._buffer[:cut], self._buffer[cut:]
            if sentence.strip():
                sentences.append(sentence)
        return sentences

    def finish(self) -> list[str]:
        """What is left when the stream ends."""
        rest, self._buffer = self._buffer, ""
        return [rest] if rest.strip() else []

    def _cut(self) -> int | None:
        for match in _END.finditer(self._buffer):
            if match.group().startswith("\n"):
                if self._buffer[: match.start()].strip() and match.end() < len(self._buffer):
                    return match.start()
                continue
            # a citation may still follow: decide only when something else has come after the space
            following = self._buffer[match.end() :].lstrip(" ")
            if not following or re.match(r"\[\d{0,3}\]?$", following):
                continue
            if not following.startswith("\n") and _is_abbreviation(self._buffer[: match.end()]):
                continue
            return match.end()
        return _MAX if len(self._buffer) > _MAX else None


def split_sentences(text: str) -> list[str]:
    """The sentences of a whole text."""
    splitter = SentenceSplitter()
    return splitter.feed(text) + splitter.finish()


def _is_abbreviation(text: str) -> bool:
    found = _LAST_WORD.search(text)
    if not found or not text.endswith("."):
        return False
    word = found.group(1).lower()
    return word in _ABBREVIATIONS or (len(word) == 1 and word.isalpha())


def bare(sentence: str) -> str:
    """A sentence without citations and spacing: two that say the same are the same."""
    return " ".join(_MARK.sub("", sentence).split())
