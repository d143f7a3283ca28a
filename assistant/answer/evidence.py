"""Evidence: the sentences of the sources that speak to the question, for models that may only quote.

A model of a hundred million parameters invents when it writes freely; bound to sentences of the best
sources it chooses well. What it may choose from is decided here, by meaning, by words and by what kind of
thing is asked for.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

from .asking import Asking, asks, asks_for_oneself, fact_asked, identities_asked
from .listing import asks_for_kind, count_line, matching, meeting, state_line
from .prose import (
    body_sentences,
    commitment,
    has_amount,
    has_date,
    has_moment,
    is_inward,
    leans_back,
    looks_ahead,
)
from .statements import state
from .support import Source, capitalised, codes, overlap, stems, token_types, tokens

_TOKEN: Final = re.compile(r"<[A-Z]+(?:_[A-Z]+)*_\d+(?:_[A-Z0-9]+)*>")
_DAY: Final = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
_CHOICES: Final = 6
_LISTED: Final = 8
_CLOSE: Final = 0.8
_WEAK: Final = 0.2
_LIKE: Final = 0.4  # cosine from which a stated fact answers although it shares no word with the question
_BINDING: Final = 0.45
_AHEAD: Final = 0.6
_SAME: Final = 0.55  # cosine from which a fact is taken for what is asked for in other words
_ROLES: Final = {
    role: re.compile(pattern, re.IGNORECASE)
    for role, pattern in {
        "rep": r"\b(?:service |sales )?rep(?:resentative)?s?\b",
        "lead": r"\b(?:team |shift )?leads?\b(?! (?:to|times?)\b)|\bteam leaders?\b|\bteamleit\w+",
        "officer": r"\bcompliance officers?\b",
    }.items()
}
_MAY: Final = re.compile(r" (?:may|can|could|must|shall|should|have to|has to|darf|dürfen|kann|muss)\b")
_SHORTEST: Final = 12
_LONGEST: Final = 420


@dataclass(frozen=True)
class Candidate:
    """Sentences of one source that may be quoted, together; most often one.

    `lexical` is the share of the question's words in them and their title, `asked` how much they are of the
    kind that is asked for, `rank` the worth of their source, `fit` the share of a stated fact's label that
    the question names; each 0 to 1. `role` is 1 where they name the asker's role and -1 where another.
    """

    sentences: tuple[str, ...]
    n: int
    title: str
    lexical: float
    rank: float
    asked: float = 0.0
    stated: bool = False
    shared: bool = True
    fit: float = 0.0
    reference: bool = False
    role: float = 0.0

    @property
    def text(self) -> str:
        """The sentences as one text."""
        return " ".join(self.sentences)

    @property
    def in_context(self) -> str:
        """What is compared by meaning: a sentence alone often does not say what it is about."""
        return without_names(f"{self.title}: {self.text}")


@dataclass(frozen=True)
class Choice:
    """What an answer consists of: `lead` in this order, then whichever of `more` the model adds."""

    lead: tuple[Candidate, ...]
    more: tuple[Candidate, ...] = ()
    at_most: int = 2

    @property
    def quotes(self) -> tuple[str, ...]:
        """The texts that the model may write: the first it must."""
        return ("\n".join(map(quote, self.lead)), *map(quote, self.more))

    def within(self, characters: int) -> "Choice":
        """As many of the lead as have room beside the longest others that may be added, and at least one."""
        others = sorted((len(quote(one)) for one in self.more), reverse=True)
        left = characters - sum(others[: self.at_most - 1])
        lead = list(self.lead)
        while len(lead) > 1 and sum(len(quote(one)) + 1 for one in lead) > left:
            lead.pop()
        return replace(self, lead=tuple(lead))


def without_names(text: str) -> str:
    """The text for comparing meanings: every source is about the same names, so they tell nothing."""
    return _TOKEN.sub("the customer", text)


def about(question: str, sources: Sequence[Source], *, named: bool) -> Sequence[Source]:
    """The sources that can answer: those with the question's order or case number, if it has one; none
    where no source has it, for another order is no answer.

    Records answer a question that names a customer, published articles one that names nobody; a list is
    answered by records of the kind that is asked for.
    """
    wanted = codes(question)
    narrowed = [source for source in sources if wanted & codes(source.whole)]
    if wanted and not narrowed:
        return []
    if not narrowed:
        narrowed = [source for source in sources if source.published is not named] or list(sources)
    of_it = _of_the_named_thing(question, narrowed)
    of_kind = [source for source in of_it if asks_for_kind(question, source.kind)]
    return of_kind or of_it


def _of_the_named_thing(question: str, sources: Sequence[Source]) -> Sequence[Source]:
    """The sources without the facts of things that are called less like what the question says than others:
    the price of another thing is no answer."""
    names = capitalised(question)
    called = {source.n: len(names & capitalised(f"of {source.title}")) for source in sources if source.stated}
    most = max(called.values(), default=0)
    return [source for source in sources if called.get(source.n, most) == most]


def asks_for_several(question: str, sources: Sequence[Source]) -> bool:
    """Whether a list of records is asked for, and these are such records."""
    return bool(sources) and all(asks_for_kind(question, source.kind) for source in sources)


def listed(question: str, sources: Sequence[Source], around: Sequence[Source]) -> Choice | None:
    """The answer to a list of records that state their status: their count where a fact of the sources
    `around` tells it, then each that meets the question's condition. None where the records state none."""
    told = [source for source in sources if state_line(source)]
    if not told:
        return None
    lead: list[Candidate] = []
    if counted := count_line(around, told[0].kind):
        lead.append(Candidate(counted[:1], counted[1], "", 1.0, 1.0, stated=True))
    if not (counted and asks(question).count):
        for source in matching(question, meeting(question, told))[:_LISTED]:
            lead.append(Candidate((state_line(source),), source.n, source.title, 1.0, 1.0, stated=True))
    return Choice(tuple(lead), at_most=1) if lead else None


def identities(question: str, sources: Sequence[Source]) -> Choice | None:
    """The answer to a question for phone numbers, addresses and the like of whom it names; None where the
    records have none, for nothing else in them is an answer."""
    wanted, named = identities_asked(question), tokens(question)
    persons = {one for one in named if one.startswith("<PERSON")} or named
    found: dict[str, Candidate] = {}
    for source in sources:
        for one in _stated(question, source) if source.stated else _told(question, source):
            of_them = {name for name, kind in token_types(one.text) if kind in wanted}
            told = source.stated and tokens(source.title) & persons and of_them
            if told or of_them & persons:
                found.setdefault(one.text, one)
    stated = [one for one in found.values() if one.stated]
    exact = [one for one in stated if one.fit == 1.0 and len(wanted) == 1]
    fitting = exact or stated or [*found.values()][:1]
    return Choice(tuple(fitting[:_CHOICES]), at_most=1) if fitting else None


def candidates(question: str, sources: Sequence[Source], roles: Collection[str] = ()) -> list[Candidate]:
    """Every quotable sentence of the sources, which stand in order of worth.

    A question about a promise is answered by prose that binds us, if the records have prose at all. Who
    asks what they themselves may do is answered by what is said of their `roles`.
    """
    own = roles if asks_for_oneself(question) else ()
    asking, linked, wanted = asks(question), _linked(question, sources), codes(question)
    found: list[Candidate] = []
    for position, source in enumerate(sources):
        made = _stated(question, source) if source.stated else _told(question, source)
        rank = 1 / (1 + position)
        for candidate in made:
            if not _SHORTEST <= len(candidate.text) <= _LONGEST or candidate.text.endswith("?"):
                continue
            named = codes(f"{candidate.title} {candidate.text}")
            if wanted and named and not wanted & named:
                continue  # about another order, case or error than the one that is asked for
            asked = _asked(asking, candidate, linked=source.n in linked)
            role = _role(candidate.text, own)
            found.append(replace(candidate, rank=rank, asked=asked, role=role, reference=source.reference))
    if asking.promise and any(not source.published and not source.stated for source in sources):
        found = [one for one in found if _binds(one) or (one.stated and one.shared)]
        newest = max((_day(one.title) for one in found), default="")
        found = [replace(one, rank=float(_day(one.title) == newest)) for one in found]
    return found


def comparable(found: Sequence[Candidate], at_most: int = 24) -> list[Candidate]:
    """The candidates worth comparing by meaning, which costs milliseconds each."""
    return sorted(found, key=lambda one: -(one.lexical + one.asked + 0.3 * one.rank))[:at_most]


def to_the_point(
    question: str, found: Sequence[Candidate], likeness: Sequence[float], words: Sequence[str] = ()
) -> list[tuple[Candidate, float]]:
    """The candidates, with their likeness, that tell the one thing of somebody which a question asks for:
    those with its every word, else the facts of the same meaning. All of them where it asks otherwise.
    `words` are what the map says for it."""
    every, wanted = list(zip(found, likeness, strict=True)), stems(fact_asked(question))
    wanted = stems(" ".join(words)) if wanted and words else wanted
    if not wanted:
        return every
    worded = [(one, cosine) for one, cosine in every if wanted <= stems(f"{one.title} {one.text}")]
    return worded or [(one, cosine) for one, cosine in every if one.stated and cosine >= _SAME]


def choose(found: Sequence[Candidate], likeness: Sequence[float], *, one_each: bool = False) -> Choice | None:
    """What the answer consists of; `likeness` is the cosine of each candidate with the question.

    None when nothing speaks to the question. With `one_each` the best of every source is kept, however the
    sources compare. No sentence is kept twice.
    """
    scored = [
        (_score(candidate, cosine), candidate)
        for candidate, cosine in zip(found, likeness, strict=True)
        if _speaks(candidate, cosine)
    ]
    if any(candidate.role == 1.0 for _, candidate in scored):
        scored = [(score, candidate) for score, candidate in scored if candidate.role >= 0]
    scored.sort(key=lambda item: -item[0])
    kept: list[Candidate] = []
    for score, candidate in scored:
        if any(set(candidate.sentences) & set(other.sentences) for other in kept):
            continue
        if one_each and any(candidate.n == other.n for other in kept):
            continue
        if not one_each and score < _CLOSE * scored[0][0]:
            break
        if not one_each and kept and kept[0].stated and not candidate.lexical >= kept[0].lexical:
            continue  # a fact that was asked for needs no company
        kept.append(candidate)
        if len(kept) == _CHOICES:
            break
    if not kept:
        return None
    if one_each:
        return Choice(tuple(kept[:5]), at_most=1)
    return Choice(tuple(kept[:1]), tuple(kept[1:]))


def quote(candidate: Candidate) -> str:
    """The sentences as the model may write them, each with its citation."""
    return " ".join(f"{sentence} [{candidate.n}]" for sentence in candidate.sentences)


def _speaks(candidate: Candidate, cosine: float) -> bool:
    """Whether a candidate has to do with the question at all."""
    if candidate.asked >= _BINDING:
        return True  # a promise to whoever is named, in whatever words
    return (candidate.shared or cosine >= _LIKE) and max(cosine, candidate.lexical) >= _WEAK


def _score(candidate: Candidate, cosine: float) -> float:
    told = 0.55 * cosine + 0.35 * candidate.lexical + 0.1 * candidate.rank + 0.5 * candidate.asked
    return told + 0.2 * (candidate.fit == 1.0) + 0.1 * candidate.reference + 0.2 * candidate.role


def _stated(question: str, source: Source) -> list[Candidate]:
    found = []
    known = {source.title, *codes(source.title)}
    for label, value in source.facts:
        if value in known:
            continue
        line = state(source.title, label, value)
        shared = bool(stems(question) & stems(f"{label} {value}"))
        lexical = _lexical(question, source, line)
        fit = overlap(label, question)
        found.append(Candidate((line,), source.n, source.title, lexical, 0.0, 0.0, True, shared, fit))
    return found


def _told(question: str, source: Source) -> list[Candidate]:
    """Sentences of prose, one by one, and with the next or the one before where they need it."""
    sentences = body_sentences(source.text)
    found = []
    for position, sentence in enumerate(sentences):
        spans: list[tuple[str, ...]] = [(sentence,)]
        if position and leans_back(sentence):
            spans = [(sentences[position - 1], sentence)]
        if reach := _reach(sentences[position : position + 3]):
            spans.append(tuple(sentences[position : position + reach]))
        for span in spans:
            lexical = _lexical(question, source, " ".join(span))
            found.append(Candidate(span, source.n, source.title, lexical, 0.0))
    return found


def _reach(sentences: Sequence[str]) -> int:
    """How many sentences a commitment or sum without a date takes to tell its date too; 0: none does."""
    first, *others = sentences
    if has_date(first) or is_inward(first) or not (commitment(first) >= _BINDING or has_amount(first)):
        return 0
    dated = (n for n, one in enumerate(others, 2) if has_date(one) and not is_inward(one))
    return next(dated, 0)


def _lexical(question: str, source: Source, text: str) -> float:
    return 0.3 * overlap(question, text) + 0.7 * overlap(question, f"{source.title} {text}")


def _asked(asking: Asking, candidate: Candidate, *, linked: bool) -> float:
    """How much a candidate is of the kind that is asked for: a promise, a moment, an amount."""
    text = candidate.text
    if asking.promise and not candidate.stated:
        binding = _binding(candidate)
        moment = 1.0 if has_date(text) else 0.4 if has_moment(text) else 0.0
        return 0.4 * binding + 0.35 * moment + 0.1 * has_amount(text) + 0.15 * linked
    wanted = [has_moment(text)] * asking.moment + [has_amount(text)] * asking.amount
    return 0.25 * sum(wanted) / len(wanted) if wanted else 0.0


def _role(text: str, own: Collection[str]) -> float:
    """1 where a text says what one of these roles may or must, less where it only names one, -1 where it
    names only others."""
    named = {role: found for role, pattern in _ROLES.items() if (found := pattern.search(text))}
    if not own or not named:
        return 0.0
    ours = [found for role, found in named.items() if role in own]
    return max((1.0 if _MAY.match(text, found.end()) else 0.3 for found in ours), default=-1.0)


def _binding(candidate: Candidate) -> float:
    told = max(map(commitment, candidate.sentences))
    ahead = any(
        looks_ahead(sentence, candidate.title) for sentence in candidate.sentences if not is_inward(sentence)
    )
    return max(told, _AHEAD if ahead else 0.0)


def _binds(candidate: Candidate) -> bool:
    return not candidate.stated and _binding(candidate) >= _BINDING


def _linked(question: str, sources: Sequence[Source]) -> set[int]:
    """Numbers of the sources that mention whom or what the question names, or a case that such a one does."""
    wanted = tokens(question) | codes(question)
    first = [source for source in sources if wanted & (tokens(source.whole) | codes(source.whole))]
    shared = {code for source in first if not source.stated for code in codes(source.title)}
    return {source.n for source in sources if source in first or shared & codes(source.title)}


def _day(title: str) -> str:
    return max(_DAY.findall(title), default="")
