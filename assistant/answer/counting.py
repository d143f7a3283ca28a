"""The answer to a list out of the CRM: how many there are, then each record in a sentence."""

import re
from collections.abc import Sequence
from typing import Final

from retrieval import ListCondition, Listing, is_whether

from .asking import asks
from .statements import called, state
from .support import Source

_EVERY: Final = re.compile(
    r"\W*(?:(?:and|und|so|also) )?(?:are|is|were|was|have|has|had|do|does|did|sind|ist|war|waren|haben|hat) "
    r"(?:all|every|each|both|alle[mnrs]?|jede[mnrs]?|sämtliche[nr]?)\b",
    re.IGNORECASE,
)
_ANY: Final = re.compile(
    r"\A\W*(?:(?:and|und|so|also) )?(?:do|does|did|have|has|had|habe|haben|hat|hatten?|gibt)\b(?!.*\bbeen\b)"
    r"|\b(?:there|any|some|an?|one|eine?[mnr]?)\b",
    re.IGNORECASE,
)


def count_sentences(listing: Listing, about: str, shown: int) -> tuple[str, ...]:
    """How many records there are, out of how many, and how many of them are listed.

    `about` is how the one record is called that they belong to; empty where there is none or are several. It
    says of them that the asker owns them, or else that they may see them.
    """
    whose = f" of {about}" if about else ""
    seen = " that you own" if listing.called in listing.owned else " that you may see"
    if listing.above and listing.above in listing.owned:
        seen = f" of {listing.above} that you own"
    every = f"{listing.of:,} {listing.called}{whose}"
    if not listing.of:
        first = f"There are no {listing.called}{whose}{seen}{_among(listing)}."
    elif not listing.conditions and not listing.above:
        first = f"There are {every}{seen}{_by_state(listing)}."
    elif not listing.total:
        first = f"None of the {every}{seen} {_meeting(listing, one=True)}."
    else:
        meeting = _meeting(listing, one=listing.total == 1)
        first = f"{listing.total:,} of the {every}{seen} {meeting}{_by_state(listing)}."
    sentences = [first]
    if listing.above and listing.total:
        owners = f"{listing.belonging:,}" if listing.belonging > 1 else "one of the"
        sentences.append(f"They belong to {owners} {listing.above}.")
    if 0 < shown < listing.total:
        sentences.append(f"The latest {shown} of {listing.total:,} are listed.")
    return tuple(sentences)


def answer_list(
    question: str, listing: Listing, sources: Sequence[Source]
) -> list[tuple[tuple[str, ...], int]]:
    """The answer to a list, as sentences with the number of their source: its count, then its records where
    more than a number is asked for. Empty where no source tells the count."""
    counted = next((source for source in sources if source.counts is not None), None)
    if counted is None:
        return []
    # "are all closed?" is answered by how many are: those that are not closed are not in the list
    every = is_whether(question) and _EVERY.match(question) is not None
    lines = [] if asks(question).count or every else _lines(listing, sources)
    first, *others = count_sentences(listing, counted.counts or "", len(lines))
    if is_whether(question) and listing.conditions:
        first = _answered(question, listing, first)
    return [((first, *others), counted.n), *lines]


def _answered(question: str, listing: Listing, counted: str) -> str:
    """The count with a yes or a no before it, where it says which of them.

    Whether all are needs all, whether there is one needs one; `are the cases closed` may mean either, and
    all of the urgent ones are not counted: there a part of them is neither.
    """
    every = _EVERY.match(question) is not None
    if every and (len(listing.conditions) > 1 or listing.above or not listing.of):
        return counted
    if listing.total and listing.total == listing.of:
        answer = "Yes"
    elif not listing.total or every:
        answer = "No"
    elif _ANY.search(question):
        answer = "Yes"
    else:
        return counted
    return f"{answer}: {counted[0].lower()}{counted[1:]}"


def _lines(listing: Listing, sources: Sequence[Source]) -> list[tuple[tuple[str, ...], int]]:
    """A sentence for each record: the fact that it was asked for by, else its state, else its first one."""
    by_entity = {source.entity: source for source in sources if source.stated}
    wanted = [*(one.label for one in listing.conditions), listing.label]
    found: list[tuple[tuple[str, ...], int]] = []
    for entity in listing.records:
        source = by_entity.get(entity)
        if source is None:
            continue
        facts = dict(reversed(source.facts))
        label = next((one for one in wanted if one in facts), None) or next(
            (one for one, value in source.facts if value != source.title and one != listing.owner), ""
        )
        if not label:
            continue
        owner = next((value for one, value in source.facts[:1] if one == listing.owner), "")
        title = f"{called(source.title)} for {owner}" if owner else source.title
        found.append(((state(title, label, facts[label]),), source.n))
    return found


def _by_state(listing: Listing) -> str:
    """`: 5 open, 2 waiting`; nothing where all are in one state that the question named."""
    if len(listing.counts) < 2 and listing.conditions:
        return ""
    told = ", ".join(f"{count:,} {value or 'without'}" for value, count in listing.counts)
    return f": {told}" if told else ""


def _among(listing: Listing) -> str:
    """Of those who own nothing: how many there are that they may see."""
    return f", among the {listing.visible:,} that you may see" if listing.owned and listing.visible else ""


def _meeting(listing: Listing, *, one: bool) -> str:
    return " and ".join(_condition(condition, one=one) for condition in listing.conditions) or (
        "belongs to one" if one else "belong to one"
    )


def _condition(condition: ListCondition, *, one: bool) -> str:
    *others, last = condition.values
    values = f"{', '.join(others)} or {last}" if others else last
    negation = "not " if condition.refused else ""
    if condition.label.lower().rpartition(" ")[2] in {"status", "state"}:
        return f"{'is' if one else 'are'} {negation}{values}"
    return f"{'has' if one else 'have'} {negation}the {condition.label} {values}"
