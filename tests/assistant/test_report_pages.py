"""The pages of numbers over HTTP and in Chromium, with the sample's numbers."""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import uvicorn
from httpx import ASGITransport, AsyncClient
from playwright.async_api import Browser, Page, async_playwright, expect

from assistant.appliance.ports import free_port
from tests.conftest import chromium

from .browsing import painted, sideways, violations
from .report_sample import QUEUES, SampleReports, report_app, sample_report

Opened = Callable[..., Awaitable[Page]]
READERS = {"otto": 200, "aude": 200, "adam": 200, "lena": 200, "rita": 403, "bare": 403}


@pytest.fixture
async def client() -> AsyncIterator[AsyncClient]:
    transport = ASGITransport(report_app(), raise_app_exceptions=False)
    headers = {"accept": "text/html"}
    async with AsyncClient(transport=transport, base_url="http://cloister.test", headers=headers) as client:
        yield client


@pytest.mark.parametrize(("login", "status"), READERS.items())
async def test_the_numbers_are_for_officers_leads_auditors_and_administrators(
    client: AsyncClient, login: str, status: int
) -> None:
    client.cookies.set("cloister_session", login)
    assert (await client.get("/queue/report")).status_code == status


@pytest.mark.parametrize(("login", "status"), READERS.items())
async def test_the_rules_are_for_the_same_people(client: AsyncClient, login: str, status: int) -> None:
    client.cookies.set("cloister_session", login)
    assert (await client.get("/queue/rules")).status_code == status


async def test_only_officers_are_offered_to_answer(client: AsyncClient) -> None:
    client.cookies.set("cloister_session", "otto")
    assert (await client.get("/queue/rules")).text.count('action="/queue/rules/replies') == 4
    client.cookies.set("cloister_session", "aude")
    text = (await client.get("/queue/rules")).text
    assert '<form method="post" action="/queue' not in text
    assert "An officer accepts them or puts them aside." in text
    for path in ("/queue/rules/replies", f"/queue/rules/replies/{uuid.uuid4()}/withdraw"):
        told = {"suggestion": "a1", "reply": "accepted", "days": "90"}
        assert (await client.post(path, data=told)).status_code == 403


async def test_an_officers_answer_is_kept_and_leads_back(client: AsyncClient) -> None:
    SampleReports.said.clear()
    client.cookies.set("cloister_session", "otto")
    told = {"suggestion": "a1", "reply": "accepted", "days": "365"}
    answer = await client.post("/queue/rules/replies", data=told)
    assert (answer.status_code, answer.headers["location"]) == (303, "/queue/rules?days=365#changes")
    reply = uuid.uuid4()
    await client.post(f"/queue/rules/replies/{reply}/withdraw", data={"days": "90"})
    assert SampleReports.said == [("otto", "a1", "accepted"), ("otto", str(reply), "withdrawn")]
    for wrong in ({"suggestion": "zz"}, {"reply": "maybe"}, {"days": "0"}):
        assert (await client.post("/queue/rules/replies", data={**told, **wrong})).status_code in {400, 404}
    other_site = {"sec-fetch-site": "cross-site"}
    assert (await client.post("/queue/rules/replies", data=told, headers=other_site)).status_code == 403
    assert len(SampleReports.said) == 2


async def test_a_suggestion_has_its_reason_and_its_numbers(client: AsyncClient) -> None:
    client.cookies.set("cloister_session", "otto")
    text = (await client.get("/queue/rules")).text
    assert "weight: 1.0 → 0.5" in text
    assert "officers: one → two" in text
    assert "42 of 45 decided drafts went out as they were." in text
    assert "9 of 20 decided drafts did not go out as they were." in text
    assert "shadow mode" in text
    assert "extends: shipped" in text
    assert "</script><script>" not in text


async def test_rules_that_held_nothing_say_so(client: AsyncClient) -> None:
    client.cookies.set("cloister_session", "otto")
    text = (await client.get("/queue/rules?days=7")).text
    for sentence in (
        "Nothing is suggested.",
        "No rule has held anything",
        "No draft of this time",
    ):
        assert sentence in text
    assert 'role="img"' not in text


async def test_nobody_sees_numbers_without_signing_in(client: AsyncClient) -> None:
    answer = await client.get("/queue/report")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Fqueue%2Freport")


@pytest.mark.parametrize("query", ["days=0", "days=400", "days=x"])
async def test_a_period_that_is_none_is_refused(client: AsyncClient, query: str) -> None:
    client.cookies.set("cloister_session", "otto")
    assert (await client.get(f"/queue/report?{query}")).status_code == 400


async def test_a_queue_that_is_none_of_theirs_is_not_there(client: AsyncClient) -> None:
    client.cookies.set("cloister_session", "otto")
    assert (await client.get("/queue/report?queue=nowhere")).status_code == 404


async def test_period_and_queue_are_in_the_address_and_kept(client: AsyncClient) -> None:
    client.cookies.set("cloister_session", "otto")
    text = (await client.get("/queue/report?days=90&queue=legal")).text
    assert '<option value="legal" selected>' in text
    assert 'href="/queue/report?days=30&amp;queue=legal"' in text
    assert 'href="/api/v1/reviews/report?days=90&amp;queue=legal&amp;form=csv"' in text
    assert "By queue" not in text


async def test_every_chart_has_its_numbers_beside_it(client: AsyncClient) -> None:
    client.cookies.set("cloister_session", "otto")
    text = (await client.get("/queue/report?days=30")).text
    report = sample_report(30)
    tables = re.findall(r"<table.*?</table>", text, re.S)
    assert len(tables) == 4
    volume = re.findall(r"<tr>(.*?)</tr>", tables[0], re.S)[1:]
    assert len(volume) == len(report.over_time)
    for row, moment in zip(volume, report.over_time, strict=True):
        numbers = [int(one) for one in re.findall(r'class="number">(\d+)<', row)]
        assert sum(numbers) == moment.numbers.outcomes.reviews
    assert text.count('role="img"') == 4
    assert "</script><script>" not in text
    assert not re.search(r"\sstyle=|<style", text)


async def test_a_share_names_what_it_is_a_share_of(client: AsyncClient) -> None:
    client.cookies.set("cloister_session", "otto")
    text = (await client.get("/queue/report")).text
    assert re.search(r"Of all decided</dt>.*?[\d,]+ of [\d,]+ were released unchanged", text)
    assert re.search(r"Of all ended</dt>.*?[\d,]+ of [\d,]+ expired before a decision", text)
    assert re.search(r"Shares of all [\d,]+ drafts that were held", text)


async def test_a_time_in_which_nothing_happened_says_so(client: AsyncClient) -> None:
    client.cookies.set("cloister_session", "otto")
    text = (await client.get("/queue/report?days=7")).text
    assert "Nothing to count yet" in text
    assert 'role="img"' not in text


async def test_the_queue_leads_officers_to_the_numbers_and_the_bar_all_others(
    client: AsyncClient,
) -> None:
    client.cookies.set("cloister_session", "otto")
    assert 'href="/queue/report"' in (await client.get("/queue")).text
    client.cookies.set("cloister_session", "aude")
    assert 'href="/queue/report"' in (await client.get("/audit")).text


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        options = ["--no-sandbox", "--disable-background-networking", "--disable-gpu"]
        browser = await playwright.chromium.launch(executable_path=chromium(), args=options)
        yield browser
        await browser.close()


@pytest.fixture
async def opened(browser: Browser) -> AsyncIterator[Opened]:
    """`await opened("otto", "/queue/report")` gives a page; a breach of the policy fails the test."""
    port = free_port()
    options = uvicorn.Config(report_app(), port=port, log_level="error", timeout_graceful_shutdown=1)
    server = uvicorn.Server(options)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
        await asyncio.sleep(0.01)
    base = f"http://127.0.0.1:{port}"
    context = await browser.new_context(base_url=base, reduced_motion="reduce")
    faults: list[str] = []

    async def open_page(login: str, path: str, *, width: int = 1440, theme: str = "light") -> Page:
        await context.add_cookies([{"name": "cloister_session", "value": login, "url": base}])
        page = await context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        await page.set_viewport_size({"width": width, "height": 900})
        await page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        await page.goto(path)
        return page

    yield open_page
    await context.close()
    server.should_exit = True
    await serving
    assert faults == []


PAGES = [
    "/queue/report",
    "/queue/report?days=7",
    "/queue/report?days=1",
    "/queue/report?days=365&queue=legal",
]


@pytest.mark.browser
@pytest.mark.parametrize("path", PAGES)
async def test_axe_finds_nothing_in_either_theme_and_nothing_scrolls_sideways(
    opened: Opened, path: str
) -> None:
    page = await opened("otto", path)
    for details in await page.locator("details.numbers-of").all():
        await details.locator("summary").press("Enter")
        await expect(details).to_have_attribute("open", "")
    assert await sideways(page) == 0
    assert await violations(page) == []
    await page.emulate_media(color_scheme="dark")
    await page.set_viewport_size({"width": 360, "height": 740})
    await painted(page)
    assert await sideways(page) == 0
    assert await violations(page) == []


@pytest.mark.browser
async def test_the_table_of_queues_is_whole_on_a_laptop(opened: Opened) -> None:
    page = await opened("otto", "/queue/report", width=1280)
    table = page.get_by_role("group", name="By queue")
    assert await table.evaluate("one => one.scrollWidth - one.clientWidth") == 0


@pytest.mark.browser
async def test_charts_are_drawn_to_the_width_and_their_words_do_not_shrink(opened: Opened) -> None:
    page = await opened("otto", "/queue/report")
    sizes = []
    for width in (1440, 360):
        await page.set_viewport_size({"width": width, "height": 900})
        box = await page.locator(".chart.plot").first.bounding_box()
        word = await page.locator(".chart.axis .tick").first.bounding_box()
        assert box is not None
        assert word is not None
        assert 0.6 * width < box["width"] < width
        sizes.append(round(word["height"]))
    assert sizes[0] == sizes[1] >= 12


@pytest.mark.browser
async def test_the_colours_of_a_chart_follow_the_theme(opened: Opened) -> None:
    colour = "() => getComputedStyle(document.querySelector('#fill-edited .ground')).fill"
    light, dark = [
        await (await opened("otto", "/queue/report", theme=theme)).evaluate(colour)
        for theme in ("light", "dark")
    ]
    assert light != dark


@pytest.mark.browser
async def test_a_queue_is_chosen_by_keyboard(opened: Opened) -> None:
    page = await opened("otto", "/queue/report?days=90")
    await page.get_by_label("Queue", exact=True).select_option("legal")
    await page.get_by_role("button", name="Show").press("Enter")
    await page.wait_for_url("**/queue/report?days=90&queue=legal")
    await expect(page.get_by_role("heading", name="By queue")).to_have_count(0)
    assert len(QUEUES) == 3


@pytest.mark.browser
async def test_a_change_is_accepted_by_keyboard_and_its_policy_copied(opened: Opened) -> None:
    SampleReports.said.clear()
    page = await opened("otto", "/queue/rules?days=365")
    await page.get_by_role("button", name="Accept Termination").press("Enter")
    await page.wait_for_url("**/queue/rules?days=365#changes")
    assert SampleReports.said == [("otto", "a2", "accepted")]
    await page.get_by_role("button", name="Copy").press("Enter")
    await expect(page.locator(".toast")).to_contain_text(re.compile("Copied|copy it yourself"))
