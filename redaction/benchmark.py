"""How long redaction takes: `python -m redaction.benchmark`. Give it a machine without other work."""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Iterator, Sequence
from statistics import quantiles

from .cache import MemorySpanCache
from .entities import EntityType, GazetteerEntry
from .gazetteer.benchmark import customers
from .gazetteer.gazetteer import Gazetteer
from .loading import load_redactor
from .redactor import Redactor
from .tokens.restoration import StreamRestorer
from .tokens.token_map import TokenMap

_SENTENCES = """
Good morning, {known} asked about the invoice that was sent in March.
Please call {stranger} back at {phone} before Friday noon.
The parcel for {known} went to {address}, but nobody was there.
{stranger} wants the confirmation at {mail}, with a copy for the warehouse.
We refunded 49.90 EUR for order 20394 and closed the case on the 14th.
The contract can be renewed for 24 months at the same price, and the reminder was a mistake.
Their manager thanked us for the quick reply; see article 12 about the return of opened filters.
Account {number} is blocked since last week, because two payments came back.
""".strip().split("\n")
_STRANGERS = "Szabina Gelencsér,Jonas Nielsen,Mireille Fontaine,Gianluca Bertolotti,Dolores Echeverría".split(
    ","
)


def main() -> None:
    """Time turns of a conversation, and what a stream costs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=20_000, help="how many the gazetteer knows")
    parser.add_argument("--turns", type=int, default=200, help="how many different texts")
    parser.add_argument("--characters", type=int, default=500, help="how long each is")
    given = parser.parse_args()
    everybody = list(customers(given.customers))
    gazetteer = Gazetteer.build(everybody)
    chance = random.Random(5)  # noqa: S311 - reproducible, no secret
    texts = [_turn(chance, everybody, given.characters) for _ in range(given.turns)]
    quick = load_redactor(gazetteer, ner=False)
    whole = load_redactor(gazetteer, cache=MemorySpanCache())
    quick.detect(texts[0]), whole.detect(texts[0])  # what is loaded at the first use
    print(f"{given.turns} texts of {given.characters} characters, {given.customers:,} customers")
    _print("without the models", quick.detect, texts)
    _print("the models alone", whole.ner_spans, [f"{text} " for text in texts])
    _print("with the models", whole.detect, texts)
    _print("the same, cached", whole.detect, texts)
    _print("cached, with tokens", lambda text: whole.redact(text, TokenMap()), texts)
    _print("restored as a stream", _streamed(whole, texts), texts)


def _turn(chance: random.Random, known: Sequence[GazetteerEntry], characters: int) -> str:
    text = ""
    while len(text) < characters:
        one = {kind: _value(chance, known, kind) for kind in EntityType}
        text += chance.choice(_SENTENCES).format(
            known=one[EntityType.PERSON],
            stranger=chance.choice(_STRANGERS),
            phone=one[EntityType.PHONE],
            address=one[EntityType.ADDRESS],
            mail=one[EntityType.EMAIL],
            number=one[EntityType.ACCOUNT],
        )
        text += " "
    return text[:characters]


def _value(chance: random.Random, known: Sequence[GazetteerEntry], kind: EntityType) -> str:
    for _ in range(200):
        entry = chance.choice(known)
        if entry.type is kind:
            return entry.value
    return ""


def _streamed(redactor: Redactor, texts: Sequence[str]) -> Callable[[str], object]:
    tokens = TokenMap()
    redacted = {text: redactor.redact(text, tokens).text for text in texts}
    values = tokens.values()

    def work(text: str) -> str:
        restorer = StreamRestorer(values)
        answer = redacted[text]
        chunks = (answer[start : start + 4] for start in range(0, len(answer), 4))
        return "".join(map(restorer.feed, chunks)) + restorer.finish()

    return work


def _print(label: str, work: Callable[[str], object], texts: Sequence[str]) -> None:
    walls, processor = zip(*_timed(work, texts), strict=True)
    cuts, cpu = quantiles(walls, n=20), quantiles(processor, n=20)
    print(f"{label:<22}{cuts[9]:>8.2f} ms p50{cuts[18]:>8.2f} ms p95   processor{cpu[9]:>8.2f} ms p50")


def _timed(work: Callable[[str], object], texts: Sequence[str]) -> Iterator[tuple[float, float]]:
    for text in texts:
        wall, cpu = time.perf_counter(), time.process_time()
        work(text)
        yield (time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000


if __name__ == "__main__":
    main()
