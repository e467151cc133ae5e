"""The page for whoever uses no mouse, a screen reader, a phone, or a dark room."""

import pytest
from playwright.async_api import expect

from tests.page.conftest import Look
from tools.cluster import Cluster

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="package")]

VIEWS = ("", "#/sets", "#/set/shown", "#/element/shown/plum")
PHONE = {"width": 360, "height": 740}


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_names_headings_and_contrasts_are_right(
    look: Look, cluster: Cluster, scheme: str
) -> None:
    await fill(cluster)
    async with look(cluster.members["a"].address, color_scheme=scheme) as seen:
        for view in VIEWS:
            await seen.page.evaluate("(hash) => { location.hash = hash }", view or "#/")
            await expect(seen.rows().first).to_be_visible()
            assert await seen.faults() == [], view


async def test_a_phone_shows_all_without_scrolling_to_the_side(
    look: Look, cluster: Cluster
) -> None:
    await fill(cluster)
    address = cluster.members["a"].address
    async with look(address, viewport=PHONE, is_mobile=True, has_touch=True) as seen:
        for view in VIEWS:
            await seen.page.evaluate("(hash) => { location.hash = hash }", view or "#/")
            await expect(seen.rows().first).to_be_visible()
            found = await seen.measures()
            assert (found["wide"], found["inner"]) == (360, 360), view
            assert await seen.faults() == [], view


async def test_no_width_scrolls_to_the_side(look: Look, cluster: Cluster) -> None:
    async with look(cluster.members["a"].address) as seen:
        await expect(seen.rows()).to_have_count(2)
        for width in (320, 480, 720, 900, 1060, 1280):
            await seen.page.set_viewport_size({"width": width, "height": 800})
            found = await seen.measures()
            assert found["wide"] <= width
            assert await seen.page.evaluate(SPILLED) == [], width


async def test_all_is_done_by_keys_alone(look: Look, cluster: Cluster) -> None:
    client = cluster.members["a"].client
    async with look(cluster.members["a"].address, "#/set/by-keys") as seen:
        await expect(seen.page.get_by_text("Nothing is in this set")).to_be_visible()
        keys = seen.page.keyboard
        await keys.press("Tab")
        await expect(seen.page.get_by_role("link", name="Skip to the content")).to_be_focused()
        await keys.press("Enter")
        await expect(seen.page.get_by_role("main")).to_be_focused()
        await keys.press("Tab")
        await expect(
            seen.page.get_by_role("main").get_by_role("link", name="Sets")
        ).to_be_focused()
        await keys.press("Tab")
        await keys.type("fig")
        await keys.press("Enter")
        await expect(seen.row("fig")).to_be_visible()
        assert await client.get("by-keys", b"fig")
        for _ in range(4):  # Add, the prefix, the element, and its button
            await keys.press("Tab")
        button = seen.page.get_by_role("button", name="Remove fig")
        await expect(button).to_be_focused()
        outline = await button.evaluate("(node) => getComputedStyle(node).outlineWidth")
        assert outline == "3px"
        await keys.press("Enter")
        await expect(seen.page.get_by_role("button", name="Keep it")).to_be_focused()
        await keys.press("Shift+Tab")
        await keys.press("Enter")
        await expect(seen.row("fig")).to_have_count(0)
        await expect(seen.page.get_by_role("heading", level=1)).to_be_focused()
        await expect(seen.page.get_by_role("status")).to_have_text("Removed fig from by-keys.")
        assert await client.get("by-keys", b"fig") is False


async def test_nothing_moves_while_figures_change(look: Look, cluster: Cluster) -> None:
    await fill(cluster)
    async with look(cluster.members["a"].address) as seen:
        await expect(seen.rows()).to_have_count(2)
        await seen.page.evaluate(SHIFTS)
        for number in range(4):
            async with seen.page.expect_response("**/_/converged"):
                await cluster.members["b"].client.put("moving", b"%d" % number)
        assert await seen.page.evaluate("shifts") == []


SPILLED = """() => [...document.querySelectorAll("td, th, dd, .frame, .panel")]
  .filter((node) => node.checkVisibility() && node.scrollWidth > node.clientWidth + 1)
  .map((node) => node.outerHTML)"""

SHIFTS = """() => {
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries())
      shifts.push(entry.sources.map(({ node }) => node?.outerHTML ?? node?.data));
  }).observe({ type: "layout-shift", buffered: false });
}"""


async def fill(cluster: Cluster) -> None:
    client = cluster.members["a"].client
    await client.put("shown", b"plum")
    await client.put("shown", b"\x00<b>")
