"""A policy's own examples: what each rule must find, and must not."""

from collections.abc import Iterator, Mapping

from .likeness import Embed, Vector
from .policy import Example, Policy, Rule
from .value import Weighing
from .weighing import to_embed, weigh_question, weigh_sentence


def check_examples(policy: Policy, embed: Embed | None = None) -> list[str]:
    """A line for each example that is not as it says; none when all are.

    Without `embed` the positive ones that words alone do not find are left out where the rule compares.
    """
    every = [(rule, example, kind) for rule in policy.rules for example, kind in examples_of(rule)]
    vectors: dict[str, Vector] = {}
    if embed:
        needed = list(dict.fromkeys(t for _, one, _ in every for t in to_embed(policy, _said(one))))
        vectors = dict(zip(needed, embed(needed), strict=True)) if needed else {}
    else:
        policy = policy.by_words
    faults = []
    for rule, example, wanted in every:
        found = rule.id in weigh_example(policy, example, vectors).named
        if found == wanted or (embed is None and wanted and rule.likeness is not None):
            continue
        faults.append(f"{rule.id} {'misses' if wanted else 'finds'}: {example.text}")
    return faults


def examples_of(rule: Rule) -> Iterator[tuple[Example, bool]]:
    """The examples of a rule, and whether it must find them."""
    for texts, wanted in ((rule.examples.positive, True), (rule.examples.negative, False)):
        for text in texts:
            yield (text if isinstance(text, Example) else Example(text=text)), wanted


def weigh_example(policy: Policy, example: Example, vectors: Mapping[str, Vector]) -> Weighing:
    """What an example weighs; `vectors` by the texts of `to_embed`."""
    known = [vectors[one] for one in to_embed(policy, _said(example))]
    if example.place != "draft":
        return weigh_question(
            policy,
            _said(example),
            roles=example.roles,
            tags=example.tags,
            passages=[example.text] if example.place == "source" else example.passages,
            vectors=known,
            checks=example.checks,
        )
    return weigh_sentence(
        policy,
        example.text,
        question=example.question,
        roles=example.roles,
        supported=example.supported,
        passages=example.passages,
        before=example.before,
        quoted=example.quoted,
        index=len(example.before),
        vectors=known,
        checks=example.checks,
    )


def _said(example: Example) -> str:
    """The question or the sentence that is weighed; the text of a source is only read beside it."""
    return example.question if example.place == "source" else example.text
