"""Whoever is killed, and whenever: the index ends as if nobody had been."""

from pathlib import Path

from .kills import killed


def test_killed_with_writers_at_work_nothing_is_lost_doubled_or_a_ghost(tmp_path: Path) -> None:
    report = killed(4, seed=11, rate=120, folder=tmp_path)
    assert report.clean, report.shown()
    assert report.kills.total() >= 3
    assert report.writes > 150
