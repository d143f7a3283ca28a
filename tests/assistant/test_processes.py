"""Serving: whom a process takes for its caller."""

from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request

from assistant.processes import serve
from gateway import ListenSettings


async def _caller(monkeypatch: pytest.MonkeyPatch, listen: ListenSettings) -> str:
    """Whom an app that is served so sees, when 127.0.0.1 says that it speaks for another."""
    app, served = FastAPI(), []

    @app.get("/")
    async def who(request: Request) -> str:
        return f"{request.url.scheme} {request.client.host if request.client else None}"

    def run(app: Any, **options: Any) -> None:
        served.append(uvicorn.Config(app, **options))

    monkeypatch.setattr("uvicorn.run", run)
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    serve(app, listen)
    served[0].load()
    transport = httpx.ASGITransport(served[0].loaded_app, client=("127.0.0.1", 1))
    headers = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"}
    async with httpx.AsyncClient(transport=transport, base_url="http://web", headers=headers) as client:
        return str((await client.get("/")).json())


async def test_nobody_is_believed_to_speak_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await _caller(monkeypatch, ListenSettings(port=1)) == "http 127.0.0.1"
    named = ListenSettings(port=1, proxies=("192.0.2.7",))
    assert await _caller(monkeypatch, named) == "http 127.0.0.1"


async def test_a_proxy_that_the_settings_name_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    named = ListenSettings(port=1, proxies=("127.0.0.1",))
    assert await _caller(monkeypatch, named) == "https 192.0.2.1"
