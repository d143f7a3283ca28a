"""Every address of reviewing and of the record, by every role: whom it refuses, and what comes of that."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from psycopg import sql

from approvals import HeldItem, SuggestionReply, note_opened
from assistant.composition import register_all_events
from assistant.conversations import start_conversation
from assistant.settings import WebSettings
from assistant.web import create_web_app
from gateway import (
    Database,
    Principal,
    Role,
    create_account,
    issue_api_token,
    make_signing_key,
    principal_of_account,
)
from tests.approvals.past import make_past, make_quiet
from tests.approvals.queues import held, run_sql, settings_of
from tests.gateway.server import serving
from tests.migrated import migrated

ASKER: Final = "asker"
"""The rep whose question is held; `rep` is another."""
NOBODY: Final = "nobody"
PEOPLE: Final = {ASKER: Role.REP, **{role.value: role for role in Role}}

ANYBODY: Final = set(PEOPLE)
OFFICER: Final = {Role.OFFICER.value}
AUDITOR: Final = {Role.AUDITOR.value}
ADMIN: Final = {Role.ADMIN.value}
READERS: Final = OFFICER | AUDITOR | ADMIN | {Role.LEAD.value}

REVIEWS, RECORD = "/api/v1/reviews", "/api/v1/audit"
ITEM: Final = f"{REVIEWS}/{{item_id}}"
DECIDES: Final = {"hash": "{hash}"}
SAYS: Final = {**DECIDES, "note": "Which order?"}
GENERAL: Final = {"name": "general", "title": "General", "members": "everyone"}
HOURS: Final = {"starts": "2099-01-01T08:00:00Z", "ends": "2099-01-01T17:00:00Z"}
MAIL: Final = {"kind": "mail", "conversation": "{conversation}", "to": "a@example.org", "subject": "S"}


@dataclass(frozen=True)
class Rule:
    """Who may, and what is sent: the body, and what is asked behind the address."""

    may: set[str]
    body: Mapping[str, Any] | None = None
    query: str = ""


RULES: Final[Mapping[tuple[str, str], Rule]] = {
    ("GET", REVIEWS): Rule(OFFICER),
    ("GET", f"{REVIEWS}/badge"): Rule(OFFICER),
    ("GET", f"{REVIEWS}/notices"): Rule(ANYBODY),
    ("POST", f"{REVIEWS}/notices/seen"): Rule(ANYBODY, {"ids": ["{item_id}"]}),
    ("GET", f"{REVIEWS}/queues"): Rule(OFFICER | ADMIN),
    ("GET", f"{REVIEWS}/queues/plans"): Rule(OFFICER | ADMIN),
    ("PUT", f"{REVIEWS}/queues"): Rule(ADMIN, {"version": "2", "queues": [GENERAL]}),
    ("POST", f"{REVIEWS}/absences"): Rule(OFFICER, HOURS),
    ("POST", f"{REVIEWS}/absences/{{absence_id}}/end"): Rule(OFFICER),
    ("GET", f"{REVIEWS}/report"): Rule(READERS),
    ("GET", f"{REVIEWS}/rules"): Rule(READERS),
    ("POST", f"{REVIEWS}/rules/replies"): Rule(
        OFFICER, {"suggestion": "{suggestion}", "reply": "accepted", "days": 366}
    ),
    ("DELETE", f"{REVIEWS}/rules/replies/{{reply_id}}"): Rule(OFFICER),
    ("GET", f"{REVIEWS}/filters"): Rule(OFFICER),
    ("POST", f"{REVIEWS}/filters"): Rule(OFFICER, {"name": "Another"}),
    ("DELETE", f"{REVIEWS}/filters/{{filter_id}}"): Rule(OFFICER),
    ("POST", f"{REVIEWS}/outgoing"): Rule({ASKER}, {**MAIL, "text": "Good day."}),
    ("POST", f"{REVIEWS}/bulk"): Rule(
        OFFICER, {"items": [{"id": "{item_id}", "hash": "{hash}"}], "verdict": "approve"}
    ),
    ("GET", ITEM): Rule(OFFICER),
    ("GET", f"{ITEM}/status"): Rule(OFFICER | {ASKER}),
    ("GET", f"{ITEM}/questions"): Rule({ASKER}),
    ("GET", f"{ITEM}/standing"): Rule(OFFICER),
    ("GET", f"{ITEM}/colleagues"): Rule(OFFICER),
    ("POST", f"{ITEM}/claim"): Rule(OFFICER),
    ("POST", f"{ITEM}/release"): Rule(OFFICER),
    ("POST", f"{ITEM}/approve"): Rule(OFFICER, DECIDES),
    ("POST", f"{ITEM}/false-alarm"): Rule(OFFICER, DECIDES),
    ("POST", f"{ITEM}/edit"): Rule(OFFICER, {**DECIDES, "text": "Other."}),
    ("POST", f"{ITEM}/reject"): Rule(OFFICER, {**DECIDES, "reason": "tone"}),
    ("POST", f"{ITEM}/send-back"): Rule(OFFICER, SAYS),
    ("POST", f"{ITEM}/reassign"): Rule(OFFICER, {**DECIDES, "to": "officer@example.org"}),
    ("POST", f"{ITEM}/escalate"): Rule(OFFICER, DECIDES),
    ("POST", f"{ITEM}/ask"): Rule(OFFICER, SAYS),
    ("POST", f"{ITEM}/undo"): Rule(OFFICER),
    ("POST", f"{ITEM}/answer"): Rule({ASKER}, {"text": "The second."}),
    ("PUT", f"{ITEM}/customer-waits"): Rule({ASKER}, {"waits": True}),
    ("POST", f"{ITEM}/cancel"): Rule({ASKER}),
    ("POST", f"{ITEM}/draft"): Rule({ASKER}, {"text": "Good day."}),
    ("GET", RECORD): Rule(AUDITOR),
    ("GET", f"{RECORD}/export"): Rule(AUDITOR),
    ("GET", f"{RECORD}/proofs/{{event}}"): Rule(AUDITOR),
    ("GET", f"{RECORD}/holds"): Rule(AUDITOR),
    ("POST", f"{RECORD}/holds"): Rule(AUDITOR, {"scope": "run", "value": "{run}", "reason": "Case 7."}),
    ("DELETE", f"{RECORD}/holds/{{hold}}"): Rule(AUDITOR),
    ("POST", f"{RECORD}/verify"): Rule(AUDITOR),
    ("GET", f"{RECORD}/key"): Rule(AUDITOR),
    ("GET", f"{RECORD}/verifier"): Rule(AUDITOR),
    ("GET", f"{RECORD}/runs"): Rule(AUDITOR, query="?of={run}"),
    ("GET", f"{RECORD}/runs/{{run}}"): Rule(AUDITOR),
    ("POST", f"{RECORD}/runs/{{run}}/replay"): Rule(AUDITOR, {}),
}


@dataclass
class Site:
    """A web process over a real database, and who may come; door and retrieval are away."""

    app: FastAPI
    dsn: str
    database: Database
    people: dict[str, Principal] = field(default_factory=dict)
    clients: dict[str, httpx.AsyncClient] = field(default_factory=dict)

    async def things(self) -> dict[str, str]:
        """Something new for each name in an address: a held answer that the officer has opened, and so on."""
        async with self.database.transaction() as session:
            item: HeldItem = await held(session, requester=self.people[ASKER], read=False)
            await note_opened(session, self.people["officer"], item)
            conversation = uuid.uuid4()
            await start_conversation(
                session, self.people[ASKER], conversation_id=conversation, title="", scope=None
            )
            await run_sql(session, "DELETE FROM approvals.suggestion_reply")
            reply = SuggestionReply(
                rule="legal_threat",
                change={"weight": 0.5},
                reply="put_aside",
                policy_version="1",
                count=1,
                decided=9,
                by=self.people["officer"].id,
            )
            session.add(reply)
        officer, auditor = self.clients["officer"], self.clients["auditor"]
        absence = await officer.post(f"{REVIEWS}/absences", json=HOURS)
        kept = await officer.post(f"{REVIEWS}/filters", json={"name": "Mine"})
        hold = await auditor.post(f"{RECORD}/holds", json={"scope": "all", "reason": "Case 1."})
        rules = (await officer.get(f"{REVIEWS}/rules?days=366")).json()
        return {
            "item_id": str(item.id),
            "hash": item.current_hash,
            "run": str(item.run),
            "conversation": str(conversation),
            "reply_id": str(reply.id),
            "suggestion": rules["suggestions"][0]["id"],
            "absence_id": absence.json()["id"],
            "filter_id": kept.json()["id"],
            "hold": hold.json()["id"],
            "event": "1",
        }

    def everything(self) -> Mapping[str, str]:
        """Each table of ours and what is in it, as a hash."""
        with psycopg.connect(self.dsn) as connection:
            tables = connection.execute(_TABLES).fetchall()
            found = {}
            for schema, name in tables:
                every = sql.SQL(_EVERY).format(sql.Identifier(schema, name))
                row = connection.execute(every).fetchone()
                assert row
                found[f"{schema}.{name}"] = str(row[0])
            return found


_TABLES: Final = """
    SELECT schemaname, tablename FROM pg_tables
    WHERE schemaname IN ('approvals', 'assistant', 'gateway', 'retrieval', 'jobs')
"""
_EVERY: Final = "SELECT md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM {} AS t"


@pytest.fixture(scope="module")
async def site(
    new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    register_all_events()
    folder: Path = tmp_path_factory.mktemp("site")
    appliance = migrated(new_database, folder)
    public = folder / "web.pub"
    make_signing_key(folder / "web.key", public)
    settings = WebSettings.model_validate(
        {
            "listen": {"port": 1},
            "database": appliance.settings("cloister_web"),
            "trust": {
                "issuer": "web",
                "key_file": folder / "web.key",
                "trusted": {"web": folder / "web.pub"},
            },
            "door": {"url": "http://127.0.0.1:9"},
            "retrieval": {"url": "http://127.0.0.1:9"},
            "anchors": {"folder": folder, "public_key_file": public},
            "state_folder": folder,
        }
    )
    app = create_web_app(settings)
    made = Site(app, appliance.superuser_dsn, Database(settings_of(appliance.superuser_dsn, folder)))
    async with serving(app) as address, httpx.AsyncClient(base_url=address, trust_env=False) as nobody:
        made.clients[NOBODY] = nobody
        async with made.database.transaction() as session:
            await make_past(session, 11, items=60, queues=("general",))
            await make_quiet(session, "minors")
            for name, role in PEOPLE.items():
                account = await create_account(
                    session, login=f"{name}@example.org", name=name, roles=[role], password=None
                )
                token = await issue_api_token(session, str(account.id), label="test")
                made.people[name] = await principal_of_account(session, account_id=str(account.id))
                headers = {"Authorization": f"Bearer {token.secret}"}
                made.clients[name] = httpx.AsyncClient(
                    base_url=address, headers=headers, trust_env=False, timeout=60
                )
        yield made
        await asyncio.gather(*(client.aclose() for name, client in made.clients.items() if name != NOBODY))
    await made.database.close()


def filled(template: Any, things: Mapping[str, str]) -> Any:
    """The template with what stands for its names."""
    if isinstance(template, str):
        return template.format(**things)
    if isinstance(template, Mapping):
        return {name: filled(value, things) for name, value in template.items()}
    return [filled(value, things) for value in template] if isinstance(template, list) else template


def test_every_address_of_reviewing_and_of_the_record_has_its_rule(site: Site) -> None:
    found = {
        (method, context.path)
        for context in iter_route_contexts(site.app.routes)
        for method in getattr(context, "methods", None) or ()
        if (context.path or "").startswith((REVIEWS, RECORD)) and method != "HEAD"
    }
    assert set(RULES) == found


@pytest.mark.parametrize(("method", "path"), RULES, ids=lambda part: part.removeprefix("/api/v1/"))
async def test_who_may_not_is_refused_and_nothing_comes_of_it(site: Site, method: str, path: str) -> None:
    rule, things = RULES[method, path], await site.things()
    address = filled(path + rule.query, things)
    body = None if rule.body is None else filled(rule.body, things)

    async def answer(who: str) -> int:
        return (await site.clients[who].request(method, address, json=body)).status_code

    before = await asyncio.to_thread(site.everything)
    refused = {who: await answer(who) for who in PEOPLE if who not in rule.may}
    assert await answer(NOBODY) == 401
    assert await asyncio.to_thread(site.everything) == before
    assert set(refused.values()) <= {403, 404}, refused
    let_in = {who: await answer(who) for who in sorted(rule.may)}
    assert {401, 403}.isdisjoint(let_in.values()), let_in
    assert set(refused.values()).isdisjoint(let_in.values()), "they are told the same, whoever they are"
