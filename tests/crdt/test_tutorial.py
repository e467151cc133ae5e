"""The library's tutorial does what it shows."""

import doctest
from pathlib import Path

TUTORIAL = Path(__file__).parents[2] / "docs" / "library.md"


def test_every_example_of_the_tutorial_gives_what_it_shows() -> None:
    outcome = doctest.testfile(str(TUTORIAL), module_relative=False, encoding="utf-8")
    assert outcome.failed == 0
    assert outcome.attempted >= 40
