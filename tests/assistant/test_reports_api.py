"""The numbers of reviewing over HTTP and on the command line, of a real database, in people's names."""

import asyncio
import csv
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from fastapi import FastAPI
from typer import Exit
from typer.testing import CliRunner

from approvals import ApprovalEvent, Learned, Period, SuggestionReply, is_in_force, load_policy
from assistant.cli import policy as policy_commands
from assistant.cli.main import app as commands
from assistant.pages import create_report_router, install_error_pages
from assistant.reviews import router as reviews_router
from assistant.reviews.learning import router as rules_router
from assistant.reviews.report_api import router as report_router
from assistant.reviews.report_pages import LiveReports
from gateway import (
    Database,
    NotFound,
    Role,
    create_account,
    install_error_handlers,
    issue_api_token,
    register_events,
)
from tests.approvals.past import Past, as_plans, make_past, make_quiet
from tests.approvals.queues import create_tables, run_sql, settings_of
from tests.gateway.server import serving

PEOPLE = {
    "rep": Role.REP,
    "lead": Role.LEAD,
    "officer": Role.OFFICER,
    "auditor": Role.AUDITOR,
    "admin": Role.ADMIN,
    "program": Role.SERVICE,
}
READERS = {"lead", "officer", "auditor", "admin"}
ADDRESS = "/api/v1/reviews/report"
RULES = "/api/v1/reviews/rules"


@dataclass
class Desk:
    """A web process with a past, and people's tokens."""

    url: str
    folder: Path
    database: Database
    past: Past
    tokens: dict[str, str]

    def client(self, who: str | None = None) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {self.tokens[who]}"} if who else {}
        return httpx.AsyncClient(base_url=self.url, headers=headers, trust_env=False, timeout=30)

    async def get(self, who: str, path: str) -> httpx.Response:
        async with self.client(who) as client:
            return await client.get(path)

    async def run(self, who: str, *words: str) -> Any:
        """A command in somebody's name."""
        token = self.folder / f"{who}.token"
        token.write_text(self.tokens[who], "utf-8")
        line = [*words, "--data", str(self.folder), "--token-file", str(token)]
        return await asyncio.to_thread(CliRunner().invoke, commands, line)


@pytest.fixture(scope="module")
async def desk(
    new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Desk]:
    register_events(ApprovalEvent)
    folder: Path = tmp_path_factory.mktemp("desk")
    dsn = new_database()
    create_tables(dsn)
    database = Database(settings_of(dsn, folder))
    policy = load_policy()
    tokens = {}
    async with database.transaction() as session:
        for name, role in PEOPLE.items():
            login = f"{name}@example.test"
            account = await create_account(session, login=login, name=name, roles=[role], password=None)
            tokens[name] = (await issue_api_token(session, str(account.id), label="test")).secret
        await run_sql(session, as_plans("legal"))
        await run_sql(session, "UPDATE approvals.review_queue SET everyone = false WHERE name = 'legal'")
        past = await make_past(session, 11, items=60, queues=("general", "legal"))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        yield {"database": database, "policy": policy, "settings": None}

    app = FastAPI(lifespan=lifespan)
    app.include_router(rules_router)
    app.include_router(report_router)
    app.include_router(reviews_router)
    app.include_router(create_report_router(LiveReports))
    install_error_handlers(app)
    install_error_pages(app)
    async with serving(app) as url:
        (folder / "etc").mkdir()
        told = {"url": url, "admin": None, "auditor": None}
        (folder / "etc" / "cli.yaml").write_text(yaml.safe_dump(told), "utf-8")
        yield Desk(url, folder, database, past, tokens)
    await database.close()


@pytest.mark.parametrize("address", [ADDRESS, "/queue/report", RULES, "/queue/rules"])
@pytest.mark.parametrize("who", PEOPLE)
async def test_the_numbers_are_for_those_who_review_lead_audit_or_administer(
    desk: Desk, who: str, address: str
) -> None:
    answer = await desk.get(who, address)
    assert answer.status_code == (200 if who in READERS else 403)


async def test_nobody_without_a_sign_in_sees_numbers(desk: Desk) -> None:
    async with desk.client() as client:
        assert (await client.get(ADDRESS)).status_code == 401


async def test_an_officer_gets_the_numbers_of_their_queues_and_an_auditor_of_all(desk: Desk) -> None:
    mine = (await desk.get("officer", f"{ADDRESS}?days=366")).json()
    everything = (await desk.get("auditor", f"{ADDRESS}?days=366")).json()
    assert [queue["name"] for queue in mine["queues"]] == ["general"]
    assert [queue["name"] for queue in everything["queues"]] == ["legal", "general"]
    reviews = desk.past.reviews
    outcomes = everything["whole"]["outcomes"]
    del outcomes["false_alarms"]
    assert sum(outcomes.values()) == len(reviews)
    rejected = [one for one in reviews if one.outcome == "rejected" and one.queue == "general"]
    assert mine["whole"]["outcomes"]["rejected"] == len(rejected)
    assert (await desk.get("officer", f"{ADDRESS}?queue=legal")).status_code == 404
    assert (await desk.get("auditor", f"{ADDRESS}?queue=legal")).status_code == 200


async def test_what_is_asked_for_wrongly_is_refused(desk: Desk) -> None:
    for query in ("days=0", "days=367", "form=xml"):
        assert (await desk.get("officer", f"{ADDRESS}?{query}")).status_code in {400, 422}


async def test_csv_has_the_numbers_of_json_one_a_line(desk: Desk) -> None:
    told = (await desk.get("auditor", f"{ADDRESS}?days=90")).json()
    answer = await desk.get("auditor", f"{ADDRESS}?days=90&form=csv")
    assert answer.headers["content-type"].startswith("text/csv")
    lines = list(csv.DictReader(answer.text.splitlines()))
    found = {(line["part"], line["of"], line["measure"]): line["value"] for line in lines}
    assert len(found) == len(lines)
    assert found["whole", "", "edited"] == str(told["whole"]["outcomes"]["edited"])
    assert float(found["whole", "", "p95"]) == pytest.approx(told["whole"]["seconds"]["p95"])
    assert found["answers", "", "weighed"] == str(told["rates"]["weighed"])
    weeks = sum(part == "week" and measure == "edited" for part, _of, measure in found)
    assert weeks == len(told["over_time"])


async def test_the_numbers_name_nobody(desk: Desk) -> None:
    for address in (f"{ADDRESS}?days=366", f"{ADDRESS}?days=366&form=csv", "/queue/report?days=365"):
        text = (await desk.get("auditor", address)).text
        for secret in ("PERSON_1", "refund 450", "alice", "olga"):
            assert secret not in text


async def test_the_command_prints_the_same_numbers(desk: Desk) -> None:
    printed = await desk.run("auditor", "review", "report", "--days", "90", "--json")
    assert printed.exit_code == 0, printed.output
    told = json.loads(printed.output)
    assert told["whole"] == (await desk.get("auditor", f"{ADDRESS}?days=90")).json()["whole"]
    table = (await desk.run("auditor", "review", "report", "--days", "90")).output
    assert f"{told['rates']['held']} of {told['rates']['weighed']} answers were held" in table
    assert "legal" in table
    lines = (await desk.run("auditor", "review", "report", "--csv")).output
    assert lines.startswith("part,of,measure,value")
    refused = await desk.run("rep", "review", "report")
    assert refused.exit_code != 0


async def test_the_rules_are_counted_for_everybody_alike(desk: Desk) -> None:
    mine = (await desk.get("officer", f"{RULES}?days=366")).json()
    assert mine == (await desk.get("auditor", f"{RULES}?days=366")).json()
    counted = {line["rule"]: line["counts"]["held"] for line in mine["rules"] if line["counts"]}
    assert counted == {
        rule: sum(rule in one.rules for one in desk.past.reviews)
        for rule in ("medical", "legal_threat", "minors", "sampled")
    }
    assert mine["weighed"] == len(desk.past.weighed)
    assert mine["would_hold"] == sum(one.would_hold for one in desk.past.weighed)


async def quiet_rule(desk: Desk) -> str:
    """Give the rule for minors a past in which all that it held went out as it was."""
    async with desk.database.transaction() as session:
        await make_quiet(session, "minors")
    [suggested] = (await desk.get("officer", f"{RULES}?days=366")).json()["suggestions"]
    assert suggested["change"] in ({"weight": 0.5}, {"likeness": suggested["now"].get("likeness", 0) + 0.1})
    return str(suggested["id"])


async def test_an_officer_accepts_a_suggestion_once_and_takes_it_back(desk: Desk) -> None:
    told = {"suggestion": await quiet_rule(desk), "reply": "accepted", "days": 366}
    for who in ("rep", "auditor", "admin", "lead"):
        async with desk.client(who) as client:
            assert (await client.post(f"{RULES}/replies", json=told)).status_code == 403
    async with desk.client("officer") as client:
        made = await client.post(f"{RULES}/replies", json=told)
        assert made.status_code == 200, made.text
        again = await client.post(f"{RULES}/replies", json=told)
        assert again.status_code == 404
        view = (await client.get(f"{RULES}?days=366")).json()
        assert view["suggestions"] == []
        [accepted] = view["accepted"]
        assert (accepted["rule"], accepted["by"]) == ("minors", "officer")
        proposal = yaml.safe_load(view["proposal"])
        assert proposal["rules"] == {"minors": accepted["change"]}
        page = (await client.get("/queue/rules?days=365", headers={"accept": "text/html"})).text
        assert "Accepted, for IT to put in place" in page
        address = f"{RULES}/replies/{made.json()['id']}"
        assert (await client.delete(address)).status_code == 204
        assert (await client.delete(address)).status_code == 404
        assert len((await client.get(f"{RULES}?days=366")).json()["suggestions"]) == 1


async def test_what_is_not_suggested_is_not_accepted(desk: Desk) -> None:
    async with desk.client("officer") as client:
        for told in (
            {"suggestion": "0" * 16, "reply": "accepted"},
            {"suggestion": "0" * 16, "reply": "maybe"},
            {"reply": "accepted"},
        ):
            assert (await client.post(f"{RULES}/replies", json=told)).status_code in {400, 404}


async def test_the_command_writes_what_was_accepted_on_the_page_and_by_itself(desk: Desk) -> None:
    suggestion = await quiet_rule(desk)
    policy, period, file = load_policy(), Period.last(366), desk.folder / "own.yaml"
    async with desk.database.transaction() as session:
        with pytest.raises(NotFound, match="Nothing is suggested for medical"):
            await policy_commands._learn(session, policy, period, ["medical"])
        _found, learned = await policy_commands._learn(session, policy, period, ["minors"])
        again = await policy_commands._learn(session, policy, period, ["minors"])
    assert [one.rule for one in learned.accepted] == [one.rule for one in again[1].accepted] == ["minors"]
    policy_commands._write(file, learned, "own-1")
    written = load_policy(file)
    assert written.version == "own-1"
    assert is_in_force(written, learned.accepted[0])
    view = (await desk.get("officer", f"{RULES}?days=366")).json()
    assert view["accepted"][0]["by"].startswith("operator:")
    assert suggestion not in {one["id"] for one in view["suggestions"]}


def test_a_file_that_would_be_no_policy_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    before = "extends: shipped\nversion: own-1\nrules:\n  minors:\n    weight: 0.9\n"
    file.write_text(before, "utf-8")
    broken = SuggestionReply(
        rule="minors", change={"weight": 7}, reply="accepted", policy_version="p", count=1, decided=1, by="x"
    )
    with pytest.raises(Exit):
        policy_commands._write(file, Learned(accepted=(broken,)), "own-2")
    assert file.read_text("utf-8") == before
    assert list(tmp_path.iterdir()) == [file]
