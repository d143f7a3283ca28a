"""Weighing: pure functions from a policy and a text to a value. The text is tokenised."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from gateway import Role, log
from redaction import Mapped

from .amounts import BLANK, blank_tokens, count_persons, find_amounts, find_shares, parse_number
from .checks import mangled_tokens
from .functions import Weighed
from .likeness import Vector, pieces_of
from .money import money_hits, money_over_sentences, recalls
from .policy import (
    CheckRule,
    FunctionRule,
    LikenessRule,
    MoneyRule,
    PatternRule,
    Policy,
    Rule,
    TagRule,
    UnsupportedRule,
)
from .reading import as_read
from .spots import NOWHERE, Alike, Spot, hit_of, merged, spots_of
from .timed import NotInTime, one_text
from .value import By, RuleHit, Tier, Weighing

_NUMBER: Final = re.compile(r"(?<![\w.,])\d+(?:[.,:/'\u2019-]\d+)*(?!\w)")
_CITATION: Final = re.compile(r"\[\d+(?:\s*,\s*\d+)*\]")
_ENUMERATION: Final = re.compile(r"\A\s*(?:[-*]\s+)?\d{1,2}[.)]\s")
_SHORTEST: Final = 4  # a title of fewer letters would blank words that are none
UNREAD: Final = "likeness_unread"
_UNREAD: Final = "Whether this is like risky texts could not be found out: nothing could be embedded."
RULE_UNREAD: Final = "rule_unread"
_RULE_UNREAD: Final = "A rule could not be read in time: {}."
SAMPLED: Final = "sampled"
_SAMPLED: Final = (
    "Chosen by chance: a share of the answers without risk is read, so that the rules can be measured."
)


def to_embed(policy: Policy, text: str, titles: Sequence[str] = ()) -> tuple[str, ...]:
    """The texts whose vectors the weighing of `text` needs, in order; none where no rule compares."""
    read = _without(as_read(text).text, titles)
    return tuple(piece.text for piece in pieces_of(read)) if policy.weights else ()


def weigh_question(
    policy: Policy,
    question: str,
    *,
    roles: Collection[Role],
    tags: Collection[str] = (),
    passages: Sequence[str] = (),
    vectors: Sequence[Vector] | None = None,
    checks: Collection[str] = (),
    sampled: bool = False,
) -> Weighing:
    """What a question, its customer and its sources weigh by themselves: a hit holds the whole answer.

    `tags` are marks of the customer (`vip`) and of sources (`source:litigation`); unknown ones weigh nothing.
    `passages` are the texts of the sources, which rules of the place `source` read.
    `vectors` are those of `to_embed`, None where they could not be made: then it is held. `checks` are what
    others found (`filter_flag`, `enumeration`). `sampled` says that chance chose the answer.
    """
    read = as_read(question)
    question = read.text
    alike = _likeness(policy, question, vectors)
    hits: list[RuleHit] = []
    late: list[Rule] = []

    def met(rule: Rule) -> list[RuleHit]:
        if isinstance(rule, TagRule):
            marks = sorted(tag for tag in tags if tag in rule.tags)
            return [hit_of(rule, (0, 0), None, rule.tags[tag], By.MARK) for tag in marks]
        if isinstance(rule, CheckRule):
            return _checked(rule, question, None, checks)
        found = _hits(policy, rule, question, None, roles, alike=alike) if "question" in rule.places else []
        sources = map(_text, passages) if "source" in rule.places else ()
        return found + _in_sources(policy, rule, question, sources)

    with one_text():
        for rule in policy.enforced_first:
            try:
                hits += met(rule)
            except NotInTime:
                late.append(_told(rule))
    hits += _unread(alike, None)
    if sampled:
        hits.append(RuleHit(SAMPLED, Tier.NORMAL, _SAMPLED, 0, 0, None, By.CHANCE))
    return _settled(policy, Weighing(_as_written(hits, read))).joined(_late(policy, late, None))


def weigh_sentence(
    policy: Policy,
    sentence: str,
    *,
    question: str,
    roles: Collection[Role],
    supported: bool,
    passages: Sequence[str] = (),
    index: int = 0,
    before: Sequence[str] = (),
    quoted: bool = False,
    titles: Sequence[str] = (),
    vectors: Sequence[Vector] | None = None,
    checks: Collection[str] = (),
) -> Weighing:
    """What one sentence of a draft weighs; `index` is its number and becomes the place of the hits.

    `supported` says whether the sources carry it. `passages` are their texts: an amount that neither
    they nor the question name counts as unsupported whatever `supported` says. `before` are the draft's
    earlier sentences, for what only adds up over several. `quoted` says that a record of the caller has the
    sentence word for word: money that was promised there is no new promise where the question asks for it.
    `titles` are those of the records that the sentence cites, as it may name them. `vectors` are those of
    `to_embed`, None where they could not be made: then it is held. `checks` are what others found
    (`wrong_citation`).
    """
    hits: list[RuleHit] = []
    marks: list[RuleHit] = []
    late: list[Rule] = []
    read = as_read(sentence)
    sentence, question = read.text, _text(question)
    passages, before = tuple(map(_text, passages)), tuple(map(_text, before))
    untitled = _without(sentence, titles)
    alike = _likeness(policy, untitled, vectors)

    def met(rule: Rule) -> list[RuleHit]:
        if isinstance(rule, CheckRule):
            return _checked(rule, sentence, index, checks)
        if isinstance(rule, FunctionRule):
            weighed = Weighed(sentence, question, index, before, passages)
            return [hit_of(rule, spot, index, by=By.FUNCTION) for spot in policy.function(rule)(weighed)]
        said = untitled if isinstance(rule, PatternRule) and not rule.in_titles else sentence
        found = _hits(policy, rule, said, index, roles, question=question, alike=alike)
        if isinstance(rule, MoneyRule):
            found = found or money_over_sentences(policy, rule, sentence, index, roles, question, before)
            if quoted and recalls(policy, rule, question):
                return [hit for hit in found if hit.tier is Tier.TOP]
        if isinstance(rule, PatternRule) and rule.distinct_persons is not None:
            found += _many_persons(rule, sentence, index, before)
        return found

    with one_text():
        for rule in policy.enforced_first:
            if "draft" not in rule.places or (quoted and not rule.in_quotes):
                continue
            try:
                if isinstance(rule, UnsupportedRule):
                    known = (*passages, question)
                    held, marked = _unsupported(policy, rule, sentence, index, supported, known, alike)
                    hits += held
                    marks += marked
                else:
                    hits += met(rule)
            except NotInTime:
                late.append(_told(rule))
    hits += _unread(alike, index)
    weighing = Weighing(_as_written(hits, read), _as_written(marks, read))
    return _settled(policy, weighing).joined(_late(policy, late, index))


def _text(text: str) -> str:
    return as_read(text).text


def _as_written(hits: Sequence[RuleHit], read: Mapped) -> tuple[RuleHit, ...]:
    """The hits in a text where they are in it as it was written."""
    spots = [read.original(hit.start, hit.end) if hit.start < hit.end else (0, 0) for hit in hits]
    return tuple(replace(hit, start=a, end=b) for hit, (a, b) in zip(hits, spots, strict=True))


def _likeness(policy: Policy, text: str, vectors: Sequence[Vector] | None) -> Alike:
    weights = policy.weights
    if weights is None:
        return NOWHERE
    pieces = pieces_of(text)
    if not pieces:
        return NOWHERE
    if vectors is None or len(vectors) != len(pieces):
        return Alike(None)
    try:
        shares = [weights.shares(vector) for vector in vectors]
    except ValueError:  # of another length, or no numbers
        return Alike(None)
    spots = ((piece.start, piece.end) for piece in pieces)
    return Alike(tuple(zip(spots, shares, vectors, strict=True)), weights)


def _unread(alike: Alike, place: int | None) -> list[RuleHit]:
    """Held when nobody could say how like risky ones a text is."""
    if alike.found is not None:
        return []
    return [RuleHit(UNREAD, Tier.NORMAL, _UNREAD, 0, 0, place, By.LIKENESS)]


def _late(policy: Policy, rules: Sequence[Rule], place: int | None) -> Weighing:
    """Held where a rule could not be read in time, or only reported where the rule is on trial.

    Of money nobody knows then how much it is.
    """
    hits: list[RuleHit] = []
    shadow: list[RuleHit] = []
    for rule in rules:
        tier = _strictest(rule)
        only_reports = rule.id in policy.on_trial and tier is not Tier.TOP
        said = RuleHit(RULE_UNREAD, tier, _RULE_UNREAD.format(rule.title), 0, 0, place, By.CHECK)
        (shadow if only_reports else hits).append(said)
    return Weighing(tuple(hits), shadow=tuple(shadow))


def _told(rule: Rule) -> Rule:
    log.warning("policy.rule_unread", rule=rule.id)
    return rule


def _strictest(rule: Rule) -> Tier:
    return Tier.TOP if isinstance(rule, MoneyRule) else rule.tier


def _settled(policy: Policy, weighing: Weighing) -> Weighing:
    trial = policy.on_trial | ({UNREAD, SAMPLED} if policy.mode == "shadow" else frozenset())
    alike = policy.likeness is not None and policy.likeness.trial
    return weighing.on_trial(trial, by={By.LIKENESS} if alike else ())


def _checked(rule: CheckRule, text: str, place: int | None, checks: Collection[str]) -> list[RuleHit]:
    found = [
        hit_of(rule, (0, 0), place, tier, By.CHECK) for name, tier in rule.checks.items() if name in checks
    ]
    if place is not None and (tier := rule.checks.get("mangled_token")):
        found += [hit_of(rule, spot, place, tier, By.CHECK) for spot in mangled_tokens(text)]
    return found


def _hits(
    policy: Policy,
    rule: Rule,
    text: str,
    place: int | None,
    roles: Collection[Role],
    question: str = "",
    alike: Alike = NOWHERE,
) -> list[RuleHit]:
    blanked = blank_tokens(text)
    if isinstance(rule, MoneyRule):
        return money_hits(policy, rule, blanked, place, roles, blank_tokens(question), alike)
    found = []
    if isinstance(rule, PatternRule):
        found = [hit_of(rule, spot, place) for spot in spots_of(policy, rule, "patterns", blanked)]
    elif isinstance(rule, FunctionRule):
        weighed = Weighed(text, question, place)
        found = [hit_of(rule, spot, place, by=By.FUNCTION) for spot in policy.function(rule)(weighed)]
    if found or not isinstance(rule, PatternRule | LikenessRule):
        return found
    money = frozenset(one.id for one in policy.rules if isinstance(one, MoneyRule))
    apart = money if isinstance(rule, LikenessRule) else frozenset()
    return [hit_of(rule, spot, place, by=By.LIKENESS, like=like) for spot, like in alike.spots(rule, apart)]


def _in_sources(policy: Policy, rule: Rule, question: str, passages: Iterable[str]) -> list[RuleHit]:
    """A hit when one of the sources meets a rule; which words of it do is nothing that the answer shows."""

    def meets(passage: str) -> bool:
        if isinstance(rule, FunctionRule):
            return bool(policy.function(rule)(Weighed(passage, question, None)))
        return bool(spots_of(policy, rule, "patterns", blank_tokens(passage)))

    return [hit_of(rule, (0, 0), None, by=By.SOURCE)] if any(map(meets, passages)) else []


def _without(text: str, titles: Sequence[str]) -> str:
    """The text with blanks in the place of titles; everything else stays where it is."""
    for title in sorted(map(_text, titles), key=len, reverse=True):
        if len(title) >= _SHORTEST:
            named = re.compile(rf"(?<!\w){re.escape(title)}(?!\w)")
            text = named.sub(lambda found: " " * len(found.group()), text)
    return text


def _many_persons(rule: PatternRule, sentence: str, index: int, before: Sequence[str]) -> list[RuleHit]:
    """A hit when this sentence brings the draft to too many persons."""
    limit = rule.distinct_persons or 0
    if count_persons(" ".join((*before, sentence))) < limit or not count_persons(sentence):
        return []
    return [hit_of(rule, (0, len(sentence)), index)]


def _unsupported(
    policy: Policy,
    rule: UnsupportedRule,
    sentence: str,
    index: int,
    supported: bool,
    known: Sequence[str],
    alike: Alike,
) -> tuple[list[RuleHit], list[RuleHit]]:
    """Hits and marks of a sentence that its sources do not carry."""
    text = _without_furniture(blank_tokens(sentence))
    if supported:
        return [hit_of(rule, spot, index) for spot in _unknown_amounts(text, known)], []
    spots = [(amount.start, amount.end) for amount in find_amounts(text)]
    spots += [(share.start, share.end) for share in find_shares(text)]
    spots += [found.span() for found in _NUMBER.finditer(text)]
    spots += spots_of(policy, rule, "dates", text) + spots_of(policy, rule, "promises", text)
    hits = [hit_of(rule, spot, index) for spot in merged(spots)]
    hits = hits or [hit_of(rule, spot, index, by=By.LIKENESS, like=like) for spot, like in alike.spots(rule)]
    mark = RuleHit(rule.id, rule.tier, rule.mark, 0, len(sentence), index)
    return hits, [] if hits else [mark]


def _unknown_amounts(text: str, known: Sequence[str]) -> list[Spot]:
    if len(known) < 2:  # no passages were handed in, only the question
        return []
    values: set[Decimal] = {amount.value for one in known for amount in find_amounts(one)}
    numbers = (parse_number(found.group()) for one in known for found in _NUMBER.finditer(blank_tokens(one)))
    values |= {
        number for number in numbers if number is not None
    }  # a live fact is a number without a currency
    return [(a.start, a.end) for a in find_amounts(text) if a.value not in values]


def _without_furniture(text: str) -> str:
    """Citations and the number of a list item blanked: they claim nothing."""
    text = _CITATION.sub(lambda found: BLANK * len(found.group()), text)
    return _ENUMERATION.sub(lambda found: BLANK * len(found.group()), text)
