"""What an officer writes rests on what it cites, and the rep must still be allowed to read that."""

from dataclasses import replace

import pytest

from approvals import HeldItem, approve, edit
from assistant.answer import EventKind
from assistant.answer.support import Checked
from assistant.runs.execute import RunExecutor
from assistant.runs.resume import RunResumer
from assistant.runs.tables import Run
from gateway import Database, Principal
from tests.approvals.queues import open_item

from .running import PASSAGE, ToldPipeline, kinds, now, opened, risky_answer
from .test_runs_resume import OFFICER, POLICY, SECOND, Rights, after_the_undo_window, last_told, officers

__all__ = ["officers"]

OTHER = {**PASSAGE, "n": 2, "id": "note:2/body/0", "entity": "note:2"}


async def held(
    web: Database, work: Database, rep: Principal, *, uncited: bool = False
) -> tuple[Run, HeldItem]:
    answer = replace(risky_answer(), passages=(PASSAGE, OTHER))
    if uncited:
        answer = replace(answer, sentences=(*answer.sentences, Checked("All is well.", (), supported=False)))
    run = await opened(web, rep)
    await RunExecutor(work, ToldPipeline(answer), POLICY, "one").execute(run.id)
    run = await now(work, run)
    async with web.transaction() as session:
        item = await session.get_one(HeldItem, run.held_item)
        return run, item


async def decided(web: Database, work: Database, item: HeldItem, text: str | None, rights: Rights) -> None:
    async with web.transaction() as session:
        await open_item(session, OFFICER, item.id)
        if text is None:
            await approve(session, POLICY, OFFICER, item.id, item.current_hash, confirmed=True)
        else:
            edited = await edit(session, POLICY, OFFICER, item.id, item.current_hash, text, confirmed=True)
            await open_item(session, SECOND, item.id)
            await approve(session, POLICY, SECOND, item.id, edited.current_hash, confirmed=True)
    await after_the_undo_window(work, item)
    await RunResumer(work, rights).resume(item.id)


async def test_an_edit_is_told_with_the_sources_that_it_cites(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run, item = await held(web_database, work_database, rep)
    await decided(
        web_database, work_database, item, "See the second note. [2] Not [7].", Rights("note:1", "note:2")
    )
    assert (await last_told(work_database, run, EventKind.RELEASED)).data["citations"] == [2]


async def test_an_answer_is_released_to_who_may_read_what_it_cites(
    web_database: Database, work_database: Database, rep: Principal
) -> None:
    run, item = await held(web_database, work_database, rep)
    await decided(web_database, work_database, item, None, Rights("note:1"))
    assert "released" in await kinds(work_database, run)


@pytest.mark.parametrize(("text", "uncited"), [("Something else. [1]", False), (None, True)])
async def test_where_nobody_can_say_what_a_text_rests_on_all_of_it_must_be_theirs(
    web_database: Database, work_database: Database, rep: Principal, text: str | None, uncited: bool
) -> None:
    run, item = await held(web_database, work_database, rep, uncited=uncited)
    await decided(web_database, work_database, item, text, Rights("note:1"))
    assert (await kinds(work_database, run))[-2:] == ["rejected", "done"]
