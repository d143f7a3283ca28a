"""The real search against a naive reading of the rules, over random CRMs and histories.

`python -m tests.retrieval.rights --triples 100000 [--seed N]`: each triple is a user, a record and a question
that names it. Of each the whole answer is looked through: passages, facts, lists and counts; at each stage of
a history, before the sync knows of it and after, the index's filter, the late check, grants, what may be
seen, names for `@`, and suggestions. Ends with 1 when anything forbidden is found. JSON on standard output.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import psycopg

from gateway import Principal
from retrieval import SyncSettings
from retrieval.index import Index, Leg, Terms
from retrieval.rights import visibility_of
from retrieval.search.values import GrantQuestion, Question
from tests.clusters import running_cluster

from .conftest import copy_database, drop_database
from .stand import ADMIN, Running, Stand, create_appliance_schemas, principal
from .test_sync import until
from .worlds import CANARY, KINDS, STATES, Seeded, Statement, User, World

_ROWS = 9
_STAGES = 4
_CHANGES = 6
_TERMS = Terms()


class Check:
    """One world on a real process; counts what was looked at and what was found that must not be."""

    def __init__(self, world: World, process: Running, count: Counter[str]) -> None:
        self._world = world
        self._process = process
        self.count = count
        self.faults: list[str] = []

    async def run(self, questions: int) -> None:
        """The whole history: at each stage before the sync knows and after."""
        await self._stage(questions, synced=True)
        for _ in range(_STAGES):
            for _ in range(_CHANGES):
                self._apply(self._world.change())
            await self._stage(questions, synced=False)
            await self._sync()
            await self._stage(questions, synced=True)

    def _apply(self, statements: Iterable[Statement]) -> None:
        apply(self._process.stand.crm_dsn, statements)

    async def _sync(self) -> None:
        before = {one.entity: one.last_sync for one in (await self._status()).entities}
        self._process.follower.ask(allow_deletes=True)

        async def compared() -> bool:
            now = (await self._status()).entities
            return not any(one.running or one.last_sync == before[one.entity] for one in now)

        await until(compared, 60)

    async def _status(self) -> Any:
        return await self._process.follower.status()

    async def _stage(self, questions: int, *, synced: bool) -> None:
        world = self._world
        held = await cast("Index", self._process.state["index"]).rights()
        for user in world.users.values():
            who = principal(user.login)
            await self._rights(user, who, held, synced=synced)
            for _ in range(questions):
                await self._ask(user, who, synced=synced)

    async def _rights(
        self, user: User, who: Principal, held: dict[str, frozenset[str]], *, synced: bool
    ) -> None:
        """Everything that is not a search, for one user and every record."""
        world, state = self._world, self._process.state
        visibility = await visibility_of(state["records"], who)
        if (visibility is None) is user.active:
            self.faults.append(f"{user} is known: {visibility is not None}")
        seen = {ref for ref in world.refs() if world.sees(user, ref)}
        if visibility is None:
            return
        for kind in world.entities:
            refs = [ref for ref in world.refs() if ref.startswith(f"{kind}:")]
            rows = await state["records"].rows(kind, [ref.partition(":")[2] for ref in refs], visibility)
            self._same("late check", user, {f"{kind}:{key}" for key in rows}, seen & set(refs))
        if synced:
            grants = frozenset(visibility.grants)
            by_index = {ref for ref, keys in held.items() if keys & grants}
            self._same("index filter", user, by_index, seen)
        asked = tuple(world.refs())
        _, grant = await state["granter"].grant(who, GrantQuestion(conversation="c", entities=asked))
        self._same("grant", user, set(grant.fields), seen)
        for ref, fields in grant.fields.items():
            named = frozenset(fields) - {"title", "facts"}
            wrong = [name for name in named if not world.reads(user, ref, name)]
            self.faults += [f"grant of {ref} to {user}: {wrong}"] if wrong else []
        visible = await self._process.client.visible(who, asked)
        self._same("visible", user, set(visible), seen)
        ref = world.draw.choose(asked) if asked else "client:1"
        told = await self._process.client.explain(ADMIN, user.login, ref)
        if told.sees is not (ref in seen) or (synced and told.drift):
            self.faults.append(f"explanation of {ref} for {user}: {told.sentence} {told.drift}")
        self.count["explanations"] += 1
        typed = await self._process.client.entities(who, world.draw.choose(("zq", "quill", "e", "1")), 20)
        self._within("typeahead", user, {one.ref for one in typed}, seen)
        self._look("typeahead", user, json.dumps([one.label for one in typed]))
        self._look("suggestions", user, json.dumps(await self._process.client.suggestions(who)))

    async def _ask(self, user: User, who: Principal, *, synced: bool) -> None:
        world = self._world
        refs = world.refs()
        ref = world.draw.choose([*refs, "client:99999"])
        text, named, scope = self._question(ref)
        self.count["triples"] += 1
        self.count["triples that name a forbidden record"] += not world.sees(user, ref)
        self.count["triples before the sync"] += not synced
        asked = Question(question=text, entities=named, scope=scope, limit=20)
        result = await self._process.state["searcher"].search(who, asked)
        found = {one.entity for one in result.passages} | {one.entity for one in result.facts} - {""}
        seen = {one for one in refs if world.sees(user, one)}
        self._within(f"search “{text}”", user, found, seen)
        self._look(f"search “{text}”", user, result.model_dump_json(), said=text)
        self.count["passages"] += len(result.passages)
        self.count["facts"] += len(result.facts)
        if result.listing is not None and not result.listing.about:
            self._check_list(user, result.listing, text)
        if synced and self._process.state["index"] is not None:
            await self._legs(user, who, text, ref, seen)

    def _question(self, ref: str) -> tuple[str, tuple[str, ...], str | None]:
        """A question that names a record in one way or another."""
        draw = self._world.draw
        kind, _, key = ref.partition(":")
        row = self._world.rows.get(kind, {}).get(int(key), {})
        words = [str(row[name]) for name in ("title", "body", "extra", "person", "amount") if row.get(name)]
        word = draw.choose(words or ["nothing"])
        of_kind, state = draw.choose(list(self._world.entities)), draw.choose(STATES)
        return draw.choose(
            (
                (f"what about [{ref}]", (ref,), None),
                (f"who is [{ref}] and what is its amount", (ref,), None),
                (f"refund {word}", (), None),
                (word, (), None),
                ("everything", (), ref),
                (f"which {of_kind}s of [{ref}] are {state}", (ref,), None),
                (f"how many {of_kind}s do I have", (), None),
                (f"which {of_kind}s are {state}", (), None),
                (f"list all {of_kind}s", (), None),
                (f"[client:1|{ref}] delivery of the filter", (f"client:1|{ref}",), None),
                (f"{kind} {key} warranty {state}", (), None),
            )
        )

    async def _legs(self, user: User, who: Principal, text: str, ref: str, seen: set[str]) -> None:
        """What the engine itself gives, before any late check."""
        visibility = await visibility_of(self._process.state["records"], who)
        if visibility is None:
            return
        legs = [Leg(terms=_TERMS.of_query(text)), Leg(vector=[1.0, *[0.1] * 383], limit=60)]
        legs.append(Leg(vector=[1.0, *[0.1] * 383], within=(ref,)))
        legs = [leg for leg in legs if leg.vector or (leg.terms and leg.terms.indices)]
        hits = await self._process.state["index"].search(visibility, legs)
        self._within("legs", user, {hit.ref for each in hits for hit in each}, seen)

    def _check_list(self, user: User, listing: Any, text: str) -> None:
        """A count is exact: it tells neither more nor less than the user may see."""
        rows = [
            row
            for key, row in self._world.rows[listing.kind].items()
            if self._world.sees(user, f"{listing.kind}:{key}")
        ]
        states = [value for one in listing.conditions for value in one.values]
        met = [row for row in rows if not states or row["state"] in states]
        self.count["lists"] += 1
        if listing.conditions and {one.label for one in listing.conditions} != {"state"}:
            return
        if (listing.total, listing.of) != (len(met), len(rows)):
            self.faults.append(f"list “{text}” for {user}: {listing.total} of {listing.of}, not {len(met)}")

    def _same(self, stage: str, user: User, found: set[str], expected: set[str]) -> None:
        self.count[f"pairs of {stage}"] += len(self._world.refs())
        if found != expected:
            self.faults.append(
                f"{stage} for {user}: too much {found - expected}, too little {expected - found}"
            )

    def _within(self, stage: str, user: User, found: set[str], seen: set[str]) -> None:
        if not found <= seen:
            self.faults.append(f"{stage} for {user}: {found - seen}")

    def _look(self, stage: str, user: User, text: str, *, said: str = "") -> None:
        self.count["words that could leak"] += len(CANARY.findall(text))
        if leaks := self._world.leaks(user, text, said=said):
            places = [self._world.canaries[word] for word in leaks]
            self.faults.append(f"{stage} for {user} holds {leaks} of {places}")


def made(world: World, folder: Path, crm_dsn: str, appliance_dsn: str) -> Stand:
    """The world in databases, with a sync that looks when it is told to."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "map.yaml").write_text(world.map_text(), "utf-8")
    apply(crm_dsn, world.schema())
    apply(crm_dsn, world.fill(_ROWS))
    sync = SyncSettings(poll_s=3_600, sweep_s=3_600, reconcile_s=3_600, follow="poll")
    return Stand.make(folder, appliance_dsn, crm_dsn, crm_map=folder / "map.yaml", sync=sync)


def apply(dsn: str, statements: Iterable[Statement]) -> None:
    """Run statements in the CRM as its owner."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement, params in statements:
            connection.execute(statement.encode(), params)


async def check_world(
    world: World, folder: Path, crm_dsn: str, appliance_dsn: str, questions: int, count: Counter[str]
) -> list[str]:
    """What is wrong in this world; nothing, if all is well."""
    stand = made(world, folder, crm_dsn, appliance_dsn)
    async with stand.running() as process:
        await process.caught_up()
        check = Check(world, process, count)
        await check.run(questions)
    count["worlds"] += 1
    count["users"] += len(world.users)
    return check.faults


def run(triples: int, seed: int, told: Callable[[Counter[str]], None]) -> tuple[Counter[str], list[str]]:
    """Worlds until so many triples have been asked, or something forbidden was found."""
    count: Counter[str] = Counter()
    with running_cluster() as cluster, TemporaryDirectory() as folder:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE empty")
        create_appliance_schemas(cluster.dsn("empty"))
        while count["triples"] < triples:
            names = (f"crm_{seed}", f"appliance_{seed}")
            with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {names[0]}".encode())
            appliance = copy_database(cluster, names[1], "empty")
            world = World.drawn(Seeded(seed))
            place = Path(folder) / str(seed)
            faults = asyncio.run(check_world(world, place, cluster.dsn(names[0]), appliance, 12, count))
            told(count)
            for name in names:
                drop_database(cluster, name)
            if faults:
                return count, [f"seed {seed}: {fault}" for fault in faults]
            seed += 1
    return count, []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--triples", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    began = time.monotonic()

    def told(count: Counter[str]) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{count['triples']:,} triples in {count['worlds']} worlds\x1b[K")

    count, faults = run(options.triples, options.seed, told)
    seconds = round(time.monotonic() - began)
    print(json.dumps({**count, "seconds": seconds, "kinds": len(KINDS), "forbidden": faults}, indent=2))
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
