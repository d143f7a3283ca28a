"""Looking after the sync: rows that cannot be indexed, drift, decisions, a new generation, consent."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from gateway import BadInput, CloisterError, NotAllowed, Principal
from retrieval import Drift, HashedWords, VerifyReport
from retrieval.index import IndexFailed
from retrieval.index.edge import Terms
from retrieval.index.embedding import Purpose
from retrieval.sync import Stage

from .oracle import Oracle
from .stand import ADMIN, Running, Stand, principal
from .test_index_keeping import done
from .test_sync import idle, is_ready, rows_of, until

POISON = "Ylangplunder"


class Careful(HashedWords):
    """Refuses what holds the poison, and remembers what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[str] = []

    async def embed(self, principal: Principal, texts: Sequence[str], purpose: Purpose) -> list[list[float]]:
        if any(POISON in text for text in texts):
            raise BadInput("This text is refused.")
        self.given += texts if purpose == "index" else ()
        return await super().embed(principal, texts, purpose)


async def finished(process: Running) -> VerifyReport:
    await process.state["verifier"].wait()
    return await process.client.sync_verified(ADMIN)


async def test_a_row_that_cannot_be_read_is_set_aside_and_holds_up_nobody(
    running: Running, stand: Stand
) -> None:
    (poisoned,), (other,) = stand.crm("SELECT id FROM cases ORDER BY id LIMIT 2")
    stand.crm("UPDATE cases SET opened_on = 'infinity' WHERE id = %s", poisoned)
    stand.crm("UPDATE cases SET description = 'Zwirbelventil' WHERE id = %s", other)
    before = dict(running.follower.mirror.rows("case"))

    async def set_aside() -> bool:
        now = running.follower.mirror.rows("case")
        return str(poisoned) not in now and now[str(other)].version != before[str(other)].version

    await until(set_aside)
    found = await running.client.sync_parked(ADMIN)
    assert [(row.entity, row.key, row.stage) for row in found.rows] == [("case", str(poisoned), "reading")]
    status = {one.entity: one for one in (await running.client.sync_status(ADMIN)).entities}
    assert status["case"].parked == 1
    await running.client.sync_run(ADMIN)
    await until(lambda: idle(running))
    assert len(rows_of(running, "case")) == len(before) - 1
    stand.crm("UPDATE cases SET opened_on = '2026-01-01' WHERE id = %s", poisoned)

    async def back() -> bool:
        return str(poisoned) in rows_of(running, "case")

    await until(back)
    assert (await running.client.sync_parked(ADMIN)).total == 0
    count = "SELECT count(*) FROM retrieval.parked"
    await until(lambda: _is(lambda: stand.appliance(count) == [(0,)]))


async def test_a_row_that_cannot_be_rendered_leaves_the_index_and_its_reason_holds_no_content(
    running: Running, stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    builder = running.state["passes"]._builder
    build = builder.row

    def breaks(kind: str, row: Any, kin: Any) -> Any:
        if kind == "article" and row["id"] == 1:
            raise ValueError(f"{row['body']} cannot be rendered")
        return build(kind, row, kin)

    monkeypatch.setattr(builder, "row", breaks)
    stand.crm("UPDATE articles SET body = body || ' More.' WHERE id IN (1, 3)")

    async def gone() -> bool:
        return "1" not in rows_of(running, "article")

    await until(gone)
    (parked,) = (await running.client.sync_parked(ADMIN)).rows
    assert (parked.stage, parked.tries) == ("rendering", 1)
    assert parked.reason.startswith("ValueError at tests/")
    saved = "SELECT entity, key, reason FROM retrieval.parked"
    await until(lambda: _is(lambda: stand.appliance(saved) == [("article", "1", parked.reason)]))
    assert "3" in rows_of(running, "article")
    monkeypatch.setattr(builder, "row", build)
    assert (await running.client.sync_retry(ADMIN)).total == 1
    await until(lambda: _is(lambda: "1" in rows_of(running, "article")))


async def _is(question: Callable[[], bool]) -> bool:
    return question()


async def test_a_text_that_the_model_refuses_is_found_by_words_and_holds_up_no_other_vector(
    new_stand: Callable[..., Stand],
) -> None:
    stand = new_stand()
    stand.crm("UPDATE articles SET body = body || %s WHERE id = 1", f" {POISON}.")
    async with stand.running(Careful()) as process:
        await process.caught_up()
        await process.vectors_filled()
        await until(lambda: _is(lambda: process.state["passes"].parking.count(Stage.EMBEDDING) == 1))
        left = await process.follower.mirror.index.waiting(1_000)
        assert {(piece.kind, piece.key) for piece in left} == {("article", "1")}
        who = principal(Oracle(stand.crm_dsn).people[0].login)
        found = await process.client.search(who, POISON)
        assert "article:1" in {passage.entity for passage in found.passages}


async def test_the_same_words_are_embedded_once(new_stand: Callable[..., Stand]) -> None:
    stand = new_stand()
    stand.crm("UPDATE case_notes SET body = 'Rang twice, nobody answered.'")
    embedder = Careful()
    async with stand.running(embedder) as process:
        await process.caught_up()
        await process.vectors_filled()
        filler = process.state["filler"]
        assert filler.copied > 10
        assert len(embedder.given) == len(set(embedder.given)) == filler.embedded
        vectors = sum(one.vectors for one in (await process.client.sync_status(ADMIN)).entities)
        assert vectors == filler.embedded + filler.copied


async def test_verify_finds_each_kind_of_drift_and_mends_it(running: Running, stand: Stand) -> None:
    await until(lambda: is_ready(running))
    await running.vectors_filled()
    await running.client.sync_verify(ADMIN)
    clean = await finished(running)
    assert clean.clean
    assert clean.done == clean.total > 500
    mirror = running.follower.mirror
    index = mirror.index
    case, note, article = (dict(mirror.rows(kind)) for kind in ("case", "note", "article"))
    await index.drop(list(case[first(case)].points))
    half = next(key for key, row in case.items() if len(row.points) > 1 and key != first(case))
    await index.drop(list(case[half].points)[:1])
    expected = await running.state["passes"].expected_of("note", [first(note)])
    row = expected[first(note)]
    await index.put([_with(row, acl=("everyone~",))], {row.ref: note[row.key]})
    row = (await running.state["passes"].expected_of("article", [first(article)]))[first(article)]
    await index.put([_with(row, version="old")], {row.ref: article[row.key]})
    await index.put([_with(row, key="777777")], {})
    wrong = {
        "case": {Drift.MISSING: 1, Drift.HALF_WRITTEN: 1},
        "note": {Drift.RIGHTS: 1},
        "article": {Drift.STALE: 1, Drift.GHOST: 1},
    }
    await running.client.sync_verify(ADMIN, dry_run=True)
    looked = await finished(running)
    assert (looked.found, looked.mended, looked.clean) == (wrong, 0, False)
    await running.client.sync_verify(ADMIN)
    mended = await finished(running)
    assert (mended.found, mended.mended) == (wrong, 5)
    await running.vectors_filled()
    await running.client.sync_verify(ADMIN)
    assert (await finished(running)).clean
    assert (await index.rights())[f"note:{first(note)}"] != {"everyone~"}


def first(rows: dict[str, Any]) -> str:
    return min(rows, key=int)


def _with(row: Any, **changes: Any) -> Any:
    from dataclasses import replace

    return replace(row, **changes)


async def test_a_new_generation_is_filled_beside_and_asked_when_it_is_full(
    new_stand: Callable[..., Stand],
) -> None:
    stand, embedder = new_stand(), Careful()
    async with stand.running(embedder) as process:
        await process.caught_up()
        await process.vectors_filled()
        rebuilder, asked = process.state["rebuilder"], len(embedder.given)
        before = await process.client.sync_rebuilding(ADMIN)
        await process.client.sync_rebuild(ADMIN)
        stand.crm("UPDATE articles SET body = body || ' Zwirbelventil.' WHERE id = 1")
        async with asyncio.timeout(60):
            await rebuilder.idle.wait()
        after = await process.client.sync_rebuilding(ADMIN)
        assert after.error is None
        assert (before.serving, after.serving) == (before.serving, before.serving.replace("g0001", "g0002"))
        assert len(embedder.given) - asked <= 3  # what had a vector before has it still
        who = principal(Oracle(stand.crm_dsn).people[0].login)

        async def followed() -> bool:
            found = await process.client.search(who, "Zwirbelventil")
            return "article:1" in {passage.entity for passage in found.passages}

        await until(followed)
        await process.vectors_filled()
        await process.client.sync_verify(ADMIN)
        assert (await finished(process)).found == {}
        vectors = sum(one.vectors for one in (await process.client.sync_status(ADMIN)).entities)
    async with stand.running(embedder) as process:
        await process.caught_up()
        status = await process.client.sync_status(ADMIN)
        assert sum(one.vectors for one in status.entities) == vectors


async def test_what_was_deleted_at_once_waits_and_is_kept_or_deleted_by_a_word(
    running: Running, stand: Stand
) -> None:
    contacts = len(rows_of(running, "contact"))
    removed = stand.crm("DELETE FROM contacts WHERE mod(id, 3) = 0 RETURNING id")

    async def held() -> int:
        status = {one.entity: one for one in (await running.client.sync_status(ADMIN)).entities}
        return status["contact"].held

    await until(lambda: _equals(held, len(removed)))
    with pytest.raises(NotAllowed):
        await running.client.sync_resolve(principal("rep@example.org"), "contact", allow_deletes=True)
    with pytest.raises(BadInput):
        await running.client.sync_resolve(ADMIN, "planet", allow_deletes=True)
    kept = await running.client.sync_resolve(ADMIN, "contact", allow_deletes=False)
    assert (kept.rows, kept.deleted) == (len(removed), False)
    status = {one.entity: one for one in (await running.client.sync_status(ADMIN)).entities}
    assert (status["contact"].held, status["contact"].kept) == (0, len(removed))
    await running.client.sync_run(ADMIN)
    await until(lambda: idle(running))
    assert len(rows_of(running, "contact")) == contacts
    deleted = await running.client.sync_resolve(ADMIN, "contact", allow_deletes=True)
    assert (deleted.rows, deleted.deleted) == (len(removed), True)
    assert len(rows_of(running, "contact")) == contacts - len(removed)
    saved = stand.appliance("SELECT gone, kept FROM retrieval.sync WHERE entity = 'contact'")
    assert saved == [(0, 0)]


REFUSING = """
    CREATE FUNCTION gateway.refuse_events() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'nothing is recorded'; END $$
"""
NO_EVENTS = """
    CREATE TRIGGER refuse_events BEFORE INSERT ON gateway.audit_event
    EXECUTE FUNCTION gateway.refuse_events()
"""


async def test_what_cannot_be_recorded_is_not_done(
    running: Running, stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed = stand.crm("DELETE FROM contacts WHERE mod(id, 3) = 0 RETURNING id")
    passes = running.state["passes"]
    await until(lambda: _is_so(lambda: passes.brake.held("contact") == len(removed)))
    await running.client.index_backup(ADMIN)
    backup = (await done(running)).backups[0].name
    passes.parking.park("article", "1", Stage.RENDERING, ValueError())
    parked = passes.parking.get("article", "1")
    contacts = len(rows_of(running, "contact"))
    compared: list[bool] = []
    monkeypatch.setattr(running.follower, "ask", lambda *, allow_deletes: compared.append(allow_deletes))
    stand.appliance(REFUSING)
    stand.appliance(NO_EVENTS)
    client = running.client
    for refused in (
        client.sync_resolve(ADMIN, "contact", allow_deletes=True),
        client.sync_run(ADMIN),
        client.sync_retry(ADMIN),
        client.sync_verify(ADMIN),
        client.sync_rebuild(ADMIN),
        client.index_optimise(ADMIN),
        client.index_backup(ADMIN),
        client.index_restore(ADMIN, backup),
    ):
        with pytest.raises(CloisterError, match="Something went wrong"):
            await refused
    assert len(rows_of(running, "contact")) == contacts
    assert (passes.brake.held("contact"), compared) == (len(removed), [])
    assert passes.parking.get("article", "1") == parked
    assert (await client.sync_verified(ADMIN)).began is None
    assert not (await client.sync_rebuilding(ADMIN)).running
    state = await client.index_state(ADMIN)
    assert (state.doing, len(state.backups), len(state.generations)) == ("", 1, 1)
    assert state.generations[0].optimised is None
    stand.appliance("DROP FUNCTION gateway.refuse_events() CASCADE")
    assert (await client.sync_resolve(ADMIN, "contact", allow_deletes=True)).rows == len(removed)
    ((detail,),) = stand.appliance("SELECT detail FROM gateway.audit_event WHERE event = 'sync.resolved'")
    assert detail == {"entity": "contact", "allow_deletes": True, "held": len(removed), "kept": 0}


async def _equals(ask: Callable[[], Any], expected: int) -> bool:
    return bool(await ask() == expected)


CANARY = "Quorbeltang"


async def test_nothing_of_a_contact_without_consent_is_embedded_indexed_or_found(
    new_stand: Callable[..., Stand],
) -> None:
    stand, embedder = new_stand(), Careful()
    (never, account), (withdrawn, _) = stand.crm(
        "SELECT id, account_id FROM contacts WHERE consent ORDER BY account_id, id LIMIT 2"
    )
    stand.crm("UPDATE contacts SET consent = false WHERE id = %s", never)
    stand.crm("UPDATE contacts SET remarks = %s WHERE id = %s", f"{CANARY} at noon.", never)
    stand.crm("UPDATE contacts SET remarks = %s WHERE id = %s", f"{CANARY}two at noon.", withdrawn)
    people = [one.login for one in Oracle(stand.crm_dsn).people if one.role in ("rep", "lead")]
    async with stand.running(embedder) as process:
        await process.caught_up()
        await process.vectors_filled()
        assert any(f"{CANARY}two" in text for text in embedder.given)
        assert not any(f"{CANARY} at" in text for text in embedder.given)
        given = len(embedder.given)
        stand.crm("UPDATE contacts SET consent = false WHERE id = %s", withdrawn)

        async def out() -> bool:
            held = await process.follower.mirror.index.rights()
            return held[f"contact:{withdrawn}"] == frozenset()

        await until(out, 5)
        await process.client.sync_run(ADMIN)
        await until(lambda: idle(process))
        await process.vectors_filled()
        for login in people:
            for scope in (f"account:{account}", None):
                for words in (CANARY, f"{CANARY}two", f"{CANARY} at noon"):
                    found = await process.client.search(principal(login), words, scope=scope)
                    assert CANARY not in found.model_dump_json().replace(words, "")
                    assert {f"contact:{never}", f"contact:{withdrawn}"}.isdisjoint(
                        passage.entity for passage in found.passages
                    )
        assert not any(CANARY in text for text in embedder.given[given:])
        marks = process.follower.mirror.rows("contact")
        assert all(list(marks[str(key)].points.values()) == [""] for key in (never, withdrawn))


class Watched:
    """Every text that was made into terms, or given away to be embedded, since it was last emptied."""

    def __init__(self, embedder: Careful, monkeypatch: pytest.MonkeyPatch) -> None:
        self._embedder = embedder
        self._terms: list[str] = []
        weigh = Terms.of_document

        def watched(terms: Terms, text: str) -> Any:
            self._terms.append(text)
            return weigh(terms, text)

        monkeypatch.setattr(Terms, "of_document", watched)

    def embedded(self, word: str) -> bool:
        return any(word.lower() in text.lower() for text in self._embedder.given)

    def in_terms(self, word: str) -> bool:
        return any(word.lower() in text.lower() for text in self._terms)

    def empty(self) -> None:
        self._embedder.given.clear()
        self._terms.clear()


OPEN, DRAFT, SECRET, REFUSED, UNNAMED = (
    f"{CANARY}{end}" for end in ("open", "draft", "secret", "refused", "unnamed")
)
HIDDEN = (DRAFT, SECRET, REFUSED, UNNAMED)


async def test_what_nobody_may_see_is_neither_embedded_nor_among_the_terms(
    new_stand: Callable[..., Stand], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that no rule shows, a contact without consent, a secret column, and one that is not mapped."""
    stand, embedder = new_stand(), Careful()
    watched = Watched(embedder, monkeypatch)
    (shown,), (draft,) = stand.crm("SELECT id FROM articles WHERE audience = 'public' ORDER BY id LIMIT 2")
    ((contact, account),) = stand.crm("SELECT id, account_id FROM contacts WHERE consent ORDER BY id LIMIT 1")
    stand.crm("ALTER TABLE articles DROP CONSTRAINT articles_audience_check")
    stand.crm("ALTER TABLE articles ADD COLUMN left_out text")
    stand.crm(
        "UPDATE articles SET body = body || %s, left_out = %s WHERE id = %s", f" {OPEN}.", UNNAMED, shown
    )

    def hide() -> None:
        stand.crm(
            "UPDATE articles SET audience = 'nobody', title = title || %s, body = body || %s,"
            " updated_at = now() WHERE id = %s",
            f" {DRAFT}",
            f" {DRAFT}.",
            draft,
        )
        stand.crm("UPDATE accounts SET portal_password_hash = %s WHERE id = %s", SECRET, account)
        stand.crm(
            "UPDATE contacts SET consent = false, remarks = %s, job_title = %s WHERE id = %s",
            f"{REFUSED} at noon.",
            f"Head of {REFUSED}",
            contact,
        )

    def hidden() -> list[str]:
        return [word for word in HIDDEN if watched.embedded(word) or watched.in_terms(word)]

    hide()
    async with stand.running(embedder) as process:
        await process.caught_up()
        await process.vectors_filled()
        assert watched.embedded(OPEN)
        assert watched.in_terms(OPEN)
        assert hidden() == []

        watched.empty()  # the same by the way of a change: shown, and hidden again with other words
        stand.crm("UPDATE articles SET audience = 'public' WHERE id = %s", draft)

        async def told() -> bool:
            return watched.embedded(DRAFT) and watched.in_terms(DRAFT)

        await until(told)
        watched.empty()
        again = f"{DRAFT}again"
        stand.crm(
            "UPDATE articles SET audience = 'nobody', body = %s WHERE id = %s", f"Not yet: {again}.", draft
        )
        stand.crm("UPDATE accounts SET portal_password_hash = %s WHERE id = %s", f"{SECRET}again", account)
        stand.crm("UPDATE articles SET body = body || %s WHERE id = %s", f" {OPEN}again.", shown)

        async def out() -> bool:
            held = await process.follower.mirror.index.rights()
            return held[f"article:{draft}"] == frozenset() and watched.embedded(f"{OPEN}again")

        await until(out)
        await process.client.sync_run(ADMIN)
        await until(lambda: idle(process))
        await process.vectors_filled()
        assert hidden() == []

        watched.empty()  # and once more where everything is made anew
        await process.client.sync_rebuild(ADMIN)
        await process.state["rebuilder"].idle.wait()
        assert (await process.client.sync_rebuilding(ADMIN)).error is None
        assert watched.in_terms(OPEN)
        assert hidden() == []
        for kind, key in (("article", draft), ("contact", contact)):
            marks = process.follower.mirror.rows(kind)[str(key)]
            assert list(marks.points.values()) == [""]


async def test_a_generation_that_cannot_be_switched_to_leaves_the_former_one_asked_and_written(
    running: Running, monkeypatch: pytest.MonkeyPatch, stand: Stand
) -> None:
    monkeypatch.setattr("retrieval.sync.rebuild._BACK_OFF_S", 0.2)
    generations, rebuilder = running.state["index"], running.state["rebuilder"]
    store, switch = generations._store, generations._store.switch

    async def fail(generation: Any) -> None:
        raise IndexFailed

    monkeypatch.setattr(store, "switch", fail)
    former = generations.serving
    await running.client.sync_rebuild(ADMIN)
    await until(lambda: _is_so(lambda: rebuilder._error is not None))
    assert generations.serving is former
    assert running.follower.mirror.index is former.index
    stand.crm("UPDATE articles SET body = body || ' Zwirbelventil.' WHERE id = 1")
    who = principal(Oracle(stand.crm_dsn).people[0].login)

    async def followed() -> bool:
        found = await running.client.search(who, "Zwirbelventil")
        return "article:1" in {passage.entity for passage in found.passages}

    await until(followed)
    monkeypatch.setattr(store, "switch", switch)
    async with asyncio.timeout(60):
        await rebuilder.idle.wait()
    assert generations.serving is not former
    assert running.follower.mirror.index is generations.serving.index
    assert running.follower.mirror.beside is None
    assert await followed()


async def test_a_generation_that_cannot_be_filled_does_not_hold_up_the_one_that_is_asked(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    generations, rebuilder = running.state["index"], running.state["rebuilder"]
    begin = generations.begin

    async def begin_broken() -> Any:
        opened = await begin()

        async def refuse() -> None:
            raise IndexFailed

        monkeypatch.setattr(opened.index, "flush", refuse)
        monkeypatch.setattr(rebuilder, "_filler_for", None)
        return opened

    monkeypatch.setattr(generations, "begin", begin_broken)
    await running.client.sync_rebuild(ADMIN)
    await until(lambda: _is_so(lambda: rebuilder._error is not None))
    assert running.follower.mirror.beside is None


async def test_deletions_that_wait_for_a_word_are_not_carried_out_by_a_new_generation(
    running: Running, stand: Stand
) -> None:
    generations, rebuilder = running.state["index"], running.state["rebuilder"]
    former = generations.serving
    contacts = len(rows_of(running, "contact"))
    removed = stand.crm("DELETE FROM contacts WHERE mod(id, 3) = 0 RETURNING id")
    brake = running.state["passes"].brake
    await until(lambda: _is_so(lambda: brake.held("contact") == len(removed)))
    await running.client.sync_rebuild(ADMIN)

    async def waits() -> bool:
        return "cloister sync resolve" in ((await running.client.sync_rebuilding(ADMIN)).error or "")

    await until(waits)
    assert generations.serving is former
    assert len(rows_of(running, "contact")) == contacts
    await running.client.sync_resolve(ADMIN, "contact", allow_deletes=True)
    async with asyncio.timeout(60):
        await rebuilder.idle.wait()
    assert generations.serving is not former
    assert len(rows_of(running, "contact")) == contacts - len(removed)
    assert (await running.client.sync_rebuilding(ADMIN)).error is None


async def _is_so(condition: Callable[[], bool]) -> bool:
    return condition()
