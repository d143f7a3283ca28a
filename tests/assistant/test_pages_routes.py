"""The pages over HTTP, with the sample company."""

import html
import json
import re
import uuid
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response

from approvals import MailDraft
from assistant.pages import (
    CrossSiteGuard,
    HistoryEntry,
    SecurityHeaders,
    create_pages_router,
    install_error_pages,
)
from gateway import install_error_handlers

from .pages_sample import (
    DECIDED_ITEM,
    EDITED_ITEM,
    EDITOR,
    EVERY_STATE,
    HELD_ITEM,
    HOSTILE,
    LOGINS,
    MAIL_ITEM,
    NOW,
    ONE_ANSWER,
    SAID,
    SamplePages,
)

HTML = {"accept": "text/html"}
PAGES = {
    "/": "rita",
    f"/c/{ONE_ANSWER}": "rita",
    f"/c/{EVERY_STATE}": "lena",
    "/parts/conversations": "rita",
    "/queue": "otto",
    "/queue?state=mine": "otto",
    "/queue?state=decided&sort=-risk": "otto",
    f"/queue/{HELD_ITEM}": "otto",
    f"/queue/{DECIDED_ITEM}": "otto",
    f"/queue/{MAIL_ITEM}": "otto",
    f"/queue/{EDITED_ITEM}?risk=normal": "otto",
    "/health": "adam",
    "/audit": "aude",
    f"/audit/runs?of={EVERY_STATE}": "aude",
    f"/audit/runs/{ONE_ANSWER}": "aude",
}


def pages_app() -> FastAPI:
    app = FastAPI()
    install_error_handlers(app)
    install_error_pages(app)
    app.include_router(create_pages_router(SamplePages))

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("the text of a customer")

    app.add_middleware(CrossSiteGuard)
    app.add_middleware(SecurityHeaders)
    return app


@pytest.fixture
async def client() -> AsyncIterator[AsyncClient]:
    transport = ASGITransport(pages_app(), raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://cloister.test", headers=HTML) as client:
        yield client


def sign_in(client: AsyncClient, login: str) -> None:
    client.cookies.set("cloister_session", login)


@pytest.mark.parametrize("path", PAGES)
async def test_nobody_sees_a_page_without_signing_in(client: AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in?next=%2F")


@pytest.mark.parametrize(("path", "login"), PAGES.items())
async def test_each_role_sees_its_pages(client: AsyncClient, path: str, login: str) -> None:
    sign_in(client, login)
    answer = await client.get(path)
    assert answer.status_code == 200
    assert_clean(answer)


@pytest.mark.parametrize(
    ("path", "login"),
    [
        ("/queue", "rita"),
        (f"/queue/{HELD_ITEM}", "rita"),
        ("/health", "rita"),
        ("/health", "otto"),
        ("/audit", "adam"),
        (f"/audit/runs/{ONE_ANSWER}", "otto"),
        (f"/c/{ONE_ANSWER}", "adam"),
        ("/parts/conversations", "adam"),
        ("/", "bare"),
    ],
)
async def test_a_page_of_another_role_is_refused_in_words(client: AsyncClient, path: str, login: str) -> None:
    sign_in(client, login)
    answer = await client.get(path)
    assert answer.status_code == 403
    assert "This page is not yours" in answer.text
    assert_clean(answer)


@pytest.mark.parametrize(("login", "home"), [("otto", "/queue"), ("adam", "/health"), ("aude", "/audit")])
async def test_those_who_do_not_ask_start_at_their_own_page(
    client: AsyncClient, login: str, home: str
) -> None:
    sign_in(client, login)
    assert (await client.get("/")).headers["location"] == home


@pytest.mark.parametrize(
    "path", ["/nothing", "/c/7", "/c/99999999-9999-4999-8999-999999999999", "/static/x/none.js"]
)
async def test_what_is_not_there_and_what_is_not_yours_look_alike(client: AsyncClient, path: str) -> None:
    sign_in(client, "rita")
    answer = await client.get(path)
    assert answer.status_code == 404
    if not path.startswith("/static"):
        assert "There is nothing here" in answer.text


async def test_an_unforeseen_error_is_a_page_with_headers_and_without_its_text(client: AsyncClient) -> None:
    answer = await client.get("/broken")
    assert answer.status_code == 500
    assert "the text of a customer" not in answer.text
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert_clean(answer)


async def test_programs_get_problem_details(client: AsyncClient) -> None:
    answer = await client.get("/queue", headers={"accept": "application/json"})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    api = await client.get("/api/v1/nothing")
    assert api.headers["content-type"] == "application/problem+json"


async def test_signing_in_sets_a_cookie_that_scripts_cannot_read(client: AsyncClient) -> None:
    form = {"login": "rita", "password": "demo-password", "next": f"/c/{ONE_ANSWER}"}
    answer = await client.post("/sign-in", data=form)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/c/{ONE_ANSWER}"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie


async def test_the_cookie_is_secure_under_https() -> None:
    transport = ASGITransport(pages_app())
    async with AsyncClient(transport=transport, base_url="https://cloister.test") as client:
        answer = await client.post("/sign-in", data={"login": "rita", "password": "demo-password"})
    assert "Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize(("login", "password"), [("rita", "wrong"), ("nobody", "demo-password"), ("", "")])
async def test_a_failed_sign_in_does_not_tell_why(client: AsyncClient, login: str, password: str) -> None:
    answer = await client.post("/sign-in", data={"login": login, "password": password})
    assert answer.status_code == 401
    assert "do not match" in answer.text
    assert "set-cookie" not in answer.headers
    assert_clean(answer)


@pytest.mark.parametrize(
    "place", ["//evil.test", "/\\evil.test", "https://evil.test", "/\t/evil.test", "/sign-out", "x", ""]
)
async def test_signing_in_never_leads_to_another_host(client: AsyncClient, place: str) -> None:
    form = {"login": "rita", "password": "demo-password", "next": place}
    assert (await client.post("/sign-in", data=form)).headers["location"] == "/"


async def test_signing_out_ends_the_session(client: AsyncClient) -> None:
    sign_in(client, "rita")
    answer = await client.post("/sign-out")
    assert answer.headers["location"] == "/sign-in"
    assert "Max-Age=0" in answer.headers["set-cookie"]


async def test_demo_accounts_are_offered_by_a_demo_only(
    client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "demo-password" in (await client.get("/sign-in")).text
    assert "customers are invented" in (await client.get("/sign-in")).text
    monkeypatch.setattr(SamplePages, "invented", False)
    assert "invented" not in (await client.get("/sign-in")).text
    monkeypatch.setattr(SamplePages, "demo", False)
    assert "demo" not in (await client.get("/sign-in")).text


async def test_the_first_view_carries_the_whole_thread(client: AsyncClient) -> None:
    sign_in(client, "rita")
    page = (await client.get(f"/c/{ONE_ANSWER}")).text
    data = island(page, "conversation-data")
    events = data["conversation"]["runs"][0]["events"]
    assert [event["kind"] for event in events][-1] == "done"
    assert data["limit"] == 8000
    assert "Router of Nordwind Logistics" in page


async def test_text_of_people_never_becomes_markup(client: AsyncClient) -> None:
    sign_in(client, "lena")
    page = (await client.get(f"/c/{EVERY_STATE}")).text
    assert HOSTILE not in page
    assert "<img src=x" not in page
    assert HOSTILE in island(page, "conversation-data")["conversation"]["title"]


async def test_the_open_conversation_is_not_marked_as_new(client: AsyncClient) -> None:
    sign_in(client, "rita")
    unread = uuid.UUID(int=7)
    assert 'data-unread="true"' in (await client.get("/parts/conversations")).text
    assert 'data-unread="true"' not in (await client.get(f"/parts/conversations?current={unread}")).text


async def test_navigation_shows_what_a_role_may_open(client: AsyncClient) -> None:
    expected = {"rita": {"/"}, "otto": {"/queue"}, "lena": {"/", "/queue", "/health", "/audit"}}
    for login, places in expected.items():
        sign_in(client, login)
        page = (await client.get("/", follow_redirects=True)).text
        nav = re.search(r"<nav class=\"places\".*?</nav>", page, re.S)
        assert nav is not None
        assert set(re.findall(r'href="(/[^"]*)"', nav.group())) == places


async def test_the_queue_sorts_by_risk(client: AsyncClient) -> None:
    sign_in(client, "otto")
    for sort, first in (("risk", "risk-top"), ("-risk", "risk-normal")):
        page = (await client.get(f"/queue?sort={sort}")).text
        found = re.search(r"<tbody>.*?(risk-\w+)", page, re.S)
        assert found is not None
        assert found.group(1) == first
    assert (await client.get("/queue?sort=password")).status_code == 400


async def test_the_queue_is_in_the_order_of_the_places_that_reps_read(client: AsyncClient) -> None:
    sign_in(client, "otto")
    page = (await client.get("/queue")).text
    body = page[page.index("<tbody>") :]
    assert re.findall(r"risk-(top|normal)", body)[:2] == ["top", "normal"]
    assert body.index("customer is waiting") < body.index(f'data-id="{HELD_ITEM}"')
    for sort, after in (("urgency", "risk"), ("risk", "-risk"), ("-risk", "")):
        page = (await client.get(f"/queue?sort={sort}")).text
        address = f"/queue?sort={after}" if after else "/queue"
        assert f'href="{address}">Risk' in page, sort


@pytest.mark.parametrize(
    "query", ["state=all", "risk=low", "kind=letter", "sort=queue-", f"text={'x' * 81}", f"rule={'x' * 81}"]
)
async def test_a_filter_that_is_none_is_refused(client: AsyncClient, query: str) -> None:
    sign_in(client, "otto")
    for path in ("/queue", f"/queue/{HELD_ITEM}"):
        assert (await client.get(f"{path}?{query}")).status_code == 400


async def test_a_filter_goes_along_to_items_tabs_and_order(client: AsyncClient) -> None:
    sign_in(client, "otto")
    page = html.unescape((await client.get("/queue?queue=legal&text=rep-&sort=-age")).text)
    assert 'href="/queue?state=mine&queue=legal&text=rep-&sort=-age"' in page
    assert 'href="/queue?queue=legal&text=rep-&sort=risk"' in page
    item = html.unescape((await client.get(f"/queue/{MAIL_ITEM}?queue=legal")).text)
    assert 'href="/queue?queue=legal"' in item
    assert f'href="/queue/{uuid.UUID(int=4)}?queue=legal"' in item
    assert_clean(await client.get("/queue?text=<script>alert(1)</script>"))


async def test_a_queue_shows_no_name_and_no_word_of_a_text(client: AsyncClient) -> None:
    sign_in(client, "otto")
    page = (await client.get("/queue")).text
    for secret in ("Maria Keller", "€ 150", "maria.keller@", "Rita"):
        assert secret not in page


async def test_what_was_said_about_an_item_never_becomes_markup(
    client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = HistoryEntry("question", HOSTILE, False, NOW, HOSTILE, to=HOSTILE, queue=HOSTILE)
    mail = MailDraft(HOSTILE, HOSTILE)
    monkeypatch.setitem(SAID[MAIL_ITEM], "history", [told])
    monkeypatch.setitem(SAID[MAIL_ITEM], "mail", mail)
    sign_in(client, "otto")
    answer = await client.get(f"/queue/{MAIL_ITEM}")
    assert HOSTILE not in answer.text
    assert html.escape(HOSTILE) in answer.text
    assert_clean(answer)


async def test_who_has_a_part_in_an_item_through_another_account_is_offered_no_decision(
    client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(client, "otto")
    assert 'id="approve"' in (await client.get(f"/queue/{HELD_ITEM}")).text
    monkeypatch.setitem(SAID, HELD_ITEM, {"barred": "other_account"})
    page = (await client.get(f"/queue/{HELD_ITEM}")).text
    assert "You have voted on this through another account of yours." in page
    for button in ("approve", "edit", "reject", "send-back", "claim", "more-moves"):
        assert f'id="{button}"' not in page
    assert island(page, "review-data")["open"] is False


async def test_the_administrator_reads_no_content(client: AsyncClient) -> None:
    sign_in(client, "adam")
    page = (await client.get("/health")).text
    assert "Nordwind" not in page
    assert "permission denied for table article" in page


async def test_verifying_says_what_was_checked(client: AsyncClient) -> None:
    sign_in(client, "aude")
    answer = await client.post("/audit/verify")
    assert "899 sealed events" in answer.text
    assert "seal 12" in answer.text
    assert_clean(answer)


async def test_verifying_says_how_far_it_is_to_a_module(client: AsyncClient) -> None:
    sign_in(client, "aude")
    answer = await client.post("/audit/verify", headers={"Accept": "application/x-ndjson"})
    *progress, last = [json.loads(line) for line in answer.text.splitlines()]
    assert progress == [{"checked": 0, "of": 0}, {"checked": 450, "of": 899}]
    assert 'id="verified"' in last["html"]
    assert "cloister.internal/record+1f2e3d4c" in last["html"], "it says with which key"
    assert "<html" not in last["html"]


async def test_an_answer_is_found_by_any_of_its_ids(client: AsyncClient) -> None:
    sign_in(client, "aude")
    found = await client.get(f"/audit/runs?of=https://assistant.example.org/c/{ONE_ANSWER}/")
    assert (found.status_code, found.headers["location"]) == (303, f"/audit/runs/{ONE_ANSWER}")
    several = await client.get(f"/audit/runs?of={EVERY_STATE}")
    assert "3 answers" in several.text
    for unknown in (str(uuid.uuid4()), "anna"):
        assert "The record knows no answer of this id" in (await client.get(f"/audit/runs?of={unknown}")).text


async def test_the_timeline_of_an_answer_says_what_was_in_force_and_what_is_missing(
    client: AsyncClient,
) -> None:
    sign_in(client, "aude")
    page = html.unescape((await client.get(f"/audit/runs/{ONE_ANSWER}")).text)
    assert re.findall(r"<h2>(\w[\w ]+)</h2>", page) == [
        "Redacted",
        "Asked",
        "Searched",
        "Generated",
        "Scored",
        "Held",
        "Under review",
        "Decided",
        "Shown",
        "Ended",
        "Read by an auditor",
    ]
    for said in ("small@12fd25f7", "g0003-m-384-1", "direct-1f2e3d4c5b6a", "answer-90ab12cd34ef"):
        assert said in page
    assert "Of 1 event name, time and leaf alone are left" in page
    assert "Not recorded: Version of the known identities." in page
    assert (await client.get(f"/audit/runs/{uuid.uuid4()}")).status_code == 404
    assert (await client.get("/audit/runs/7")).status_code == 404


async def test_a_replay_shows_the_difference_in_words_and_in_what_it_weighs(client: AsyncClient) -> None:
    sign_in(client, "aude")
    answer = await client.post(f"/audit/runs/{ONE_ANSWER}/replay")
    page = html.unescape(answer.text)
    assert "<del>EUR 4,000</del><ins>what was agreed</ins>" in page
    assert "small@22bb33cc in place of small@12fd25f7" in page
    assert "&lt;PERSON_1&gt;" in answer.text, "a token is text, not an element"
    assert_clean(answer)


async def test_a_replay_says_what_whoever_asked_got(client: AsyncClient) -> None:
    sign_in(client, "aude")
    page = (await client.post(f"/audit/runs/{ONE_ANSWER}/replay")).text
    assert "whoever asked got the officer&#39;s text." in page
    assert "We look into what was agreed with &lt;PERSON_1&gt;" in page


@pytest.mark.parametrize("address", [f"/audit/runs/{ONE_ANSWER}", "/audit"])
async def test_who_edited_is_told_by_the_sign_in_name(client: AsyncClient, address: str) -> None:
    sign_in(client, "aude")
    page = (await client.get(address)).text
    assert f'<dd><a href="/audit?actor={EDITOR}" title="{EDITOR}">otto</a></dd>' in page


async def test_a_replay_by_another_version_is_only_offered(client: AsyncClient) -> None:
    sign_in(client, "aude")
    refused = await client.post(f"/audit/runs/{HELD_ITEM}/replay")
    assert refused.status_code == 409
    assert "small@11aa" in refused.text
    assert 'name="other_version"' in refused.text
    assert (
        await client.post(f"/audit/runs/{HELD_ITEM}/replay", data={"other_version": "true"})
    ).status_code == 200
    erased = await client.post(f"/audit/runs/{EVERY_STATE}/replay")
    assert erased.status_code == 409
    assert "can no longer be replayed" in erased.text
    assert 'name="other_version"' not in erased.text


async def test_the_timeline_filters_and_pages(client: AsyncClient) -> None:
    sign_in(client, "aude")
    page = (await client.get("/audit?action=run.held&since=2026-01-01T00:00")).text
    assert "run.held</code>" in page
    assert "run.asked</code>" not in page
    assert "before=e24" in html.unescape(page)
    assert (await client.get("/audit?since=yesterday")).status_code == 400


async def test_the_export_takes_the_filters_along(client: AsyncClient) -> None:
    sign_in(client, "aude")
    page = html.unescape((await client.get("/audit?action=run.held&since=2026-01-01T00:00&before=e9")).text)
    filters = "event=run.held&since=2026-01-01T00%3A00%3A00%2B00%3A00"
    assert f'href="/api/v1/audit/export?form=jsonl&{filters}"' in page
    assert f'href="/api/v1/audit/export?form=csv&{filters}"' in page
    assert 'export?form=csv"' in (await client.get("/audit?except=")).text


async def test_what_fills_an_index_is_left_out_until_somebody_filters(client: AsyncClient) -> None:
    sign_in(client, "aude")
    first = html.unescape((await client.get("/audit")).text)
    assert "Left out: text.embedded." in first
    assert "text.embedded</code>" not in first
    assert 'export?form=csv&except=text.embedded"' in first
    assert "except=text.embedded&before=e24" in first, "and on the next page"
    for filtered in ("/audit?except=", "/audit?actor=rita", "/audit?action=text.embedded&except=text."):
        page = (await client.get(filtered)).text
        assert "text.embedded</code>" in page
        assert "Left out" not in page


async def test_several_events_are_left_out_by_name_and_by_beginning(client: AsyncClient) -> None:
    sign_in(client, "aude")
    page = html.unescape((await client.get("/audit?actor=rita&except=run.held,+text.")).text)
    assert "Left out: run.held, text.." in page
    for event in ("run.held", "text.redacted", "text.embedded"):
        assert f"{event}</code>" not in page
    assert "run.asked</code>" in page
    assert "actor=rita&except=run.held&except=text." in page, "the export leaves out the same"
    assert 'href="/audit?actor=rita&except="' in page


async def test_static_files_are_kept_for_good_under_their_hash(client: AsyncClient) -> None:
    page = (await client.get("/sign-in")).text
    for path in re.findall(r'(?:src|href)="(/static/[^"]*)"', page):
        answer = await client.get(path)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        other = await client.get(re.sub(r"/static/\w+/", "/static/other/", path))
        assert other.headers["cache-control"] == "no-cache"


async def test_pages_speak_the_browsers_language_where_they_can(client: AsyncClient) -> None:
    answer = await client.get("/sign-in", headers={"accept-language": "xx,en;q=0.5"})
    assert answer.headers["content-language"] == "en"


def test_every_role_of_the_sample_is_tried() -> None:
    assert set(LOGINS) >= set(PAGES.values())


def island(page: str, name: str) -> Any:
    found = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', page, re.S)
    assert found is not None
    return json.loads(found.group(1))


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def assert_clean(answer: Response) -> None:
    """No inline script, style or handler, and nothing from another host."""
    page = _Elements()
    page.feed(answer.text)
    for tag, attributes in page.found:
        assert tag != "style"
        assert not [name for name in attributes if name == "style" or name.startswith("on")]
        if tag == "script" and attributes.get("type") != "application/json":
            assert (attributes.get("src") or "").startswith("/static/")
        for name in ("src", "action", "href"):
            assert re.match(r"[/#](?!/)", attributes.get(name) or "/"), attributes
