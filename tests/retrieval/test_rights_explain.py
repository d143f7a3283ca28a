"""An administrator is told why somebody sees a record, and reads nothing of it."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from gateway import NotAllowed, NotFound, Role
from retrieval import SyncSettings
from retrieval.search.explain import ConditionSaid

from .oracle import Oracle, Person
from .stand import ADMIN, Running, Stand, principal
from .test_search import accounts_of, someone

MAP = Path(__file__).parents[2] / "retrieval" / "maps" / "demo.yaml"


def line_with(text: str, after: str) -> int:
    """The line of the map with this text, below another one."""
    lines = MAP.read_text("utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(after))
    return next(number for number in range(start, len(lines)) if text in lines[number]) + 1


async def test_explanations_agree_with_the_oracle_and_with_themselves(running: Running, stand: Stand) -> None:
    oracle = Oracle(stand.crm_dsn)
    draw = random.Random(5)  # noqa: S311 - test data
    refs = oracle.refs()
    for _ in range(80):
        person, ref = draw.choice(oracle.people), draw.choice(refs)
        told = await running.client.explain(ADMIN, person.login, ref)
        expected = oracle.may_see(person, ref)
        assert (told.sees, told.index.finds, told.drift) == (expected, expected, ())
        assert told.reading
        assert told.reading.sees is expected
        assert any(rule.holds for rule in told.reading.rules) or not expected


async def test_the_rule_that_shows_a_record_is_named_with_its_line(running: Running, stand: Stand) -> None:
    oracle = Oracle(stand.crm_dsn)
    person, ref = next(
        (person, f"account:{key}")
        for person in oracle.people
        for key, row in oracle.rows["account"].items()
        if row["owner_id"] == person.id and row["territory_id"] not in person.territories
    )
    told = await running.client.explain(ADMIN, person.login, ref)
    line = line_with("owner_id, in: $user.id", "  account:")
    assert told.sees
    assert f"rule 1 (line {line}: owner_id in $user.id)" in told.sentence
    assert told.reading
    own, area, *_ = told.reading.rules
    assert (own.holds, own.line, area.holds) == (True, line, False)
    assert own.why == (
        ConditionSaid(holds=True, sentence=f"owner_id is {person.id}; the user's id: {person.id}."),
    )


async def test_what_hides_a_record_is_said_up_to_its_parents(running: Running, stand: Stand) -> None:
    oracle = Oracle(stand.crm_dsn)
    person = someone(oracle)
    key = next(key for key in oracle.rows["note"] if oracle.may_see(person, f"note:{key}"))
    stand.crm("UPDATE case_notes SET confidential = true WHERE id = %s", key)
    note = f"note:{key}"
    told = await running.client.explain(ADMIN, person.login, note)
    assert not told.sees
    assert told.sentence == f"{person.login} does not see {note}. No rule of the map holds."
    assert told.reading
    open_notes, for_leads = told.reading.rules
    marked = {one.sentence: one.holds for rule in (open_notes, for_leads) for one in rule.why}
    assert marked["It wants confidential is false; here it is true."] is False
    assert marked["The user has the role rep; it is for lead."] is False
    assert open_notes.above
    # what holds is said to hold, in a rule that does not
    assert marked[f"The user sees {open_notes.above.record}, to which it belongs."] is True
    assert not open_notes.holds
    assert open_notes.above.sees
    assert open_notes.above.record.startswith("case:")


async def test_withdrawn_consent_bars_a_record_from_everybody(new_stand: Any) -> None:
    stand = new_stand(sync=SyncSettings(poll_s=3_600, follow="poll"))
    async with stand.running() as running:
        await running.caught_up()
        oracle = Oracle(stand.crm_dsn)
        person, ref = next(
            (person, f"contact:{key}")
            for person in oracle.people
            for key in oracle.rows["contact"]
            if oracle.may_see(person, f"contact:{key}")
        )
        stand.crm("UPDATE contacts SET consent = false WHERE id = %s", int(ref.partition(":")[2]))
        told = await running.client.explain(ADMIN, person.login, ref)
        assert not told.sees
        assert "No consent" in told.sentence
        # the index is behind, and that is said aloud
        assert told.index.finds
        assert "the index is behind" in told.drift[0]


async def test_fields_of_a_role_and_internal_texts_are_named(running: Running, stand: Stand) -> None:
    oracle = Oracle(stand.crm_dsn)
    person = someone(oracle)
    told = await running.client.explain(ADMIN, person.login, accounts_of(oracle, person)[0])
    hidden = {field.field: field.roles for field in told.fields if not field.may_read}
    assert hidden == {"credit_limit": ("lead",), "iban": ("lead",)}
    assert told.fields[0].line == line_with("credit_limit: {roles", "  account:")
    assert told.internal == ("internal_note",)


async def test_an_administrator_reads_no_content_of_it(running: Running, stand: Stand) -> None:
    oracle = Oracle(stand.crm_dsn)
    draw = random.Random(6)  # noqa: S311 - test data
    for kind in oracle.rows:
        key, row = draw.choice(sorted(oracle.rows[kind].items()))
        person = draw.choice(oracle.people)
        told = (await running.client.explain(ADMIN, person.login, f"{kind}:{key}")).model_dump_json()
        texts = [value for value in row.values() if isinstance(value, str) and len(value) > 8]
        assert not [text for text in texts if text in told], kind


async def test_a_rule_by_an_identity_shows_no_value(running: Running) -> None:
    from retrieval.crm.map import Entity
    from retrieval.search.explain.words import HIDDEN, shown

    entity = Entity.model_validate(
        {
            "table": "people",
            "key": "id",
            "label": "{id}",
            "columns": {
                "keeper": {"class": "identity", "type": "EMAIL"},
                "words": {"class": "text"},
                "state": {"class": "fact", "choice": True},
                "remark": {"class": "fact"},
            },
            "visible": ["everyone"],
        }
    )
    values = {name: shown(entity, name, "anna") for name in ("keeper", "words", "state", "remark", "other")}
    assert values == {"keeper": HIDDEN, "words": HIDDEN, "state": "anna", "remark": HIDDEN, "other": "anna"}
    assert shown(entity, "other", "anna@example.org") == HIDDEN


@pytest.mark.parametrize("ref", ["account:999999", "account:not-a-key", "account:99999999999999999999"])
async def test_a_record_that_is_not_there_is_said_to_be_not_there(
    running: Running, stand: Stand, ref: str
) -> None:
    told = await running.client.explain(ADMIN, someone(Oracle(stand.crm_dsn)).login, ref)
    assert (told.exists, told.sees, told.reading) == (False, False, None)
    assert "no record" in told.sentence


async def test_unknown_kinds_and_unknown_users_are_said(running: Running, stand: Stand) -> None:
    for record, said in (("nothing:1", "it knows account, article"), ("12", "as in account:12")):
        with pytest.raises(NotFound, match=said):
            await running.client.explain(ADMIN, someone(Oracle(stand.crm_dsn)).login, record)
    told = await running.client.explain(ADMIN, "nobody@example.org", "account:1")
    assert not told.user_known
    assert "No active user of the CRM" in told.sentence


async def test_only_administrators_ask_and_each_asking_is_recorded(running: Running, stand: Stand) -> None:
    person: Person = someone(Oracle(stand.crm_dsn))
    ref = accounts_of(Oracle(stand.crm_dsn), person)[0]
    for role in (Role.REP, Role.LEAD, Role.OFFICER, Role.AUDITOR, Role.SERVICE):
        with pytest.raises(NotAllowed):
            await running.client.explain(principal(person.login, role), person.login, ref)
    for asked in (ref, "account:Meridian Ltd"):
        await running.client.explain(ADMIN, person.login, asked)
    events = stand.appliance(
        "SELECT actor, subject, detail::text FROM gateway.audit_event"
        " WHERE event = 'rights.explained' ORDER BY at"
    )
    assert [(actor, subject) for actor, subject, _ in events] == [(ADMIN.id, ref), (ADMIN.id, None)]
    assert json.loads(events[0][2]) == {"whose": person.login, "exists": True, "sees": True, "drift": 0}
    assert "Meridian" not in events[1][2]
