"""Killed at each commit in turn: nothing is lost, nothing doubled, and the record agrees with the rows."""

import subprocess
import sys

import pytest

KILLS = 45


@pytest.mark.timeout(300)
def test_kills_at_every_commit_lose_and_double_nothing() -> None:
    command = [sys.executable, "-m", "tests.approvals.kill", str(KILLS)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    assert ended.returncode == 0, ended.stdout + ended.stderr
