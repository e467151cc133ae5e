"""Pictures of the page in Chromium, of three real nodes: `python -m tools.page_figures [FOLDER]`.

What is seen is what the nodes did just before: an address list that is written and read for about
half a minute, then a cut.
"""

import asyncio
import sys
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import Final

from PIL import Image
from playwright.async_api import Browser

from lastword.client.node import AsyncNode
from tools.browser import opened_browser, opened_page
from tools.cluster import Cluster, started_cluster
from tools.wires import Loopback

FOLDER: Final = Path("docs/figures")
WIDE: Final = {"width": 1100, "height": 1130}
PHONE: Final = {"width": 360, "height": 780}
COLOURS: Final = 200
BUSY_S: Final = 33.0
FRUIT: Final = ("apple", "pear", "plum", "fig", "quince", "medlar", "cherry", "damson", "sloe")
ODD: Final = ("<script>alert(1)</script>", "evil\u202egpj.exe", " two spaces", "Äpfel", "a\tb")


async def _write(cluster: Cluster, rng: Random) -> None:
    """Write and read as clients do, for a while."""
    members = list(cluster.members.values())
    deadline_s = asyncio.get_running_loop().time() + BUSY_S
    number = 0
    while asyncio.get_running_loop().time() < deadline_s:
        client = rng.choice(members).client
        burst = [b"203.0.113.%d" % rng.randrange(256) for _ in range(rng.randrange(1, 9))]
        for address in burst:
            await client.put("blocked-addresses", address)
            await client.get("blocked-addresses", address)
        await client.delete("blocked-addresses", rng.choice(burst))
        number += 1
        await asyncio.sleep(0.05 + 0.2 * (number % 40 > 25))


async def _fill(cluster: Cluster) -> None:
    a, b, c = (member.client for member in cluster.members.values())
    await _put(a, "fruit", FRUIT)
    await _put(b, "beta-testers", [f"user-{number:03}" for number in range(37)])
    await _put(c, "odd-names", ODD)
    await b.delete("fruit", b"medlar")
    await c.put("fruit", b"plum")
    await a.delete("fruit", b"plum")
    await b.put("fruit", b"plum")


async def _put(client: AsyncNode, set_name: str, elements: Iterable[str]) -> None:
    for element in elements:
        await client.put(set_name, element.encode())


async def _picture(
    browser: Browser, url: str, name: Path, wait: str, *, dark: bool = False, phone: bool = False
) -> None:
    options = {
        "viewport": PHONE if phone else WIDE,
        "color_scheme": "dark" if dark else "light",
        "reduced_motion": "reduce",
        "device_scale_factor": 1.5 if phone else 1,
        "is_mobile": phone,
    }
    async with opened_page(browser, url, **options) as watched:
        await watched.page.wait_for_selector(wait)
        await watched.page.wait_for_timeout(1500)
        await watched.page.screenshot(path=name, full_page=not phone)
    _shrink(name)
    print(name)


def _shrink(name: Path) -> None:
    """Keep so many colours as a page has: a third of the bytes, and nothing that is seen."""
    with Image.open(name) as picture:
        few = picture.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE)
        few.save(name, optimize=True)


async def _draw(folder: Path) -> None:
    rng = Random(7)
    async with AsyncExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        wires = Loopback(rng)
        cluster = await stack.enter_async_context(started_cluster(place, "abc", wires))
        browser = await stack.enter_async_context(opened_browser())
        await _fill(cluster)
        await _write(cluster, rng)
        page = f"http://{cluster.members['a'].address}/_/"
        good = '#badge[data-state="converged"]'
        await _picture(browser, page, folder / "page-cluster.png", good)
        await _picture(browser, f"{page}#/set/fruit", folder / "page-set.png", "tbody tr")
        await _picture(
            browser,
            f"{page}#/set/odd-names",
            folder / "page-set-phone.png",
            "tbody tr",
            phone=True,
        )
        story = f"{page}#/element/fruit/plum"
        await _picture(browser, story, folder / "page-element.png", ".past li")
        await cluster.cut_off("c")
        cut = '#badge[data-state="unknown"]'
        await _picture(browser, page, folder / "page-cluster-cut-dark.png", cut, dark=True)
        await cluster.heal()


def main(arguments: Sequence[str]) -> None:
    """Draw into a folder, by default that of the documents."""
    folder = Path(arguments[0]) if arguments else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(_draw(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
