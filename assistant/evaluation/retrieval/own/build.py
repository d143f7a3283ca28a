"""The query set: each kind drawn from the company's own facts, and the templates it is asked in."""

from collections.abc import Callable, Iterable, Iterator
from random import Random
from typing import Final

from assistant.evaluation.retrieval.queries import Query
from retrieval import Company

from .about_records import facts, follow_ups, histories, several
from .about_rules import how_tos
from .company import Known
from .nothing import not_yours, unanswerable
from .parts import Parts

Asks = Callable[[Known, Random], Iterable[Query]]

_KINDS: Final[tuple[tuple[str, Asks], ...]] = (
    ("fact", facts),
    ("how-to", how_tos),
    ("history", histories),
    ("multi-record", several),
    ("follow-up", follow_ups),
    ("unanswerable", unanswerable),
    ("not-yours", not_yours),
)


def own_queries(company: Company, seed: int = 5) -> list[Query]:
    """About 520 queries, the same for the same seed and company.

    Each names who asks, and records by the keys that they have in the demo CRM. Tune on those whose `part` is
    `tuned`; take figures from the rest.
    """
    return list(_queries(Known(company), seed))


def _queries(known: Known, seed: int) -> Iterator[Query]:
    for kind, asks in _KINDS:
        parts = Parts()
        draw = Random(f"{kind}/{seed}")  # noqa: S311  invented questions
        for number, query in enumerate(asks(known, draw), 1):
            yield Query(
                id=f"{kind}-{number:03}",
                turns=query.turns,
                relevant=query.relevant,
                kind=kind,
                login=query.login,
                scope=query.scope,
                answerable=query.answerable,
                forbidden=query.forbidden,
                part=parts.of(query.template),
                template=query.template,
            )
