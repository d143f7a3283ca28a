"""What a command that waits for the index says meanwhile."""

from collections.abc import Iterator
from typing import Any, cast

import pytest

from assistant.cli.remote import Caller
from assistant.cli.sync import _compared, _follow, _going_on, _rebuilt

ROWS = {"running": True, "rows": 3, "total": 6_000, "vectors": 2, "wanting": 5, "error": None}
VECTORS = {**ROWS, "rows": 6_000, "vectors": 1_200, "wanting": 10_800}


class Answering:
    """An appliance that is at one state after the other, and then done."""

    def __init__(self, *states: dict[str, Any]) -> None:
        self._states: Iterator[dict[str, Any]] = iter([*states, {**states[-1], "running": False}])

    def get(self, _path: str) -> dict[str, Any]:
        return next(self._states)


@pytest.fixture(autouse=True)
def at_every_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.cli.sync._LOOK_S", 0.001)
    monkeypatch.setattr("assistant.cli.sync._SAY_S", -1.0)


def test_without_a_terminal_a_rebuild_tells_rows_and_then_vectors(capsys: pytest.CaptureFixture[str]) -> None:
    found = _follow(cast(Caller, Answering(ROWS, VECTORS)), "/", _rebuilt, as_json=False)
    assert found["running"] is False
    rows, vectors = capsys.readouterr().err.splitlines()
    assert rows.startswith("3 of 6,000 rows. ")
    assert vectors.startswith("1,200 of 12,000 vectors. ")
    for line in (rows, vectors):
        assert line.endswith(
            "Questions are answered from the old index until then. "
            "It goes on by itself when this command ends."
        )


def test_what_holds_a_rebuild_up_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    held = {**VECTORS, "error": "Deletions wait."}
    _follow(cast(Caller, Answering(held)), "/", _rebuilt, as_json=False)
    assert "12,000 vectors. Deletions wait. Questions" in capsys.readouterr().err


def test_without_a_terminal_a_comparison_tells_rows(capsys: pytest.CaptureFixture[str]) -> None:
    state = {"running": True, "done": 7, "total": 0, "error": None}
    _follow(cast(Caller, Answering(state, {**state, "total": 9})), "/", _compared, as_json=False)
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("7 rows compared. It goes on")
    assert second.startswith("7 of 9 rows compared. It goes on")


def test_for_a_machine_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    _follow(cast(Caller, Answering(ROWS, VECTORS)), "/", _rebuilt, as_json=True)
    assert capsys.readouterr().err == ""


def test_a_status_tells_what_is_still_being_made() -> None:
    rows = [{"vectors": 40}, {"vectors": 2}]
    nothing = _going_on({"filling": False, "entities": rows}, {"running": False})
    assert list(nothing) == []
    vectors, rebuild = _going_on({"filling": True, "entities": rows}, {"running": True})
    assert vectors.startswith("42 vectors are made, others still are")
    assert "cloister index status" in rebuild
