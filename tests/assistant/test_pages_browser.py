"""The pages in Chromium: accessibility by axe, the streaming thread, the keyboard."""

import asyncio
from typing import Literal

import pytest
from playwright.async_api import FloatRect, Locator, expect

from .browsing import SignedIn, painted, sideways, violations
from .pages_sample import (
    DECIDED_ITEM,
    EDITED_ITEM,
    EVERY_STATE,
    HELD,
    HELD_ITEM,
    ONE_ANSWER,
    SENTENCES,
    VOTED_ITEM,
)
from .pages_script import RELEASED, Script

pytestmark = pytest.mark.browser

PAGES = [
    ("/sign-in", ""),
    ("/", "rita"),
    (f"/c/{ONE_ANSWER}", "rita"),
    (f"/c/{EVERY_STATE}", "lena"),
    ("/queue", "lena"),
    ("/queue?state=mine", "otto"),
    (f"/queue/{HELD_ITEM}", "otto"),
    (f"/queue/{DECIDED_ITEM}", "otto"),
    (f"/queue/{VOTED_ITEM}", "otto"),
    ("/health", "adam"),
    ("/audit", "aude"),
    (f"/audit/runs/{ONE_ANSWER}", "aude"),
    (f"/audit/runs?of={EVERY_STATE}", "aude"),
    ("/nothing", "rita"),
    ("/queue", "rita"),
]


@pytest.mark.parametrize(("path", "login"), PAGES)
async def test_axe_finds_nothing_in_either_theme_and_no_page_scrolls_sideways(
    signed_in: SignedIn, path: str, login: str
) -> None:
    page = await signed_in(login, path, width=2560)
    assert await sideways(page) == 0
    assert await violations(page) == []
    await page.emulate_media(color_scheme="dark")
    await page.set_viewport_size({"width": 360, "height": 740})
    await painted(page)
    assert await sideways(page) == 0
    assert await violations(page) == []


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize(
    ("path", "login"),
    [(f"/c/{EVERY_STATE}", "lena"), (f"/c/{ONE_ANSWER}", "rita"), (f"/queue/{HELD_ITEM}", "otto")],
)
async def test_what_fills_its_window_is_not_longer_than_it(
    signed_in: SignedIn, path: str, login: str, width: int
) -> None:
    page = await signed_in(login, path)
    await page.set_viewport_size({"width": width, "height": 500})
    await painted(page, "light")
    scrolls = path.startswith("/queue") and width == 360  # its panes lie below each other
    whole, main, window = await page.evaluate(
        "[document.documentElement.scrollHeight,"
        " scrollY + document.querySelector('main').getBoundingClientRect().bottom, innerHeight]"
    )
    assert (whole > window) is scrolls
    assert round(whole - main) == 0


async def test_an_answer_streams_in_with_its_sources(signed_in: SignedIn, script: Script) -> None:
    page = await signed_in("rita", "/")
    await page.get_by_label("Your question").fill("What is open?")
    await page.keyboard.press("Enter")
    answer = page.locator(".answer")
    await expect(answer).to_contain_text("Send the new device")
    await expect(page.locator(".status")).to_contain_text("3 records found, 3 live facts")
    await expect(page.locator(".masked")).to_contain_text("3 identities hidden from the model")
    await expect(answer.locator(".unsupported-mark")).to_have_count(1)
    await expect(answer.locator("a")).to_have_count(0)
    await expect(page.get_by_role("button", name="Send", exact=True)).to_be_visible()
    assert page.url.endswith(f"/c/{ONE_ANSWER}")
    assert script.calls[0] == (
        "POST",
        "runs",
        {"conversation": None, "question": "What is open?", "scope": None},
    )


async def test_an_answers_receipt_tells_what_was_hidden_from_the_model(signed_in: SignedIn) -> None:
    page = await signed_in("rita", f"/c/{ONE_ANSWER}")
    await page.get_by_text("3 identities hidden from the model").click()
    receipt = page.locator(".receipt")
    assert await receipt.locator("thead th").all_inner_texts() == [
        "In the question",
        "Before the model",
        "In the answer",
    ]
    rows = [await row.locator("th, td").all_inner_texts() for row in await receipt.locator("tbody tr").all()]
    assert rows == [
        ["Person", "1", "1", "1"],
        ["Organisation", "–", "1", "1"],
        ["Mail address", "–", "1", "–"],
    ]
    for width in (1280, 360):
        await page.set_viewport_size({"width": width, "height": 800})
        assert await sideways(page) == 0


async def test_what_was_shown_and_taken_back_is_named_as_not_to_be_used(signed_in: SignedIn) -> None:
    page = await signed_in("lena", f"/c/{EVERY_STATE}")
    struck = page.locator(".do-not-use del")
    await expect(struck).to_have_count(1)
    assert (await struck.inner_text()).startswith(str(SENTENCES[0]["text"])[:20])
    card = page.locator(".state-card.danger", has=struck)
    await expect(card).to_contain_text("Do not use:")


async def test_another_draft_that_was_not_written_is_told_with_why(signed_in: SignedIn) -> None:
    page = await signed_in("lena", f"/c/{EVERY_STATE}")
    card = page.get_by_role("article", name="Question: Sent back in vain").locator(".state-card")
    await expect(card).to_contain_text("asked for another draft, and none was written.")
    await expect(card).to_contain_text("I found nothing.")
    await expect(card.get_by_role("button", name="Ask again")).to_have_count(1)


async def test_a_second_draft_is_told_with_the_officers_word_and_nothing_is_offered_before_it(
    signed_in: SignedIn, script: Script
) -> None:
    page = await signed_in("rita", "/")
    await page.get_by_label("Your question").fill("May we grant a credit?")
    await page.keyboard.press("Enter")
    card = page.locator(".state-card")
    await expect(card).to_contain_text("a compliance officer must see this first")
    (run,) = script.events
    await script.add(run, ("sent_back", {"note": "Name the order.", "again": True}))
    await expect(card).to_contain_text("It is written now")
    await expect(page.locator(".run-actions button")).to_have_count(0)
    await script.add(run, ("held", HELD))
    await expect(card).to_contain_text("This is draft 2: a compliance officer sent the one before it back.")
    await expect(card.locator("blockquote")).to_have_text("Name the order.")
    await expect(card.get_by_role("button", name="Cancel the request")).to_be_visible()
    assert await violations(page) == []
    await script.add(run, ("released", RELEASED), ("done", {}))
    await expect(card).to_contain_text("Released by a compliance officer after edits.")
    await expect(page.locator(".run-actions button", has_text="Ask again")).to_be_visible()


async def test_a_citation_opens_its_passage_and_escape_returns(signed_in: SignedIn) -> None:
    page = await signed_in("rita", f"/c/{ONE_ANSWER}")
    cite = page.locator(".answer .cite").nth(1)
    await cite.click()
    shown = page.locator(".passage.shown")
    await expect(shown).to_contain_text("Known fault of batch B7")
    await expect(shown).to_contain_text("Internal only")
    await expect(shown).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(cite).to_be_focused()


async def test_a_citation_of_live_facts_opens_the_card_of_their_record(signed_in: SignedIn) -> None:
    page = await signed_in("rita", f"/c/{ONE_ANSWER}")
    cite = page.get_by_role("button", name="Source 5: Nordwind Logistics, live facts").last
    await cite.click()
    shown = page.locator(".passage.shown")
    await expect(shown).to_be_focused()
    await expect(shown.get_by_role("heading")).to_have_text("5Nordwind Logistics")
    await expect(shown.locator(".fact-table > div")).to_have_count(2)
    await expect(shown).to_contain_text("live factsas of")
    await expect(page.locator("#sources-count")).to_have_text("5")


async def test_facts_are_one_line_beside_an_answer_and_open_while_there_is_none(
    signed_in: SignedIn, script: Script
) -> None:
    page = await signed_in("rita", f"/c/{ONE_ANSWER}")
    facts = page.locator("details.facts")
    await expect(facts.locator("summary")).to_have_text("3 live facts of 2 records")
    await expect(facts.locator(".fact-table").first).to_be_hidden()
    await facts.locator("summary").press("Enter")
    await expect(facts.locator(".fact-table").first).to_be_visible()
    assert await violations(page) == []
    await page.get_by_label("Your question").fill("May we grant a credit?")
    await page.keyboard.press("Enter")
    await expect(page.locator(".state-card")).to_contain_text("a compliance officer must see this first")
    await expect(facts.last.locator(".fact-table").first).to_be_visible()


async def test_the_officer_reaches_every_cited_source_from_the_draft(signed_in: SignedIn) -> None:
    page = await signed_in("otto", f"/queue/{HELD_ITEM}")
    await expect(page.locator("#review-sources > .passage")).to_have_count(1)
    await page.locator("#draft .cite").click()
    await expect(page.locator(".passage.shown")).to_be_focused()
    await page.locator("#other-sources summary").click()
    facts = page.locator("#other-sources .passage", has_text="Nordwind Logistics").first
    await expect(facts.locator("dt")).to_have_text(["Balance", "Last order"])
    assert await violations(page) == []


async def test_a_lost_connection_goes_on_where_it_was(signed_in: SignedIn, script: Script) -> None:
    script.drop_after = 8
    page = await signed_in("rita", "/")
    await page.get_by_label("Your question").fill("What is open?")
    await page.keyboard.press("Enter")
    await expect(page.locator(".answer")).to_contain_text("14 days")
    await expect(page.locator(".run-actions button", has_text="Copy")).to_be_visible()
    assert [call[2] for call in script.calls if call[1] == "events"] == [0, 8]
    assert await page.locator(".answer").inner_text() == await _answer_of_stored_thread(signed_in)


async def _answer_of_stored_thread(signed_in: SignedIn) -> str:
    page = await signed_in("rita", f"/c/{ONE_ANSWER}")
    return await page.locator(".answer").inner_text()


async def test_stop_ends_an_answer_and_the_next_question_may_be_typed_meanwhile(
    signed_in: SignedIn, script: Script
) -> None:
    page = await signed_in("rita", "/")
    question = page.get_by_label("Your question")
    await question.fill("A slow question")
    await page.keyboard.press("Enter")
    stop = page.get_by_role("button", name="Stop the answer")
    await expect(stop).to_be_visible()
    await question.fill("The next one")
    await stop.click()
    await expect(page.locator(".state-card")).to_contain_text("You stopped this answer.")
    await expect(question).to_have_value("The next one")
    await expect(page.get_by_role("button", name="Send", exact=True)).to_be_visible()


async def test_a_held_answer_appears_in_the_same_place_when_released(
    signed_in: SignedIn, script: Script
) -> None:
    page = await signed_in("rita", "/")
    await page.get_by_label("Your question").fill("May we grant a credit?")
    await page.keyboard.press("Enter")
    card = page.locator(".state-card")
    await expect(card).to_contain_text("a compliance officer must see this first")
    await expect(card).to_contain_text("credit of more than € 100")
    await expect(page.locator(".answer")).to_be_hidden()
    await expect(page.locator(".facts")).to_be_visible()
    assert await violations(page) == []
    (run,) = script.events
    await script.add(run, ("released", RELEASED), ("done", {}))
    await expect(card).to_contain_text("Released by a compliance officer after edits.")
    await expect(card).to_contain_text("the draft before it was never shown")
    await expect(page.locator(".answer")).to_contain_text("credit of € 150")
    await expect(page.locator("article.run")).to_have_count(1)


async def test_the_card_of_what_two_must_approve_says_so(signed_in: SignedIn, script: Script) -> None:
    script.reviewers = 2
    page = await signed_in("rita", "/")
    await page.get_by_label("Your question").fill("May we grant a credit?")
    await page.keyboard.press("Enter")
    await expect(page.locator(".state-card")).to_contain_text("2 officers must approve it.")
    assert await violations(page) == []


async def test_who_asked_is_told_when_no_part_begins(signed_in: SignedIn, script: Script) -> None:
    page = await signed_in("rita", "/")
    await page.clock.install()
    await page.get_by_label("Your question").fill("A question that nobody takes")
    await page.keyboard.press("Enter")
    status = page.locator(".status")
    await expect(status).to_contain_text("Question accepted")
    await page.clock.run_for(15_000)
    await expect(status).not_to_contain_text("No part of the appliance")
    await page.clock.run_for(6_000)
    await expect(status).to_contain_text("No part of the appliance works on it yet.")
    assert await violations(page) == []
    (run,) = script.events
    await script.add(run, ("stage", {"name": "searching"}))
    await page.clock.run_for(1_000)
    await expect(status).to_contain_text("Searching the records")
    await expect(status).not_to_contain_text("No part of the appliance")


async def test_edits_are_shown_against_what_had_been_on_the_page(signed_in: SignedIn, script: Script) -> None:
    page = await signed_in("rita", "/")
    await page.get_by_label("Your question").fill("A slow question")
    await page.keyboard.press("Enter")
    await expect(page.locator(".status")).to_contain_text("writing")
    (run,) = script.events
    await script.add(run, ("sentence", SENTENCES[0]), ("held", {**HELD, "whole": False}))
    await expect(page.locator(".status")).to_contain_text("Under review")
    edited = str(SENTENCES[0]["text"]).replace("Thursday", "Friday")
    await script.add(run, ("released", {**RELEASED, "text": edited}), ("done", {}))
    await page.get_by_text("What was edited").click()
    await expect(page.locator(".edits del")).to_have_text("Thursday")
    await expect(page.locator(".edits ins")).to_have_text("Friday")
    assert await violations(page) == []


async def test_a_question_can_be_limited_to_a_customer_by_keyboard(
    signed_in: SignedIn, script: Script
) -> None:
    page = await signed_in("rita", "/")
    await page.get_by_label("Your question").press_sequentially("What is open? @nor")
    await expect(page.get_by_role("option")).to_have_count(2)
    assert await violations(page) == []
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page.locator("#scope")).to_contain_text("North Star AG")
    await page.keyboard.press("Enter")
    await expect(page.locator(".answer")).to_be_visible()
    assert script.calls[0][2]["scope"] == "account:3"
    assert script.calls[0][2]["question"] == "What is open?"


async def test_a_question_that_is_too_long_stays_where_it_is(signed_in: SignedIn, script: Script) -> None:
    page = await signed_in("rita", "/")
    await page.get_by_label("Your question").fill("x" * 8002)
    await page.keyboard.press("Enter")
    await expect(page.locator("#question-count")).to_have_text("2 characters too many")
    assert script.calls == []


async def test_a_question_that_did_not_arrive_comes_back(signed_in: SignedIn) -> None:
    page = await signed_in("rita", "/")
    await page.route("**/api/v1/runs", lambda route: route.abort())
    await page.get_by_label("Your question").fill("What is open?")
    await page.keyboard.press("Enter")
    await expect(page.locator(".toast")).to_contain_text("cannot be reached")
    await expect(page.get_by_label("Your question")).to_have_value("What is open?")
    await expect(page.locator("article.run")).to_have_count(0)


async def test_a_thumb_down_asks_for_a_reason(signed_in: SignedIn, script: Script) -> None:
    page = await signed_in("rita", f"/c/{ONE_ANSWER}")
    await page.get_by_role("button", name="Bad answer").click()
    await page.get_by_label("It is out of date").check()
    await page.get_by_label("In a word").fill("Moved in May")
    assert await violations(page) == []
    await page.get_by_role("dialog").get_by_role("button", name="Send").click()
    await expect(page.locator(".toast")).to_contain_text("recorded")
    assert script.calls[-1][2] == {"thumb": "down", "reason": "out_of_date", "text": "Moved in May"}


async def test_copying_an_answer_with_internal_sources_warns_first(signed_in: SignedIn) -> None:
    page = await signed_in("rita", f"/c/{ONE_ANSWER}")
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.get_by_role("button", name="Copy", exact=True).click()
    await expect(page.get_by_role("dialog")).to_contain_text("internal only")
    await page.get_by_role("button", name="Copy for myself").click()
    await expect(page.locator(".toast")).to_contain_text("Copied")
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert "[1] Case 2041" in copied
    assert "€ 182.40. [5]" in copied
    assert "[5] Nordwind Logistics – live facts – as of" in copied
    assert "internal only" in copied


async def test_a_conversation_is_renamed_and_deleted_after_a_question(
    signed_in: SignedIn, script: Script
) -> None:
    page = await signed_in("rita", f"/c/{ONE_ANSWER}")
    line = page.locator(f".conversation[data-id='{ONE_ANSWER}']")
    await line.hover()
    await line.locator("summary").click()
    await line.get_by_role("button", name="Rename").click()
    await page.get_by_label("Title").fill("Router")
    await page.keyboard.press("Enter")
    await expect(page.locator("#thread-title")).to_have_text("Router")
    assert ("PATCH", f"conversations/{ONE_ANSWER}", {"title": "Router"}) in script.calls
    await line.locator("summary").click()
    await line.get_by_role("button", name="Delete").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await page.wait_for_url("**/")
    assert ("DELETE", f"conversations/{ONE_ANSWER}", None) in script.calls


async def test_searching_the_conversations_hides_the_others(signed_in: SignedIn) -> None:
    page = await signed_in("rita", "/")
    search = page.get_by_label("Search the conversations")
    await search.fill("refund")
    await expect(page.locator(".conversation:visible")).to_have_count(1)
    await search.fill("zzz")
    await expect(page.locator("#no-match")).to_be_visible()


async def test_shortcuts_are_listed_and_can_be_turned_off(signed_in: SignedIn) -> None:
    page = await signed_in("rita", f"/c/{ONE_ANSWER}")
    await page.locator("#thread").focus()
    await page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    await expect(dialog).to_be_visible()
    assert await violations(page) == []
    await page.get_by_label("Use keyboard shortcuts").uncheck()
    await page.keyboard.press("Escape")
    await page.locator("#thread").focus()
    await page.keyboard.press("?")
    await expect(dialog).to_be_hidden()


async def test_the_theme_stays_over_a_reload(signed_in: SignedIn) -> None:
    page = await signed_in("rita", "/")
    await page.locator(".user-menu summary").click()
    await page.get_by_label("Dark").check()
    await page.reload(wait_until="commit")
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")


async def test_the_queue_is_walked_by_keyboard(signed_in: SignedIn) -> None:
    page = await signed_in("otto", "/queue")
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await page.keyboard.press("k")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/queue/{VOTED_ITEM}")


async def test_the_three_readings_differ_in_identities(signed_in: SignedIn) -> None:
    page = await signed_in("otto", f"/queue/{HELD_ITEM}")
    draft = page.locator("#draft")
    await expect(draft.locator("mark.rule")).to_contain_text("credit of € 150")
    await expect(draft).to_contain_text("Maria Keller")
    await expect(page.locator("#legend li:visible")).to_have_count(3)
    await page.keyboard.press("2")
    await expect(draft).to_be_hidden()
    prompt = page.locator("#prompt")
    await expect(prompt.locator(".prompt-part h3")).to_have_text(["Instructions", "Source", "The question"])
    await expect(prompt.locator("[data-part=source]")).to_contain_text("<PERSON_1> waits for a router")
    await expect(prompt.locator("[data-part=question]")).to_contain_text("<ORGANIZATION_1>")
    await expect(prompt).not_to_contain_text("Maria Keller")
    await expect(page.locator("#legend li:visible")).to_have_text(["Identity"])
    await expect(page.locator("#question-text")).to_contain_text("<ORGANIZATION_1>")
    assert await violations(page) == []
    await prompt.get_by_text("What it wrote").click()
    await expect(prompt.locator("details mark.rule")).to_contain_text("credit of € 150")
    await expect(page.locator("#legend li:visible")).to_have_count(3)
    await page.keyboard.press("3")
    await expect(draft).to_contain_text("Maria Keller")
    await expect(prompt).to_be_hidden()


async def test_a_key_meant_for_one_item_never_decides_the_next(signed_in: SignedIn, script: Script) -> None:
    page = await signed_in("otto", f"/queue/{HELD_ITEM}")
    await page.clock.install()
    await page.reload()
    await page.keyboard.press("a")
    await page.wait_for_url("**/queue/*4")
    hint = page.locator("#armed-hint")
    await expect(page.locator("#approve")).to_be_disabled()
    await page.keyboard.press("a")
    await expect(hint).to_contain_text("This is the next item")
    await expect(page.locator(".draft-pane")).to_be_focused()
    await page.keyboard.press("a")
    await page.keyboard.press("r")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert [call[1] for call in script.calls] == [f"reviews/{HELD_ITEM}/approve"]
    await page.clock.run_for(3_100)
    await expect(page.locator("#approve")).to_be_enabled()
    async with page.expect_navigation():
        await page.keyboard.press("a")
    assert [call[1].split("/")[2] for call in script.calls] == ["approve", "approve"]


async def resting_place(button: Locator) -> FloatRect | None:
    """Where a button is when the page has been laid out anew."""
    place = None
    while place is None or place != await button.bounding_box():
        place = await button.bounding_box()
        await asyncio.sleep(0.1)
    return place


async def test_the_next_item_says_that_it_is_another_without_moving_a_button(
    signed_in: SignedIn, script: Script
) -> None:
    page = await signed_in("otto", f"/queue/{HELD_ITEM}")
    await page.clock.install()
    await page.reload()
    await page.keyboard.press("a")
    await page.wait_for_url("**/queue/*4")
    hint = page.locator("#armed-hint")
    for width in (1280, 360):
        await page.set_viewport_size({"width": width, "height": 800})
        before = await resting_place(page.locator("#approve"))
        await page.locator("body").press("a")
        await expect(hint).to_be_visible()
        assert await resting_place(page.locator("#approve")) == before
        assert await sideways(page) == 0
        assert await violations(page) == []
        await page.locator("#draft-title").click()
        await expect(hint).to_be_hidden()
    assert [call[1] for call in script.calls] == [f"reviews/{HELD_ITEM}/approve"]


async def test_who_has_been_at_the_next_item_for_long_is_not_asked_to_read_it(signed_in: SignedIn) -> None:
    page = await signed_in("otto", f"/queue/{HELD_ITEM}")
    await page.clock.install()
    await page.reload()
    await page.keyboard.press("a")
    await page.wait_for_url("**/queue/*4")
    await page.clock.run_for(9_000)
    await page.keyboard.press("e")
    await expect(page.get_by_label("The text that will be shown")).to_be_focused()
    await expect(page.locator("#armed-hint")).to_be_hidden()


async def test_a_vote_that_waits_for_another_is_taken_back_by_key_from_the_next_item(
    signed_in: SignedIn, script: Script
) -> None:
    script.waits = True
    page = await signed_in("otto", f"/queue/{HELD_ITEM}")
    await page.keyboard.press("a")
    await page.wait_for_url("**/queue/*4")
    toast = page.locator(".toast")
    await expect(toast).to_contain_text("Your approval counts. Another officer must agree.")
    await expect(toast.locator(".seconds")).to_be_hidden()
    await page.keyboard.press("u")
    await page.wait_for_url(f"**/queue/{HELD_ITEM}")
    await expect(toast).to_contain_text("Taken back")
    await page.goto(f"/queue/{VOTED_ITEM}")
    async with page.expect_navigation():
        await page.keyboard.press("u")
    undone = [call[1] for call in script.calls if call[1].endswith("/undo")]
    assert undone == [f"reviews/{HELD_ITEM}/undo", f"reviews/{VOTED_ITEM}/undo"]


async def test_who_agrees_with_somebody_who_may_decide_no_longer_is_told_so(
    signed_in: SignedIn, script: Script
) -> None:
    script.waits, script.agreed = True, {"approvals": 1, "lapsed": True, "taken_back": False}
    page = await signed_in("otto", f"/queue/{HELD_ITEM}")
    await page.keyboard.press("a")
    await page.wait_for_url("**/queue/*4")
    told = "Your approval counts, an earlier one no longer does. Another officer must agree."
    await expect(page.locator(".toast")).to_contain_text(told)
    await expect(page.locator(".toast").get_by_role("button")).to_contain_text("Undo")
    assert await sideways(page) == 0
    assert await violations(page) == []


@pytest.mark.parametrize("of_the_draft", [0, 1])
async def test_who_agrees_with_a_text_that_is_taken_back_has_the_draft_before_them(
    signed_in: SignedIn, script: Script, of_the_draft: int
) -> None:
    script.waits, script.agreed = True, {"approvals": of_the_draft, "lapsed": True, "taken_back": True}
    page = await signed_in("otto", f"/queue/{EDITED_ITEM}")
    async with page.expect_navigation(url=f"**/queue/{EDITED_ITEM}"):
        await page.keyboard.press("a")
    await expect(page.locator(".toast")).to_contain_text("taken back. This is the draft again.")
    await expect(page.locator(".toast").get_by_text("Undo")).to_have_count(0)
    assert await violations(page) == []


async def test_an_officer_who_has_voted_sees_it_and_may_take_it_back(
    signed_in: SignedIn, script: Script
) -> None:
    page = await signed_in("otto", "/queue")
    row = page.locator(f"tr[data-id='{VOTED_ITEM}']")
    await expect(row).to_contain_text("1 of 2")
    await expect(row).to_contain_text("you voted")
    await row.get_by_role("link").click()
    await page.wait_for_url(f"**/queue/{VOTED_ITEM}")
    await expect(page.locator("#decide")).to_contain_text("You have approved this text: 1 of 2.")
    await expect(page.locator("#approve")).to_have_count(0)
    await page.keyboard.press("a")
    await page.get_by_role("button", name="Take my approval back").click()
    await page.wait_for_load_state()
    assert [call[1] for call in script.calls] == [f"reviews/{VOTED_ITEM}/undo"]


async def test_a_decision_is_posted_and_can_be_taken_back_on_the_next_page(
    signed_in: SignedIn, script: Script
) -> None:
    page = await signed_in("otto", f"/queue/{HELD_ITEM}")
    await page.keyboard.press("a")
    await page.wait_for_url("**/queue/*4")
    (approval,) = script.calls
    assert approval[1] == f"reviews/{HELD_ITEM}/approve"
    assert approval[2] == {"hash": "sha256:0f" * 4, "confirmed": False}
    await page.get_by_role("button", name="Undo").click()
    await page.wait_for_url(f"**/queue/{HELD_ITEM}")
    assert script.calls[-1][1] == f"reviews/{HELD_ITEM}/undo"
    await expect(page.locator(".toast")).to_contain_text("Taken back")


async def test_a_rejection_needs_a_reason(signed_in: SignedIn, script: Script) -> None:
    page = await signed_in("otto", f"/queue/{HELD_ITEM}")
    await page.keyboard.press("r")
    reject = page.get_by_role("dialog").get_by_role("button", name="Reject")
    await reject.click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    assert script.calls == []
    await page.get_by_label("A fact is wrong").check()
    await reject.click()
    await page.wait_for_url("**/queue/*4")
    assert script.calls[-1][2]["reason"] == "wrong_fact"


async def test_sending_back_carries_an_instruction(signed_in: SignedIn, script: Script) -> None:
    page = await signed_in("otto", f"/queue/{HELD_ITEM}")
    await page.keyboard.press("s")
    await page.get_by_label("What should the next draft do differently?").fill("Name the order.")
    await page.get_by_role("dialog").get_by_role("button", name="Send back").click()
    await page.wait_for_url("**/queue/*4")
    assert script.calls[-1][1] == f"reviews/{HELD_ITEM}/send-back"
    assert script.calls[-1][2]["note"] == "Name the order."


@pytest.mark.parametrize("button", ["#edit-approve", "#approve"])
async def test_edits_show_a_word_diff_and_are_sent_as_text(
    signed_in: SignedIn, script: Script, button: str
) -> None:
    page = await signed_in("otto", f"/queue/{HELD_ITEM}")
    await page.keyboard.press("e")
    edited = "We can grant Maria Keller a credit of € 80 [1]."
    await page.get_by_label("The text that will be shown").fill(edited)
    await expect(page.locator("#diff del").first).to_contain_text("150")
    await expect(page.locator("#diff ins").first).to_contain_text("80")
    assert await violations(page) == []
    await page.locator(button).click()
    await page.wait_for_url("**/queue/*4")
    assert script.calls[-1][1] == f"reviews/{HELD_ITEM}/edit"
    assert script.calls[-1][2]["text"] == edited


async def test_a_hasty_decision_is_asked_once_more(signed_in: SignedIn, script: Script) -> None:
    script.hasty = True
    page = await signed_in("otto", f"/queue/{HELD_ITEM}")
    await page.keyboard.press("a")
    confirm = page.get_by_role("dialog")
    await expect(confirm).to_contain_text("only a moment ago")
    await confirm.get_by_role("button", name="Yes, decide").click()
    await page.wait_for_url("**/queue/*4")
    assert [call[2]["confirmed"] for call in script.calls] == [False, True]


async def test_a_demo_account_signs_in_by_one_key(signed_in: SignedIn) -> None:
    page = await signed_in("", "/sign-in?next=/c/of-somebody-else")
    await page.get_by_role("button", name="Otto Sample").press("Enter")
    await page.wait_for_url("**/queue")


async def test_an_administrator_asks_why_somebody_sees_a_record(signed_in: SignedIn, script: Script) -> None:
    page = await signed_in("adam", "/health")
    told = page.locator("#explained")
    await expect(told).to_contain_text("Nothing asked yet")
    await page.get_by_label("CRM user").fill(" rita@halden.example ")
    await page.get_by_label("Record (kind").fill("case:2041")
    await page.keyboard.press("Enter")
    await expect(told.locator(".notice.good")).to_contain_text("sees case:2041 by rule 1")
    assert script.calls[-1] == (
        "POST",
        "explain",
        {"login": "rita@halden.example", "record": "case:2041"},
    )
    await expect(told.get_by_role("table")).to_have_count(2)
    await expect(told.get_by_role("table").first.get_by_role("row")).to_have_count(3)
    leads = told.get_by_role("row", name="for the role lead").get_by_role("listitem")
    await expect(leads).to_have_text(
        [
            "Does not hold: The user has the role rep; it is for lead.",
            "Holds: territory_id is 4; the user's territories: 4.",
        ]
    )
    looks: list[tuple[Literal["light", "dark"], int]] = [("light", 1440), ("dark", 360)]
    for theme, width in looks:
        await page.emulate_media(color_scheme=theme)
        await page.set_viewport_size({"width": width, "height": 800})
        assert await violations(page) == []
        assert await sideways(page) == 0


@pytest.mark.parametrize(
    ("login", "record", "kind", "sentence"),
    [
        ("rita@halden.example", "case:1", "info", "does not see case:1"),
        ("rita@halden.example", "case:404", "warn", "There is no record case:404"),
        ("nobody@halden.example", "case:2", "warn", "No active user of the CRM"),
        ("rita@halden.example", "contact:1", "warn", "No consent"),
        ("rita@halden.example", "case:7", "danger", "Not all say the same"),
        ("rita@halden.example", "invoice:7", "danger", "The CRM cannot be reached"),
    ],
)
async def test_what_an_explanation_says_is_told_apart(
    signed_in: SignedIn, login: str, record: str, kind: str, sentence: str
) -> None:
    page = await signed_in("adam", "/health")
    await page.get_by_label("CRM user").fill(login)
    await page.get_by_label("Record (kind").fill(record)
    await page.get_by_role("button", name="Explain").click()
    await expect(page.locator(f"#explained .notice.{kind}", has_text=sentence)).to_be_visible()
    assert await violations(page) == []


async def test_a_question_without_a_record_is_not_asked(signed_in: SignedIn, script: Script) -> None:
    page = await signed_in("adam", "/health")
    await page.get_by_label("CRM user").fill("rita@halden.example")
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Record (kind")).to_be_focused()
    assert script.calls == []


async def test_rows_that_are_set_aside_are_tried_again(signed_in: SignedIn, script: Script) -> None:
    page = await signed_in("adam", "/health")
    await expect(page.get_by_role("heading", name="31 rows are set aside")).to_be_visible()
    await page.get_by_role("button", name="Try again now").press("Enter")
    await expect(page.locator(".toast")).to_contain_text("31 rows are tried again.")
    assert script.calls == [("POST", "sync/retry", None)]


async def test_deletions_that_wait_are_decided_by_their_numbers(signed_in: SignedIn, script: Script) -> None:
    page = await signed_in("adam", "/health")
    delete = page.get_by_role("button", name="Delete them…")
    await delete.press("Enter")
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Delete 1,412 rows of “contact”?")
    await expect(dialog).to_contain_text("1,412 of the 1,810 rows of “contact” in the index, 78 %")
    assert await violations(page) == []
    await expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(delete).to_be_focused()
    assert script.calls == []
    await page.get_by_role("button", name="Keep them…").click()
    await dialog.get_by_role("button", name="Keep them").click()
    await expect(page.locator(".toast")).to_contain_text("1,412 rows of “contact” kept.")
    await delete.click()
    await dialog.get_by_role("button", name="Delete them").click()
    await expect(page.locator(".toast").last).to_contain_text("1,412 rows of “contact” deleted.")
    assert [call[2]["allow_deletes"] for call in script.calls] == [False, True]


async def test_a_verification_says_how_far_it_is_and_what_came_of_it(signed_in: SignedIn) -> None:
    page = await signed_in("aude", "/audit")
    await page.get_by_role("button", name="Verify the record").click()
    found = page.get_by_role("status").filter(has_text="The record does not hold: 1 fault")
    await expect(found).to_be_visible()
    await expect(found).to_be_focused()
    await expect(found).to_contain_text("899 sealed events")
    await expect(found).to_contain_text("cloister.internal/record+1f2e3d4c")
    await expect(page.locator("#verifying")).to_be_hidden()
    assert await violations(page) == []


async def test_a_table_that_goes_on_sideways_is_shaded_on_that_side(signed_in: SignedIn) -> None:
    page = await signed_in("aude", "/audit")
    table = page.get_by_role("group", name="Timeline")
    for width, more in ((1280, False), (390, True)):
        await page.set_viewport_size({"width": width, "height": 800})
        await painted(page, "light")
        assert await table.evaluate("one => one.scrollWidth > one.clientWidth") is more
    layers = await table.evaluate("one => getComputedStyle(one).backgroundAttachment")
    assert layers.split(", ")[:4] == ["local", "local", "scroll", "scroll"]
    since = await page.get_by_label("From (UTC)").bounding_box()
    assert since is not None
    assert since["width"] > 210  # a day and an hour, and what opens the calendar


async def test_an_answer_is_asked_again_from_its_timeline(signed_in: SignedIn) -> None:
    page = await signed_in("aude", "/audit")
    await page.get_by_label("Run, conversation or item").fill(str(ONE_ANSWER))
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Timeline of an answer")
    await page.get_by_text("Details of run.asked").click()
    await expect(page.get_by_text("PERSON: 1", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Ask the model again").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Asked again")
    await expect(page.locator("ins", has_text="what was agreed")).to_be_visible()
    assert await violations(page) == []
