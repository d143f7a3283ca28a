"""Long texts are cut where their own parts end, and nothing of them is lost."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.crm.map import Split
from retrieval.pieces.forms import form_of, parts_of
from retrieval.pieces.split import PIECE_WORDS, split

THREAD = """Hello Anna,

the pump is loud again since Monday.

Regards
Tom

On Mon, 3 Mar 2025 at 10:14, Anna Vogt wrote:
> Hello Tom,
>
> the part was sent today.

Am 28.02.2025 um 09:00 schrieb Tom Reed:
> Wann kommt das Teil?
"""
OUTLOOK = """Thanks, that works.

From: Anna Vogt
Sent: Monday, 3 March 2025
To: Tom Reed
Subject: your order

The order leaves on Friday.

-----Original Message-----
From: Tom Reed
Sent: Sunday, 2 March 2025

When will it come?
"""
CHAT = """**Chat Transcript**

CUSTOMER: My filter drips.

SUPPORT REP: Since when?
Do you have the order number: 17?

CUSTOMER: Since Monday.
SUPPORT REP: I see.
"""
ARTICLE = """# Warranty

Sixty months.

## Heat pumps

With a service visit every year.

## Filters

Twenty-four months.

# Returns

Thirty days.
"""
FORMS = {Split.MAIL: THREAD, Split.TURNS: CHAT, Split.HEADINGS: ARTICLE}
_MARKS = ("Note:", "CUSTOMER:", "\nCUSTOMER: ", "\nREP: ", "\n# A", "\nOn Mon, 3 Mar 2025 Anna wrote:\n> ")
_WORDS = st.sampled_from(
    [*_MARKS, "\nFrom: A\nSent: B\n", "pump", "the order", "\n", ". ", "é", "𝄞", "x" * 300, "   "]
)


@pytest.mark.parametrize(("form", "text"), FORMS.items())
def test_a_text_says_what_it_is(form: Split, text: str) -> None:
    assert form_of(text) is form
    assert form_of("Called back, the part is on its way. Note: two visits.") is Split.PROSE


def test_a_thread_is_parted_by_message() -> None:
    assert [THREAD[part.start :][:12] for part in parts_of(THREAD)] == [
        "Hello Anna,\n",
        "On Mon, 3 Ma",
        "Am 28.02.202",
    ]
    starts = [OUTLOOK[part.start :].lstrip()[:14] for part in parts_of(OUTLOOK)]
    assert starts[:3] == ["Thanks, that w", "From: Anna Vog", "-----Original "]


def test_a_transcript_is_parted_by_turn_and_not_by_every_colon() -> None:
    turns = [CHAT[part.start : part.end].split(":")[0].strip() for part in parts_of(CHAT)]
    assert turns == ["**Chat Transcript**", "CUSTOMER", "SUPPORT REP", "CUSTOMER", "SUPPORT REP"]


def test_a_section_knows_the_headings_it_stands_under() -> None:
    assert [part.under for part in parts_of(ARTICLE)] == ["", "Warranty", "Warranty", ""]
    long = ARTICLE.replace("every year.", "every year. " * 120)
    under = {cut.under for cut in split(long) if "every year" in cut.text}
    assert under == {"Warranty"}


def test_no_piece_holds_half_of_two_messages() -> None:
    long = THREAD.replace("since Monday.", "since Monday. " * 100)
    for cut in split(long):
        assert not ("since Monday" in cut.text and "the part was sent" in cut.text)


def test_a_transcripts_next_piece_repeats_the_last_turn() -> None:
    turns = [f"{'CUSTOMER' if n % 2 else 'REP'}: turn number {n}, " + "a word " * 20 for n in range(30)]
    cuts = split("\n".join(turns))
    for one, other in pairwise(cuts):
        assert re.findall(r"number (\d+)", one.text)[-1] == re.findall(r"number (\d+)", other.text)[0]


@given(st.lists(_WORDS, max_size=400).map(" ".join), st.sampled_from(Split))
def test_cuts_are_the_whole_text_and_short(text: str, form: Split) -> None:
    cuts = split(text, form)
    covered = set[int]()
    for cut in cuts:
        assert text[cut.start : cut.end] == cut.text
        assert len(re.findall(r"\w+|[^\w\s]", cut.text)) <= PIECE_WORDS + 1
        covered.update(range(cut.start, cut.end))
    assert all(char.isspace() for place, char in enumerate(text) if place not in covered)
