"""Texts that are likely to break redaction: names, look-alike tokens, invisible characters, other scripts."""

from __future__ import annotations

import re
from collections.abc import Callable

from hypothesis import strategies as st

from redaction import EntityType

_WORDS = [
    "Anna Schmidt",
    "anna schmidt",
    "ANNA  SCHMIDT",
    "Schmidt, Anna",
    "Anna",
    "schmidt",
    "Bob Miller",
    "miller",
    "anna.schmidt@nordwind.example",
    "+49 30 1234567",
    "030/123 45 67",
    "4111 1111 1111 1111",
    "AC100234",
    "DE89 3704 0044 0532 0130 00",
    "Nordwind Logistik",
    "12 Main Street",
    "Will",
    "will",
    "order 12345",
    "An\u200bna Schmidt",
    "Аnna Schmidt",
    "Ａｎｎａ Ｓｃｈｍｉｄｔ",
    "Müller",
    "Mu\u0308ller",
    "straße",
    "ﬁne",
    "١٢٣",
    "\u2028",
    "\n",
    "\t",
    "İ",
    "ß",
    "的",
    "안나",
    "e\u0301\u0323",
    "\u00ad",
    "\u2066",
    "🙂",
    "PERſON_1",
    "\u0130",
    "\u0131",
    "Kelvin \u212a",
]
_PIECES = [
    "<",
    ">",
    "[",
    "]",
    "{",
    "}",
    "(",
    ")",
    "_",
    "\\_",
    "\\",
    "-",
    " ",
    ",",
    ".",
    "1",
    "0",
    "10",
    "é",
    "x",
    "'s",
    "/",
    "&lt;",
    "&gt;",
    "&",
    "\\u003c",
    "＜",
    "＿",
]
_STEMS = [*EntityType, "person", "Person", "TAX", "ID"]
_MORE_FACETS = [
    " EMAIL",
    "\\_PHONE",
    "_",
    "x",
    "_é",
    "_EMAI",
    "EMAIL",
    " and",
    "'s",
    "_NAME",
    " PERSON_2",
    "_＿",
]
_OPENED = [
    "&lt;",
    "&#60;",
    "&amp;lt;",
    "&#x3c;",
    "\\u003c",
    "\\<",
    "＜",
    "⟦",
    "【",
    "</",
    "_",
    "__",
    "**",
    "&lt",
]
_CLOSED = [
    "&gt;",
    "&#62;",
    "&amp;gt;",
    "&#x3e;",
    "\\u003e",
    "\\>",
    "＞",
    "⟧",
    "】",
    "/>",
    "_",
    "__",
    "**",
    "'s>",
]


def tokens() -> st.SearchStrategy[str]:
    """Tokens, and things that look like tokens, in good and bad form."""
    core = st.builds(
        lambda stem, joint, number, facet: f"{stem}{joint}{number}{facet}",
        st.sampled_from(_STEMS),
        st.sampled_from(["_", "_", "\\_", " ", "-", "", "_ ", "＿"]),
        st.sampled_from(["1", "2", "10", "11", "01", "0", "1234567890"]),
        st.sampled_from(["", "", "_EMAIL", "_FIRST", "_ALT_2", *_MORE_FACETS]),
    )
    opened = st.sampled_from(["<", "[", "{", "(", "", "< ", "[[", "<<", "`", *_OPENED])
    closed = st.sampled_from([">", "]", "}", ")", "", " >", "]]", ">>", "`", *_CLOSED])
    return st.builds(lambda a, b, c: a + b + c, opened, core, closed)


def texts() -> st.SearchStrategy[str]:
    """Anything a person or a model may write."""
    piece = st.one_of(st.sampled_from(_WORDS), st.sampled_from(_PIECES), tokens(), st.text(max_size=6))
    glued = st.lists(piece, max_size=12).map("".join)
    spaced = st.lists(piece, max_size=12).map(" ".join)
    return st.one_of(glued, spaced)


_SLIPS: list[Callable[[str], str]] = [
    lambda core: f"<{core}>",
    lambda core: f"[{core}]",
    lambda core: f"{{{core}}}",
    lambda core: f"<{core.lower()}>",
    lambda core: f"<{core.title()}>",
    lambda core: core,
    lambda core: core.lower(),
    lambda core: f"<{core}",
    lambda core: f"{core}>",
    lambda core: f"< {core} >",
    lambda core: f"<{core.replace('_', ' ')}>",
    lambda core: f"<{core.replace('_', '-')}>",
    lambda core: f"<{core.replace('_', '')}>",
    lambda core: core.replace("_", "\\_"),
    lambda core: "\\<" + core.replace("_", "\\_") + "\\>",
    lambda core: f"&lt;{core}&gt;",
    lambda core: f"&#60;{core}&#62;",
    lambda core: f"＜{core.replace('_', '＿')}＞",
    lambda core: f"<{core}>'s",
    lambda core: f"<{core}'s>",
    lambda core: f"**{core}**",
    lambda core: f"__{core}__",
    lambda core: f"</{core}>",
    lambda core: f"<{core}_NAME>",
    lambda core: f"<{core}_{core}>",
    lambda core: f"<{core} and {core}>",
]
_FACET = re.compile(r"(?<=[0-9])_[A-Z][A-Z0-9_]*")


@st.composite
def slips(draw: st.DrawFn, token: str) -> str:
    """What a model may make of a token; its number stays, its facet may lose letters or go."""
    core = token.strip("<>")
    facet = _FACET.search(core)
    if facet is not None and draw(st.booleans()):
        core = core[: facet.start() + draw(st.integers(0, len(facet.group())))].rstrip("_")
    return draw(st.sampled_from(_SLIPS))(core)
