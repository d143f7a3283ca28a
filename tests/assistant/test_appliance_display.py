"""What a pipe or a log file is told of a start: milestones alone."""

import io

import pytest

from assistant.appliance.display import PlainReporter


def test_a_thousand_steps_of_a_download_are_two_lines() -> None:
    out = io.StringIO()
    reporter = PlainReporter(out)
    reporter.begin("model", "Language model")
    for package in range(100):
        for step in range(11):
            reporter.progress("model", f"downloading package {package}", step / 10)
            reporter.tick()
    reporter.finish("model")
    assert [line.partition("] ")[2].partition(" (")[0] for line in out.getvalue().splitlines()] == [
        "Language model …",
        "Language model: done",
    ]


def test_what_takes_long_says_so_ever_more_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("assistant.appliance.display.time.monotonic", lambda: now)
    out = io.StringIO()
    reporter = PlainReporter(out)
    reporter.begin("model", "Language model")
    for second in range(601):
        now = float(second)
        reporter.progress("model", "downloading torch", second / 1000)
        reporter.tick()
    said = [line for line in out.getvalue().splitlines() if "downloading torch" in line]
    assert [int(float(line[1:].split()[0])) for line in said] == [15, 45, 105, 225, 345, 465, 585]
