"""The CRM is dead: articles that are open to everyone, from copies, marked stale; of records nothing."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from assistant.appliance.postgres import PostgresCluster
from gateway import PartUnavailable
from retrieval import SyncSettings, seed_demo_company
from retrieval.search.without_crm import NO_CRM
from tests.clusters import created_cluster

from .conftest import FEW, copy_database
from .oracle import Oracle
from .stand import Running, Stand, principal
from .test_search import accounts_of, someone

CANARY = "Zwanzigfach Quittengelee"


@contextmanager
def started(cluster: PostgresCluster) -> Iterator[subprocess.Popen[bytes]]:
    """Its server, which a test may kill before the end."""
    server = cluster.start(cluster.folder.parent / "postgres.log")
    try:
        yield server
    finally:
        if server.poll() is None:
            cluster.stop(server)


@pytest.fixture
def alone(
    postgres_cluster: PostgresCluster, empty_appliance: str, tmp_path: Path
) -> Iterator[tuple[Stand, Any]]:
    """A stand whose CRM is a PostgreSQL of its own, which may be killed."""
    with created_cluster() as cluster, started(cluster) as server:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE crm_alone")
        crm = cluster.dsn("crm_alone")
        seed_demo_company(crm)
        with psycopg.connect(crm, autocommit=True) as connection:
            connection.execute(FEW)
            name = connection.execute("SELECT name FROM accounts ORDER BY id LIMIT 1").fetchone()
            assert name
            connection.execute("UPDATE articles SET body = body || %s WHERE id = 1", [f" Ask {name[0]}."])
            connection.execute(
                "UPDATE articles SET audience = 'lead', body = body || %s WHERE id = 2", [f" {CANARY}"]
            )
            connection.execute("UPDATE case_notes SET body = body || %s", [f" {CANARY} for a refund"])
        appliance = copy_database(postgres_cluster, f"appliance_{tmp_path.name}", empty_appliance)
        yield Stand.make(tmp_path / "stand", appliance, crm), server


async def ask_in_many_ways(process: Running, login: str, account: str) -> list[Any]:
    questions = (
        "refund for a late delivery",
        f"what was noted about [{account}]",
        CANARY,
        "which of my cases are open",
        "how do I return a heat pump",
    )
    return [await process.client.search(principal(login), question, limit=30) for question in questions]


async def test_a_killed_crm_leaves_articles_open_to_everyone_and_nothing_else(
    alone: tuple[Stand, Any],
) -> None:
    stand, server = alone
    async with stand.running() as process:
        await process.caught_up()
        await process.vectors_filled()
        oracle = Oracle(stand.crm_dsn)
        person, name = someone(oracle), oracle.rows["account"][min(oracle.rows["account"])]["name"]
        account = accounts_of(oracle, person)[0]
        alive = await process.client.search(principal(person.login), "refund for a late delivery", limit=30)
        assert not alive.stale
        assert any(passage.entity.startswith("account") for passage in alive.passages) or alive.passages
        server.kill()
        server.wait()
        answers = await ask_in_many_ways(process, person.login, account)
        open_articles = {
            f"article:{key}"
            for key, row in oracle.rows["article"].items()
            if row["audience"] in ("public", "staff")
        }
        assert answers[0].passages
        for answer in answers:
            assert (answer.crm_available, answer.stale, answer.facts) == (False, True, ())
            assert {passage.entity for passage in answer.passages} <= open_articles
            assert all(passage.open and passage.reference for passage in answer.passages)
            assert CANARY not in answer.model_dump_json()
            assert name not in answer.model_dump_json()
            assert (
                "copies of articles" in answer.notices[0] if answer.passages else answer.notices == (NO_CRM,)
            )
        assert "last compared with the CRM on" in answers[0].notices[0]
        # a question within one record is a question about a record
        scoped = await process.client.search(principal(person.login), "refund", scope="article:1")
        assert (scoped.passages, scoped.notices) == ((), (NO_CRM,))
        # somebody whom the CRM does not know gets the same: nobody's rights can be read
        stranger = await process.client.search(principal("nobody@example.org"), "refund for a late delivery")
        assert {passage.entity for passage in stranger.passages} <= open_articles
        with pytest.raises(PartUnavailable):
            await process.client.grant(principal(person.login), "c", entities=(account,))


async def test_the_copies_hold_no_identity_and_nothing_that_is_not_open(
    new_stand: Callable[..., Stand],
) -> None:
    stand = new_stand()
    name = stand.crm("SELECT name FROM accounts ORDER BY id LIMIT 1")[0][0]
    stand.crm("UPDATE articles SET body = body || %s", f" Ask {name}.")
    stand.crm("UPDATE articles SET audience = 'lead' WHERE id = 3")
    async with stand.running() as process:
        await process.caught_up()
        rows = stand.appliance("SELECT ref, title || pieces::text FROM retrieval.open_text")
        audience = dict(stand.crm("SELECT 'article:' || id, audience FROM articles"))
        assert {ref for ref, _ in rows} == {ref for ref, one in audience.items() if one != "lead"}
        account = stand.crm("SELECT id FROM accounts WHERE name = %s", name)[0][0]
        assert all(name not in text and f"account_{account}" in text for _, text in rows)


async def until_copied(stand: Stand, expected: Callable[[set[str]], bool]) -> set[str]:
    import asyncio

    async with asyncio.timeout(30):
        while True:
            found = {ref for (ref,) in stand.appliance("SELECT ref FROM retrieval.open_text")}
            if expected(found):
                return found
            await asyncio.sleep(0.05)


async def test_a_copy_goes_when_its_article_is_closed_or_gone(new_stand: Callable[..., Stand]) -> None:
    stand = new_stand()
    async with stand.running() as process:
        await process.caught_up()
        stand.crm("UPDATE articles SET audience = 'lead', updated_at = now() WHERE id = 1")
        stand.crm("DELETE FROM articles WHERE id = 4")
        await until_copied(stand, lambda found: not found & {"article:1", "article:4"})
        stand.crm("UPDATE articles SET audience = 'public', updated_at = now() WHERE id = 1")
        await until_copied(stand, lambda found: "article:1" in found)


async def test_copies_of_what_went_while_nobody_looked_are_taken_out(new_stand: Callable[..., Stand]) -> None:
    stand = new_stand(sync=SyncSettings(poll_s=3_600, follow="poll"))
    stand.appliance(
        "INSERT INTO retrieval.open_text (ref, title, pieces, digest) VALUES"
        " ('article:99999', 'Gone', '[]', ''), ('product:1', 'Of a kind that is not copied', '[]', '')"
    )
    async with stand.running() as process:
        await process.caught_up()
        found = await until_copied(stand, lambda found: "article:1" in found)
        assert not found & {"article:99999", "product:1"}
