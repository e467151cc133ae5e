"""What tests look for on the page, by the names that a screen reader would say."""

import json
from pathlib import Path
from typing import Any

from playwright.async_api import Locator, Page, expect

AUDIT = Path(__file__).with_name("audit.js").read_text().partition("\n")[2].rstrip(" ;\n")
PATIENCE_MS = 20_000
"""Within it a cut is noticed, on a machine that has other things to do."""


class Looker:
    """A page that is open, and what is seen and done there."""

    def __init__(self, page: Page) -> None:
        self.page = page
        expect.set_options(timeout=PATIENCE_MS)

    @property
    def badge(self) -> Locator:
        return self.page.locator("#badge")

    def rows(self) -> Locator:
        return self.page.get_by_role("row").filter(has=self.page.get_by_role("cell"))

    def row(self, text: str) -> Locator:
        return self.rows().filter(has_text=text)

    async def is_told(self, text: str) -> None:
        await expect(self.page.locator("#notice-text")).to_have_text(text)

    async def add(self, element: str) -> None:
        await self.page.get_by_label("Element", exact=True).fill(element)
        await self.page.get_by_role("button", name="Add", exact=True).click()

    async def faults(self) -> list[str]:
        """Return what somebody who cannot see well, or at all, would stumble over."""
        found: list[str] = json.loads(await self.page.evaluate(f"JSON.stringify(({AUDIT})())"))
        return found

    async def measures(self) -> dict[str, Any]:
        found: dict[str, Any] = await self.page.evaluate(
            "({wide: document.documentElement.scrollWidth, inner: innerWidth})"
        )
        return found
