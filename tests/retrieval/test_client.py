"""However many records a conversation names, asking about them is no error."""

import json
import uuid

import httpx

from gateway import Principal, Role, Tokens
from retrieval import RetrievalClient

REP = Principal(str(uuid.uuid4()), "rep@example.org", frozenset({Role.REP}))


class Mute(Tokens):
    """Signs nothing: the server here asks nobody."""

    def __init__(self) -> None: ...

    def for_principal(self, principal: Principal, audience: str, *, seconds: int = 60) -> str:
        return "token"


def client(asked: list[dict[str, object]]) -> RetrievalClient:
    """A client of a server that sees every second record."""

    def answer(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        asked.append(body)
        if request.url.path == "/v1/visible":
            return httpx.Response(200, json={"entities": body["entities"][::2]})
        return httpx.Response(200, json={"grant": "signed", "seconds": 60})

    http = httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://retrieval")
    return RetrievalClient(http, Mute())


async def test_rights_are_asked_for_in_portions() -> None:
    asked: list[dict[str, object]] = []
    records = tuple(f"note:{n}" for n in range(4_500))
    assert await client(asked).visible(REP, records) == records[::2]
    assert len(asked) == 3


async def test_a_grant_names_as_many_records_as_it_may() -> None:
    asked: list[dict[str, object]] = []
    await client(asked).grant(REP, "c", entities=tuple(f"note:{n}" for n in range(4_500)))
    assert len(asked[0]["entities"]) == 2_000  # type: ignore[arg-type]
