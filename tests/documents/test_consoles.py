"""What documents show on a console happens, with real nodes."""

import shutil
from pathlib import Path

import pytest

from tests.documents.console import Console, Step, matches, steps_of

ROOT = Path(__file__).parents[2]
PAGES = (
    "README.md",
    "docs/tutorial.md",
    *(str(page.relative_to(ROOT)) for page in sorted((ROOT / "docs" / "howto").glob("*.md"))),
)


@pytest.mark.slow
@pytest.mark.timeout(300)  # some forty processes one after the other, on a machine under load
@pytest.mark.skipif(shutil.which("redis-cli") is None, reason="two of them show redis-cli")
@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_shows_happens(page: str, tmp_path: Path) -> None:
    steps = steps_of((ROOT / page).read_text())
    assert len(steps) >= 4
    with Console(tmp_path) as console:
        for step in steps:
            console.play(step)


def test_an_answer_of_another_shape_is_noticed() -> None:
    assert matches('{"b":2,"a":1}\n', ('{"a":7,"b":9}',))
    assert matches("2 nodes agree: localhost:4711\n", ("3 nodes agree: localhost:3000",))
    assert not matches("true\n", ("false",))
    assert not matches('{"a":1}\n', ('{"a":1,"b":1}',))
    assert not matches("null\nnull\n", ("null",))
    assert not matches('{"error":{"code":"a"}}\n', ('{"error":{"code":"b"}}',))


def test_blocks_are_read_as_commands_with_what_they_show() -> None:
    page = "text\n```console\n$ make demo\n$ curl a\nnull\n$ curl b\n```\n```toml\na = 1\n```\n"
    assert steps_of(page) == [Step("curl a", ("null",)), Step("curl b", ())]
