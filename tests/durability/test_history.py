"""What is right, late, mixed and wrong of the answers of a node that was damaged."""

from tools.durability.history import Answer, Commit, History, stamped

A, B = ("set", b"a"), ("set", b"b")

HISTORY = History([Commit({A: 10}), Commit({B: 20}), Commit({A: 31}), Commit({B: 40})])
"""Both are added, a is removed, b is added again."""


def test_what_the_newest_moment_holds_is_right() -> None:
    judged = HISTORY.judge(
        [Answer(A, present=False), stamped(A, 31), Answer(B, present=True), stamped(B, 40)]
    )

    assert (judged.wrong, judged.mixed, judged.behind) == ([], [], 0)


def test_what_one_earlier_moment_holds_is_late_by_the_commits_since() -> None:
    judged = HISTORY.judge([Answer(A, present=True), stamped(A, 10), stamped(B, 20)])

    assert (judged.wrong, judged.mixed, judged.behind) == ([], [], 2)


def test_before_the_first_commit_there_is_nothing() -> None:
    judged = HISTORY.judge([stamped(A, None), Answer(B, present=False)])

    assert (judged.wrong, judged.mixed, judged.behind) == ([], [], 4)


def test_what_no_one_moment_holds_together_is_mixed() -> None:
    old = stamped(A, 10)

    judged = HISTORY.judge([old, stamped(B, 40)])

    assert (judged.wrong, judged.mixed, judged.behind) == ([], [old], 0)


def test_an_element_that_is_there_and_not_there_at_one_time_is_mixed() -> None:
    absent = Answer(B, present=False)

    judged = HISTORY.judge([absent, Answer(B, present=True), Answer(A, present=False)])

    assert (judged.wrong, judged.mixed) == ([], [absent])


def test_what_no_moment_holds_is_wrong() -> None:
    never = [stamped(A, 11), Answer(("set", b"other"), present=True), stamped(B, 30)]

    judged = HISTORY.judge([*never, stamped(B, 40)])

    assert judged.wrong == never
    assert (judged.mixed, judged.behind) == ([], 0)


def test_a_node_that_merges_may_hold_the_greater_of_both() -> None:
    merged = stamped(A, 50)

    assert HISTORY.judge([merged], {A: 50}).wrong == []
    assert HISTORY.judge([stamped(B, 20)], {B: 20}).behind == 1
    assert HISTORY.judge([stamped(A, 10), stamped(B, 40)], {}).behind == 2
    assert HISTORY.judge([merged], {A: 49}).wrong == [merged]


def test_only_a_node_that_was_replaced_may_hold_no_more_than_the_other_without_being_late() -> (
    None
):
    answers = [stamped(A, None), stamped(B, 40)]

    assert HISTORY.judge(answers, {}).behind == 4
    assert HISTORY.judge(answers, {}, replaced=True).behind == 0
    assert HISTORY.judge(answers, {A: 10}, replaced=True).behind == 4
