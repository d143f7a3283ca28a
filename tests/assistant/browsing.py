"""A browser before the sample pages, for the tests of this package.

`base_url` and `signed_in` are all that the page tests need of a server: a run against a real appliance
replaces these two fixtures.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib.resources import files

import pytest
import uvicorn
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from assistant.appliance.ports import free_port
from tests.conftest import chromium

from .pages_script import Script, scripted_app

SignedIn = Callable[..., Awaitable[Page]]
_ENDING_S = 60
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture
async def script() -> Script:
    return Script()


@pytest.fixture
async def base_url(script: Script) -> AsyncIterator[str]:
    """Where the pages are served."""
    port = free_port()
    options = uvicorn.Config(scripted_app(script), port=port, log_level="error", timeout_graceful_shutdown=1)
    server = uvicorn.Server(options)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    async with asyncio.timeout(_ENDING_S):
        await serving


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        options = ["--no-sandbox", "--disable-background-networking", "--disable-gpu"]
        browser = await playwright.chromium.launch(executable_path=chromium(), args=options)
        yield browser
        await browser.close()


@pytest.fixture
async def signed_in(browser: Browser, base_url: str) -> AsyncIterator[SignedIn]:
    """`await signed_in("rita", "/queue")` gives a page; what goes wrong in its modules fails the test."""
    contexts: list[BrowserContext] = []
    faults: list[str] = []
    hosts: set[str] = set()

    async def open_page(login: str, path: str, *, width: int = 1280, theme: str = "light") -> Page:
        context = await browser.new_context(
            base_url=base_url,
            viewport={"width": width, "height": 800},
            color_scheme="dark" if theme == "dark" else "light",
            reduced_motion="reduce",
        )
        contexts.append(context)
        if login:
            await context.add_cookies([{"name": "cloister_session", "value": login, "url": base_url}])
        page = await context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: faults.append(message.text) if _is_fault(message.text) else None)
        page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
        await page.goto(path)
        return page

    yield open_page
    for context in contexts:
        async with asyncio.timeout(_ENDING_S):
            await context.close()
    assert faults == []
    assert hosts <= {base_url.split("/")[2]}


def _is_fault(text: str) -> bool:
    return bool(re.search(r"Content Security Policy|Refused to|Uncaught|modulepreload|preloaded", text))


async def violations(page: Page) -> list[str]:
    """What axe finds, a line each."""
    await page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text())
    found = await page.evaluate("tags => axe.run(document, {runOnly: tags})", RULES)
    return [
        f"{v['id']}: {node['target']}: {node.get('failureSummary')}"
        for v in found["violations"]
        for node in v["nodes"]
    ]


async def painted(page: Page, theme: str = "dark") -> None:
    """Wait until the theme and the width are on the screen, which a busy machine paints late."""
    await page.wait_for_function(f"matchMedia('(prefers-color-scheme: {theme})').matches")
    await page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


async def sideways(page: Page) -> int:
    """By how many pixels the page or its thread is wider than its window."""
    over = "e => e ? e.scrollWidth - e.clientWidth : 0"
    whole: int = await page.evaluate(f"({over})(document.documentElement)")
    thread: int = await page.evaluate(f"({over})(document.getElementById('thread'))")
    return max(whole, thread)
