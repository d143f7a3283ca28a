"""A question about one record: only one that its asker may see, and nothing else is stored as one."""

import uuid

import pytest
from sqlalchemy import text

from .test_runs_follow import Person, Site, site

__all__ = ["site"]

QUESTION = "What is open there?"


async def _stored(site: Site, rep: Person) -> tuple[int, list[str | None]]:
    """How many conversations this person has, and the scopes of their runs."""
    async with site.web.engine.connect() as connection:
        mine = {"rep": uuid.UUID(rep.principal.id)}
        counted = text("SELECT count(*) FROM assistant.conversation WHERE owner = :rep")
        scopes = text(
            "SELECT r.scope FROM assistant.run r JOIN assistant.conversation c ON c.id = r.conversation_id"
            " WHERE c.owner = :rep"
        )
        number = (await connection.execute(counted, mine)).scalar_one()
        return number, list((await connection.execute(scopes, mine)).scalars())


async def test_a_question_is_asked_within_a_record_that_may_be_seen(site: Site) -> None:
    async with site.person("account:12") as rep:
        asked = await rep.http.post("/api/v1/runs", json={"question": QUESTION, "scope": "account:12"})
        assert asked.status_code == 202, asked.text
        assert await _stored(site, rep) == (1, ["account:12"])


@pytest.mark.parametrize("scope", ["person:Anna_Schmidt", "account:99", "contact:1"])
async def test_a_scope_that_is_no_record_of_the_askers_is_refused_and_not_stored(
    site: Site, scope: str
) -> None:
    async with site.person("account:12") as rep:
        asked = await rep.http.post("/api/v1/runs", json={"question": QUESTION, "scope": scope})
        assert asked.status_code == 404
        assert asked.json()["detail"].startswith("There is no such record among those that you may see.")
        assert await _stored(site, rep) == (0, [])


async def test_a_scope_is_looked_at_in_an_own_conversation_too(site: Site) -> None:
    async with site.person("account:12") as rep:
        first = (await rep.http.post("/api/v1/runs", json={"question": QUESTION})).json()
        more = {"question": QUESTION, "conversation": first["conversation"], "scope": "person:Anna_Schmidt"}
        assert (await rep.http.post("/api/v1/runs", json=more)).status_code == 404
        assert await _stored(site, rep) == (1, [None])
