"""Texts that are likely to break redaction: names, look-alike tokens, invisible characters, other scripts."""

from __future__ import annotations

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
]
_STEMS = [*EntityType, "person", "Person", "TAX", "ID"]


def tokens() -> st.SearchStrategy[str]:
    """Tokens, and things that look like tokens, in good and bad form."""
    core = st.builds(
        lambda stem, joint, number, facet: f"{stem}{joint}{number}{facet}",
        st.sampled_from(_STEMS),
        st.sampled_from(["_", "\\_", " ", "-", ""]),
        st.sampled_from(["1", "2", "10", "11", "01", "0", "1234567890"]),
        st.sampled_from(["", "", "_EMAIL", "_FIRST", "_ALT_2", " EMAIL", "\\_PHONE", "_", "x", "_é"]),
    )
    opened = st.sampled_from(["<", "[", "{", "(", "", "< ", "[[", "<<", "`"])
    closed = st.sampled_from([">", "]", "}", ")", "", " >", "]]", ">>", "`"])
    return st.builds(lambda a, b, c: a + b + c, opened, core, closed)


def texts() -> st.SearchStrategy[str]:
    """Anything a person or a model may write."""
    piece = st.one_of(st.sampled_from(_WORDS), st.sampled_from(_PIECES), tokens(), st.text(max_size=6))
    glued = st.lists(piece, max_size=12).map("".join)
    spaced = st.lists(piece, max_size=12).map(" ".join)
    return st.one_of(glued, spaced)
