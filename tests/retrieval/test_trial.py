"""The search as it is in production, beside plain ones."""

import ast
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

import retrieval
from gateway import Principal
from retrieval import (
    CrmRefused,
    Embedder,
    HashedWords,
    Phase,
    Question,
    System,
    Trial,
    UnknownLogin,
    load_map,
    open_trial,
)
from retrieval.trial.everything import Everything

from .tiny import tiny_crm


class Counting(HashedWords):
    """Counts what it embeds."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    async def embed(self, principal: Principal, texts: Sequence[str], purpose: str) -> list[list[float]]:
        self.texts += texts
        return await super().embed(principal, texts, "index")


def _prepared(folder: Path) -> tuple[Path, str, Path]:
    own = folder / "own"
    own.mkdir(parents=True)
    return *tiny_crm(folder), own


@asynccontextmanager
async def trial(
    folder: Path, embedder: Embedder | None = None, kept: Path | None = None
) -> AsyncIterator[Trial]:
    file, dsn, own = _prepared(folder)
    async with open_trial(
        load_map(file), file, dsn, own, embedder or HashedWords(), lambda *_: None, kept=kept
    ) as opened:
        yield opened


@pytest.mark.parametrize("system", list(System))
async def test_every_system_finds_the_record_that_says_it(system: System, tmp_path: Path) -> None:
    async with trial(tmp_path) as opened:
        found = await opened.rank(system, Question(question="who complained that the compressor rattles"))
    assert found.refs[0] == "note:1"
    assert found.seconds["whole"] >= found.seconds["check"] > 0


@pytest.mark.parametrize("system", list(System))
async def test_nobody_sees_more_than_is_theirs(system: System, tmp_path: Path) -> None:
    question = Question(question="compressor rattles, invoice twice, zeppelin, sent back")
    async with trial(tmp_path) as opened:
        alice = set((await opened.rank(system, question, "alice")).refs)
        bob = set((await opened.rank(system, question, "bob")).refs)
        everybody = set((await opened.rank(system, question)).refs)
    assert {"note:1", "rule:1"} <= alice
    assert "note:2" not in alice
    assert {"note:2", "rule:1"} <= bob
    assert "note:1" not in bob
    assert {"note:1", "note:2", "rule:1"} <= everybody
    assert not {"note:4", "customer:3"} & (alice | bob | everybody), "there was no consent"


async def test_who_is_no_user_of_the_crm_is_refused(tmp_path: Path) -> None:
    async with trial(tmp_path) as opened:
        with pytest.raises(UnknownLogin, match="mallory"):
            await opened.rank(System.BM25, Question(question="compressor"), "mallory")


async def test_the_names_are_those_that_doors_know(tmp_path: Path) -> None:
    async with trial(tmp_path) as opened:
        (span,) = opened.gazetteer.find("what about Quarzwerk Nord today")
        assert span.entity == "customer:1"
        assert await opened.visible("bob", ["customer:1", "customer:2"]) == {"customer:2"}
        assert await opened.visible(None, ["customer:1", "customer:2"]) == {"customer:1", "customer:2"}
        assert opened.present["rule"] == {"1", "2"}


async def test_kept_vectors_are_not_made_again(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    first, second = Counting(), Counting()
    question = Question(question="quieter fan")
    async with trial(tmp_path / "a", first, kept) as opened:
        before = (await opened.rank(System.DENSE, question)).refs
    async with trial(tmp_path / "b", second, kept) as opened:
        after = (await opened.rank(System.DENSE, question)).refs
    assert len(first.texts) > 5
    assert second.texts == ["quieter fan"]
    assert before[0] == after[0] == "note:3"


async def test_a_file_of_vectors_that_was_cut_off_is_gone_on_with(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    async with trial(tmp_path / "a", Counting(), kept):
        pass
    (file,) = kept.iterdir()
    file.write_bytes(file.read_bytes()[:-7])
    second, third = Counting(), Counting()
    async with trial(tmp_path / "b", second, kept):
        pass
    async with trial(tmp_path / "c", third, kept):
        pass
    assert (len(second.texts), third.texts) == (1, [])


async def test_progress_reaches_its_end(tmp_path: Path) -> None:
    done: dict[Phase, int] = {}
    totals: dict[Phase, int] = {}

    def told(phase: Phase, some: int, total: int) -> None:
        done[phase] = done.get(phase, 0) + some
        totals[phase] = total

    file, dsn = tiny_crm(tmp_path)
    async with open_trial(load_map(file), file, dsn, tmp_path, HashedWords(), told):
        pass
    assert done == totals
    assert set(done) == set(Phase)


async def test_an_address_that_is_none_is_refused_with_a_sentence(tmp_path: Path) -> None:
    file, _ = tiny_crm(tmp_path)
    with pytest.raises(CrmRefused, match="cannot be read"):
        async with open_trial(load_map(file), file, "nonsense", tmp_path, None, lambda *_: None):
            pass


def test_only_a_trial_makes_somebody_who_sees_everything() -> None:
    package = Path(str(retrieval.__file__)).parent
    users = [
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if {"Everything", "everything"} & set(_imported(path)) or path.stem == "everything"
    ]
    assert users
    assert all(path.startswith("trial/") for path in users)
    assert Everything.__name__ not in retrieval.__all__


def _imported(path: Path) -> list[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return [one.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for one in node.names]
