"""The officer's pages in Chromium: many at once, claims that are lost, moves, and a list that keeps still."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest
from playwright.async_api import Page, expect

from .browsing import SignedIn, painted, sideways, violations
from .pages_sample import DECIDED_ITEM, EDITED_ITEM, HELD_ITEM, MAIL_ITEM, NOTICES, QUEUE, SamplePages, line
from .pages_script import Script

pytestmark = pytest.mark.browser

OTHER = uuid.UUID(int=4)
LOOKS: list[tuple[Literal["light", "dark"], int]] = [
    ("light", 1440),
    ("dark", 1440),
    ("light", 360),
    ("dark", 360),
]
PROBLEM = {"status": 409, "detail": "This item has already been decided.", "state": "rejected"}


async def looks_right(page: Page) -> None:
    """Axe finds nothing and nothing is cut off, in both themes and at both widths."""
    for theme, width in LOOKS:
        await page.emulate_media(color_scheme=theme)
        await page.set_viewport_size({"width": width, "height": 800})
        await painted(page, theme)
        assert await sideways(page) == 0
        assert await violations(page) == []


@pytest.mark.parametrize(
    "path", ["/queue", f"/queue/{MAIL_ITEM}", f"/queue/{EDITED_ITEM}", "/queue?risk=top"]
)
async def test_axe_finds_nothing_on_the_officers_pages(signed_in: SignedIn, path: str) -> None:
    await looks_right(await signed_in("otto", path))


async def test_only_the_lowest_tier_in_nobodys_hands_can_be_selected(signed_in: SignedIn) -> None:
    page = await signed_in("otto", "/queue")
    boxes = page.locator("[data-choose]")
    assert await boxes.count() == len([one for one in QUEUE if one.bulk]) == 3
    for item in QUEUE:
        box = page.locator(f"tr[data-id='{item.id}'] [data-choose]")
        await expect(box).to_have_count(1 if item.bulk else 0)


async def test_many_are_approved_after_one_question_and_each_outcome_is_told(
    signed_in: SignedIn, script: Script
) -> None:
    script.refused = {str(OTHER): PROBLEM | {"winner": "officer-1f2e"}}
    page = await signed_in("otto", "/queue")
    bar = page.get_by_role("region", name="Decide together")
    await expect(bar).to_be_hidden()
    for key in ("j", "j", "j", "x"):
        await page.keyboard.press(key)
    await expect(bar).to_contain_text("1 item selected")
    await page.get_by_label("Select all that can be decided together").check()
    await expect(bar).to_contain_text("3 items selected")
    await looks_right(page)
    await page.set_viewport_size({"width": 1280, "height": 800})
    await bar.get_by_role("button", name="Approve").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Approve 3 items?")
    named = ["rep-1a7f, Customer 12", "rep-4a7f, Case 2041", "rep-6a7f"]
    await expect(dialog.locator(".chosen-items .muted")).to_have_text([f" – {whose}" for whose in named])
    assert script.calls == []
    await dialog.get_by_role("button", name="Approve 3").last.click()
    await expect(dialog).to_contain_text("2 of 3 decided")
    (call,) = script.calls
    chosen = [one for one in QUEUE if one.bulk]
    assert call[2]["verdict"] == "approve"
    assert {(one["id"], one["hash"]) for one in call[2]["items"]} == {(str(o.id), o.hash) for o in chosen}
    refused = dialog.locator(".refused")
    await expect(refused).to_contain_text("It is rejected. Decided by officer-1f2e.")
    await expect(dialog.locator("li.good")).to_have_count(2)
    assert await violations(page) == []
    await dialog.get_by_role("button", name="Undo").first.click()
    await expect(dialog).to_contain_text("Taken back")
    assert script.calls[-1][1].endswith("/undo")
    await dialog.get_by_role("button", name="Close").last.click()
    await expect(bar).to_be_hidden()


async def test_what_was_hidden_from_the_model_is_counted_by_type(signed_in: SignedIn) -> None:
    page = await signed_in("otto", f"/queue/{HELD_ITEM}")
    told = page.get_by_text("Hidden from the model:")
    await expect(told).to_have_text("Hidden from the model: 1 × Mail address, 2 × Person")
    await looks_right(page)


async def test_what_was_not_read_can_be_rejected_together_and_not_approved(
    signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    unread = [replace(one, read=one.id != OTHER) for one in QUEUE]
    monkeypatch.setattr(SamplePages, "queue", unread)
    page = await signed_in("otto", "/queue")
    bar = page.get_by_role("region", name="Decide together")
    approve = bar.get_by_role("button", name="Approve")
    for item in (HELD_ITEM, OTHER):
        row = page.locator(f"tr[data-id='{item}']")
        await row.locator("[data-choose]").check()
        await expect(row.get_by_text("read by you")).to_have_count(0 if item == OTHER else 1)
    await expect(bar).to_contain_text("Only what you have opened and read can be approved.")
    await expect(approve).to_be_disabled()
    await expect(bar.get_by_role("button", name="False alarms")).to_be_disabled()
    await expect(bar.get_by_role("button", name="Reject")).to_be_enabled()
    await looks_right(page)
    await page.locator(f"tr[data-id='{OTHER}'] [data-choose]").uncheck()
    await expect(approve).to_be_enabled()


async def test_many_are_rejected_for_one_reason(signed_in: SignedIn, script: Script) -> None:
    script.refused = {str(HELD_ITEM): PROBLEM | {"state": "pending", "unread": True, "seconds_open": None}}
    page = await signed_in("otto", "/queue")
    for item in (HELD_ITEM, OTHER):
        await page.locator(f"tr[data-id='{item}'] [data-choose]").check()
    await page.locator("#bulk-reject").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Reject 2").last.click()
    assert script.calls == []  # it asks for a reason first
    await dialog.get_by_label("A fact is wrong").check()
    assert await violations(page) == []
    await dialog.get_by_role("button", name="Reject 2").last.click()
    await expect(dialog).to_contain_text("Open it and decide it there")
    assert script.calls[0][2]["reason"] == "wrong_fact"


async def test_a_list_that_changes_keeps_its_lines_its_focus_and_its_selection(
    signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await signed_in("otto", "/queue")
    await page.locator(f"tr[data-id='{OTHER}'] [data-choose]").check()
    link = page.locator(f"tr[data-id='{OTHER}'] .row-link")
    await link.focus()
    top = await link.bounding_box()
    new = line(9, "top", queue="legal", queue_title="Legal")
    monkeypatch.setattr(SamplePages, "queue", [new, *[one for one in QUEUE if one.id != HELD_ITEM]])
    await refresh(page)
    show = page.get_by_role("button", name="Show 1 new item")
    await expect(show).to_be_visible()
    await expect(page.locator(f"tr[data-id='{HELD_ITEM}']")).to_have_class("gone")
    await expect(page.locator(f"tr[data-id='{HELD_ITEM}'] [data-choose]")).to_have_count(0)
    await expect(link).to_be_focused()
    await expect(page.locator(f"tr[data-id='{OTHER}'] [data-choose]")).to_be_checked()
    assert await link.bounding_box() == top
    await expect(page.locator("#queue-tabs")).to_contain_text("Pending 7")
    await page.keyboard.press("n")
    await expect(page.locator(f"tr[data-id='{new.id}']")).to_be_visible()
    await expect(page.locator(f"tr[data-id='{HELD_ITEM}']")).to_have_count(0)
    await expect(page.locator("#bulk")).to_contain_text("1 item selected")
    await expect(show).to_be_hidden()


async def refresh(page: Page) -> None:
    """What the page does every few seconds, and when somebody comes back to it."""
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


async def test_filters_stand_in_the_address_and_go_along_to_an_item(signed_in: SignedIn) -> None:
    page = await signed_in("otto", "/queue")
    await page.get_by_label("Kind").select_option("mail")
    await page.wait_for_url("**/queue?kind=mail")
    await expect(page.locator("#queue tbody tr")).to_have_count(1)
    await page.get_by_role("link", name="Legal").click()
    await page.wait_for_url("**/queue?queue=legal&kind=mail")
    await page.locator(".row-link").click()
    await page.wait_for_url(f"**/queue/{MAIL_ITEM}?queue=legal&kind=mail")
    await page.keyboard.press("q")
    await page.wait_for_url("**/queue?queue=legal&kind=mail")
    await page.keyboard.press("f")
    await page.keyboard.type("nobody")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Nothing is like this")).to_be_visible()
    assert await violations(page) == []
    await page.get_by_role("link", name="Clear").click()
    await page.wait_for_url("**/queue")


async def test_a_filter_is_saved_under_a_name_and_deleted(signed_in: SignedIn, script: Script) -> None:
    page = await signed_in("otto", "/queue?risk=top&sort=-age")
    await page.locator("#saved summary").click()
    await expect(page.locator("#saved")).to_contain_text("Legal first")
    assert await violations(page) == []
    await page.get_by_role("button", name="Save what is shown now").click()
    await page.get_by_label("Name").fill("  Two of us ")
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    (call,) = script.calls
    assert call[:2] == ("POST", "reviews/filters")
    assert (call[2]["name"], call[2]["risk"], call[2]["sort"]) == ("Two of us", "top", "-age")
    await page.locator("#saved summary").click()
    await page.get_by_role("button", name="Delete the filter Legal first").click()
    async with page.expect_navigation():
        await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    assert script.calls[-1][:2] == ("DELETE", f"reviews/filters/{SamplePages.saved[0].id}")


async def test_notices_are_listed_and_seen(signed_in: SignedIn, script: Script) -> None:
    page = await signed_in("otto", "/queue")
    notices = page.locator("#notices")
    await notices.locator("summary").click()
    await expect(notices.get_by_role("listitem")).to_have_count(3)
    await expect(notices.get_by_role("link", name="escalated")).to_have_attribute(
        "href", f"/queue/{MAIL_ITEM}"
    )
    await looks_right(page)
    await notices.get_by_role("button", name="Seen: A rep has answered").click()
    await expect(notices.locator("summary")).to_be_focused()
    assert script.calls[-1] == ("POST", "reviews/notices/seen", {"ids": [str(NOTICES[2].id)]})


async def test_work_on_an_edit_takes_the_claim_and_names_its_fence(
    signed_in: SignedIn, script: Script
) -> None:
    page = await signed_in("otto", f"/queue/{HELD_ITEM}")
    await expect(page.locator("#claim")).to_be_visible()
    await page.keyboard.press("e")
    await expect(page.locator("#release")).to_be_visible()
    await expect(page.locator("#holder")).to_contain_text("you, ends in")
    await page.get_by_label("The text that will be shown").fill("A credit of € 80.")
    await expect(page.locator("#editor")).to_contain_text("another officer must agree with your edit")
    await page.locator("#edit-approve").click()
    await page.wait_for_url(f"**/queue/{OTHER}")
    claimed, edited = script.calls
    assert claimed[1:] == (f"reviews/{HELD_ITEM}/claim", {})
    assert edited[1] == f"reviews/{HELD_ITEM}/edit"
    assert edited[2]["fence"] == 7


async def test_a_claim_that_was_lost_is_told_and_what_was_typed_stays(
    signed_in: SignedIn, script: Script
) -> None:
    page = await signed_in("otto", f"/queue/{HELD_ITEM}")
    await page.clock.install()
    await page.reload()
    await page.keyboard.press("e")
    await expect(page.locator("#release")).to_be_visible()
    await page.get_by_label("The text that will be shown").fill("My words.")
    until = (datetime.now(UTC) + timedelta(minutes=9)).isoformat()
    script.claim = (409, {"status": 409, "detail": "Your claim on this item has ended.", "state": "pending"})
    script.standing = {"holder": "Olga O.", "claimed_until": until, "remarks": 0}
    await page.clock.run_for(11_000)
    note = page.locator("#lease-note")
    await expect(note).to_contain_text("Your claim on this item has ended. What you have typed is kept.")
    await expect(note).to_contain_text("Olga O. has taken this item; it is free again in 8 minutes.")
    await expect(page.locator("#approve")).to_be_hidden()
    await expect(page.locator("#claim")).to_be_hidden()
    await page.locator(".draft-pane").focus()
    await page.keyboard.press("a")
    assert [call for call in script.calls if call[1].endswith(("approve", "edit"))] == []
    await expect(page.get_by_label("The text that will be shown")).to_have_value("My words.")
    assert await violations(page) == []
    await page.reload()
    await expect(page.get_by_label("The text that will be shown")).to_have_value("My words.")


async def test_an_item_that_was_handed_to_its_reader_is_theirs_before_and_after_a_claim(
    signed_in: SignedIn, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = replace(QUEUE[0], mine=True, assignee="Otto Sample")
    monkeypatch.setattr(SamplePages, "queue", [given, *QUEUE[1:]])
    script.standing = {"mine": True, "holder": "Otto Sample"}
    page = await signed_in("otto", f"/queue/{HELD_ITEM}")
    await expect(page.locator("#claim")).to_be_visible()
    await expect(page.locator("#holder")).to_have_text("you")
    await page.keyboard.press("c")
    await expect(page.locator("#holder")).to_contain_text("you, ends in")
    script.standing = {"mine": True, "holder": "Otto Sample"}
    await page.keyboard.press("c")
    await expect(page.locator("#claim")).to_be_focused()
    await expect(page.locator("#holder")).to_have_text("you")
    script.standing = {"holder": "Olga O."}
    await refresh(page)
    await expect(page.locator("#holder")).to_have_text("Olga O.")


async def test_a_lost_race_names_the_winner_and_the_state(signed_in: SignedIn, script: Script) -> None:
    page = await signed_in("otto", f"/queue/{HELD_ITEM}")
    script.conflict = PROBLEM | {"winner": "officer-1f2e"}
    await page.keyboard.press("r")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("A fact is wrong").check()
    await dialog.get_by_label("Note for the rep").fill("Look at the case again.")
    await dialog.get_by_role("button", name="Reject").last.click()
    toast = page.locator(".toast")
    await expect(toast).to_contain_text("It is rejected. Decided by officer-1f2e.")
    await expect(toast.get_by_role("button", name="Reload")).to_be_visible()
    await page.keyboard.press("r")
    await expect(dialog.get_by_label("Note for the rep")).to_have_value("Look at the case again.")


async def test_who_lost_a_race_to_a_colleague_reads_one_name_and_is_offered_nothing_more(
    signed_in: SignedIn, script: Script
) -> None:
    page = await signed_in("otto", f"/queue/{HELD_ITEM}")
    script.standing = {"remarks": 1}
    await refresh(page)
    await expect(page.locator(".toast")).to_contain_text("Something new was said")
    await page.keyboard.press("e")
    await page.get_by_label("The text that will be shown").fill("My words.")
    script.conflict = PROBLEM | {"winner": "officer-1f2e"}
    script.standing = {"state": "rejected", "winner": "Helen Ashdown"}
    await page.locator("#edit-approve").click()
    toast = page.locator(".toast")
    await expect(toast).to_have_count(1)
    await expect(toast).to_contain_text("decided meanwhile. It is rejected. Decided by Helen Ashdown.")
    await expect(toast.get_by_role("button", name="Show it")).to_be_visible()
    await expect(page.locator("#lease-note")).to_contain_text("Decided by Helen Ashdown.")
    for gone in ("#approve", "#reject", "#claim", "#release", "#deadline", "#holder"):
        await expect(page.locator(gone)).to_be_hidden()
    await expect(page.locator("#edit-approve")).to_be_disabled()
    await expect(page.get_by_label("The text that will be shown")).to_have_value("My words.")
    await page.locator(".draft-pane").focus()
    said = len(script.calls)
    for key in ("a", "c", "r"):
        await page.keyboard.press(key)
    await looks_right(page)
    assert len(script.calls) == said


async def test_what_is_decided_has_no_deadline_before_it(signed_in: SignedIn) -> None:
    page = await signed_in("otto", f"/queue/{DECIDED_ITEM}")
    await expect(page.locator(".review-facts dt", has_text="Asked by")).to_be_visible()
    await expect(page.locator(".review-facts dt", has_text="Deadline")).to_have_count(0)


async def test_an_item_that_changes_under_its_reader_says_so(signed_in: SignedIn, script: Script) -> None:
    page = await signed_in("otto", f"/queue/{HELD_ITEM}")
    script.standing = {"hash": "another"}
    await refresh(page)
    await expect(page.locator(".toast")).to_contain_text("The text of this item is another one now.")
    script.standing = {"state": "approved", "winner": "officer-1f2e"}
    await refresh(page)
    await expect(page.locator(".toast").last).to_contain_text(
        "decided meanwhile. It is approved. Decided by officer-1f2e."
    )


async def test_an_item_is_handed_to_a_colleague(signed_in: SignedIn, script: Script) -> None:
    page = await signed_in("otto", f"/queue/{HELD_ITEM}")
    await page.locator("#more-moves summary").press("Enter")
    await looks_right(page)
    await page.get_by_role("button", name="Hand to a colleague").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_label("Olga O. – at the queue now")).to_be_focused()
    await expect(dialog.get_by_label("Omar O. – off duty")).to_be_visible()
    assert await violations(page) == []
    await dialog.get_by_label("Olga O.").check()
    await dialog.get_by_label("A word to them").fill("You know the case.")
    await dialog.get_by_role("button", name="Hand it over").last.click()
    await page.wait_for_url(f"**/queue/{OTHER}")
    await expect(page.locator(".toast")).to_contain_text("Handed to Olga O.")
    sent = script.calls[-1]
    assert sent[1] == f"reviews/{HELD_ITEM}/reassign"
    assert (sent[2]["to"], sent[2]["note"], sent[2]["fence"]) == (
        "olga@halden.example",
        "You know the case.",
        7,
    )


@pytest.mark.parametrize(
    ("button", "confirm", "action", "told"),
    [
        ("Escalate to Legal", "Escalate", "escalate", "Escalated to Legal."),
        ("Approve as a false alarm", "Release it", "false-alarm", "Released as a false alarm"),
    ],
)
async def test_an_item_is_escalated_or_released_as_a_false_alarm(
    signed_in: SignedIn, script: Script, button: str, confirm: str, action: str, told: str
) -> None:
    page = await signed_in("otto", f"/queue/{HELD_ITEM}")
    await page.locator("#more-moves summary").click()
    await page.get_by_role("button", name=button).click()
    await page.get_by_role("dialog").get_by_role("button", name=confirm, exact=True).last.click()
    await page.wait_for_url(f"**/queue/{OTHER}")
    assert script.calls[-1][1] == f"reviews/{HELD_ITEM}/{action}"
    await expect(page.locator(".toast")).to_contain_text(told)


async def test_the_rep_is_asked_and_the_officer_stays(signed_in: SignedIn, script: Script) -> None:
    page = await signed_in("otto", f"/queue/{HELD_ITEM}")
    await page.locator("#more-moves summary").click()
    await page.get_by_role("button", name="Ask the rep").click()
    await page.get_by_label("Your question").fill("Was it promised?")
    async with page.expect_navigation():
        await page.get_by_role("dialog").get_by_role("button", name="Ask", exact=True).last.click()
    assert page.url.endswith(f"/queue/{HELD_ITEM}")
    await expect(page.locator(".toast")).to_contain_text("The rep is asked.")
    assert script.calls[-1][2]["note"] == "Was it promised?"


async def test_the_second_officer_reads_the_firsts_edit_both_texts_and_what_was_said(
    signed_in: SignedIn,
) -> None:
    page = await signed_in("otto", f"/queue/{EDITED_ITEM}")
    edit = page.get_by_role("region", name="What Olga O. has edited")
    await expect(edit.locator("del")).to_have_text("400")
    await expect(edit.locator("ins")).to_have_text("150")
    await edit.get_by_text("The draft before").click()
    await expect(page.locator("#model-draft")).to_contain_text("€ 400")
    await expect(page.locator("#draft")).to_contain_text("€ 150")
    await expect(page.locator("#decide")).to_contain_text("Yours releases it.")
    said = page.locator(".said > li strong")
    await expect(said).to_have_text(
        [
            *("Escalated to Legal", "Approved", "Taken back: Approved", "Sent back", "Draft 2 came"),
            *("Question to the rep", "The rep answers", "Approved with edits", "Question to the rep"),
        ]
    )
    await page.get_by_text("Draft 1, sent back").click()
    await expect(page.locator(".earlier")).to_contain_text("Name the case.")
    await page.keyboard.press("2")
    await expect(edit).to_be_hidden()
    await page.keyboard.press("k")
    await page.wait_for_url(f"**/queue/{uuid.UUID(int=6)}")


_MARKED = """async ({ text, marks }) => {
  const { markedText } = await import(document.querySelector("link[href*='js/highlights.js']").href);
  const told = (node) => {
    if (node.nodeType === 3 || typeof node === "string") return node.data ?? node;
    const inner = [...node.childNodes].filter((one) => one.nodeName !== "svg" && one.className !== "sr");
    return [node.className.replaceAll("mark ", ""), ...inner.map(told).filter(Boolean)];
  };
  return markedText(text, marks).map(told).filter(Boolean);
}"""


@pytest.mark.parametrize(
    ("places", "told"),
    [
        ({"rule": (2, 8), "identity": (4, 6)}, ["ab", ["rule", "cd", ["identity", "ef"], "gh"], "ij"]),
        ({"rule": (0, 4), "identity": (4, 8)}, [["rule", "abcd"], ["identity", "efgh"], "ij"]),
        (
            {"rule": (0, 6), "identity": (4, 8)},
            [["rule", "abcd", ["identity goes-on", "ef"]], ["identity gone-on", "gh"], "ij"],
        ),
        ({"identity": (2, 6), "rule": (2, 6)}, ["ab", ["rule", ["identity", "cdef"]], "ghij"]),
        (
            {"unsupported": (0, 10), "rule": (0, 3), "identity": (8, 10)},
            [["unsupported", ["rule", "abc"], "defgh", ["identity", "ij"]]],
        ),
    ],
)
async def test_marks_that_meet_overlap_or_lie_in_each_other_are_all_shown(
    signed_in: SignedIn, places: dict[str, tuple[int, int]], told: list[Any]
) -> None:
    page = await signed_in("otto", f"/queue/{HELD_ITEM}")
    marks = [
        {"kind": kind, "start": start, "end": end, "label": kind} for kind, (start, end) in places.items()
    ]
    assert await page.evaluate(_MARKED, {"text": "abcdefghij", "marks": marks}) == told


async def test_a_narrow_queue_is_sorted_by_what_is_to_be_seen(signed_in: SignedIn) -> None:
    page = await signed_in("otto", "/queue")
    await page.set_viewport_size({"width": 360, "height": 800})
    await page.get_by_role("link", name="Age").click()
    await page.wait_for_url("**/queue?sort=age")
    box = await page.get_by_role("link", name="Age").bounding_box()
    assert box is not None
    assert box["width"] > 20
    assert await sideways(page) == 0


async def test_a_mail_shows_its_recipient_and_who_has_it(signed_in: SignedIn) -> None:
    page = await signed_in("otto", f"/queue/{MAIL_ITEM}")
    await expect(page.locator(".recipient")).to_contain_text("maria.keller@nordwind.example.test")
    await expect(page.locator("#reading")).to_contain_text("What will be sent")
    await expect(page.locator("#lease-note")).to_contain_text("Olga O. has taken this item")
    await expect(page.locator("#approve")).to_be_hidden()


async def test_a_rep_reads_the_officers_question_and_answers_it_in_the_card(
    signed_in: SignedIn, script: Script
) -> None:
    page = await signed_in("rita", "/")
    await page.get_by_label("Your question").fill("May we grant a credit?")
    await page.keyboard.press("Enter")
    card = page.locator(".state-card")
    await expect(card).to_contain_text("a compliance officer must see this first")
    await expect(card.locator(".dialogue")).to_have_count(0)
    script.dialogue = [{"own": False, "text": "Was it promised?", "at": datetime.now(UTC).isoformat()}]
    (run,) = script.events
    await script.add(run, ("asked", {"item": str(HELD_ITEM)}))
    await expect(card.locator(".dialogue")).to_contain_text("Was it promised?")
    await expect(page.locator(".status")).to_contain_text("the officer waits for your answer")
    await looks_right(page)
    answer = card.get_by_label("Your answer")
    await answer.press_sequentially("Yes, on ")
    await script.add(run, ("asked", {"item": str(HELD_ITEM)}))
    await expect(answer).to_be_focused()
    await answer.press_sequentially("Thursday.")
    await card.get_by_role("button", name="Answer the officer").press("Enter")
    await expect(card.locator(".by-rep")).to_contain_text("Yes, on Thursday.")
    await expect(answer).to_be_hidden()
    assert script.calls[-1] == ("POST", f"reviews/{HELD_ITEM}/answer", {"text": "Yes, on Thursday."})


async def test_a_rep_says_by_keyboard_that_the_customer_waits_and_takes_it_back(
    signed_in: SignedIn, script: Script
) -> None:
    page = await signed_in("rita", "/")
    await page.get_by_label("Your question").fill("May we grant a credit?")
    await page.keyboard.press("Enter")
    button = page.get_by_role("button", name="The customer is waiting")
    await expect(button).to_be_enabled()
    await expect(button).to_have_attribute("aria-pressed", "false")
    await button.press("Enter")
    await expect(button).to_have_attribute("aria-pressed", "true")
    await expect(button).to_be_focused()
    await expect(page.locator("#announcer")).to_contain_text(
        "The officers see now that the customer is waiting."
    )
    await looks_right(page)
    await button.press("Enter")
    await expect(button).to_have_attribute("aria-pressed", "false")
    await expect(page.locator("#announcer")).to_contain_text("Taken back")
    said = [body for method, where, body in script.calls if where == f"reviews/{HELD_ITEM}/customer-waits"]
    assert said == [{"waits": True}, {"waits": False}]


async def test_the_queue_and_an_opened_item_show_that_the_customer_waits(
    signed_in: SignedIn, script: Script
) -> None:
    page = await signed_in("otto", "/queue")
    waits = page.locator("#queue tbody tr").filter(has_text="customer is waiting")
    await expect(waits).to_have_count(1)
    await page.get_by_label("Customer is waiting").check()
    await page.wait_for_url("**/queue?waiting=yes")
    await expect(page.locator("#queue tbody tr")).to_have_count(1)
    await looks_right(page)
    await page.locator(".row-link").click()
    await expect(page.locator("#customer-waits")).to_contain_text("is waiting")
    script.standing = {"customer_waits_since": None, "approvals": 1}
    await refresh(page)
    await expect(page.locator("#customer-waits")).to_be_hidden()
    script.standing = {"customer_waits_since": datetime.now(UTC).isoformat(), "approvals": 1}
    await refresh(page)
    await expect(page.locator("#customer-waits")).to_be_visible()
    await expect(page.locator("#announcer")).to_contain_text("The customer is waiting for this item.")


@pytest.mark.parametrize("state", ["voted", "own"])
async def test_an_item_that_the_officer_cannot_decide_follows_changes_too(
    signed_in: SignedIn, script: Script, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    change: Any = {state: True}
    lines = [replace(one, **change) if one.id == HELD_ITEM else one for one in QUEUE]
    monkeypatch.setattr(SamplePages, "queue", lines)
    page = await signed_in("otto", f"/queue/{HELD_ITEM}")
    await expect(page.locator("#approve")).to_have_count(0)
    script.standing = {"holder": "Olga O.", "approvals": 1}
    await refresh(page)
    await expect(page.locator("#holder")).to_have_text("Olga O.")
    await expect(page.locator(".toast")).to_contain_text("Another number of officers")
    script.standing = {"state": "approved", "winner": "officer-1f2e"}
    await refresh(page)
    toast = page.locator(".toast").last
    await expect(toast).to_contain_text("decided meanwhile. It is approved. Decided by officer-1f2e.")
    await expect(toast.get_by_role("button", name="Show it")).to_be_visible()


async def test_a_claim_that_was_taken_by_writing_is_given_back_by_going_on(
    signed_in: SignedIn, script: Script
) -> None:
    page = await signed_in("otto", f"/queue/{HELD_ITEM}")
    await page.keyboard.press("e")
    await expect(page.locator("#release")).to_be_visible()
    await page.locator(".draft-pane").focus()
    await page.keyboard.press("j")
    await page.wait_for_url(f"**/queue/{OTHER}")
    assert script.calls[-1] == ("POST", f"reviews/{HELD_ITEM}/release", {"fence": 7})
    script.standing = {}
    await page.keyboard.press("c")
    await expect(page.locator("#release")).to_be_focused()
    await page.keyboard.press("q")
    await page.wait_for_url("**/queue")
    assert script.calls[-1][1] == f"reviews/{OTHER}/claim"
