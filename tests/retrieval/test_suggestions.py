"""Suggested questions have an answer, and name nobody whom the caller may not see."""

from .oracle import Oracle
from .stand import Running, Stand, principal


async def test_suggestions_are_made_of_records_that_the_caller_may_see(
    running: Running, stand: Stand
) -> None:
    oracle = Oracle(stand.crm_dsn)
    names = {row["name"]: f"account:{key}" for key, row in oracle.rows["account"].items()}
    for person in [one for one in oracle.people if one.role in {"rep", "lead"}][:10]:
        found = await running.client.suggestions(principal(person.login))
        named = {ref for name, ref in names.items() for question in found if f"of {name}" in question}
        assert all(oracle.may_see(person, ref) for ref in named)
        if any(oracle.may_see(person, ref) for ref in names.values()):
            assert len(found) == 3
            assert named
        for question in found:
            if question.startswith("Which"):
                name = question.removeprefix("Which cases of ").removeprefix("Which orders of ")
                ref = names[name.rpartition(" are ")[0]]
                listed = await running.client.search(
                    principal(person.login), question.replace(name.rpartition(" are ")[0], f"[{ref}]")
                )
                assert listed.listing is not None
                assert listed.listing.total > 0


async def test_who_is_no_user_of_the_crm_is_suggested_nothing(running: Running) -> None:
    assert await running.client.suggestions(principal("nobody@example.org")) == ()
