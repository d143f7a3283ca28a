"""Searching in somebody's name: programs that pass a person on, the owner of the machine."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from assistant.search.programs import ON_BEHALF_OF, CallRate
from gateway import NotSignedIn, Principal, Role, Tokens, TooManyRequests, TrustSettings, make_signing_key
from tests.assistant.commands import cloister
from tests.assistant.house import House, house, in_thread
from tests.retrieval.oracle import Oracle, Person

QUESTION = {"question": "a refund for a late delivery of a filter", "limit": 20}


@pytest.fixture(scope="module")
async def there(
    new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    async with house(new_database, tmp_path_factory.mktemp("house"), calls_per_minute=6) as running:
        yield running


def some(oracle: Oracle, number: int = 0) -> Person:
    """A rep with cases of their own."""
    people = [
        one
        for one in oracle.people
        if one.role == "rep" and any(oracle.may_see(one, f"case:{key}") for key in oracle.rows["case"])
    ]
    return people[number]


async def searched(there: House, token: str, for_whom: str | None) -> httpx.Response:
    headers = {ON_BEHALF_OF: for_whom} if for_whom else {}
    async with there.client(token, **headers) as client:
        return await client.post("/api/v1/search", json=QUESTION)


def refs_in(answer: httpx.Response) -> set[str]:
    found = answer.json()
    return {one["entity"] for one in (*found["passages"], *found["facts"]) if one["entity"]}


async def test_a_program_sees_what_the_person_sees_and_the_record_holds_both(there: House) -> None:
    oracle = Oracle(there.stand.crm_dsn)
    person = some(oracle)
    rep, own = await there.account(person.login)
    _, bridge = await there.account("bridge@example.org", Role.SERVICE, Role.DELEGATE)
    theirs, passed_on = await searched(there, own, None), await searched(there, bridge, person.login.upper())
    assert theirs.status_code == passed_on.status_code == 200
    assert refs_in(passed_on) == refs_in(theirs) != set()
    assert all(oracle.may_see(person, ref) for ref in refs_in(passed_on))
    searches = [detail for actor, detail in await there.recorded("records.searched") if actor == rep.id]
    assert [detail.get("by") for detail in searches] == [None, "service:bridge@example.org"]
    redacted = [detail for actor, detail in await there.recorded("text.redacted") if actor == rep.id]
    assert redacted[-1]["by"] == "service:bridge@example.org"


async def test_a_service_alone_opens_no_record(there: House) -> None:
    person = some(Oracle(there.stand.crm_dsn), 1)
    _, service = await there.account("plain-service@example.org", Role.SERVICE)
    assert (await searched(there, service, None)).status_code == 403
    # not even where its login is that of a CRM user
    _, named_like_a_person = await there.account(person.login, Role.SERVICE, Role.DELEGATE)
    assert (await searched(there, named_like_a_person, None)).status_code == 403


@pytest.mark.parametrize(
    "roles", [(Role.REP,), (Role.ADMIN,), (Role.SERVICE,), (Role.DELEGATE,), (Role.REP, Role.DELEGATE)]
)
async def test_only_a_service_with_the_right_may_ask_for_somebody(
    there: House, roles: tuple[Role, ...]
) -> None:
    login = "-".join(sorted(roles)) + "@roles.example.org"
    _, token = await there.account(login, *roles)
    for whom in ("nobody@example.org", login):
        answer = await searched(there, token, whom)
        assert answer.status_code == 403
        assert "service and delegate" in answer.json()["detail"]


async def test_who_does_not_exist_and_who_reads_nothing_cannot_be_told_apart(there: House) -> None:
    _, token = await there.account("asks-much@example.org", Role.SERVICE, Role.DELEGATE)
    await there.account("machines@example.org", Role.ADMIN)
    await there.account("other-service@example.org", Role.SERVICE)
    answers = []
    for whom in ("nobody@example.org", "machines@example.org", "other-service@example.org", "", "%"):
        async with there.client(token, **{ON_BEHALF_OF: whom}) as client:
            answer = await client.post("/api/v1/search", json=QUESTION)
        answers.append((answer.status_code, {**answer.json(), "correlation": ""}))
    assert all(answer == answers[0] for answer in answers)
    assert answers[0][0] == 403


async def test_a_program_that_asks_too_often_is_told_to_wait(there: House) -> None:
    _, token = await there.account("hasty@example.org", Role.SERVICE, Role.DELEGATE)
    statuses = [(await searched(there, token, "nobody@example.org")).status_code for _ in range(12)]
    assert statuses[:6] == [403] * 6
    assert 429 in statuses[6:]


def test_a_rate_fills_up_again_and_is_each_callers_own() -> None:
    now = 0.0
    rate = CallRate(60, clock=lambda: now)
    for _ in range(60):
        rate.take("a")
    with pytest.raises(TooManyRequests, match="60 times a minute; the next call in 1 s"):
        rate.take("a")
    rate.take("b")
    now = 1.0
    rate.take("a")
    with pytest.raises(TooManyRequests):
        rate.take("a")


async def test_the_description_for_programs_names_the_header(there: House) -> None:
    async with httpx.AsyncClient(base_url=there.url) as client:
        described = (await client.get("/openapi.json")).json()
    operation = described["paths"]["/api/v1/search"]["post"]
    assert ON_BEHALF_OF in {parameter["name"] for parameter in operation["parameters"]}


async def test_the_owner_of_the_machine_searches_as_somebody_and_is_recorded(
    there: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CLOISTER_TOKEN", raising=False)
    oracle = Oracle(there.stand.crm_dsn)
    person = some(oracle, 2)
    rep, _ = await there.account(person.login)
    arguments = (
        "search",
        "a refund for a late delivery of a filter",
        "--as",
        person.login,
        "--limit",
        "20",
        "--json",
    )
    done = await in_thread(cloister, *arguments, "--data", str(there.folder))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["passages"]
    assert all(oracle.may_see(person, passage["entity"]) for passage in found["passages"])
    assert {"id", "entity", "field", "score", "as_of", "text"} <= found["passages"][0].keys()
    [detail] = [detail for actor, detail in await there.recorded("records.searched") if actor == rep.id]
    assert detail["by"].startswith("operator:")


async def test_a_list_on_the_command_line_says_how_many_of_how_many_it_shows(
    there: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CLOISTER_TOKEN", raising=False)
    oracle = Oracle(there.stand.crm_dsn)
    person = some(oracle, 3)
    await there.account(person.login)
    cases = sum(oracle.may_see(person, f"case:{key}") for key in oracle.rows["case"])
    arguments = ("search", "Show all cases", "--as", person.login, "--data", str(there.folder))
    for limit, said in (
        (1, f"1 of {cases} cases shown; more with --limit"),
        (50, f"{cases} of {cases} cases shown\n"),
    ):
        done = await in_thread(cloister, *arguments, "--limit", str(limit))
        assert done.returncode == 0, done.stderr
        assert said in done.stdout
        assert done.stdout.count("[case:") == min(limit, cases)
    done = await in_thread(cloister, *arguments, "--scope", "nonsense:1")
    assert done.returncode == 4
    assert "no records of the kind “nonsense”; it knows account, " in done.stderr


async def test_nobody_is_searched_as_who_reads_no_records(there: House, tmp_path: Path) -> None:
    await there.account("only-machines@example.org", Role.ADMIN)
    for whom in ("only-machines@example.org", "nobody-at-all@example.org"):
        done = await in_thread(cloister, "search", "x", "--as", whom, "--data", str(there.folder))
        assert done.returncode == 4
        assert not done.stdout
    key = there.folder / "secrets" / "sign-cli.jwk"
    content = key.read_text()
    key.unlink()
    try:
        whom = "only-machines@example.org"
        done = await in_thread(cloister, "search", "x", "--as", whom, "--data", str(there.folder))
    finally:
        key.write_text(content)
    assert done.returncode == 4
    assert "--token-file" in done.stderr


def test_the_command_lines_tokens_hold_only_with_who_asks(tmp_path: Path) -> None:
    make_signing_key(tmp_path / "cli.key", tmp_path / "cli.pub")
    trusted = {"cli": tmp_path / "cli.pub"}
    tokens = Tokens(TrustSettings(issuer="cli", key_file=tmp_path / "cli.key", trusted=trusted))
    person = Principal("1", "maya@example.org", frozenset({Role.REP}))
    with pytest.raises(NotSignedIn, match="who asks"):
        tokens.principal(tokens.for_principal(person, "door"), audience="door")
    named = Principal("1", "maya@example.org", frozenset({Role.REP}), by="operator:root")
    assert tokens.principal(tokens.for_principal(named, "door"), audience="door") == named
