"""An error that crossed a process says there what it said here."""

import httpx
import pytest
from fastapi import FastAPI

from gateway import CloisterError, NotAllowed, PartUnavailable, UpstreamFailed, install_error_handlers
from gateway.errors import error_from_problem, problem


@pytest.mark.parametrize(
    "error",
    [
        PartUnavailable("model", "It is away."),
        PartUnavailable("model", "There is none.", absent=True),
        PartUnavailable("model", "It is on its way.", starting=True),
        UpstreamFailed("It broke off.", part="model"),
        NotAllowed("It is not yours."),
    ],
)
def test_an_error_is_the_same_on_the_other_side(error: CloisterError) -> None:
    rendered = problem(error)
    again = error_from_problem(error.status, rendered)
    assert type(again) is type(error)
    assert problem(again) == rendered


async def test_what_the_framework_refuses_is_titled_by_its_status() -> None:
    app = FastAPI()
    install_error_handlers(app)

    @app.get("/here")
    def here() -> str:
        return "here"

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
        answers = [await client.post("/here"), await client.get("/nowhere")]
    assert [(one.status_code, one.json()["title"]) for one in answers] == [
        (405, "Method not allowed"),
        (404, "Not found"),
    ]
