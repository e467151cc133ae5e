"""The documentation site: it builds without a warning, and fetches nothing from elsewhere."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.drawings.pictures import PICTURES
from tools.site.faults import errors_page, every_error
from tools.site.foreign import foreign_fetches
from tools.site.mounted import page_of, relinked
from tools.site.slugs import slug

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_the_site_builds_whole_and_fetches_nothing_from_elsewhere(site: Path) -> None:
    assert list(foreign_fetches(site)) == []
    for page, says in (
        ("index.html", "The honest limit, first."),
        ("reference/cli.html", "lastword monkey checker"),
        ("reference/settings.html", "LASTWORD_REPLICATION_DELAY"),
        ("reference/rest.html", "PATCH /{set}"),
        ("reference/metrics.html", "lastword_commits_total"),
        ("reference/errors.html", "future_time"),
        ("reference/python.html", "from_msgpack"),
        ("how-it-works.html", '<title id="fence-title">'),
        ("decisions/index.html", "one transaction for two stores"),
    ):
        assert says in (site / page).read_text(), page


def test_what_a_browser_would_fetch_from_elsewhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<a href="https://said.example/">fine</a><img src="b.png"><link rel="canonical" '
        'href="https://said.example/"><script src="//one.example/a.js"></script>'
        '<link rel="preconnect" href="https://two.example"><style>@import "https://three.example/a.css";'
        '</style><p style="background: url(http://four.example/a.png)">'
    )
    (tmp_path / "a.css").write_text(
        "a { src: url('https://five.example/font') } b { src: url(b) }"
    )
    found = [line.split("//")[1].split(".")[0] for line in foreign_fetches(tmp_path)]
    assert sorted(found) == ["five", "four", "one", "three", "two"]


def test_links_lead_to_pages_wherever_the_site_has_them() -> None:
    files = {"README.md", "SECURITY.md", "docs/TOKENS.md", "docs/decisions/tokens.md"}
    changed = relinked("[a](docs/TOKENS.md#in-five-minutes) [b](SECURITY.md)", "index.md", files)
    assert changed == "[a](TOKENS.md#in-five-minutes) [b](SECURITY.md)"
    changed = relinked("[a](../TOKENS.md) [b](../../README.md)", "decisions/tokens.md", files)
    assert changed == "[a](../TOKENS.md) [b](../index.md)"
    left = "[a](https://said.example) [b](#here) [c](lost.md)"
    assert relinked(left, "TOKENS.md", files) == left
    assert page_of("docs/decisions/tokens.md") == "decisions/tokens.md"


@pytest.mark.parametrize("name", PICTURES)
def test_a_drawing_is_what_its_code_draws_and_light(name: str) -> None:
    drawing = (ROOT / "docs" / "drawings" / f"{name}.svg").read_text()
    assert drawing == PICTURES[name]().svg(), "python -m tools.drawings"
    assert len(drawing) < 8192
    assert "prefers-color-scheme:dark" in drawing
    assert "<text " in drawing


def test_an_error_stands_on_its_page_as_it_is_answered() -> None:
    page = errors_page((ROOT / "docs" / "REFERENCE.md").read_text())
    assert "| `future_time` | 422 |  |  | a time too far ahead of the node's clock |" in page
    assert "| `clock_off` | 503 | MISCONF |" in page
    assert "| `invalid_request` | 400 |" in page
    assert page.count("\n| `") == len({kind.code for kind in every_error()})


def test_a_heading_has_the_name_that_links_to_it_use() -> None:
    assert slug("--tls-cert, --tls-key", "-") == "--tls-cert---tls-key"
    assert slug("GET /<set>/<element>", "-") == "get-setelement"
    assert slug("GET /_/tombstones", "-") == "get-_tombstones"
