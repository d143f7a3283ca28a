"""Readings of a text that an attacker may have disguised: plain, without leetspeak, unspaced, decoded."""

import base64
import binascii
import re
import unicodedata
from typing import Final

_LOOKALIKES: Final = str.maketrans(
    "аеорсухіјѕԁԛԝɑοαερτυικν" + "‘’‚‛′“”„‟″" + "‐‑‒–—―−",
    "aeopcyxijsdqwaoaeptyikv" + "''''''''''" + "-------",
)
_LEET: Final = str.maketrans("013457@$!", "oieastasi")
_LEET_WORD: Final = re.compile(
    r"(?=[a-z0-9@$!]{0,40}[a-z])(?=[a-z0-9@$!]{0,40}[0134579@$!])[a-z0-9@$!]{3,40}"
)
_SPACED: Final = re.compile(r"(?<![a-z])(?:[a-z][ .\-_*]){3,}[a-z](?![a-z])")
_GAPS: Final = re.compile(r"[ .\-_*]")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]{20,}={0,2}")
_DECODED_AT_MOST: Final = 8


def views(text: str) -> tuple[str, ...]:
    """The different readings, each lower case with single spaces; the plain one comes first."""
    plain = _plain(text)
    readings = {plain: None}
    unleeted = _LEET_WORD.sub(lambda found: found.group().translate(_LEET), plain)
    readings[unleeted] = None
    readings[_SPACED.sub(lambda found: _GAPS.sub("", found.group()), plain)] = None
    for decoded in _decoded(text):
        readings[decoded] = None
    return tuple(readings)


def _plain(text: str) -> str:
    composed = unicodedata.normalize("NFKC", text)
    visible = "".join(mark for mark in composed if unicodedata.category(mark) not in {"Cf", "Mn", "Co", "Cn"})
    return " ".join(visible.casefold().translate(_LOOKALIKES).split())


def _decoded(text: str) -> list[str]:
    found = []
    for match in list(_BASE64.finditer(text))[:_DECODED_AT_MOST]:
        chunk = match.group().rstrip("=")
        try:
            decoded = base64.b64decode(chunk + "=" * (-len(chunk) % 4), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue  # not base64 of a text: an id or a long word
        if decoded.isprintable():
            found.append(_plain(decoded))
    return found
