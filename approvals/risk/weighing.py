"""Weighing: pure functions from a policy and a text to a value. The text is tokenised."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from gateway import Role

from .amounts import (
    BLANK,
    Amount,
    Share,
    blank_tokens,
    count_persons,
    find_amounts,
    find_bare_amounts,
    find_shares,
    parse_number,
)
from .checks import mangled_tokens
from .functions import Weighed
from .likeness import Vector, pieces_of
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
from .value import By, RuleHit, Tier, Weighing

_NUMBER: Final = re.compile(r"(?<![\w.,])\d+(?:[.,:/'\u2019-]\d+)*(?!\w)")
_CITATION: Final = re.compile(r"\[\d+(?:\s*,\s*\d+)*\]")
_ENUMERATION: Final = re.compile(r"\A\s*(?:[-*]\s+)?\d{1,2}[.)]\s")
_TOGETHER: Final = 2  # sentences before this one that are weighed with it
_SHORTEST: Final = 4  # a title of fewer letters would blank words that are none
UNREAD: Final = "likeness_unread"
_UNREAD: Final = "Whether this is like risky texts could not be found out: nothing could be embedded."
SAMPLED: Final = "sampled"
_SAMPLED: Final = (
    "Chosen by chance: a share of the answers without risk is read, so that the rules can be measured."
)
Spot = tuple[int, int]


@dataclass(frozen=True)
class _Alike:
    """Where a text is how like the examples of each category; None where nobody could embed it."""

    found: tuple[tuple[Spot, Mapping[str, float]], ...] | None = ()

    def spots(self, rule: Rule, apart: Collection[str] = ()) -> list[tuple[Spot, float]]:
        """Where it is more like the examples of a rule than the rule allows, and how like.

        Not where it is most like those of a rule in `apart`: that one looks at amounts, and knows better.
        """
        limit = rule.likeness
        if limit is None or not self.found:
            return []
        return [
            (spot, shares[rule.id])
            for spot, shares in self.found
            if shares.get(rule.id, 0.0) >= limit and _nearest(shares, rule.id) not in apart
        ]


def _nearest(shares: Mapping[str, float], besides: str) -> str:
    """The category that a text is most like, besides one."""
    return max((name for name in shares if name != besides), key=lambda name: shares[name], default="")


_NOWHERE: Final = _Alike()


def to_embed(policy: Policy, text: str, titles: Sequence[str] = ()) -> tuple[str, ...]:
    """The texts whose vectors the weighing of `text` needs, in order; none where no rule compares."""
    return tuple(piece.text for piece in pieces_of(_without(text, titles))) if policy.weights else ()


def weigh_question(
    policy: Policy,
    question: str,
    *,
    roles: Collection[Role],
    tags: Collection[str] = (),
    vectors: Sequence[Vector] | None = None,
    checks: Collection[str] = (),
    sampled: bool = False,
) -> Weighing:
    """What a question, its customer and its sources weigh by themselves: a hit holds the whole answer.

    `tags` are marks of the customer (`vip`) and of sources (`source:litigation`); unknown ones weigh nothing.
    `vectors` are those of `to_embed`, None where they could not be made: then it is held. `checks` are what
    others found (`filter_flag`, `enumeration`). `sampled` says that chance chose the answer.
    """
    alike = _likeness(policy, question, vectors)
    hits: list[RuleHit] = []
    for rule in policy.rules:
        if isinstance(rule, TagRule):
            found = [
                _hit(rule, (0, 0), None, rule.tags[tag], By.MARK) for tag in sorted(tags) if tag in rule.tags
            ]
        elif isinstance(rule, CheckRule):
            found = _checked(rule, question, None, checks)
        elif "question" in rule.places:
            found = _hits(policy, rule, question, None, roles, alike=alike)
        else:
            continue
        hits += found
    hits += _unread(alike, None)
    if sampled:
        hits.append(RuleHit(SAMPLED, Tier.NORMAL, _SAMPLED, 0, 0, None, By.CHANCE))
    return _settled(policy, Weighing(tuple(hits)))


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
    untitled = _without(sentence, titles)
    alike = _likeness(policy, untitled, vectors)
    for rule in policy.rules:
        if "draft" not in rule.places or (quoted and not rule.in_quotes):
            continue
        if isinstance(rule, UnsupportedRule):
            held, marked = _unsupported(
                policy, rule, sentence, index, supported, (*passages, question), alike
            )
            hits += held
            marks += marked
        elif isinstance(rule, CheckRule):
            hits += _checked(rule, sentence, index, checks)
        elif isinstance(rule, FunctionRule):
            weighed = Weighed(sentence, question, index, before, passages)
            hits += [_hit(rule, spot, index, by=By.FUNCTION) for spot in policy.function(rule)(weighed)]
        else:
            said = untitled if isinstance(rule, PatternRule) and not rule.in_titles else sentence
            found = _hits(policy, rule, said, index, roles, question=question, alike=alike)
            if not found and isinstance(rule, MoneyRule):
                found = _over_sentences(policy, rule, sentence, index, roles, question, before)
            if quoted and isinstance(rule, MoneyRule) and _recalls(policy, rule, question):
                found = [hit for hit in found if hit.tier is Tier.TOP]
            hits += found
        if isinstance(rule, PatternRule) and rule.distinct_persons is not None:
            hits += _many_persons(rule, sentence, index, before)
    hits += _unread(alike, index)
    return _settled(policy, Weighing(tuple(hits), tuple(marks)))


def _likeness(policy: Policy, text: str, vectors: Sequence[Vector] | None) -> _Alike:
    weights = policy.weights
    if weights is None:
        return _NOWHERE
    pieces = pieces_of(text)
    if not pieces:
        return _NOWHERE
    if vectors is None or len(vectors) != len(pieces):
        return _Alike(None)
    try:
        shares = [weights.shares(vector) for vector in vectors]
    except ValueError:  # of another length, or no numbers
        return _Alike(None)
    spots = ((piece.start, piece.end) for piece in pieces)
    return _Alike(tuple(zip(spots, shares, strict=True)))


def _unread(alike: _Alike, place: int | None) -> list[RuleHit]:
    """Held when nobody could say how like risky ones a text is."""
    if alike.found is not None:
        return []
    return [RuleHit(UNREAD, Tier.NORMAL, _UNREAD, 0, 0, place, By.LIKENESS)]


def _settled(policy: Policy, weighing: Weighing) -> Weighing:
    trial = policy.on_trial | ({UNREAD, SAMPLED} if policy.mode == "shadow" else frozenset())
    alike = policy.likeness is not None and policy.likeness.trial
    return weighing.on_trial(trial, by={By.LIKENESS} if alike else ())


def _checked(rule: CheckRule, text: str, place: int | None, checks: Collection[str]) -> list[RuleHit]:
    found = [
        _hit(rule, (0, 0), place, tier, By.CHECK) for name, tier in rule.checks.items() if name in checks
    ]
    if place is not None and (tier := rule.checks.get("mangled_token")):
        found += [_hit(rule, spot, place, tier, By.CHECK) for spot in mangled_tokens(text)]
    return found


def _hits(
    policy: Policy,
    rule: Rule,
    text: str,
    place: int | None,
    roles: Collection[Role],
    question: str = "",
    alike: _Alike = _NOWHERE,
) -> list[RuleHit]:
    blanked = blank_tokens(text)
    if isinstance(rule, MoneyRule):
        found = _money(policy, rule, blanked, place, roles, blank_tokens(question))
        return found or _money_alike(policy, rule, blanked, place, roles, alike)
    found = []
    if isinstance(rule, PatternRule):
        found = [_hit(rule, spot, place) for spot in _spots(policy, rule, "patterns", blanked)]
    elif isinstance(rule, FunctionRule):
        weighed = Weighed(text, question, place)
        found = [_hit(rule, spot, place, by=By.FUNCTION) for spot in policy.function(rule)(weighed)]
    if found or not isinstance(rule, PatternRule | LikenessRule):
        return found
    money = frozenset(one.id for one in policy.rules if isinstance(one, MoneyRule))
    apart = money if isinstance(rule, LikenessRule) else frozenset()
    return [_hit(rule, spot, place, by=By.LIKENESS, share=share) for spot, share in alike.spots(rule, apart)]


def _without(text: str, titles: Sequence[str]) -> str:
    """The text with blanks in the place of titles; everything else stays where it is."""
    for title in sorted(titles, key=len, reverse=True):
        if len(title) >= _SHORTEST:
            named = re.compile(rf"(?<!\w){re.escape(title)}(?!\w)")
            text = named.sub(lambda found: " " * len(found.group()), text)
    return text


def _over_sentences(
    policy: Policy,
    rule: MoneyRule,
    sentence: str,
    index: int,
    roles: Collection[Role],
    question: str,
    before: Sequence[str],
) -> list[RuleHit]:
    """A hit when only together with what stands just before this sentence gives money: `A refund was agreed.
    It is EUR 4,000.` The amount and the gift may come in either order."""
    earlier = " ".join(before[-_TOGETHER:])
    if not earlier:
        return []
    texts = (earlier, f"{earlier} {sentence}")
    alone, together = (_money(policy, rule, blank_tokens(text), None, roles, question) for text in texts)
    if len(together) <= len(alone):
        return []
    return [_hit(rule, (0, len(sentence)), index, max(together, key=lambda hit: hit.tier is Tier.TOP).tier)]


def _hit(
    rule: Rule,
    spot: Spot,
    place: int | None,
    tier: Tier | None = None,
    by: By = By.WORDS,
    share: float | None = None,
) -> RuleHit:
    shown = None if share is None else round(share, 2)
    return RuleHit(rule.id, tier or rule.tier, rule.sentence, *spot, place, by, rule.weight, shown)


def _spots(policy: Policy, rule: Rule, name: str, text: str) -> list[Spot]:
    """Where the phrases of a rule's field are, less those that touch one of its `unless`."""
    pattern, unless = policy.compiled[rule.id, name], policy.compiled.get((rule.id, "unless"))
    if pattern is None:
        return []
    excused = [found.span() for found in unless.finditer(text)] if unless else []
    spots = (found.span() for found in pattern.finditer(text))
    return [spot for spot in spots if not any(a < spot[1] and spot[0] < b for a, b in excused)]


def _money(
    policy: Policy,
    rule: MoneyRule,
    text: str,
    place: int | None,
    roles: Collection[Role],
    question: str,
) -> list[RuleHit]:
    gives = bool(_spots(policy, rule, "gives", text))
    asked = bool(_spots(policy, rule, "gives", question)) and bool(_spots(policy, rule, "permits", text))
    offers = place is not None and bool(_spots(policy, rule, "offers", text))
    if not (gives or asked or offers):
        return []
    excused = _excused(policy, rule, text)
    named = _amounts(policy, rule, text) if gives or asked else find_amounts(text)
    amounts = [amount for amount in named if not _touches(amount, excused)]
    shares = [share for share in find_shares(text) if not _touches(share, excused)] if gives or asked else []
    over = [
        _hit(rule, (amount.start, amount.end), place, tier)
        for amount in amounts
        if (tier := _amount_tier(policy, rule, amount, roles)) is not None
    ]
    over += [
        _hit(rule, (share.start, share.end), place)
        for share in shares
        if share.value > rule.share_limit(roles)
    ]
    if over or place is None or not gives:
        return over
    unread = _spots(policy, rule, "wholes", text)
    unread += [] if amounts or shares else _spots(policy, rule, "promises", text)
    return [_hit(rule, spot, place) for spot in _merged(unread)]


def _money_alike(
    policy: Policy, rule: MoneyRule, text: str, place: int | None, roles: Collection[Role], alike: _Alike
) -> list[RuleHit]:
    """Money that is given in words that no phrase knows: above the limit, or not to be read."""
    found: list[RuleHit] = []
    excused = _excused(policy, rule, text)
    for (start, end), share in alike.spots(rule):
        said = " " * start + text[start:end]
        amounts = [one for one in _amounts(policy, rule, said) if not _touches(one, excused)]
        shares = [one for one in find_shares(said) if not _touches(one, excused)]
        tiers = [tier for one in amounts if (tier := _amount_tier(policy, rule, one, roles)) is not None]
        tiers += [rule.tier for one in shares if one.value > rule.share_limit(roles)]
        unread = place is not None and not (amounts or shares) and not excused
        if tiers or unread:
            tier = Tier.TOP if Tier.TOP in tiers else rule.tier
            found.append(_hit(rule, (start, end), place, tier, By.LIKENESS, share))
    return found


def _recalls(policy: Policy, rule: MoneyRule, question: str) -> bool:
    """Whether a question asks what was promised before, and for nothing new."""
    text = blank_tokens(question)
    return bool(_spots(policy, rule, "recalls", text)) and not _spots(policy, rule, "renews", text)


def _excused(policy: Policy, rule: Rule, text: str) -> list[Spot]:
    unless = policy.compiled.get((rule.id, "unless"))
    return [found.span() for found in unless.finditer(text)] if unless else []


def _touches(found: Amount | Share, spots: Iterable[Spot]) -> bool:
    return any(start < found.end and found.start < end for start, end in spots)


def _amounts(policy: Policy, rule: MoneyRule, text: str) -> list[Amount]:
    named = find_amounts(text)
    taken = [(amount.start, amount.end) for amount in named]
    bare = find_bare_amounts(text, policy.bare_amounts[rule.id])
    return named + [amount for amount in bare if not _touches(amount, taken)]


def _amount_tier(policy: Policy, rule: MoneyRule, amount: Amount, roles: Collection[Role]) -> Tier | None:
    """The tier that an amount asks for, None when it is within the limit.

    An amount in a currency without a rate cannot be within any limit.
    """
    value = policy.in_base(amount.value, amount.currency)
    if value is None:
        return rule.tier
    if value > rule.top_above:
        return Tier.TOP
    return rule.tier if value > rule.limit(roles) else None


def _many_persons(rule: PatternRule, sentence: str, index: int, before: Sequence[str]) -> list[RuleHit]:
    """A hit when this sentence brings the draft to too many persons."""
    limit = rule.distinct_persons or 0
    if count_persons(" ".join((*before, sentence))) < limit or not count_persons(sentence):
        return []
    return [_hit(rule, (0, len(sentence)), index)]


def _unsupported(
    policy: Policy,
    rule: UnsupportedRule,
    sentence: str,
    index: int,
    supported: bool,
    known: Sequence[str],
    alike: _Alike,
) -> tuple[list[RuleHit], list[RuleHit]]:
    """Hits and marks of a sentence that its sources do not carry."""
    text = _without_furniture(blank_tokens(sentence))
    if supported:
        return [_hit(rule, spot, index) for spot in _unknown_amounts(text, known)], []
    spots = [(amount.start, amount.end) for amount in find_amounts(text)]
    spots += [(share.start, share.end) for share in find_shares(text)]
    spots += [found.span() for found in _NUMBER.finditer(text)]
    spots += _spots(policy, rule, "dates", text) + _spots(policy, rule, "promises", text)
    hits = [_hit(rule, spot, index) for spot in _merged(spots)]
    hits = hits or [_hit(rule, spot, index, by=By.LIKENESS, share=share) for spot, share in alike.spots(rule)]
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


def _merged(spots: Iterable[Spot]) -> list[Spot]:
    merged: list[Spot] = []
    for start, end in sorted(spots):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
