"""The table of mutants fits the code, and two of them are caught; `make mutants` plays all."""

import pytest

from tools.mutants import MUTANTS, SOURCE, Mutant, mutated, parts, play


@pytest.mark.parametrize(
    "mutant", [part for mutant in MUTANTS for part in parts(mutant)], ids=lambda part: part.name
)
def test_a_mutant_changes_one_line_of_the_code_as_it_is(mutant: Mutant) -> None:
    text = (SOURCE / mutant.file).read_text()
    before, after = text.splitlines(), mutated(text, mutant).splitlines()
    assert len(before) == len(after)
    assert sum(one != two for one, two in zip(before, after, strict=True)) == 1


def test_a_line_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="0 lines 'nothing', not one"):
        mutated("a = 1\n", Mutant("none", "x.py", "nothing", ""))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("vector with every page, not only the last", "coverage"),
        ("what the asker has seen sent again", "bytes within budget"),
    ],
)
def test_a_mutant_is_caught(name: str, check: str) -> None:
    mutant = next(mutant for mutant in MUTANTS if mutant.name == name)
    assert play(mutant, seeds=10).check == check


@pytest.mark.slow
@pytest.mark.parametrize("mutant", [at for at in MUTANTS if at.suite], ids=lambda at: at.name)
def test_a_mutant_is_caught_by_the_suite_that_it_names(mutant: Mutant) -> None:
    assert "test_" in play(mutant, seeds=0).check
    assert play(mutant._replace(wrong=mutant.line, also=None), seeds=0).check == ""
