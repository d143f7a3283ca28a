import re

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.door.strangers import StrangerScreen
from redaction import EntityType, Policy, Source, Span

_NAME = re.compile(r"Zora Quux|Milo Quux")


async def names(text: str) -> list[Span]:
    """A detector that knows two people, and takes a product for a town."""
    people = [Span(*found.span(), EntityType.PERSON, 0.9, Source.NER) for found in _NAME.finditer(text)]
    towns = [
        Span(*found.span(), EntityType.LOCATION, 0.9, Source.NER) for found in re.finditer("Boreal", text)
    ]
    return people + towns


async def screened(*chunks: str, told: str = "") -> tuple[str, int]:
    screen = StrangerScreen(names, [told])
    shown = [await screen.feed(chunk) for chunk in chunks]
    return "".join(shown) + await screen.finish(), screen.withheld


async def test_a_person_of_the_models_own_is_withheld_and_counted() -> None:
    assert await screened("Ask Zora ", "Quux. ", "Or Milo Quux") == ("Ask [withheld]. Or [withheld]", 2)


async def test_whom_the_model_was_told_of_stays() -> None:
    assert await screened("Ask Zora Quux.", told="the Zora\n QUUX box") == ("Ask Zora Quux.", 0)


async def test_other_guesses_and_tokens_stay() -> None:
    text = "<PERSON_1> has the Boreal."
    assert await screened(text) == (text, 0)


async def test_a_sentence_is_given_when_it_has_ended_and_not_behind_an_initial() -> None:
    screen = StrangerScreen(names, [])
    assert await screen.feed("It is done. Ask Z. Qu") == "It is done."
    assert await screen.feed("ux now.\nThen") == " Ask Z. Quux now.\n"


async def test_a_sentence_without_end_is_not_held_for_ever_and_divides_no_name() -> None:
    screen = StrangerScreen(names, [])
    assert len(await screen.feed("word " * 200)) > 700
    for words in range(60, 90):
        text = "word " * words + "Zora Quux " + "word " * 90
        assert (await screened(text))[1] == 1


async def test_a_title_ends_no_sentence() -> None:
    screen = StrangerScreen(names, [])
    assert await screen.feed("It is done. Ask Dr. Zora ") == "It is done."


async def test_a_part_of_a_word_that_was_told_is_not_the_name() -> None:
    assert await screened("Ask Zora Quux.", told="the Zora Quuxes") == ("Ask [withheld].", 1)


async def test_what_a_company_allows_stays() -> None:
    screen = StrangerScreen(names, [], Policy(allowed=frozenset({"zora quux"})))
    assert await screen.feed("Ask Zora Quux.\n") == "Ask Zora Quux.\n"


PARTS = [
    "Zora Quux",
    " asks. ",
    "Milo Quux",
    "\n",
    "the box",
    "<PERSON_1>",
    " ",
    "word " * 90,
    " Dr. ",
    "a Mr. ",
]


@given(st.lists(st.sampled_from(PARTS)), st.data())
@settings(max_examples=60, deadline=None)
async def test_any_pieces_give_what_the_whole_gives(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    whole, withheld = await screened(text)
    assert await screened(*pieces) == (whole, withheld)
    assert whole.count("[withheld]") == withheld
