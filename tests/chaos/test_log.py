"""The log says what was, row by row, and its figures are those of its rows."""

from io import StringIO

from tools.chaos.log import Log, facts_of_machine, figures
from tools.chaos.rounds import Round, Seen


def seen(kind: str, began_s: float = 1.0) -> Seen:
    return Seen(kind, f"{kind} it is", began_s, began_s + 2, 40, ())


def test_the_last_fault_of_a_round_carries_what_came_after_it() -> None:
    files = [StringIO(), StringIO()]
    log = Log(files)
    log.begin([("seed", "7")])
    log.add(Round((seen("halves"), seen("kill", 2.0)), 3, 0.34))
    log.add(Round((seen("loss", 5.0),), 2, None))
    lines = files[0].getvalue().splitlines()
    assert "- seed: 7" in lines
    assert lines[-3:] == [
        "| 1 | 1.0 | halves | halves it is | 2.0 | 40 |  |  |",
        "| 2 | 2.0 | kill | kill it is | 2.0 | 40 | 3 | 0.3 |",
        "| 3 | 5.0 | loss | loss it is | 2.0 | 40 | 2 | never |",
    ]
    assert files[1].getvalue() == files[0].getvalue()


def test_figures_are_by_kind_where_a_fault_was_alone() -> None:
    alone = [Round((seen("kill"),), 2, took_s) for took_s in (1.0, 3.0, 2.0)]
    rounds = [*alone, Round((seen("kill"), seen("loss")), 2, 9.0), Round((seen("loss"),), 2, None)]
    assert figures(rounds) == [
        "| kill | 4 | 3 | 2.0 | 3.0 | 3.0 |",
        "| loss | 2 | 0 |  |  |  |",
        "| several at once |  | 1 | 9.0 | 9.0 | 9.0 |",
        "| all | 6 | 4 | 2.5 | 8.8 | 9.0 |",
    ]


def test_it_ends_with_the_verdict() -> None:
    file = StringIO()
    Log([file]).conclude([Round((seen("kill"),), 1, 1.0)], ["none is missing"])
    assert file.getvalue().endswith("## Verdict\n\n- none is missing\n")


def test_it_says_what_the_figures_depend_on() -> None:
    assert [name for name, _ in facts_of_machine()] == ["commit", "machine", "Python"]
    assert all(value for _, value in facts_of_machine())
