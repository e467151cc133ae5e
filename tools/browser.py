"""Debian's Chromium, driven by Playwright: what a page does where a user opens it.

Nothing but the page itself is asked for: what a browser calls by itself is switched off, and every
request that a page makes is noted, so that a test can say where to.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

CHROMIUM: Final = "/usr/bin/chromium"
SWITCHES: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS: Final = 20_000

UNLOADED: Final = "Failed to load resource"
"""What Chromium writes to the console of every answer that is no success: no fault of the page."""


@dataclass
class Watched:
    """A page in a browser, and what it did: errors, requests by their addresses."""

    page: Page
    errors: list[str] = field(default_factory=list)
    requested: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.requested.append(request.url))

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(UNLOADED):
            self.errors.append(message.text)


@asynccontextmanager
async def opened_browser() -> AsyncIterator[Browser]:
    """Start a browser with a fresh folder of its own; it ends with the context."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=list(SWITCHES), headless=True
        )
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def opened_page(browser: Browser, url: str, **options: Any) -> AsyncIterator[Watched]:
    """Open a page in a context of its own, with no storage from before."""
    context = await browser.new_context(timezone_id="Europe/Berlin", locale="en-GB", **options)
    context.set_default_timeout(PATIENCE_MS)
    try:
        watched = Watched(await context.new_page())
        await watched.page.goto(url)
        yield watched
    finally:
        await context.close()
