"""The client's tutorial does what it shows, with two nodes."""

import doctest
from pathlib import Path

import pytest

from tools.processes import NodeProcess

TUTORIAL = Path(__file__).parents[2] / "docs" / "client.md"


@pytest.mark.slow
def test_every_example_of_the_tutorial_gives_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with (
        NodeProcess(tmp_path / "one.db") as one,
        NodeProcess(tmp_path / "two.db", "-i", one.address) as two,
    ):
        text = TUTORIAL.read_text(encoding="utf-8")
        for name, node in (("localhost:3000", one), ("localhost:3001", two)):
            assert name in text
            text = text.replace(name, node.address)
        examples = doctest.DocTestParser().get_doctest(text, {}, "client.md", str(TUTORIAL), 0)
        outcome = doctest.DocTestRunner().run(examples)
    assert outcome.failed == 0
    assert outcome.attempted >= 40
