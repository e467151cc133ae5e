"""What a user does: look at sets, find elements, add and remove them, ask why they are there."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import aiohttp
import pytest
from playwright.async_api import expect

from tests.page.conftest import Look
from tests.page.looking import PATIENCE_MS
from tools.cluster import Cluster, Member
from tools.waiting import until

BERLIN = ZoneInfo("Europe/Berlin")
SENT_AND_RECEIVED = re.compile(r"^sent [\d.,]+ k?B/s, received [\d.,]+ k?B/s, now$")

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="package")]


async def test_a_set_is_found_and_looked_into(look: Look, cluster: Cluster) -> None:
    client = cluster.members["a"].client
    for element in (b"apple", b"fig"):
        await client.put("browsed", element)
    await client.delete("browsed", b"fig")
    async with look(cluster.members["a"].address) as seen:
        await seen.page.get_by_role("link", name="Sets", exact=True).click()
        await seen.page.get_by_label("Names that begin with").fill("brow")
        row = seen.row("browsed")
        await expect(row.get_by_role("cell")).to_have_text(["browsed", "1", "0", "1"])
        await client.put("browsed", b"pear")
        await expect(row.get_by_role("cell")).to_have_text(["browsed", "2", "+1", "1"])
        await row.get_by_role("link").click()
        await expect(seen.page.get_by_role("heading", level=1)).to_have_text("browsed")
        await expect(seen.page.get_by_text("2 elements and 1 tombstone")).to_be_visible()
        await expect(seen.rows()).to_have_count(2)


async def test_an_element_is_added_and_removed_and_comes_back(
    look: Look, cluster: Cluster
) -> None:
    client = cluster.members["a"].client
    async with look(cluster.members["a"].address, "#/set/written") as seen:
        await expect(seen.page.get_by_text("Nothing is in this set")).to_be_visible()
        await seen.add("plum")
        await seen.is_told("Added plum to written.")
        await expect(seen.row("plum")).to_be_visible()
        assert await client.get("written", b"plum")
        await seen.page.get_by_role("button", name="Remove plum").click()
        question = seen.page.get_by_role("dialog", name="Remove this element?")
        await expect(question).to_contain_text("plum from written")
        await question.get_by_role("button", name="Keep it").click()
        assert await client.get("written", b"plum")
        await seen.page.get_by_role("button", name="Remove plum").click()
        await question.get_by_role("button", name="Remove").click()
        await seen.is_told("Removed plum from written.")
        await expect(seen.row("plum")).to_have_count(0)
        assert await client.get("written", b"plum") is False
        await seen.page.get_by_role("button", name="Add it again").click()
        await expect(seen.row("plum")).to_be_visible()
        assert await client.get("written", b"plum")


async def test_what_others_write_is_seen_as_it_comes(look: Look, cluster: Cluster) -> None:
    async with look(cluster.members["a"].address, "#/set/watched") as seen:
        await expect(seen.page.get_by_text("Told as they come")).to_be_visible()
        await cluster.members["b"].client.put("watched", b"from afar")
        await expect(seen.row("from afar")).to_be_visible()
        await expect(seen.page.get_by_role("log")).to_contain_text("added from afar")
        await cluster.members["b"].client.delete("watched", b"from afar")
        await expect(seen.row("from afar")).to_have_count(0)
        await expect(seen.page.get_by_role("log")).to_contain_text("removed from afar")


async def test_members_are_paged_and_found_by_what_they_begin_with(
    look: Look, cluster: Cluster
) -> None:
    client = cluster.members["a"].client
    names = {f"user {number:03}" for number in range(120)}
    for name in names:
        await client.put("paged", name.encode())
    async with look(cluster.members["a"].address, "#/set/paged") as seen:
        forth = seen.page.get_by_role("button", name="Next page")
        back = seen.page.get_by_role("button", name="Earlier page")
        found: list[str] = []
        for page, count in ((1, 50), (2, 50), (3, 20)):
            await expect(seen.page.get_by_text(f"Page {page}", exact=True)).to_be_visible()
            await expect(seen.rows()).to_have_count(count)
            texts = await seen.page.locator("tbody a").all_text_contents()
            assert not set(found) & set(texts)
            found += texts
            if page < 3:
                first = texts[0]
                await forth.click()
                await expect(seen.page.locator("tbody a").first).not_to_have_text(first)
        assert set(found) == names
        await expect(forth).to_be_disabled()
        await back.click()
        await expect(seen.rows()).to_have_count(50)
        await seen.page.get_by_label("Show what begins with").fill("user 11")
        await expect(seen.rows()).to_have_count(10)
        await seen.page.get_by_label("Show what begins with").fill("nobody")
        await expect(seen.page.get_by_text("Nothing in this set begins with that")).to_be_visible()


async def test_the_story_of_an_element_says_who_wrote_it_and_what_it_won_against(
    look: Look, cluster: Cluster
) -> None:
    a, b = cluster.members["a"].client, cluster.members["b"].client
    await a.put("told", b"plum")
    await a.delete("told", b"plum")
    async with look(cluster.members["a"].address, "#/set/told") as seen:
        await seen.page.goto(seen.page.url.replace("#/set/told", "#/element/told/plum"))
        box = seen.page.locator(".verdict")
        await expect(box).to_contain_text("Not in the set")
        await expect(box).to_contain_text("the remove of")
        await b.put("told", b"plum")
        await expect(box).to_contain_text("It is in the set: the latest write that is known is")
        await expect(seen.page.get_by_role("definition").filter(has_text="of run")).to_be_visible()
        past = seen.page.get_by_role("listitem").filter(has_text="gave way at")
        await expect(past).to_have_count(2)
        for member in ("b", "c"):
            row = seen.row(cluster.members[member].proxy.address)
            await expect(row.get_by_role("cell").nth(1)).to_have_text("yes")


async def test_times_are_in_the_zone_of_the_viewer_and_in_utc_on_hover(
    look: Look, cluster: Cluster
) -> None:
    time_us = await cluster.members["a"].client.put("timed", b"plum")
    async with look(cluster.members["a"].address, "#/element/timed/plum") as seen:
        shown = seen.page.locator("dd time").first
        utc = datetime.fromtimestamp(time_us // 10**6, UTC)
        title = f"{utc:%Y-%m-%dT%H:%M:%S}.{time_us % 10**6:06}Z"
        await expect(shown).to_have_attribute("title", title)
        await expect(shown).to_contain_text(f"{utc.astimezone(BERLIN):%H:%M:%S}")


async def test_the_last_hour_is_drawn_and_read_by_keys(look: Look, cluster: Cluster) -> None:
    async with look(cluster.members["a"].address) as seen:
        chart = seen.page.get_by_role("slider", name="Replication, the last hour")
        await expect(chart).to_have_attribute("aria-valuetext", SENT_AND_RECEIVED)
        await expect(chart.locator("path.line")).to_have_count(2)
        await chart.focus()
        await seen.page.keyboard.press("Home")
        await expect(chart).to_have_attribute("aria-valuenow", "0")
        await expect(chart.locator("line.cursor")).to_have_count(1)


async def test_a_tab_that_is_not_seen_holds_no_connection_and_goes_on_where_it_was(
    look: Look, cluster: Cluster
) -> None:
    member = cluster.members["a"]
    async with look(member.address, "#/set/hidden") as seen:
        await expect(seen.page.get_by_text("Told as they come")).to_be_visible()
        assert await until(lambda: is_watched(member, 1), PATIENCE_MS / 1000)
        await seen.page.evaluate(HIDE, arg=True)
        assert await until(lambda: is_watched(member, 0), PATIENCE_MS / 1000)
        await member.client.put("hidden", b"plum")
        await seen.page.evaluate(HIDE, arg=False)
        await expect(seen.page.get_by_role("log")).to_contain_text("added plum")
        await expect(seen.row("plum")).to_be_visible()


HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


async def is_watched(member: Member, watchers: int) -> bool:
    """Return whether a node has so many streams of changes."""
    async with (
        aiohttp.ClientSession(trust_env=False) as session,
        session.get(f"http://{member.address}/_/metrics") as answer,
    ):
        return f"\nlastword_watchers {watchers}.0\n" in await answer.text()
