"""Money that is given back or granted: what a text promises, in phrases or in words like the examples'."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from gateway import Role

from .amounts import Amount, Share, blank_tokens, find_amounts, find_bare_amounts, find_shares
from .policy import MoneyRule, Policy
from .spots import Alike, Spot, excused_spots, hit_of, merged, spots_of
from .value import By, RuleHit, Tier

_TOGETHER: Final = 2  # sentences before this one that are weighed with it


def money_hits(
    policy: Policy,
    rule: MoneyRule,
    text: str,
    place: int | None,
    roles: Collection[Role],
    question: str,
    alike: Alike,
) -> list[RuleHit]:
    """Amounts above what `roles` may promise, and promises of no amount; the tokens of `text` are blanked."""
    found = _by_words(policy, rule, text, place, roles, question)
    return found or _by_likeness(policy, rule, text, place, roles, alike)


def _by_words(
    policy: Policy,
    rule: MoneyRule,
    text: str,
    place: int | None,
    roles: Collection[Role],
    question: str,
) -> list[RuleHit]:
    excused = _excused(policy, rule, text, place)

    def has(name: str) -> bool:
        return bool(spots_of(policy, rule, name, text, excused))

    gives = has("gives")
    asked = has("permits") and bool(spots_of(policy, rule, "gives", question))
    offers = place is not None and has("offers")
    if not (gives or asked or offers):
        return []
    named = _amounts(policy, rule, text) if gives or asked else find_amounts(text)
    amounts = [amount for amount in named if not _touches(amount, excused)]
    shares = [share for share in find_shares(text) if not _touches(share, excused)] if gives or asked else []
    over = [
        hit_of(rule, (amount.start, amount.end), place, tier)
        for amount in amounts
        if (tier := _amount_tier(policy, rule, amount, roles)) is not None
    ]
    over += [
        hit_of(rule, (share.start, share.end), place)
        for share in shares
        if share.value > rule.share_limit(roles)
    ]
    if over or place is None or not gives:
        return over
    unread = spots_of(policy, rule, "wholes", text, excused)
    unread += [] if amounts or shares else spots_of(policy, rule, "promises", text, excused)
    return [hit_of(rule, spot, place) for spot in merged(unread)]


def _by_likeness(
    policy: Policy, rule: MoneyRule, text: str, place: int | None, roles: Collection[Role], alike: Alike
) -> list[RuleHit]:
    """Money that is given in words that no phrase knows: above the limit, or not to be read."""
    found: list[RuleHit] = []
    excused = _excused(policy, rule, text, place)
    for (start, end), like in alike.spots(rule):
        said = " " * start + text[start:end]
        amounts = [one for one in _amounts(policy, rule, said) if not _touches(one, excused)]
        shares = [one for one in find_shares(said) if not _touches(one, excused)]
        tiers = [tier for one in amounts if (tier := _amount_tier(policy, rule, one, roles)) is not None]
        tiers += [rule.tier for one in shares if one.value > rule.share_limit(roles)]
        unread = place is not None and not (amounts or shares) and not excused
        if tiers or unread:
            tier = Tier.TOP if Tier.TOP in tiers else rule.tier
            found.append(hit_of(rule, (start, end), place, tier, By.LIKENESS, like))
    return found


def recalls(policy: Policy, rule: MoneyRule, question: str) -> bool:
    """Whether a question asks what was promised before, and for nothing new."""
    text = blank_tokens(question)
    return bool(spots_of(policy, rule, "recalls", text)) and not spots_of(policy, rule, "renews", text)


def _excused(policy: Policy, rule: MoneyRule, text: str, place: int | None) -> list[Spot]:
    """Where a text speaks of the limit itself. A draft in which somebody gives excuses nothing."""
    gives = place is not None and any(spots_of(policy, rule, one, text, ()) for one in ("promises", "givers"))
    return [] if gives else excused_spots(policy, rule, text)


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


def money_over_sentences(
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
    alone, together = (_by_words(policy, rule, blank_tokens(text), None, roles, question) for text in texts)
    if len(together) <= len(alone):
        return []
    return [hit_of(rule, (0, len(sentence)), index, max(together, key=lambda hit: hit.tier is Tier.TOP).tier)]
