"""What a command that waits for the index says meanwhile."""

from typing import Any, cast

import pytest

from assistant.cli.remote import Caller
from assistant.cli.sync import _follow


class Answering:
    """An appliance that is done at the second look."""

    def __init__(self) -> None:
        self._looks = 0

    def get(self, _path: str) -> dict[str, Any]:
        self._looks += 1
        return {"running": self._looks < 2, "rows": 3 * self._looks, "total": 6_000, "error": None}


@pytest.mark.parametrize(("as_json", "said"), [(False, "rebuilding: 3 of 6,000. It goes on"), (True, "")])
def test_without_a_terminal_a_line_says_how_far_it_is(
    as_json: bool, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = _follow(cast(Caller, Answering()), "/", "rebuilding", "rows", as_json)
    assert found["running"] is False
    told = capsys.readouterr().err
    assert said in told
    assert bool(told) is bool(said)
