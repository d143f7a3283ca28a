"""What a question finds, and what nobody may find."""

import random
import re
from pathlib import Path
from typing import Any

import pytest

from gateway import NotFound, Role
from retrieval import SearchResult, SyncSettings
from retrieval.crm import grant_keys
from retrieval.index import Hit, Leg, Terms
from retrieval.rights import visibility_of

from .oracle import Oracle, Person
from .stand import DEMO_MAP, Running, Stand, principal

ROUNDS = 12


def someone(oracle: Oracle, role: str = "rep") -> Person:
    """A person with this role who sees accounts and does not see others."""
    return next(
        person
        for person in oracle.people
        if person.role == role and 0 < len(accounts_of(oracle, person)) < len(oracle.rows["account"])
    )


def accounts_of(oracle: Oracle, person: Person) -> list[str]:
    return [f"account:{key}" for key in oracle.rows["account"] if oracle.may_see(person, f"account:{key}")]


def refs_in(result: SearchResult) -> set[str]:
    return {passage.entity for passage in result.passages} | {fact.entity for fact in result.facts}


def words_of(oracle: Oracle) -> list[str]:
    texts = [row["body"] for row in oracle.rows["note"].values()]
    texts += [row["description"] for row in oracle.rows["case"].values()]
    return sorted({word for text in texts for word in re.findall(r"\w{4,}", text)})


async def test_index_rights_are_the_rules_for_every_user_and_every_row(
    running: Running, stand: Stand
) -> None:
    oracle = Oracle(stand.crm_dsn)
    records = running.state["records"]
    held = await running.follower.mirror.index.rights()
    checked = 0
    for person in oracle.people:
        visibility = await visibility_of(records, principal(person.login))
        assert visibility is not None
        assert list(visibility.grants) == grant_keys(records.crm_map, visibility.user.attributes)
        for ref in oracle.refs():
            found = not held.get(ref, frozenset()).isdisjoint(visibility.grants)
            assert found is oracle.may_see(person, ref), (person, ref)
            checked += 1
    assert checked > 10_000


async def test_no_stage_of_a_search_yields_a_row_that_is_not_the_askers(
    running: Running, stand: Stand
) -> None:
    await running.vectors_filled()
    oracle = Oracle(stand.crm_dsn)
    draw = random.Random(11)  # noqa: S311 - test data
    words, refs, terms = words_of(oracle), oracle.refs(), Terms()
    triples = 0
    for person in oracle.people:
        who = principal(person.login)
        visibility = await visibility_of(running.state["records"], who)
        assert visibility is not None
        for _ in range(ROUNDS):
            question = " ".join(draw.sample(words, 4))
            named = tuple(draw.sample(refs, 3))
            legs = [Leg(terms=terms.of_query(question), limit=50), Leg(vector=[1.0, *[0.1] * 383], limit=50)]
            legs.append(Leg(terms=terms.of_query(question), within=named, limit=50))
            found = {
                hit.ref for hits in await running.state["index"].search(visibility, legs) for hit in hits
            }
            found |= refs_in(await running.client.search(who, question, entities=named, limit=50))
            assert not [ref for ref in found if not oracle.may_see(person, ref)]
            triples += len(found)
    assert triples > 5_000


async def test_open_cases_of_a_customer_are_found_by_their_live_status(
    running: Running, stand: Stand
) -> None:
    oracle = Oracle(stand.crm_dsn)
    person, account = next(
        (person, ref)
        for person in oracle.people
        for ref in accounts_of(oracle, person)
        if any(_open(row, ref) for row in oracle.rows["case"].values())
    )
    result = await running.client.search(
        principal(person.login), f"Which open cases does [{account}] have?", entities=(account,), limit=12
    )
    wanted = {f"case:{key}" for key, row in oracle.rows["case"].items() if _open(row, account)}
    assert wanted <= {passage.entity for passage in result.passages}
    assert all("status: open" in p.text for p in result.passages if p.entity in wanted and p.field == "facts")
    assert [fact.value for fact in result.facts if fact.entity == account and fact.field == "balance"]


def _open(row: Any, account: str) -> bool:
    return row["status"] == "open" and f"account:{row['account_id']}" == account


async def test_a_right_taken_away_counts_at_the_next_question(running: Running, stand: Stand) -> None:
    oracle = Oracle(stand.crm_dsn)
    person = someone(oracle)
    account = accounts_of(oracle, person)[0]
    question = (principal(person.login), "what is known")
    before = await running.client.search(*question, entities=(account,))
    assert account in refs_in(before)
    stand.crm("DELETE FROM team_members WHERE user_id = %s", person.id)
    stand.crm("UPDATE accounts SET owner_id = NULL WHERE owner_id = %s", person.id)
    after = await running.client.search(*question, entities=(account,))
    oracle = Oracle(stand.crm_dsn)
    (person,) = [one for one in oracle.people if one.id == person.id]
    assert account not in refs_in(after)
    assert not [ref for ref in refs_in(after) if not oracle.may_see(person, ref)]


async def test_a_row_that_changed_after_indexing_reads_as_it_is_now(new_stand: Any) -> None:
    stand = new_stand(sync=_still())
    async with stand.running() as running:
        await running.caught_up()
        person, article = _reader_and_article(stand)
        found = await running.client.search(principal(person.login), article["title"])
        assert f"article:{article['id']}" in refs_in(found)
        stand.crm("UPDATE articles SET body = 'Entirely new words.' WHERE id = %s", article["id"])
        found = await running.client.search(principal(person.login), article["title"])
        texts = [p.text for p in found.passages if p.entity == f"article:{article['id']}"]
        assert texts
        assert any("Entirely new words." in text for text in texts)
        assert not any(article["body"][:40] in text for text in texts)


async def test_a_deleted_row_is_never_shown_though_the_index_has_it_still(new_stand: Any) -> None:
    stand = new_stand(sync=_still())
    async with stand.running() as running:
        await running.caught_up()
        person, article = _reader_and_article(stand)
        stand.crm("DELETE FROM articles WHERE id = %s", article["id"])
        found = await running.client.search(principal(person.login), article["title"])
        assert f"article:{article['id']}" not in refs_in(found)
        (status,) = [
            one
            for one in (await running.client.sync_status(principal("x"))).entities
            if one.entity == "article"
        ]
        assert status.rows == len(Oracle(stand.crm_dsn).rows["article"]) + 1


def _reader_and_article(stand: Stand) -> tuple[Person, Any]:
    oracle = Oracle(stand.crm_dsn)
    return oracle.people[0], next(
        row for row in oracle.rows["article"].values() if row["audience"] == "public"
    )


def _still() -> SyncSettings:
    """A sync that looks once and then not again within a test."""
    return SyncSettings(poll_s=3_600, follow="poll")


async def test_not_theirs_and_not_there_are_answered_alike(running: Running, stand: Stand) -> None:
    oracle = Oracle(stand.crm_dsn)
    person = someone(oracle)
    foreign = next(
        ref for ref in oracle.refs() if ref.startswith("account:") and not oracle.may_see(person, ref)
    )
    answers = []
    for ref in (foreign, "account:999999", "account:not-a-key", "account:99999999999999999999"):
        who = principal(person.login)
        searched = await running.client.search(who, "what is known", scope=ref)
        granted = await running.client.grant(who, "c", entities=(ref,))
        claims = running.stand.web.verified_grant(granted.grant, issuers=["retrieval"])
        answers.append((searched.model_copy(update={"stale": False}), dict(claims.fields)))
    assert all(answer == answers[0] for answer in answers)
    assert not answers[0][0].passages
    assert not answers[0][0].facts
    assert answers[0][1] == {}


@pytest.mark.parametrize("scope", ["nothing:1", "nonsense", "account:", ":1", ""])
async def test_a_scope_of_no_kind_is_refused_with_the_kinds_that_there_are(
    running: Running, scope: str
) -> None:
    with pytest.raises(NotFound, match="account, article, case"):
        await running.client.search(principal("nobody@example.org"), "what is known", scope=scope)


async def test_an_unknown_user_gets_nothing_and_is_told_whom_to_ask(running: Running) -> None:
    result = await running.client.search(principal("nobody@example.org"), "refund limits")
    assert (result.user_known, result.passages, result.facts) == (False, (), ())
    assert "administrator of the CRM" in result.notices[0]


async def test_kinds_share_the_places(running: Running, stand: Stand) -> None:
    oracle = Oracle(stand.crm_dsn)
    result = await running.client.search(principal(someone(oracle).login), "refund warranty filter", limit=10)
    kinds = [passage.entity.partition(":")[0] for passage in result.passages]
    assert len(set(kinds)) >= 3
    assert len(result.passages) == 10


async def test_the_order_in_which_an_index_tells_its_hits_changes_no_answer(
    running: Running, stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    await running.vectors_filled()
    who, question = principal(someone(Oracle(stand.crm_dsn)).login), "Customer asks about error E-204"
    found = await running.client.search(who, question)
    scores = [passage.score for passage in found.passages]
    assert len(set(scores)) < len(scores)  # some are worth the same

    index = running.state["index"]
    search = index.search

    async def told_backwards(*asked: Any) -> list[list[Hit]]:
        return [hits[::-1] for hits in await search(*asked)]

    monkeypatch.setattr(index, "search", told_backwards)
    again = await running.client.search(who, question)
    assert [one.id for one in again.passages] == [one.id for one in found.passages]


async def test_a_lead_reads_fields_that_a_rep_does_not(running: Running, stand: Stand) -> None:
    oracle = Oracle(stand.crm_dsn)
    lead, rep, account = next(
        (lead, rep, ref)
        for lead in oracle.people
        for rep in oracle.people
        for ref in accounts_of(oracle, lead)
        if lead.role == "lead" and rep.role == "rep" and oracle.may_see(rep, ref)
    )
    fields = {}
    for person in (lead, rep):
        found = await running.client.search(principal(person.login), "limits", entities=(account,))
        fields[person.role] = {fact.field for fact in found.facts if fact.entity == account}
    assert "credit_limit" in fields["lead"] - fields["rep"]


async def test_an_ambiguous_reference_becomes_the_visible_ones(running: Running, stand: Stand) -> None:
    oracle = Oracle(stand.crm_dsn)
    person = someone(oracle)
    accounts = [f"account:{key}" for key in oracle.rows["account"]]
    mine = next(ref for ref in accounts if oracle.may_see(person, ref))
    foreign = next(ref for ref in accounts if not oracle.may_see(person, ref))
    found = await running.client.search(principal(person.login), f"status of [{foreign}|{mine}]")
    assert mine in refs_in(found)
    assert foreign not in refs_in(found)


async def test_an_admin_reads_no_content(running: Running, stand: Stand) -> None:
    token = stand.web.for_principal(principal("root@example.org", Role.ADMIN), "retrieval")
    headers = {"Authorization": f"Bearer {token}"}
    answer = await running.http.post("/v1/search", json={"question": "anything"}, headers=headers)
    assert answer.status_code == 403
    asked = await running.http.post("/v1/entities", json={"typed": "a"}, headers=headers)
    assert asked.status_code == 403


async def test_typing_a_label_finds_only_visible_records(running: Running, stand: Stand) -> None:
    oracle = Oracle(stand.crm_dsn)
    for person in oracle.people[:12]:
        for typed in ("a", "%", "_", "ma", "\\"):
            found = await running.client.entities(principal(person.login), typed, 20)
            assert not [one.ref for one in found if not oracle.may_see(person, one.ref)]
            assert all(typed.lower() in one.label.lower() for one in found)
    mine = oracle.rows["account"][int(accounts_of(oracle, someone(oracle))[0].partition(":")[2])]
    found = await running.client.entities(principal(someone(oracle).login), mine["name"][:6])
    assert f"account:{mine['id']}" in {one.ref for one in found}


async def test_a_mark_of_the_customer_is_told_for_a_case_of_theirs_alone(
    new_stand: Any, tmp_path: Path
) -> None:
    marked = tmp_path / "marked.yaml"
    changed = DEMO_MAP.read_text().replace(
        "    table: accounts\n", "    table: accounts\n    flags: {litigation: restricted}\n"
    )
    marked.write_text(changed)
    stand = new_stand(sync=_still(), crm_map=marked)
    oracle = Oracle(stand.crm_dsn)
    person, key, account = next(
        (person, key, row["account_id"])
        for person in oracle.people
        for key, row in oracle.rows["case"].items()
        if not oracle.may_see(person, f"account:{row['account_id']}")
    )
    stand.crm("UPDATE accounts SET restricted = (id = %s)", account)
    stand.crm("UPDATE cases SET assigned_to = %s WHERE id = %s", person.id, key)
    case = f"case:{key}"
    async with stand.running() as running:
        await running.caught_up()
        who = principal(person.login)
        asked = await running.client.search(who, f"what is [{case}] about", entities=(case,))
        assert "litigation" in asked.flags
        assert f"account:{account}" not in refs_in(asked)
        other = await running.client.search(who, "refund limits by role")
        assert "litigation" not in other.flags
