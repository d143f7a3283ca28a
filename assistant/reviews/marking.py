"""What is marked in the readings of an item: hits of rules, unsupported sentences, identities."""

from collections.abc import Iterable, Mapping, Sequence

from approvals import HeldItem, Policy, RuleHit, sentence_offsets
from assistant.pages import Highlight, PromptPart
from redaction import find_tokens, parse_token

from .reveal import Revealed


def highlights_of(
    item: HeldItem, policy: Policy, revealed: Mapping[str, Revealed]
) -> dict[str, list[Highlight]]:
    """The marks of each reading; an edited text has identities alone, as no rule has looked at it."""
    payload, final = item.held(), item.to_release()
    question, draft = revealed[payload.question], revealed[payload.draft]
    offsets = sentence_offsets([sentence.text for sentence in payload.sentences])
    in_question = [_mark(hit, 0, policy) for hit in item.rule_hits() if hit.place is None]
    in_draft = [
        _mark(hit, offsets[hit.place], policy)
        for hit in (*item.rule_hits(), *item.rule_marks())
        if hit.place is not None and hit.place < len(offsets)
    ]
    shown = [] if final.edited is not None else in_draft
    return {
        "asked": _moved(question, in_question),
        "saw_question": _sorted([*in_question, *_named(question.tokens())]),
        "saw_draft": _sorted([*in_draft, *_named(draft.tokens())]),
        "shown": _moved(revealed[final.text], shown),
    }


def prompt_of(item: HeldItem) -> list[PromptPart]:
    """The prompt as it was kept; of what was held before prompts were, its sources and its question."""
    payload = item.held()
    if payload.prompt is not None:
        parts = [(str(one.part), one.text) for one in payload.prompt]
    else:
        parts = [("source", f"[{source.n}] {source.title}\n{source.text}") for source in payload.sources]
        parts.append(("question", payload.question))
    return [PromptPart(part, text, _sorted(_named(find_tokens(text)))) for part, text in parts]


def _mark(hit: RuleHit, offset: int, policy: Policy) -> Highlight:
    kind = "unsupported" if hit.rule == "unsupported_claims" else "rule"
    return Highlight(hit.start + offset, hit.end + offset, kind, policy.title(hit.rule))


def _named(tokens: Iterable[tuple[int, int, str]]) -> list[Highlight]:
    return [Highlight(start, end, "identity", _kind_of(token)) for start, end, token in tokens]


def _kind_of(token: str) -> str:
    parsed = parse_token(token)
    return "" if parsed is None else parsed.stem.value


def _moved(text: Revealed, highlights: Sequence[Highlight]) -> list[Highlight]:
    """Highlights of the stored text, in the shown one."""
    every = [*highlights, *_named(text.tokens())]
    return _sorted([Highlight(*text.span(one.start, one.end), one.kind, one.label) for one in every])


def _sorted(highlights: Sequence[Highlight]) -> list[Highlight]:
    once = dict.fromkeys(one for one in highlights if one.start < one.end)
    return sorted(once, key=lambda one: (one.start, one.end))
