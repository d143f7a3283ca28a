"""Every query put to every system, one after the other."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from retrieval import Ranked, System, Trial

from .asking import Asker
from .queries import Query


@dataclass(frozen=True)
class Tried:
    """A query, as it was searched with, and what each system made of it."""

    query: Query
    question: str
    ranked: Mapping[System, Ranked]

    @property
    def leaked(self) -> tuple[str, ...]:
        """Forbidden records that ours gave."""
        return tuple(ref for ref in self.ranked[System.OURS].refs if ref in self.query.forbidden)


async def try_queries(
    trial: Trial, asker: Asker, queries: Sequence[Query], systems: Sequence[System]
) -> AsyncIterator[Tried]:
    """In the order of `queries`. Raises `UnknownLogin`, `DetectorFailed`, `CrmUnavailable`."""
    for query in queries:
        question = await asker.ask(query)
        ranked = {system: await trial.rank(system, question, query.login) for system in systems}
        yield Tried(query, " ⟵ ".join(filter(None, (question.question, question.earlier))), ranked)
