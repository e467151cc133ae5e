"""A node that wants tokens: the page asks for one, and keeps it for as long as its tab is open."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.page.conftest import Look
from tools.processes import NodeProcess

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="package")]

ADMIN = "ad" * 32


@pytest_asyncio.fixture(loop_scope="package")
async def guarded(tmp_path: Path) -> AsyncIterator[str]:
    """The address of a node that wants tokens."""
    token, secret = tmp_path / "admin.token", tmp_path / "secret"
    for path, content in ((token, ADMIN), (secret, "5e" * 32)):
        path.write_text(content)
        path.chmod(0o600)
    options = ("--admin-token-file", str(token), "--cluster-secret-file", str(secret))
    with NodeProcess(tmp_path / "a.db", *options) as process:
        yield process.address


async def test_a_token_is_asked_for_and_lets_its_bearer_write(look: Look, guarded: str) -> None:
    async with look(guarded, "#/set/fruit") as seen:
        dialog = seen.page.get_by_role("dialog", name="This node wants a token")
        field = dialog.get_by_label("Token")
        await expect(field).to_be_focused()
        await field.fill("ab" * 32)
        await field.press("Enter")
        await expect(dialog).to_contain_text("token")
        await expect(field).to_have_value("")
        await field.fill(ADMIN)
        await field.press("Enter")
        await expect(dialog).to_be_hidden()
        await expect(seen.badge).to_have_text("Converged")
        await seen.add("plum")
        await expect(seen.row("plum")).to_be_visible()
        kept = await seen.page.evaluate("[sessionStorage.length, localStorage.length]")
        assert kept == [1, 0]
        assert ADMIN not in seen.page.url
        await seen.page.reload()
        await expect(seen.row("plum")).to_be_visible()
        await seen.page.get_by_role("button", name="Forget the token").click()
        await expect(dialog).to_be_visible()
        assert await seen.page.evaluate("sessionStorage.length") == 0


async def test_who_has_no_token_sees_why_nothing_is_shown(look: Look, guarded: str) -> None:
    async with look(guarded) as seen:
        await expect(seen.page.get_by_label("Token", exact=True)).to_be_focused()
        await seen.page.keyboard.press("Escape")
        await expect(seen.page.get_by_role("dialog")).to_be_hidden()
        await expect(seen.badge).to_have_text("Cannot tell")
        await expect(seen.page.locator(".verdict")).to_contain_text("This node wants a token")
        await seen.page.get_by_role("button", name="Give a token").click()
        await seen.page.get_by_label("Token", exact=True).fill(ADMIN)
        await seen.page.get_by_role("button", name="Use it").click()
        await expect(seen.badge).to_have_text("Converged")
