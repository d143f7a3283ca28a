"""The README's pictures, of the sample company: `python -m tests.assistant.pictures [FOLDER]`."""

import asyncio
import sys
from pathlib import Path
from typing import Final

import uvicorn
from playwright.async_api import Browser, async_playwright

from assistant.appliance.ports import free_port
from tests.conftest import chromium

from .pages_sample import EDITED_ITEM
from .pages_script import Script, scripted_app

FOLDER: Final = Path(__file__).parents[2] / ".github" / "images"
PAGES: Final = {"queue": "/queue", "review": f"/queue/{EDITED_ITEM}"}


async def take(browser: Browser, url: str, folder: Path) -> None:
    """Each page in both themes."""
    for theme in ("light", "dark"):
        context = await browser.new_context(
            base_url=url,
            viewport={"width": 1280, "height": 720},
            color_scheme="dark" if theme == "dark" else "light",
            reduced_motion="reduce",
        )
        await context.add_cookies([{"name": "cloister_session", "value": "otto", "url": url}])
        page = await context.new_page()
        for name, path in PAGES.items():
            await page.goto(path, wait_until="networkidle")
            await page.screenshot(path=folder / f"{name}-{theme}.png")
        await context.close()


async def main(folder: Path) -> None:
    """Serve the sample pages, and look at them."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(scripted_app(Script()), port=port, log_level="error"))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
        await asyncio.sleep(0.01)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"]
        )
        await take(browser, f"http://127.0.0.1:{port}", folder)
        await browser.close()
    server.should_exit = True
    await serving


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER))
