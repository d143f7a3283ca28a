"""The headers of every answer, and the requests of other sites."""

from collections.abc import Collection

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from hypothesis import given
from hypothesis import strategies as st

from assistant.pages import CrossSiteGuard, SecurityHeaders

HOST = "cloister.test"


def small_app(origins: Collection[str] = ()) -> FastAPI:
    app = FastAPI()

    @app.api_route("/thing", methods=["GET", "POST", "PATCH", "DELETE"])
    async def thing() -> dict[str, bool]:
        return {"done": True}

    app.add_middleware(CrossSiteGuard, origins=origins)
    app.add_middleware(SecurityHeaders)
    return app


def client_of(app: FastAPI, scheme: str = "http") -> AsyncClient:
    return AsyncClient(transport=ASGITransport(app), base_url=f"{scheme}://{HOST}")


async def test_every_answer_forbids_inline_script_and_framing() -> None:
    async with client_of(small_app()) as client:
        for path in ("/thing", "/nothing"):
            policy = (await client.get(path)).headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "script-src 'self';" in policy
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy


async def test_answers_are_not_kept_in_caches() -> None:
    async with client_of(small_app()) as client:
        assert (await client.get("/thing")).headers["cache-control"] == "no-store"


async def test_transport_security_is_asked_for_under_https_only() -> None:
    async with client_of(small_app(), "https") as client:
        assert "strict-transport-security" in (await client.get("/thing")).headers
    async with client_of(small_app()) as client:
        assert "strict-transport-security" not in (await client.get("/thing")).headers


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "origin": f"http://{HOST}"},
        {"origin": "https://evil.test"},
        {"origin": f"http://{HOST}.evil.test"},
        {"origin": f"http://{HOST}:8080"},
        {"origin": "null"},
    ],
)
async def test_what_another_site_sends_is_refused(method: str, headers: dict[str, str]) -> None:
    async with client_of(small_app()) as client:
        answer = await client.request(method, "/thing", headers=headers)
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert "content-security-policy" in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "same-origin", "origin": f"http://{HOST}"},
        {"sec-fetch-site": "none"},
        {"origin": f"http://{HOST}"},
        {},
        {"sec-fetch-site": "cross-site", "authorization": "Bearer clt_x"},
    ],
)
async def test_what_this_site_and_programs_send_passes(headers: dict[str, str]) -> None:
    async with client_of(small_app()) as client:
        assert (await client.post("/thing", headers=headers)).status_code == 200


async def test_reading_is_not_a_change() -> None:
    async with client_of(small_app()) as client:
        assert (await client.get("/thing", headers={"sec-fetch-site": "cross-site"})).status_code == 200


async def test_a_named_origin_passes_behind_a_proxy_that_rewrites_the_host() -> None:
    headers = {"origin": "https://desk.example.test", "sec-fetch-site": "same-origin"}
    async with client_of(small_app(origins={"https://desk.example.test"})) as client:
        assert (await client.post("/thing", headers=headers)).status_code == 200
        assert (await client.post("/thing", headers={"origin": "https://desk.evil.test"})).status_code == 403


@given(st.from_regex(r"[a-z]{1,8}(\.[a-z]{1,8}){0,2}(:[0-9]{1,4})?", fullmatch=True))
def test_an_origin_of_another_host_never_passes(host: str) -> None:
    guard = CrossSiteGuard(small_app())
    headers = [(b"host", HOST.encode()), (b"origin", f"https://{host}".encode())]
    scope = {"type": "http", "method": "POST", "headers": headers}
    assert guard._is_cross_site(scope) is (host != HOST)
