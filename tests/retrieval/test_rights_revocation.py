"""A right that was taken away counts at the next question, whatever the sync knows."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

from gateway import Role
from retrieval import SyncSettings

from .oracle import Oracle, Person
from .stand import Running, Stand, principal

NOWHERE = "account:999999"


@pytest.fixture
async def quiet(new_stand: Callable[..., Stand]) -> AsyncIterator[Running]:
    """A process whose sync has looked once and looks no more."""
    stand = new_stand(sync=SyncSettings(poll_s=3_600, follow="poll"))
    async with stand.running() as process:
        await process.caught_up()
        await process.vectors_filled()
        yield process


def by(
    oracle: Oracle, kind: str, way: Callable[[Person, Any], bool], role: str = "rep"
) -> tuple[Person, int]:
    """Somebody who sees a row of a kind, in this way, and the row's key."""
    for person in oracle.people:
        for key, row in oracle.rows[kind].items():
            if person.role == role and oracle.may_see(person, f"{kind}:{key}") and way(person, row):
                return person, key
    raise AssertionError(f"nobody sees a {kind} in this way")


async def everything(process: Running, person: Person, refs: Sequence[str]) -> str:
    """Every answer that this person gets about these records, and every one by their words."""
    who = principal(person.login)
    client, oracle = process.client, Oracle(process.stand.crm_dsn)
    answers: list[Any] = [await client.visible(who, tuple(refs))]
    granted = await client.grant(who, "c", entities=tuple(refs))
    answers.append(dict(process.stand.web.verified_grant(granted.grant, issuers=["retrieval"]).fields))
    answers.append(await client.suggestions(who))
    for ref in refs:
        kind, _, key = ref.partition(":")
        row = oracle.rows[kind].get(int(key), {})
        words = str(row.get("name") or row.get("body") or row.get("description") or "refund")[:300]
        answers.append(await client.entities(who, words[:20], 20))
        for question, options in (
            (f"what is known of [{ref}]", {"entities": (ref,)}),
            ("what is known", {"scope": ref}),
            (words, {}),
            (f"which cases of [{ref}] are open", {"entities": (ref,)}),
        ):
            answers.append((await client.search(who, question, limit=40, **options)).model_dump_json())
    return repr(answers)


def mentions(text: str, ref: str) -> bool:
    """Whether an answer holds the record; a question's own words are no part of an answer."""
    return f"'{ref}'" in text or f'"{ref}"' in text


CASES: dict[str, tuple[str, Callable[[Person, Any], bool], str, str]] = {
    "taken out of the team": (
        "case",
        lambda person, row: row["team_id"] in person.teams and row["assigned_to"] != person.id,
        "rep",
        "DELETE FROM team_members WHERE user_id = %(user)s",
    ),
    "given another owner": (
        "account",
        lambda person, row: row["owner_id"] == person.id and row["territory_id"] not in person.territories,
        "rep",
        "UPDATE accounts SET owner_id = NULL WHERE id = %(key)s",
    ),
    "made a rep": (
        "article",
        lambda person, row: row["audience"] == "lead",
        "lead",
        "UPDATE users SET role = 'rep' WHERE id = %(user)s",
    ),
    "restricted": (
        "account",
        lambda person, row: row["owner_id"] != person.id and not row["restricted"],
        "rep",
        "UPDATE accounts SET restricted = true WHERE id = %(key)s",
    ),
    "deactivated": (
        "account",
        lambda person, row: row["owner_id"] == person.id,
        "rep",
        "UPDATE users SET is_active = false WHERE id = %(user)s",
    ),
    "without consent": (
        "contact",
        lambda person, row: True,
        "rep",
        "UPDATE contacts SET consent = false WHERE id = %(key)s",
    ),
    "made confidential": (
        "note",
        lambda person, row: True,
        "rep",
        "UPDATE case_notes SET confidential = true WHERE id = %(key)s",
    ),
    "closed to reps": (
        "article",
        lambda person, row: row["audience"] == "public",
        "rep",
        "UPDATE articles SET audience = 'lead' WHERE id = %(key)s",
    ),
}


@pytest.mark.parametrize("case", CASES)
async def test_what_was_taken_away_is_gone_at_the_next_question(quiet: Running, case: str) -> None:
    kind, way, role, statement = CASES[case]
    oracle = Oracle(quiet.stand.crm_dsn)
    person, key = by(oracle, kind, way, role)
    ref = f"{kind}:{key}"
    assert mentions(await everything(quiet, person, [ref]), ref)
    for name, value in (("user", person.id), ("key", key)):
        statement = statement.replace(f"%({name})s", str(value))
    quiet.stand.crm(statement)
    now = Oracle(quiet.stand.crm_dsn)
    still = next((one for one in now.people if one.id == person.id), None)
    assert still is None or not now.may_see(still, ref)
    after = await everything(quiet, person, [ref])
    assert not mentions(after, ref)


async def test_forbidden_and_not_there_are_answered_with_the_same_words_and_numbers(quiet: Running) -> None:
    """Sixty forbidden records, asked about in every way, against ones that do not exist."""
    oracle = Oracle(quiet.stand.crm_dsn)
    reps = [one for one in oracle.people if one.role == "rep"]
    asked = 0
    for person in reps[:6]:
        who = principal(person.login, Role.REP)
        hidden = [
            ref
            for kind in ("account", "contact", "case", "note", "mail", "order")
            for ref in [f"{kind}:{key}" for key in oracle.rows[kind]][::17]
            if not oracle.may_see(person, ref)
        ][:10]
        for ref in hidden:
            absent = f"{ref.partition(':')[0]}:987654321"
            answers = []
            for one in (ref, absent):
                found = [
                    await quiet.client.search(who, "which are open", entities=(one,)),
                    await quiet.client.search(who, "what was said", scope=one),
                    await quiet.client.search(who, f"how many cases has [{one}]", entities=(one,)),
                ]
                told = [
                    result.model_dump_json(exclude={"passages": {"__all__": {"as_of", "score", "scores"}}})
                    for result in found
                ]
                granted = await quiet.client.grant(who, "c", entities=(one,))
                claims = quiet.stand.web.verified_grant(granted.grant, issuers=["retrieval"])
                answers.append((told, dict(claims.fields), await quiet.client.visible(who, (one,))))
            assert answers[0] == answers[1], (person, ref)
            asked += 1
    assert asked >= 40
