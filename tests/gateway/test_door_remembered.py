"""What the door remembers of texts: never the text, and never instead of what is known now."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import delete, func, text, update
from sqlmodel import select

from gateway import PartUnavailable, PublishedIdentity, TextPart, publish_identities
from gateway.door.remembered import RememberedNames
from gateway.door.settings import NamesSettings
from gateway.identities import NameSpansRow
from redaction import EntityType, Source, Span, span_digest

from .conftest import Site, principal

VERSION = "model/1"
SPANS = [Span(8, 26, EntityType.PERSON, 0.85, Source.NER)]


def read_by(where: str) -> float:
    return REGISTRY.get_sample_value("cloister_names_found_total", {"where": where}) or 0.0


async def masked(site: Site, words: str) -> str:
    done = await site.client.redact(principal(), uuid.uuid4(), [TextPart("p", words)], purpose="context")
    return done.parts[0].text


def memory(site: Site, **settings: int) -> RememberedNames:
    """What a door remembers that has just started."""
    return RememberedNames(site.database, site.envelope, NamesSettings(**settings))


@pytest.fixture
async def forgetful(site: Site) -> AsyncIterator[Site]:
    """A table with nothing in it."""
    async with site.database.transaction() as session:
        await session.exec(delete(NameSpansRow))
    yield site
    async with site.database.transaction() as session:
        await session.exec(delete(NameSpansRow))


async def test_a_customer_made_a_second_ago_is_masked_in_a_text_that_was_read_before(fresh: Site) -> None:
    words = "the valve of quatermass hydraulics still leaks, says the fitter."
    assert await masked(fresh, words) == words
    before = read_by("detector")
    async with fresh.database.transaction() as session:
        new = PublishedIdentity("Quatermass Hydraulics", EntityType.ORGANIZATION, "account:801", "name")
        await publish_identities(session, fresh.envelope, [new])
    assert await masked(fresh, words) == "the valve of <ORGANIZATION_1> still leaks, says the fitter."
    assert read_by("detector") == before


async def test_a_text_is_read_once_and_its_redacted_lines_are_not_read_at_all(fresh: Site) -> None:
    rep, conversation = principal(), uuid.uuid4()
    title, body = "Letter of May", "Deliver to Magnus Ravensworth tomorrow.\nHe pays on delivery."
    parts = [TextPart("t", title), TextPart("b", body)]
    first = await fresh.client.redact(rep, conversation, parts, purpose="context")
    before = read_by("detector")
    again = await fresh.client.redact(rep, conversation, parts, purpose="context")
    source = f"[1] {first.parts[0].text}\n{first.parts[1].text}"
    together = TextPart("s", source, "tokenised")
    in_prompt = await fresh.client.redact(rep, conversation, [together], purpose="context")
    assert read_by("detector") == before
    assert again.parts == first.parts
    assert in_prompt.parts[0].text == source
    put_on = TextPart("s", f"{source}\nMargaret Thornbury agrees.", "tokenised")
    longer = await fresh.client.redact(rep, conversation, [put_on], purpose="context")
    assert read_by("detector") == before + 1
    assert "Thornbury" not in longer.parts[0].text


async def test_lines_that_look_redacted_are_read_when_the_caller_says_they_are_raw(fresh: Site) -> None:
    rep, conversation = principal(), uuid.uuid4()
    line = "The pump arrives on the third of next month."
    await fresh.client.redact(rep, conversation, [TextPart("l", f"{line}\nThe rest.")], purpose="context")
    before = read_by("detector")
    await fresh.client.redact(rep, conversation, [TextPart("l", line)], purpose="context")
    assert read_by("detector") == before + 1


async def test_another_door_knows_what_this_one_read(forgetful: Site) -> None:
    first, second = memory(forgetful), memory(forgetful)
    await first.learn({"Write to Magnus Ravensworth.": SPANS, "Nobody here.": []}, VERSION)
    await first.write()
    texts = ["Write to Magnus Ravensworth.", "Nobody here.", "Never seen."]
    assert await second.recall(texts, VERSION) == {texts[0]: SPANS, texts[1]: []}
    assert await memory(forgetful).recall(texts, "model/2") == {}


async def test_the_table_holds_nothing_of_a_text(forgetful: Site) -> None:
    names = memory(forgetful)
    await names.learn({"Write to Magnus Ravensworth.": SPANS}, VERSION)
    await names.write()
    async with forgetful.database.transaction() as session:
        key = await forgetful.envelope.hash_key("ner-cache")
        digest = span_digest("Write to Magnus Ravensworth.", key, VERSION)
        row = await session.get_one(NameSpansRow, digest)
    assert (len(row.digest), len(row.spans)) == (32, 11 + 16)
    assert b"Ravens" not in row.digest + row.spans


async def test_whoever_writes_into_the_table_uncovers_nobody(forgetful: Site) -> None:
    names = memory(forgetful)
    await names.learn({"Write to Magnus Ravensworth.": SPANS, "Nobody here.": []}, VERSION)
    await names.write()
    async with forgetful.database.transaction() as session:
        nothing = (
            await session.exec(select(NameSpansRow.spans).order_by(func.length(NameSpansRow.spans)))
        ).first()
        await session.exec(update(NameSpansRow).values(spans=nothing))
    known = await memory(forgetful).recall(["Write to Magnus Ravensworth.", "Nobody here."], VERSION)
    assert known == {"Nobody here.": []}


async def test_the_table_keeps_its_size_and_what_is_used(forgetful: Site) -> None:
    names = memory(forgetful, kept=20)
    await names.learn({f"old {number}": [] for number in range(20)}, VERSION)
    await names.write()
    async with forgetful.database.transaction() as session:
        await session.exec(update(NameSpansRow).values(used_on=func.current_date() - 30))
    used = memory(forgetful, kept=20)
    assert await used.recall(["old 3"], VERSION) == {"old 3": []}
    await used.learn({f"new {number}": [] for number in range(15)}, VERSION)
    await used.write()
    async with forgetful.database.transaction() as session:
        assert (await session.exec(select(func.count()).select_from(NameSpansRow))).one() <= 20
    later = memory(forgetful)
    assert await later.recall(["old 3", *(f"new {number}" for number in range(15))], VERSION) == {
        "old 3": [],
        **{f"new {number}": [] for number in range(15)},
    }


async def test_a_table_that_cannot_be_reached_costs_time_and_uncovers_nobody(fresh: Site) -> None:
    words = "Tomorrow Magnus Ravensworth visits the works in person."
    async with fresh.database.transaction() as session:
        connection = await session.connection()
        await connection.execute(text("LOCK TABLE gateway.name_spans IN ACCESS EXCLUSIVE MODE"))
        assert "Ravensworth" not in await masked(fresh, words)
        assert "Ravensworth" not in await masked(fresh, f"{words} Again.")


async def test_a_table_that_is_not_there_costs_time_and_uncovers_nobody(forgetful: Site) -> None:
    names = memory(forgetful)
    async with forgetful.database.transaction() as session:
        await (await session.connection()).execute(text("ALTER TABLE gateway.name_spans RENAME TO elsewhere"))
    try:
        assert await names.recall(["Who?"], VERSION) == {}
        assert "Ravensworth" not in await masked(forgetful, "Where does Magnus Ravensworth live now?")
    finally:
        async with forgetful.database.transaction() as session:
            await (await session.connection()).execute(
                text("ALTER TABLE gateway.elsewhere RENAME TO name_spans")
            )
    await names.learn({"Who?": []}, VERSION)
    await names.write()
    assert await memory(forgetful).recall(["Who?"], VERSION) == {"Who?": []}


async def test_what_could_not_be_written_is_written_later(
    forgetful: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = memory(forgetful)
    await names.learn({"Who?": SPANS}, VERSION)

    def away(*_: object) -> None:
        raise PartUnavailable("database", "away")

    with monkeypatch.context() as patched:
        patched.setattr(forgetful.database, "transaction", away)
        with pytest.raises(PartUnavailable):
            await names.write()
    await asyncio.gather(names.write(), names.write())
    assert await memory(forgetful).recall(["Who?"], VERSION) == {"Who?": SPANS}


async def test_reading_ahead_leaves_nothing_for_the_question_to_read(fresh: Site) -> None:
    words = "Yesterday Magnus Ravensworth asked for the manual twice."
    await fresh.client.read_ahead(principal(), [words])
    before = read_by("detector")
    assert "Ravensworth" not in await masked(fresh, words)
    assert read_by("detector") == before
    async with fresh.database.transaction() as session:
        assert (await session.exec(select(func.count()).select_from(NameSpansRow))).one() > 0
