"""Whether the cluster is converged: seen while it is cut, and again when it is healed."""

import pytest
from playwright.async_api import expect

from tests.page.conftest import Look
from tools.cluster import Cluster

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="package")]


async def test_a_cut_is_seen_and_its_healing(look: Look, cluster: Cluster) -> None:
    lost = cluster.members["c"].proxy.address
    async with look(cluster.members["a"].address) as seen:
        picture = seen.page.get_by_role("img", name=lost)
        await expect(seen.badge).to_have_text("Converged")
        await expect(seen.row(lost).locator(".state")).to_have_text("same digest")
        await cluster.cut_off("c")
        await expect(seen.badge).to_have_text("Cannot tell")
        await expect(seen.page.locator(".verdict")).to_contain_text(f"{lost} does not answer.")
        await expect(seen.row(lost)).to_contain_text("silent for")
        await expect(seen.row(lost)).to_contain_text("not known")
        await expect(picture.locator(".cross")).to_have_count(1)
        await expect(seen.page.get_by_role("status")).to_contain_text("Cannot tell")
        await cluster.members["a"].client.put("cut", b"written meanwhile")
        await cluster.heal()
        await expect(seen.badge).to_have_text("Converged")
        await expect(seen.row(lost).locator(".state")).to_have_text("same digest")
        await expect(picture.locator(".cross")).to_have_count(0)
        await expect(seen.page.get_by_role("status")).to_contain_text("Converged")
        assert await cluster.members["c"].client.get("cut", b"written meanwhile")


async def test_every_member_has_its_row_and_the_way_to_its_own_page(
    look: Look, cluster: Cluster
) -> None:
    async with look(cluster.members["a"].address) as seen:
        await expect(seen.rows()).to_have_count(2)
        for name in ("b", "c"):
            address = cluster.members[name].proxy.address
            link = seen.row(address).get_by_role("link")
            await expect(link).to_have_attribute("href", f"http://{address}/_/")
        facts = seen.page.get_by_role("definition")
        await expect(facts.filter(has_text="lastword 0.1.0")).to_be_visible()


async def test_a_node_that_stops_is_said_to_be_gone_and_is_found_again(
    look: Look, cluster: Cluster
) -> None:
    member = cluster.members["b"]
    async with look(member.address) as seen:
        await expect(seen.badge).to_have_text("Converged")
        member.process.stop()
        await expect(seen.badge).to_have_text("Cannot tell")
        await expect(seen.page.locator(".verdict")).to_contain_text("The node does not answer.")
        member.process.start()
        await expect(seen.badge).to_have_text("Converged")
