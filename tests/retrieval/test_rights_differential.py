"""Over random maps, users, rows and histories nobody is shown what a naive reading of the rules forbids."""

import itertools
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from assistant.appliance.postgres import PostgresCluster

from .conftest import copy_database, drop_database
from .rights import check_world
from .worlds import Seeded, User, World

WORLDS = 4
_numbers = itertools.count(1)


@pytest.mark.timeout(600)
@settings(
    max_examples=WORLDS,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # a smaller seed is no simpler world
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 1_000_000))
def test_no_answer_at_any_stage_holds_what_the_rules_forbid(
    postgres_cluster: PostgresCluster,
    empty_appliance: str,
    new_database: Callable[[], str],
    tmp_path: Path,
    seed: int,
) -> None:
    import asyncio

    count: Counter[str] = Counter()
    name = f"appliance_world_{next(_numbers)}"
    appliance = copy_database(postgres_cluster, name, empty_appliance)
    world = World.drawn(Seeded(seed))
    note(f"python -m tests.retrieval.rights --triples 1 --seed {seed}\n{world.map_text()}")
    try:
        faults = asyncio.run(
            check_world(world, tmp_path / name, new_database(), appliance, questions=12, count=count)
        )
    finally:
        drop_database(postgres_cluster, name)
    assert faults == []
    assert count["triples"] >= 700
    assert count["pairs of late check"] > 0


def test_the_naive_reading_is_read_from_the_map_alone() -> None:
    world = World.drawn(Seeded(1))
    world.entities = {
        "client": {"table": "clients", "visible": [{"column": "keeper", "in": "$user.id"}], "fields": {}},
        "ticket": {
            "table": "tickets",
            "consent": "consent",
            "parent": {"entity": "client", "column": "parent_id"},
            "visible": [{"parent": "client", "where": {"shared": [True]}}, {"roles": ["chief"]}],
            "fields": {"extra": {"roles": ["lead"]}},
        },
    }
    blank: dict[str, Any] = dict.fromkeys(("keeper", "team", "area", "shared", "consent", "parent_id"))
    world.rows = {
        "client": {1: {**blank, "keeper": 1}, 2: {**blank, "keeper": 2}},
        "ticket": {
            1: {**blank, "parent_id": 1, "shared": True, "consent": True},
            2: {**blank, "parent_id": 2, "shared": True, "consent": True},
            3: {**blank, "parent_id": 1, "shared": False, "consent": True},
            4: {**blank, "parent_id": 1, "shared": True, "consent": None},
            5: {**blank, "parent_id": 9, "shared": True, "consent": True},
        },
    }
    rep, chief = User(1, "rep"), User(3, "chief")
    tickets = [f"ticket:{key}" for key in range(1, 7)]
    assert [ref for ref in tickets if world.sees(rep, ref)] == ["ticket:1"]
    assert [ref for ref in tickets if world.sees(chief, ref)] == [f"ticket:{key}" for key in (1, 2, 3, 5)]
    assert not world.sees(User(1, "rep", active=False), "client:1")
    assert not world.reads(rep, "ticket:1", "extra")
    assert world.reads(rep, "ticket:1", "body")
    world.canaries = {"zqbodyx1": ("ticket:1", "body"), "zqbodyx2": ("ticket:2", "body")}
    assert world.leaks(rep, "… ZQBodyx1 zqbodyx2 …") == ["zqbodyx2"]
    assert world.leaks(rep, "you said zqbodyx2", said="zqbodyx2?") == []
