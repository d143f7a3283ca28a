"""Answers that no OpenBao gives, as a broken one or a proxy before it may: nothing is opened."""

from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from gateway.keys import KeeperSettings, KeeperUnavailable, open_keeper

from .server import serving

OPENED = {"plaintext": "a2V5"}
TWO = [("vault:v1:YQ==", "contact:1"), ("vault:v1:Yg==", "contact:2")]


def answering(body: dict[str, Any] | str) -> Starlette:
    """A service that answers the same whatever it is asked."""

    async def answer(_request: Request) -> Response:
        return HTMLResponse(body) if isinstance(body, str) else JSONResponse(body)

    return Starlette(routes=[Route("/v1/transit/decrypt/cloister", answer, methods=["POST"])])


@pytest.mark.parametrize(
    "results",
    [
        [],
        [OPENED],
        [OPENED] * 3,
        [OPENED, {"plaintext": ""}],
        [OPENED, {}],
        [OPENED, {"error": "cipher: message authentication failed"}],
    ],
    ids=["none", "too few", "too many", "an empty one", "one without", "one refused"],
)
async def test_a_batch_that_is_not_answered_key_by_key_opens_none(
    tmp_path: Path, results: list[dict[str, str]]
) -> None:
    async with serving(answering({"data": {"batch_results": results}})) as address:
        with pytest.raises(KeeperUnavailable, match="does not hold the key"):
            await open_keeper(settings(tmp_path, address)).unwrap_many(TWO)


@pytest.mark.parametrize(
    "body", ["<h1>Welcome</h1>", {}, {"data": None}, {"data": {}}], ids=["page", "empty", "null", "bare"]
)
async def test_an_answer_that_is_not_a_key_services_is_said_and_opens_nothing(
    tmp_path: Path, body: dict[str, Any] | str
) -> None:
    async with serving(answering(body)) as address:
        keeper = open_keeper(settings(tmp_path, address))
        for wanted in (TWO[:1], TWO):
            with pytest.raises(KeeperUnavailable, match="answers what is not a key service's answer"):
                await keeper.unwrap_many(wanted)


def settings(folder: Path, address: str) -> KeeperSettings:
    token = folder / "token"
    token.write_text("t")
    return KeeperSettings(kind="transit", address=address, token_file=token)
