"""The citation check: which sources carry a sentence, and what in it no source contains.

Lexical on purpose: it needs no second model, and what it refuses is easy to explain. Names are tokens
here (`<PERSON_1>`), so a name that no source contains is seen like any other claim.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .sentences import split_sentences

_CITATION: Final = re.compile(r"\s?\[(\d{1,3})\]")
_TOKEN: Final = re.compile(r"<([A-Z]+(?:_[A-Z]+)*)_\d+((?:_[A-Z0-9]+)*)>")
_FACET: Final = re.compile(r"(?<=\d)_[A-Z][A-Z0-9_]*>")
_CODE: Final = re.compile(r"\b[A-Z]{1,5}-?\d{2,}(?:-\d+)*\b")
_NUMBER: Final = re.compile(r"\d+(?:[.,:/-]\d+)*%?")
_WORD: Final = re.compile(r"[^\W\d_]{2,}")
_NAME: Final = re.compile(r"(?<=[\w,;:] )[A-ZÄÖÜ][^\W\d_]{2,}")
_NAMES: Final = re.compile(r"(?<=[\w,;:] )[A-ZÄÖÜ][^\W\d_]{2,}(?: [A-ZÄÖÜ][^\W\d_]{2,})+")
_FIRST: Final = re.compile(
    r"\A\s*([A-ZÄÖÜ][^\W\d_]{2,}(?=['’]s\b)|[A-ZÄÖÜ][^\W\d_]{2,}(?: [A-ZÄÖÜ][^\W\d_]{2,})+)"
)
_FIRM: Final = re.compile(
    r"\b([^\W\d_]{3,}(?: [^\W\d_]{3,})?),? "
    r"(?:gmbh|ltd|limited|inc|ag|llc|corp|corporation|plc|kg|se|bv|srl)\b",
    re.IGNORECASE,
)
_GERMAN: Final = frozenset(
    "der die das wie ich ist welche welcher welches wer wann wo und für ein eine".split()
)
_CALENDAR: Final = frozenset(
    """janua febru march april may june july augus septe octob novem decem monda tuesd wedne thurs frida
    satur sunda chris easte""".split()
)
_STOP: Final = frozenset(
    """a an the and or but if of to in on at by for from with without as is are was were be been being it its
    this that these those they them their there then than he she his her you your we our us not no do does
    did has have had will would can could may might should shall must about into over under within after
    before also please any all each some more most other such only own same so too very what which when who
    whom whose how why where tell show give many much
    der die das und oder aber in im an am auf von vom zu zum zur mit ist sind war waren wird werden ein eine
    einer eines einem den dem des nicht kein keine auch als wie bei nach vor für aus es sie er wir ihr was
    wer wann wo warum welche welcher welches""".split()
)
_BINDS: Final = re.compile(
    r"\b(?:we|I)\b(?: \w+)? ?(?:will|shall|['’]ll|promise|agree|guarantee)"
    r"|\bwir (?:\w+ )?(?:werden|erstatten|versprechen|garantieren)\b",
    re.IGNORECASE,
)
_STEM: Final = 5
_ENOUGH: Final = 0.6


@dataclass(frozen=True)
class Source:
    """One numbered source, as the model saw it.

    A published one may be read by everybody. `kind` is the kind of record; `facts`, label and value, are
    what the text of a stated source was made of; `entity` is the record. Of the source that counts a list
    `counts` is how the one is called whose records are counted, empty where they are all; of others None.
    A `reference` was written to answer questions, such as an article. `field` is where in the record the text
    stands, several joined by `|`.
    """

    n: int
    title: str
    text: str
    published: bool = False
    kind: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    entity: str = ""
    counts: str | None = None
    reference: bool = False
    field: str = ""

    @property
    def stated(self) -> bool:
        """Whether it consists of a record's facts, not of prose."""
        return bool(self.facts)

    @property
    def whole(self) -> str:
        """Title and text, both of which may carry a claim."""
        return f"{self.title}\n{self.text}"


@dataclass(frozen=True)
class Checked:
    """A sentence after the check: its text with the citations that hold, and whether it is carried."""

    text: str
    citations: tuple[int, ...]
    supported: bool
    missing: tuple[str, ...] = ()


def check_sentence(sentence: str, sources: Sequence[Source]) -> Checked:
    """Hold a sentence against its sources.

    It is supported when a source contains every number, date and name in it and most of its words.
    Citations that do not carry the sentence are taken out; one that does is added when none is left.
    `missing` lists the claims that no source contains.
    """
    bare = _CITATION.sub("", sentence).strip()
    claims, words = _claims(bare), stems(bare)
    named = cited_in(sentence)
    scored = sorted(
        ((_overlap(words, source), source.n) for source in sources if claims <= _contents(source.whole)),
        key=lambda scored: (-scored[0], scored[1]),
    )
    carrying = {n: share for share, n in scored if share >= _ENOUGH}
    cited = [n for n in dict.fromkeys(named) if n in carrying] or [n for _, n in scored if n in carrying][:1]
    everywhere: set[str] = set().union(*(_contents(source.whole) for source in sources))
    missing = tuple(sorted(claims - everywhere))
    if not words and not claims:
        return Checked(bare, (), supported=True)
    lead = "\n" if "\n" in sentence[: len(sentence) - len(sentence.lstrip())] else ""
    marks = "".join(f" [{n}]" for n in cited)
    return Checked(f"{lead}{bare}{marks}", tuple(cited), supported=bool(cited), missing=missing)


def cited_in(sentence: str) -> list[int]:
    """The numbers of the sources that a sentence cites, as it was written."""
    return [int(number) for number in _CITATION.findall(sentence)]


def is_published(text: str, sources: Sequence[Source]) -> bool:
    """Whether a text is, word for word, a whole sentence of a published source that it cites.

    One in which we bind ourselves (`We will refund …`) would bind us in an answer too, and counts as none.
    """
    bare = " ".join(_CITATION.sub("", text).split())
    if _BINDS.search(bare):
        return False
    cited = {int(number) for number in _CITATION.findall(text)}
    return any(
        source.published and source.n in cited and bare in _whole_sentences(source.text) for source in sources
    )


def is_quoted(text: str, sources: Sequence[Source]) -> bool:
    """Whether a text is, word for word, a whole sentence of a record that it cites, or one of its facts."""
    bare = " ".join(_CITATION.sub("", text).split())
    cited = {int(number) for number in _CITATION.findall(text)}
    return any(source.n in cited and bare in _whole_sentences(source.text) for source in sources)


def counts_records(checked: Checked, sources: Sequence[Source]) -> bool:
    """Whether a sentence is, word for word, the count of a list, as the source tells it that it cites."""
    bare = " ".join(_CITATION.sub("", checked.text).split())
    return any(
        source.counts is not None and source.n in checked.citations and bare in _whole_sentences(source.text)
        for source in sources
    )


def _whole_sentences(text: str) -> set[str]:
    return {" ".join(sentence.split()) for sentence in split_sentences(text)}


def names_nobody_in(question: str, sources: Sequence[Source]) -> bool:
    """Whether a question names somebody or something of whom no source says a word.

    What other records say is no answer to it. In German every noun has a capital, so only two in a row count.
    """
    read = " ".join(source.whole for source in sources)
    if tokens(question) - tokens(read):
        return True
    rest = _TOKEN.sub(" ", question)
    german = any(word in _GERMAN for word in _WORD.findall(rest.lower()))
    names = (_NAMES if german else _NAME).findall(rest) + _FIRST.findall(rest)
    names += [found.group(1) for found in _FIRM.finditer(rest)]
    known = stems(read) | _CALENDAR | {source.kind[:_STEM] for source in sources}
    return any(stems(name) - known for name in names)


def capitalised(text: str) -> set[str]:
    """Words within a sentence that begin with a capital, in lower case: what may be a name."""
    return {name.lower() for name in _NAME.findall(_TOKEN.sub(" ", text))} - _STOP


def codes(text: str) -> set[str]:
    """Numbers of orders, cases and invoices in a text, such as `HT-206559`."""
    return set(_CODE.findall(text))


def tokens(text: str) -> set[str]:
    """The names in a text, each as its token: `<PERSON_1>` also where `<PERSON_1_EMAIL>` stands."""
    return {_FACET.sub(">", token[0]) for token in _TOKEN.finditer(text)}


def token_types(text: str) -> list[tuple[str, str]]:
    """The names in a text as `tokens` gives them, each with the type of what it stands for: PHONE."""
    return [
        (_FACET.sub(">", token[0]), re.sub(r"_\d+\Z", "", token[2]).lstrip("_") or token[1])
        for token in _TOKEN.finditer(text)
    ]


def stems(text: str) -> set[str]:
    """The beginnings of the words that matter; names do not count."""
    words = _WORD.findall(_TOKEN.sub(" ", text).lower())
    return {_singular(word)[:_STEM] for word in words if word not in _STOP}


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def overlap(question: str, text: str) -> float:
    """The share of the question's content words that a text contains, 0 to 1; names do not count."""
    wanted, has = stems(question), stems(text)
    return len(wanted & has) / len(wanted) if wanted else 0.0


def _overlap(words: set[str], source: Source) -> float:
    return len(words & stems(source.whole)) / len(words) if words else 1.0


def _claims(text: str) -> set[str]:
    """What a sentence asserts that must stand in a source: tokens, numbers, and names by their capital."""
    rest = _TOKEN.sub(" ", _CITATION.sub("", text))
    names = {name.lower() for name in _NAME.findall(rest)} - _STOP
    return _whole_tokens(text) | {_plain(number) for number in _NUMBER.findall(rest)} | names


def _contents(text: str) -> set[str]:
    """Everything in a source that can carry a claim."""
    rest = _TOKEN.sub(" ", text)
    words = {word.lower() for word in _WORD.findall(rest)}
    return _whole_tokens(text) | {_plain(number) for number in _NUMBER.findall(rest)} | words


def _whole_tokens(text: str) -> set[str]:
    return {token[0] for token in _TOKEN.finditer(text)}


def _plain(number: str) -> str:
    """One spelling for 1,200.00, 1.200,00, 1200 and 1200.0."""
    digits = number.rstrip("%")
    if re.fullmatch(r"\d{1,3}(?:[.,]\d{3})+(?:[.,]\d{1,2})?|\d+[.,]\d{1,2}|\d+", digits):
        whole, _, cents = re.sub(r"[.,](?=\d{3}(?:\D|$))", "", digits).replace(",", ".").partition(".")
        digits = whole.lstrip("0") or "0"
        digits += f".{cents.rstrip('0')}" if cents.rstrip("0") else ""
    return digits + ("%" if number.endswith("%") else "")
