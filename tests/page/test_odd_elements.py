"""Elements and sets may be anything: they are shown as text, what is unseen written out."""

import json

import aiohttp
import pytest
from playwright.async_api import expect

from tests.page.conftest import Look
from tools.cluster import Cluster

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="package")]

SCRIPT = "<script>document.title = 'taken over'</script>"
IMAGE = "<img src=x onerror=\"document.title = 'taken over'\">"
ODD = {
    SCRIPT.encode(): SCRIPT,
    IMAGE.encode(): IMAGE,
    "evil\u202egpj.exe".encode(): "evil\\u{202e}gpj.exe",
    b"a\tb\x00\x1b[31m": "a\\tb\\u{0}\\u{1b}[31m",
    b"": "empty",
    b" ends with a space ": "\\u{20}ends with a space\\u{20}",
    b"\xff\xfe": "\\xff\\xfe",
    "\u200b".encode(): "\\u{200b}",
    b"%2e%2e/..": "%2e%2e/..",
    b"..": "..",
    b"#?&": "#?&",
}


async def test_elements_are_shown_as_text_and_removed_as_they_are(
    look: Look, cluster: Cluster
) -> None:
    client = cluster.members["a"].client
    for element in ODD:
        await client.put("odd", element)
    async with look(cluster.members["a"].address, "#/set/odd") as seen:
        await expect(seen.rows()).to_have_count(len(ODD))
        shown = await seen.page.locator("tbody a").all_text_contents()
        assert sorted(shown) == sorted(ODD.values())
        for element, text in ODD.items():
            wanted = "A browser takes" if element == b".." else "It is in the set"
            await seen.page.locator("tbody a").nth(shown.index(text)).click()
            await expect(seen.page.get_by_role("heading", level=1)).to_have_text(text)
            await expect(seen.page.locator(".why")).to_contain_text(wanted)
            await seen.page.get_by_role("button", name="Remove it").click()
            await seen.page.get_by_role("button", name="Remove", exact=True).click()
            await seen.is_told(f"Removed {text} from odd.")
            assert await client.get("odd", element) is False
            assert await seen.page.title() == f"{text} in odd · lastword"
            await seen.page.get_by_role("button", name="Add it again").click()
            await seen.is_told(f"Added {text} to odd.")
            await seen.page.get_by_role("link", name="odd", exact=True).click()
            await expect(seen.rows()).to_have_count(len(ODD))
            assert await seen.page.locator("main script, main img").count() == 0


async def test_an_element_of_64_kib_is_shortened_and_can_be_removed(
    look: Look, cluster: Cluster
) -> None:
    member, long = cluster.members["a"], "ü" * (1 << 15)
    async with aiohttp.ClientSession(trust_env=False) as session:
        body = json.dumps({"add": [long]})
        await session.patch(f"http://{member.address}/long", data=body)
    async with look(member.address, "#/set/long") as seen:
        await expect(seen.rows().get_by_role("link")).to_have_text("ü" * 80 + "… (65,536 bytes)")
        await seen.rows().get_by_role("link").click()
        await expect(seen.page.locator(".why")).to_contain_text("a target of more than")
        await seen.page.get_by_role("link", name="long", exact=True).click()
        await seen.page.get_by_role("button", name="Remove ").click()
        await seen.page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        await expect(seen.rows()).to_have_count(0)


async def test_a_set_with_an_odd_name_is_listed_and_opened(look: Look, cluster: Cluster) -> None:
    name = "<b>?#%2f\u202e"
    await cluster.members["a"].client.put(name, b"e")
    async with look(cluster.members["a"].address, "#/sets") as seen:
        await seen.page.get_by_label("Names that begin with").fill("<b>")
        await seen.row("<b>?#%2f\\u{202e}").get_by_role("link").click()
        await expect(seen.rows().get_by_role("link")).to_have_text("e")


async def test_what_the_node_refuses_is_told_with_its_hint(look: Look, cluster: Cluster) -> None:
    async with look(cluster.members["a"].address, "#/set/_peers_") as seen:
        await expect(seen.rows()).to_have_count(3)
        await seen.add("no address")
        notice = seen.page.locator("#notice-text")
        await expect(notice).to_contain_text("host:port")
        await expect(seen.page.get_by_role("alert")).to_contain_text("host:port")
