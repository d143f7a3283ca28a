"""How long the gazetteer takes with very many customers: `python -m redaction.gazetteer.benchmark`."""

from __future__ import annotations

import argparse
import gc
import random
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median, quantiles

from redaction.entities import EntityType, GazetteerEntry

from .gazetteer import Gazetteer
from .ordinary import ordinary_words

_ONSETS = "b br d dr f fl g gr h j k kl kr l m n p pl r s sch st t tr v w z".split()
_VOWELS = "a e i o u au ei ie".split()
_CODAS = "n r l s t ck m nd rt ll mann er ski".split()
_GIVEN = """
Anna Robert Maria Thomas Elizabeth Peter Katherine Michael Julia Stefan Laura Andreas Sophie Daniel Emma
Lukas Hannah William Margaret James Patricia Jan Eva Piotr Zofia Luca Giulia Marco Chiara Pierre Camille
José Lucía Jürgen Zoë Anna-Lena
""".split()  # fmt: skip
_WORDS_AS_SURNAMES = (
    "Price Long May Will White Young King Walker Short Day Banks Street Field Page Bill".split()
)
_STREETS = ("Street", "Avenue", "Road", "straße", "weg")
_LEGAL = ("GmbH", "AG", "Ltd", "Inc.", "LLC", "S.A.")
_PROSE = """
The customer wrote again about the invoice that had been sent in March and asked whether the refund would
arrive before the end of the month. The parcel left our warehouse on the 14th, was scanned twice, and then
nothing more was heard of it. We will call the courier, open a claim if there is no answer by Friday, and
send a replacement at once. Please check the delivery address, the order status and the payment terms,
because the last reminder went out although the balance had been settled. Their manager thanked us for the
quick reply; the contract can be renewed in 2027 for 24 months at the same price.
"""


def main() -> None:
    """Build, scan and extend, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=200, help="how often each text is scanned")
    given = parser.parse_args()
    everybody = list(customers(given.customers))
    before, wall, cpu = _resident(), time.perf_counter(), time.process_time()
    gazetteer = Gazetteer.build(everybody)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    gc.collect()
    print(f"{'patterns':<20}{len(gazetteer):>9,}")
    print(f"{'build':<20}{wall:>9.2f} s    processor {cpu:.2f} s")
    print(f"{'resident memory':<20}{_resident() - before:>9.0f} MB   its own copy of the entries included")
    for label, text, prefer in _texts(random.Random(7), everybody[:5000]):  # noqa: S311 - reproducible
        found = len(gazetteer.find(text, prefer))
        print(f"{label:<20}{_measured(partial(gazetteer.find, text, prefer), given.rounds)}   {found} spans")
    fresh = GazetteerEntry("Cara Novak", EntityType.PERSON, "contact:new", "name")
    print(f"{'delta of one':<20}{_measured(partial(gazetteer.with_delta, [fresh]), given.rounds)}")
    print(f"{'open end':<20}{_measured(partial(gazetteer.open_from, 'We wrote to Anna'), given.rounds)}")


def customers(count: int) -> Iterator[GazetteerEntry]:
    """Made-up people with mail, telephone, address and number, and companies: always the same."""
    chance = random.Random(11)  # noqa: S311 - reproducible, no secret
    surnames = [_word(chance, 2).capitalize() for _ in range(max(50, count // 4))] + _WORDS_AS_SURNAMES
    places = [_word(chance, 2).capitalize() for _ in range(max(20, count // 50))]
    for number in range(count):
        ref, given, family = f"contact:{number}", chance.choice(_GIVEN), chance.choice(surnames)
        street = f"{chance.randint(1, 300)} {chance.choice(places)} {chance.choice(_STREETS)}"
        yield GazetteerEntry(f"{given} {family}", EntityType.PERSON, ref, "name")
        mail = f"{given}.{family}{number % 1000}@{chance.choice(places)}.example".lower()
        yield GazetteerEntry(mail, EntityType.EMAIL, ref, "email")
        digits = f"{chance.randint(1_000_000_000, 9_999_999_999)}"
        yield GazetteerEntry(f"+49 {digits[:3]} {digits[3:]}", EntityType.PHONE, ref, "phone")
        town = f"{chance.randint(10_000, 99_999)} {chance.choice(places)}"
        yield GazetteerEntry(f"{street}, {town}", EntityType.ADDRESS, ref, "address")
        yield GazetteerEntry(f"AC-{number:04d}-{chance.randint(100, 999)}", EntityType.ACCOUNT, ref, "number")
        if number % 3 == 0:
            company = f"{family} {_word(chance, 1).capitalize()} {chance.choice(_LEGAL)}"
            yield GazetteerEntry(company, EntityType.ORGANIZATION, f"account:{number}", "name")


def _texts(chance: random.Random, known: list[GazetteerEntry]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    prose = " ".join(_PROSE.split())
    plain = _written(chance, 12_000)
    picked = chance.sample(known, 5)
    yield "8 KB, nobody known", plain[:8192], ()
    mixed = "".join(f"{plain[1500 * i : 1500 * (i + 1)]} {entry.value} " for i, entry in enumerate(picked))
    yield "8 KB, five known", mixed[:8192], ()
    yield "8 KB, not ASCII", mixed.replace(" - ", " – ").replace("'", "’").replace("ue", "ü")[:8192], ()
    person = next(entry for entry in known if entry.type is EntityType.PERSON)
    note = f"{prose[:240]} {person.value.split()[0]} wrote to {person.value}. {prose[240:]}"
    yield "500, nobody known", prose[:500], ()
    yield "500, in scope", note[:500], (person.entity or "",)


def _written(chance: random.Random, length: int) -> str:
    """Sentences of a correspondence: the words of `_PROSE`, among many other words, numbers and dates."""
    words = [*_PROSE.split(), *chance.sample(sorted(ordinary_words()), 900)]
    text = ""
    while len(text) < length:
        sentence = chance.choices(words, k=chance.randint(6, 18))
        if chance.random() < 0.3:
            sentence.insert(chance.randrange(len(sentence)), str(chance.randint(2, 90_000)))
        text += " ".join(sentence).capitalize() + chance.choice([". ", ", ", " - ", "? ", ".\n"])
    return text


def _word(chance: random.Random, syllables: int) -> str:
    stem = "".join(chance.choice(_ONSETS) + chance.choice(_VOWELS) for _ in range(syllables))
    return stem + chance.choice(_CODAS)


def _measured(work: Callable[[], object], rounds: int) -> str:
    """Milliseconds on the clock, and of the processor, which other programs on the machine disturb less."""
    walls, cpus = [], []
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), time.thread_time()
        work()
        cpus.append((time.thread_time() - cpu) * 1000)
        walls.append((time.perf_counter() - wall) * 1000)
    cuts = quantiles(walls, n=20)
    return f"{cuts[9]:>9.3f} ms p50 {cuts[18]:>8.3f} ms p95   processor {median(cpus):>7.3f} ms p50"


def _resident() -> float:
    """Megabytes of this process that are in memory."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
