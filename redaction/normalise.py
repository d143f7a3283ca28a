"""One reading of a text for all detectors: tidied and folded, each with a map back to the original.

*Normalised* text keeps case and accents: NFKC, no invisible characters, plain dashes, quotes, digits
and spaces, and look-alike letters made Latin inside words that are otherwise Latin. *Folded* text is
for comparing: lower case, no accents, white space and commas as one space. *Compact* text is folded
text without separators, for numbers that people write in groups.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from html import unescape

_NON_ASCII = re.compile(r"[^\x00-\x7f]")
_NON_ASCII_RUN = re.compile(r"[A-Za-z]?[^\x00-\x7f]+")
_FOLDABLE = re.compile(r"[^\x00-\x7f]|[\s,;]{2,}")
_SEPARATORS = re.compile(r"[\s.\-/_:]+")
_ESCAPE = re.compile(r"\\u[0-9a-fA-F]{4}|&(?:#[0-9]{2,7}|#[xX][0-9a-fA-F]{2,6}|[A-Za-z]{2,8});")
_TO_SPACE = str.maketrans(dict.fromkeys("\t\n\r\x0b\x0c\x1c\x1d\x1e\x1f,;", " "))

_PLAIN = str.maketrans(
    {**dict.fromkeys("‐‑‒–—―−﹘", "-"), **dict.fromkeys("‘’‚‛′", "'"), **dict.fromkeys("“”„‟″", '"')}
)
_LOOKALIKES = {
    lookalike: plain
    for lookalikes, plains in (
        ("АВЕКМНОРСТУХІЈЅԌԚԜҮӀаеорсухіјѕԁһԛԝӏѵԍүо", "ABEKMHOPCTYXIJSGQWYIaeopcyxijsdhqwlvgyo"),  # Cyrillic
        ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαοινυρϲϳγ", "ABEZHIKMNOPTYXaoivupcjy"),  # Greek
        ("ՍՏՕԼօոսհցզյ", "USOLonuhgqj"),  # Armenian
        ("ᎪᏴᏟᎠᎬᏀᎻᎫᏦᏞᎷᏢᎡᏚᎢᏙᎳᏃ", "ABCDEGHJKLMPRSTVWZ"),  # Cherokee
        ("ɑɡɩᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "agiabcdefghijklmnoprstuvwyz"),  # Latin
    )
    for lookalike, plain in zip(lookalikes, plains, strict=True)
}
_LOOKALIKE_TABLE = str.maketrans(_LOOKALIKES)
_LOOKALIKE = re.compile(f"[{''.join(_LOOKALIKES)}]")
_WORD_WITH_LOOKALIKE = re.compile(rf"\w*[{''.join(_LOOKALIKES)}]\w*")
_ASCII_LETTER = re.compile(r"[A-Za-z]")
_UNDECOMPOSED = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h"}
)


@dataclass(frozen=True, slots=True)
class Mapped:
    """Text with a map to its original: character i came from starts[i] to ends[i] (None: the same place)."""

    text: str
    starts: list[int] | None = None
    ends: list[int] | None = None

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The original range behind a non-empty range of this text."""
        if self.starts is None or self.ends is None:
            return start, end
        return self.starts[start], self.ends[end - 1]


class MapBuilder:
    """Collects pieces of a text that is derived from `base`, and their ranges in the original."""

    def __init__(self, base: Mapped) -> None:
        self._base = base
        self._pieces: list[str] = []
        self._starts: list[int] = []
        self._ends: list[int] = []

    def copy(self, text: str, start: int, end: int) -> None:
        if start == end:
            return
        self._pieces.append(text)
        if self._base.starts is None or self._base.ends is None:
            self._starts.extend(range(start, end))
            self._ends.extend(range(start + 1, end + 1))
        else:
            self._starts.extend(self._base.starts[start:end])
            self._ends.extend(self._base.ends[start:end])

    def replace(self, text: str, start: int, end: int) -> None:
        if not text:
            return
        first, last = self._base.original(start, end)
        self._pieces.append(text)
        self._starts.extend([first] * len(text))
        self._ends.extend([last] * len(text))

    def build(self) -> Mapped:
        return Mapped("".join(self._pieces), self._starts, self._ends)


def normalise(text: str) -> Mapped:
    """Tidy `text`, keeping case and accents; an escape of JSON's or HTML's is read as its character."""
    base = _unescaped(text) if _is_escaped(text) else Mapped(text)
    text = base.text
    if text.isascii():
        return base
    if (same := _tidied_in_place(text)) is not None:
        return Mapped(_latinised_words(same), base.starts, base.ends)
    builder = MapBuilder(base)
    position = 0
    for run in _NON_ASCII_RUN.finditer(text):
        builder.copy(text[position : run.start()], position, run.start())
        for start, end in _clusters(text, run.start(), run.end()):
            builder.replace(_tidy(text[start:end]), start, end)
        position = run.end()
    builder.copy(text[position:], position, len(text))
    mapped = builder.build()
    return Mapped(_latinised_words(mapped.text), mapped.starts, mapped.ends)


def _is_escaped(text: str) -> bool:
    return "\\u" in text or "&" in text


def _unescaped(text: str) -> Mapped:
    builder = MapBuilder(Mapped(text))
    position = 0
    for found in _ESCAPE.finditer(text):
        start, end = found.span()
        written = found.group()
        character = chr(int(written[2:], 16)) if written[0] == "\\" else unescape(written)
        if character == written:
            continue
        builder.copy(text[position:start], position, start)
        builder.replace(character, start, end)
        position = end
    if not position:
        return Mapped(text)
    builder.copy(text[position:], position, len(text))
    return builder.build()


def _tidied_in_place(text: str) -> str | None:
    """`text` tidied where every character becomes exactly one, so that no map is needed; None elsewhere."""
    for character in set(_NON_ASCII.findall(text)):
        tidy = _tidy(character)
        if len(tidy) != 1 or unicodedata.combining(character) or _joins_others(character):
            return None
        if tidy != character:
            text = text.replace(character, tidy)
    return text


def _latinised_words(text: str) -> str:
    if _LOOKALIKE.search(text) is None:  # quick, and so most texts end here
        return text
    return _WORD_WITH_LOOKALIKE.sub(_latinised, text)


def _joins_others(character: str) -> bool:
    """Whether a letter may become one with its neighbours: the parts of a Korean syllable."""
    return "\u1100" <= character <= "\u11ff"


def fold(normalised: Mapped) -> Mapped:
    """Make normalised text comparable: lower case, no accents, one space for white space and commas."""
    text = normalised.text
    if text.isascii() and _FOLDABLE.search(text) is None:
        return Mapped(text.lower().translate(_TO_SPACE), normalised.starts, normalised.ends)
    builder = MapBuilder(normalised)
    position = 0
    for found in _FOLDABLE.finditer(text):
        start, end = found.span()
        builder.copy(text[position:start].lower().translate(_TO_SPACE), position, start)
        builder.replace(" " if end - start > 1 else _fold_character(text[start]), start, end)
        position = end
    builder.copy(text[position:].lower().translate(_TO_SPACE), position, len(text))
    return builder.build()


def fold_value(value: str) -> str:
    """The folded form of one value, without space at its edges."""
    if value.isascii() and not _is_escaped(value):
        return " ".join(value.lower().translate(_TO_SPACE).split())
    return " ".join(fold(normalise(value)).text.split())


def compact_value(folded: str) -> str:
    """Folded text without the separators that people put into numbers."""
    return _SEPARATORS.sub("", folded)


class Reading:
    """A text with its normalised, folded and compact forms, each made at most once."""

    def __init__(
        self, text: str, prefer: frozenset[str] = frozenset(), normalised: Mapped | None = None
    ) -> None:
        self.text = text
        self.prefer = prefer
        self._given = normalised

    @cached_property
    def normalised(self) -> Mapped:
        return normalise(self.text) if self._given is None else self._given

    @cached_property
    def spoken(self) -> Reading | None:
        """The same text with what is written as it is spoken read back; None if there is nothing such."""
        from .spelling.read_back import read_back

        mapped = read_back(self.normalised)
        return None if mapped is None else Reading(self.text, self.prefer, mapped)

    @cached_property
    def folded(self) -> Mapped:
        return fold(self.normalised)

    @cached_property
    def compact(self) -> tuple[str, list[int]]:
        """Compact text, and for each of its characters the index in the folded text."""
        pieces: list[str] = []
        indexes: list[int] = []
        folded = self.folded.text
        position = 0
        for found in _SEPARATORS.finditer(folded):
            pieces.append(folded[position : found.start()])
            indexes.extend(range(position, found.start()))
            position = found.end()
        pieces.append(folded[position:])
        indexes.extend(range(position, len(folded)))
        return "".join(pieces), indexes


def _clusters(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    begin = start
    for index in range(start + 1, end):
        if not unicodedata.combining(text[index]):
            yield begin, index
            begin = index
    yield begin, end


@lru_cache(maxsize=8192)
def _tidy(cluster: str) -> str:
    composed = unicodedata.normalize("NFKC", cluster).translate(_PLAIN)
    return "".join(_tidy_character(character) for character in composed)


def _tidy_character(character: str) -> str:
    if character.isascii():
        return character
    category = unicodedata.category(character)
    if category in ("Cf", "Me") or "\ufe00" <= character <= "\ufe0f" or character == "\u034f":
        return ""
    if category == "Cs":
        return "\ufffd"  # half a pair: native code would refuse the whole text
    if category == "Nd":
        return str(unicodedata.digit(character))
    return " " if category.startswith("Z") else character


def _latinised(word: re.Match[str]) -> str:
    found = word.group()
    return found.translate(_LOOKALIKE_TABLE) if _ASCII_LETTER.search(found) else found


@lru_cache(maxsize=8192)
def _fold_character(character: str) -> str:
    decomposed = unicodedata.normalize("NFKD", character.casefold())
    bare = "".join(part for part in decomposed if not unicodedata.combining(part))
    return bare.translate(_UNDECOMPOSED).translate(_LOOKALIKE_TABLE).lower()
