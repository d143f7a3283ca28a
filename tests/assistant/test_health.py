"""What the health page says of model servers that answer, that are still loading, and that are gone."""

import pytest

from assistant.admin.health import server_health, serving
from gateway import ServerState

UP = ServerState("one", "default", answers=True)
LOADING = ServerState("two", "default", answers=False, starting=True)
GONE = ServerState("three", "default", answers=False)


@pytest.mark.parametrize(
    ("servers", "state", "model", "said"),
    [
        ([UP], "ok", "serving", ""),
        ([UP, LOADING], "starting", "serving", "The others answer."),
        ([LOADING], "starting", "starting", "Until then: search goes by words alone."),
        ([LOADING, GONE], "down", "starting", "two, three does not answer."),
        ([UP, GONE], "warn", "serving", "three does not answer; the others do."),
        ([GONE], "down", "silent", "See the log of the server."),
    ],
    ids=["up", "one loads", "all load", "one loads and one is gone", "one is gone", "all are gone"],
)
def test_a_server_that_loads_is_starting_and_not_down(
    servers: list[ServerState], state: str, model: str, said: str
) -> None:
    found = server_health("model", servers, "Search goes by words alone.")
    assert (found.state, serving(servers)) == (state, model)
    assert said in found.sentence
