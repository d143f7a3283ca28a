"""The officer's pages over the real web, door, retrieval and database: a rep and two officers in browsers."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect
from sqlmodel import col, select

from approvals import HeldItem, MemberPlan, NamedQueue, QueuePlans, configure_queues, load_policy
from assistant.runs.execute import RunExecutor
from assistant.runs.resume import RunResumer
from assistant.runs.tables import Run, RunState
from gateway import Database, Role, create_account, principal_of_account
from tests.approvals.queues import let_pass, settings_of

from .house import House, house

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PASSWORD = "a long enough password"
REP, OFFICER, SECOND, ADMIN = (f"{name}@halden.example" for name in ("maya", "helen", "otto", "robin"))
PEOPLE = {REP: Role.REP, OFFICER: Role.OFFICER, SECOND: Role.OFFICER, ADMIN: Role.ADMIN}
QUESTION = "Tell the customer that we will refund EUR 400 to them today."


@dataclass
class Desk:
    """The appliance, its worker, and a browser."""

    there: House
    browser: Browser
    owner: Database
    work: Database

    async def signed_in(self, login: str, path: str = "/") -> Page:
        """A page of somebody's own."""
        context = await self.browser.new_context(base_url=self.there.url, reduced_motion="reduce")
        page = await context.new_page()
        page.set_default_timeout(20_000)
        await page.goto(f"/sign-in?next={path}")
        await page.get_by_label("Sign-in name").fill(login)
        await page.get_by_label("Password", exact=True).fill(PASSWORD)
        await page.get_by_role("button", name="Sign in", exact=True).click()
        await page.wait_for_url(f"**{path}")
        return page

    async def asked(self, rep: Page, question: str = QUESTION) -> HeldItem:
        """A question of the rep's, asked in the browser and held by the worker."""
        await rep.get_by_label("Your question").fill(question)
        await rep.keyboard.press("Enter")
        await expect(rep.locator(".status").last).to_contain_text("Question accepted")
        async with self.work.transaction() as session:
            waiting = select(Run.id).where(Run.state == RunState.QUEUED).order_by(col(Run.created_at).desc())
            run = (await session.exec(waiting)).first()
        assert run is not None
        await RunExecutor(self.work, self.there.pipeline, load_policy().by_words, "worker").execute(run)
        await expect(rep.locator(".state-card").last).to_contain_text("Held for review")
        return await self.item(run)

    async def item(self, run: uuid.UUID) -> HeldItem:
        async with self.work.transaction() as session:
            return (await session.exec(select(HeldItem).where(HeldItem.run == run))).one()

    async def takes_effect(self, item: HeldItem) -> None:
        """The undo window is over, and the worker does its part."""
        async with self.owner.transaction() as session:
            await let_pass(session, 60)
        await RunResumer(self.work, self.there.retrieval).resume(item.id)


@pytest.fixture(scope="module")
async def desk(
    new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> AsyncIterator[Desk]:
    folder: Path = tmp_path_factory.mktemp("desk")
    async with house(new_database, folder) as there:
        owner = Database(settings_of(there.appliance.superuser_dsn, folder))
        work = there.appliance.database("cloister_work")
        async with there.database.transaction() as session:
            for login, role in PEOPLE.items():
                await create_account(
                    session,
                    login=login,
                    name=login.partition("@")[0].title(),
                    roles=[role],
                    password=PASSWORD,
                )
        yield Desk(there, browser, owner, work)
        await owner.close()
        await work.close()


async def test_an_officer_asks_the_rep_answers_in_the_chat_and_both_see_the_end(desk: Desk) -> None:
    rep = await desk.signed_in(REP)
    item = await desk.asked(rep)
    officer = await desk.signed_in(OFFICER, "/queue")
    row = officer.locator(f"tr[data-id='{item.id}']")
    await expect(row).to_contain_text("rep-")
    await expect(officer.locator("#queues")).to_contain_text("Helen")
    await row.get_by_role("link").click()
    await officer.wait_for_url(f"**/queue/{item.id}")
    await expect(officer.locator(".review-facts")).to_contain_text("Maya")
    await officer.locator("#more-moves summary").click()
    await officer.get_by_role("button", name="Ask the rep").click()
    await officer.get_by_label("Your question").fill("Was the refund promised?")
    async with officer.expect_navigation():
        await officer.get_by_role("dialog").get_by_role("button", name="Ask", exact=True).last.click()
    await expect(officer.locator("#release")).to_be_visible()  # who types has claimed it
    card = rep.locator(".state-card")
    await expect(card.locator(".dialogue")).to_contain_text("Was the refund promised?")
    await expect(card).not_to_contain_text("Helen")
    await card.get_by_label("Your answer").fill("Yes, on Thursday.")
    await card.get_by_role("button", name="Answer the officer").click()
    await expect(card.locator(".by-rep")).to_contain_text("Yes, on Thursday.")
    await officer.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await officer.locator(".toast").get_by_role("button", name="Show it").click()
    await expect(officer.locator(".said-answer")).to_contain_text("Yes, on Thursday.")
    async with officer.expect_navigation():
        await officer.locator("#reject").click()
        await officer.get_by_role("dialog").get_by_label("Wrong fact").check()
        await officer.get_by_role("dialog").get_by_role("button", name="Reject").last.click()
    await expect(officer.locator(".toast")).to_contain_text("Rejected")
    await desk.takes_effect(item)
    await expect(card).to_contain_text("Not released")
    await expect(card).to_contain_text("A fact is wrong")


async def test_an_edit_waits_for_another_officer_who_reads_what_was_changed(desk: Desk) -> None:
    rep = await desk.signed_in(REP)
    item = await desk.asked(rep)
    first = await desk.signed_in(OFFICER, f"/queue/{item.id}")
    await first.keyboard.press("e")
    await expect(first.locator("#holder")).to_contain_text("you, ends in")
    second = await desk.signed_in(SECOND, f"/queue/{item.id}")
    await expect(second.locator("#lease-note")).to_contain_text("Helen has taken this item")
    await expect(second.locator("#approve")).to_be_hidden()
    await first.get_by_label("The text that will be shown").fill("We refund EUR 40 on Friday.")
    await first.locator("#edit-approve").click()
    await expect(first.locator(".toast")).to_contain_text("Another officer must agree")
    await first.goto(f"/queue/{item.id}")
    await expect(first.get_by_role("button", name="Take my approval back")).to_be_visible()
    await second.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await second.locator(".toast").get_by_role("button", name="Show it").last.click()
    edit = second.get_by_role("region", name="What Helen has edited")
    await expect(edit.locator("ins").first).to_be_visible()
    await expect(second.locator("#draft")).to_have_text("We refund EUR 40 on Friday.")
    await second.locator("#approve").click()
    await expect(second.locator(".toast")).to_contain_text("Approved")
    await desk.takes_effect(item)
    await expect(rep.locator(".answer").last).to_contain_text("We refund EUR 40 on Friday.")
    await expect(rep.locator(".state-card").last).to_contain_text(
        "Released by a compliance officer after edits."
    )


async def test_two_officers_at_once_and_the_slower_one_reads_who_was_quicker(desk: Desk) -> None:
    rep = await desk.signed_in(REP)
    item = await desk.asked(rep)
    pages = [await desk.signed_in(login, f"/queue/{item.id}") for login in (OFFICER, SECOND)]
    for page in pages:
        await page.keyboard.press("r")
        await page.get_by_role("dialog").get_by_label("Tone").check()
    buttons = [page.get_by_role("dialog").get_by_role("button", name="Reject").last for page in pages]
    await asyncio.gather(*(button.click() for button in buttons))
    for page in pages:
        await expect(page.locator(".toast").first).to_be_visible()
    told = [await page.locator(".toast").first.inner_text() for page in pages]
    assert sorted("Rejected" in one for one in told) == [False, True]
    (late,) = [one for one in told if "been decided meanwhile" in one]
    assert any(f"It is rejected. Decided by {name}." in late for name in ("Helen", "Otto"))


async def test_queues_filters_and_many_at_once_on_the_real_thing(desk: Desk) -> None:
    async with desk.there.database.transaction() as session:
        admin = await principal_of_account(session, login=ADMIN)
        legal = NamedQueue(name="legal", title="Legal", kinds=("mail",), members=(MemberPlan(login=OFFICER),))
        general = NamedQueue(name="general", title="General", members="everyone")
        await configure_queues(session, admin, QueuePlans(version="2", queues=(legal, general)))
    rep = await desk.signed_in(REP)
    items = [await desk.asked(rep, f"{QUESTION} It is for order {number}.") for number in (1, 2)]
    officer = await desk.signed_in(OFFICER, "/queue")
    await expect(officer.locator("#queues")).to_contain_text("Legal")
    await officer.locator("#saved summary").click()
    await officer.get_by_role("button", name="Save what is shown now").click()
    await officer.get_by_label("Name").fill("Everything")
    async with officer.expect_navigation():
        await officer.keyboard.press("Enter")
    await officer.locator("#saved summary").click()
    await expect(officer.locator("#saved").get_by_role("link", name="Everything")).to_be_visible()
    await officer.keyboard.press("Escape")
    await officer.get_by_role("link", name="Legal").click()
    await expect(officer.get_by_role("heading", name="Nothing is like this")).to_be_visible()
    await officer.get_by_role("link", name="Clear").click()
    for item in items:
        await officer.locator(f"tr[data-id='{item.id}'] [data-choose]").check()
    other = await desk.signed_in(SECOND, f"/queue/{items[0].id}")
    await expect(other.locator("#claim")).to_be_visible()
    await other.keyboard.press("c")
    await expect(other.locator("#release")).to_be_visible()
    await officer.locator("#bulk-reject").click()
    dialog = officer.get_by_role("dialog")
    await expect(dialog).to_contain_text("Reject 2 items?")
    await dialog.get_by_label("Tone").check()
    await dialog.get_by_role("button", name="Reject 2").last.click()
    await expect(dialog).to_contain_text("1 of 2 decided")
    await expect(dialog.locator(".refused")).to_contain_text(
        "Another officer has claimed this item. It is with officer-"
    )
    await dialog.get_by_role("button", name="Close").last.click()
    await expect(officer.locator(f"tr[data-id='{items[1].id}']")).to_have_count(0)
