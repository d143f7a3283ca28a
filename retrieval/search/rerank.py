"""A second look at the best of what was found, by a model that reads question and text together."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeVar

from gateway import CloisterError, Principal, log

T = TypeVar("T")

UNRANKED: Final = "Ordered without the reranker, which does not answer in time at the moment."


class Judge(Protocol):
    """Says how well texts answer a question. `DoorClient` is one: it redacts what it is given."""

    async def rerank(
        self, principal: Principal, query: str, documents: Sequence[str], *, model: str
    ) -> list[float]:
        """A number a text, in their order; the more the better. Raises the door's errors."""


class Reranks(Protocol):
    """Puts what was found into another order."""

    async def reorder(
        self, principal: Principal, query: str, found: Sequence[T], text: Callable[[T], str]
    ) -> tuple[list[T], tuple[str, ...]]:
        """What was found, the best first, and notices for the reader. Never raises `CloisterError`.

        A question always gets its answer: where no judgement is to be had in time, the order stays.
        """


class AsFound:
    """No reranker: the order stays."""

    async def reorder(
        self, principal: Principal, query: str, found: Sequence[T], text: Callable[[T], str]
    ) -> tuple[list[T], tuple[str, ...]]:
        """What was found, as it was."""
        del principal, query, text
        return list(found), ()


class Reranker:
    """Orders the first `top` by a model's judgement; what comes after them stays after them.

    All of it may take `seconds`. Names are looked for in the texts before the model sees them, which is quick
    for texts that were read ahead: give pieces as they are in the index.
    """

    def __init__(self, judge: Judge, model: str, *, top: int = 30, seconds: float = 1.5) -> None:
        self._judge = judge
        self._model = model
        self._top = top
        self._seconds = seconds

    async def reorder(
        self, principal: Principal, query: str, found: Sequence[T], text: Callable[[T], str]
    ) -> tuple[list[T], tuple[str, ...]]:
        """The first in the order of the judgement; those judged alike stay as they were."""
        first, rest = found[: self._top], found[self._top :]
        if len(first) < 2 or not query.strip():
            return list(found), ()
        try:
            async with asyncio.timeout(self._seconds):
                scores = await self._judge.rerank(
                    principal, query, [text(one) for one in first], model=self._model
                )
        except (CloisterError, TimeoutError) as error:
            log.warning("search.unranked", reason=type(error).__name__)
            return list(found), (UNRANKED,)
        order = sorted(range(len(first)), key=lambda place: -scores[place])
        return [*(first[place] for place in order), *rest], ()
