"""The page's files, as a node serves them: nothing from elsewhere, nothing made of text."""

import re
from pathlib import Path

import pytest

import lastword.api.page
from lastword.api.page.files import PAGE_PATH, page_files
from tests.api.living_node import LivingNode

FOLDER = Path(lastword.api.page.__file__).parent
FILES = sorted(
    path for path in FOLDER.iterdir() if path.suffix in {".html", ".css", ".js", ".svg"}
)
NAMESPACE = "http://www.w3.org/2000/svg"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|DOMParser"
    r"|srcdoc|createContextualFragment|\.style\b|setAttribute\(.on"
)


@pytest.mark.parametrize("path", [path.decode() for path in page_files()])
async def test_every_file_has_its_type_its_tag_and_its_policy(node: LivingNode, path: str) -> None:
    answer = await node.ask("GET", path)
    file = page_files()[path.encode()]
    assert (answer.status, answer.body) == (200, file.body)
    headers = answer.headers
    assert headers[b"content-type"] == file.content_type
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert headers[b"cache-control"] == b"no-cache"
    policy = headers[b"content-security-policy"].decode()
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; connect-")
    assert "unsafe" not in policy
    known = {"If-None-Match": headers[b"etag"].decode()}
    again = await node.ask("GET", path, headers=known)
    assert (again.status, again.body) == (304, b"")
    assert again.headers[b"cache-control"] == b"no-cache"
    assert (await node.ask("HEAD", path)).headers[b"content-length"] == b"%d" % len(file.body)


def test_every_file_in_the_folder_is_served_and_named_by_another() -> None:
    assert {name.rpartition(b"/")[2].decode() or "index.html" for name in page_files()} == {
        path.name for path in FILES
    }
    text = "".join(path.read_text() for path in FILES)
    for path in FILES:
        assert path.name == "index.html" or f"/{path.name}" in text, path.name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_file_names_a_place_elsewhere_or_makes_markup_of_text(path: Path) -> None:
    text = path.read_text().replace(NAMESPACE, "")
    assert not re.search(r"https?:|//[a-z]|@import|url\(", text)
    assert not MARKUP.search(text)


def test_the_document_has_no_script_and_no_style_of_its_own() -> None:
    text = (FOLDER / "index.html").read_text()
    assert re.findall(r"<script[^>]*>(.*?)</script>", text, re.DOTALL) == [""]
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text)


async def test_a_browser_is_sent_from_the_root_to_the_page_and_others_are_not(
    node: LivingNode,
) -> None:
    sent = await node.ask("GET", "/", headers={"Accept": BROWSER})
    assert (sent.status, sent.headers[b"location"]) == (303, PAGE_PATH.encode())
    for accept in ("*/*", "application/json", "application/json, text/html;q=0.5"):
        answer = await node.ask("GET", "/", headers={"Accept": accept})
        assert answer.status == 200
        assert b'"page":"/_/"' in answer.body


@pytest.mark.parametrize("path", ["/_/page/", "/_/page/no.js", "/_/page/../files.py", "/_/page"])
async def test_nothing_else_is_served(node: LivingNode, path: str) -> None:
    assert (await node.ask("GET", path)).status == 404


@pytest.mark.parametrize("path", ["/_/?a", "/_/page/main.js?v=1"])
async def test_the_page_takes_no_query(node: LivingNode, path: str) -> None:
    assert (await node.ask("GET", path)).status == 400
