"""An error that crossed a process says there what it said here."""

import pytest

from gateway import CloisterError, NotAllowed, PartUnavailable, UpstreamFailed
from gateway.errors import error_from_problem, problem


@pytest.mark.parametrize(
    "error",
    [
        PartUnavailable("model", "It is away."),
        UpstreamFailed("It broke off.", part="model"),
        NotAllowed("It is not yours."),
    ],
)
def test_an_error_is_the_same_on_the_other_side(error: CloisterError) -> None:
    rendered = problem(error)
    again = error_from_problem(error.status, rendered)
    assert type(again) is type(error)
    assert problem(again) == rendered
