"""Mail addresses in words of seven languages: “anna dot schmidt at nordwind dot example”."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from redaction.domains import top_level_domains

from .sayings import Piece, Saying

_AT_ALONE = ("at", "ät")
_AT_TELLING = (
    "arobase", "arobas", "arroba", "chiocciola", "chiocciolina", "apenstaartje", "apestaartje", "klammeraffe",
    "at-zeichen", "at sign", "a commerciale",
)  # fmt: skip
_DOT_ALONE = ("dot", "punkt", "punt")
_DOT_ANY = (*_DOT_ALONE, "point", "punto", "ponto")
_LINE = ("underscore", "unterstrich", "tiret bas", "guion bajo", "guión bajo", "trattino basso", "underline",
         "liggend streepje", "sublinhado")  # fmt: skip
_DASH = ("dash", "hyphen", "minus", "bindestrich", "tiret", "guion", "guión", "trattino", "streepje", "hífen")


def _either(words: Iterable[str]) -> str:
    return "(?:" + "|".join(sorted(map(re.escape, words), key=len, reverse=True)) + ")"


def _address(at: str, dot: str, apart: str = "") -> re.Pattern[str]:
    label = r"[^\W_](?:[\w+\-]{0,62}[^\W_])?"
    signs = f"{_either(_LINE)}|{_either(_DASH)}"
    joint = (
        rf"(?:[._+\-]|{apart}\s?[\[({{<]\s?(?:{dot}|\.)\s?[\])}}>]\s?|\s{{1,2}}(?:{dot}|{signs})\s{{1,2}})"
    )
    return re.compile(
        rf"(?<![\w.+\-])(?P<local>{label}(?:{joint}{label}){{0,6}})(?P<at>{at})"
        rf"(?P<host>{label}(?:{joint}{label}){{1,6}})(?!\w)"
    )


_BRACKETED = rf"\s?[\[({{<]\s?(?:@|{_either((*_AT_ALONE, *_AT_TELLING))})\s?[\])}}>]\s?"
_ADDRESSES = (
    _address(
        rf"{_BRACKETED}|\s{{1,2}}{_either(_AT_TELLING)}\s{{1,2}}|\s?@\s?", _either(_DOT_ANY), r"\s\.\s|"
    ),
    _address(rf"\s{{1,2}}{_either(_AT_ALONE)}\s{{1,2}}", _either(_DOT_ALONE)),
)
_TELLING = frozenset(re.split("[ -]", phrase)[-1] for phrase in _AT_TELLING)
_SIGN_APART = re.compile(rf"\s@|@\s|@[\w.\-]{{1,64}}\s?[\[({{<]|@[\w.\-]{{1,64}}\s{_either(_DOT_ANY)}\s")
_BRACKETED_AT = re.compile(_BRACKETED)
_MARKED_AT = re.compile(rf"[._\d]\w{{0,64}}\s{_either(_AT_ALONE)}\s")
_DOT_SAID = (
    rf"\s\.\s|\s?[\[({{<]\s?(?:{_either(_DOT_ANY)}|\.)\s?[\])}}>]\s?|\s{{1,2}}{_either(_DOT_ANY)}\s{{1,2}}"
)
_JOINT = re.compile(
    rf"(?P<dot>{_DOT_SAID})|\s{{1,2}}(?:(?P<line>{_either(_LINE)})|(?P<dash>{_either(_DASH)}))\s{{1,2}}"
)
_BETWEEN_LABELS = re.compile(rf"{_DOT_SAID}|\.")


def spoken_addresses(text: str, words: set[str]) -> Iterator[Saying]:
    """Whole addresses, up to a top-level domain, in lower-case text that has these `words`."""
    patterns = []
    if words & _TELLING or _SIGN_APART.search(text) or _BRACKETED_AT.search(text):
        patterns.append((True, _ADDRESSES[0]))
    if not words.isdisjoint(_AT_ALONE) and (not words.isdisjoint(_DOT_ALONE) or _MARKED_AT.search(text)):
        patterns.append((False, _ADDRESSES[1]))
    for telling, pattern in patterns:
        position = 0
        while (found := pattern.search(text, position)) is not None:
            local, at, host = (found.span(part) for part in ("local", "at", "host"))
            end = _end_of_host(text, *host)
            position = local[1] if end is None else end  # “reach me at anna dot … at …”: not me, but anna
            if end is None:
                continue
            pieces = [*_joints(text, *local), (*at, "@"), *_joints(text, host[0], end)]
            said = telling or len(pieces) > 1 or re.search(r"[\d._]", found["local"])
            if said and (len(pieces) > 1 or found["at"] != "@"):
                yield local[0], end, pieces


def _joints(text: str, start: int, end: int) -> Iterator[Piece]:
    """The words between labels, and the signs they stand for."""
    for found in _JOINT.finditer(text, start, end):
        yield *found.span(), "_" if found["line"] else "-" if found["dash"] else "."


def _end_of_host(text: str, start: int, end: int) -> int | None:
    """Where the last label ends that is a top-level domain, None if none is."""
    labels = [start]
    for found in _BETWEEN_LABELS.finditer(text, start, end):
        labels += found.span()
    labels.append(end)
    for first, last in reversed(list(zip(labels[2::2], labels[3::2], strict=True))):
        if text[first:last] in top_level_domains():
            return last
    return None
