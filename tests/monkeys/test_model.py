"""The checker's model: what it must find, and what it must not complain of."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastword.monkeys.checker import Ledger
from lastword.monkeys.history import Kind, Operation, Outcome, Stamp
from tests.monkeys.honest import NODES, Service

ADD, REMOVE, GET = Kind.ADD, Kind.REMOVE, Kind.GET


@given(st.randoms(use_true_random=False), st.integers(0, 80))
def test_who_keeps_the_promises_is_never_accused(rng: Random, steps: int) -> None:
    service = Service(rng, Ledger())
    service.run(steps)
    service.ledger.judge(service.held)
    assert service.ledger.violations == []


@given(st.randoms(use_true_random=False))
def test_what_any_node_lost_of_its_last_writes_is_found(rng: Random) -> None:
    service = Service(rng, Ledger())
    service.run(60)
    acknowledged = {at.element for at in _folded_and_open(service.ledger) if at.is_acknowledged}
    for element in acknowledged:
        held = {name: dict(state) for name, state in service.held.items()}
        del held[NODES[1]][element]
        ledger = service.ledger
        ledger.violations.clear()
        ledger.judge(held)
        kinds = {at.check for at in ledger.violations if at.element == element}
        assert kinds == {"kept", "agree"}


def _folded_and_open(ledger: Ledger) -> list[Operation]:
    return [at for model in ledger._models.values() for at in model._writes()]


class Story:
    """A history told by hand: operations by their begin, end and answer."""

    def __init__(self) -> None:
        self.ledger = Ledger()

    def did(
        self,
        kind: Kind,
        began: int,
        ended: int,
        *,
        at: str = "a:1",
        time: int | None = None,
        present: bool | None = None,
        outcome: Outcome = Outcome.DONE,
    ) -> None:
        """One operation that ended before the next one of the story began."""
        operation = self.ledger.begin(at, b"x", kind, began)
        operation.time, operation.present = time, present
        self.ledger.end(operation, outcome, ended)

    def checks(self, **held: Stamp | None) -> list[str]:
        """Return the checks that do not hold, of nodes that hold so much in the end."""
        if held:
            self.ledger.judge(
                {
                    f"{name}:1": {} if stamp is None else {b"x": stamp}
                    for name, stamp in held.items()
                }
            )
        return sorted({at.check for at in self.ledger.violations})


def test_a_get_must_find_what_the_same_node_acknowledged() -> None:
    story = Story()
    story.did(ADD, 1, 2, time=10)
    story.did(GET, 3, 4, present=False)
    assert story.checks() == ["visible"]
    (found,) = story.ledger.violations
    assert [at.kind for at in found.history] == [ADD, GET]


def test_another_node_need_not_know_yet() -> None:
    story = Story()
    story.did(ADD, 1, 2, time=10)
    story.did(GET, 3, 4, at="b:1", present=False)
    assert story.checks() == []


def test_a_write_that_may_have_been_done_explains_what_is_found() -> None:
    story = Story()
    story.did(ADD, 1, 2, time=10)
    story.did(REMOVE, 3, 4, at="b:1", outcome=Outcome.UNKNOWN)
    story.did(GET, 5, 6, present=False)
    assert story.checks(a=(12, True), b=(12, True)) == []


def test_a_refused_write_explains_nothing() -> None:
    story = Story()
    story.did(ADD, 1, 2, time=10)
    story.did(REMOVE, 3, 4, outcome=Outcome.REFUSED)
    story.did(GET, 5, 6, present=False)
    assert story.checks(a=(12, True)) == ["invented", "visible"]


def test_a_lesser_write_explains_nothing() -> None:
    story = Story()
    story.did(REMOVE, 1, 2, at="b:1", time=5)
    story.did(ADD, 3, 4, time=10)
    story.did(GET, 5, 6, present=False)
    assert story.checks() == ["visible"]


def test_a_write_that_began_after_a_get_does_not_explain_it() -> None:
    story = Story()
    story.did(ADD, 1, 2, time=10)
    story.did(GET, 3, 4, present=False)
    story.did(REMOVE, 5, 6, time=11)
    assert story.checks() == ["visible"]


def test_a_write_under_way_may_explain_a_get_and_is_waited_for() -> None:
    story = Story()
    story.did(ADD, 1, 2, time=10)
    write = story.ledger.begin("b:1", b"x", REMOVE, 3)
    story.did(GET, 4, 5, present=False)
    assert story.checks() == []
    write.time = 12
    story.ledger.end(write, Outcome.DONE, 9)
    assert story.checks() == []


def test_a_write_under_way_that_proves_lesser_does_not() -> None:
    story = Story()
    story.did(ADD, 1, 2, time=10)
    write = story.ledger.begin("b:1", b"x", REMOVE, 3)
    story.did(GET, 4, 5, present=False)
    write.time = 9
    story.ledger.end(write, Outcome.DONE, 9)
    assert story.checks() == ["visible"]


def test_what_nobody_added_is_not_found() -> None:
    story = Story()
    story.did(REMOVE, 1, 2, time=10)
    story.did(GET, 3, 4, at="b:1", present=True)
    assert story.checks() == ["invented"]


def test_times_of_a_node_rise() -> None:
    story = Story()
    story.did(ADD, 1, 2, time=10)
    story.did(ADD, 3, 4, time=10)
    assert story.checks() == ["rising"]


def test_a_remove_may_have_the_time_of_the_add_before() -> None:
    story = Story()
    story.did(ADD, 1, 2, time=10)
    story.did(REMOVE, 3, 4, time=10)
    assert story.checks(a=(10, True), b=(10, True)) == []


def test_a_delete_that_came_back_is_found() -> None:
    story = Story()
    story.did(ADD, 1, 2, time=10)
    story.did(REMOVE, 3, 4, time=11)
    assert story.checks(a=(11, True), b=(10, False)) == ["agree", "kept"]


def test_the_tie_is_a_remove() -> None:
    story = Story()
    story.did(ADD, 1, 2, time=10)
    story.did(REMOVE, 1, 2, at="b:1", time=10)
    assert story.checks(a=(10, False), b=(10, False)) == ["kept"]


def test_a_stamp_that_nobody_gave_is_found() -> None:
    story = Story()
    story.did(ADD, 1, 2, time=10)
    assert story.checks(a=(99, False), b=(99, False)) == ["invented"]


def test_a_history_is_told_in_words() -> None:
    story = Story()
    story.did(ADD, 1_000_000, 2_000_000, time=1_700_000_000_000_000)
    story.did(GET, 3_000_000, 4_000_000, present=False)
    shown = "2023-11-14T22:13:20.000Z (1700000000000000)"
    assert str(story.ledger.violations[0]).splitlines() == [
        "visible: x: a:1 hid what it had acknowledged",
        f"       1.000 to 2.000 s  add x at a:1: acknowledged, {shown}",
        "       3.000 to 4.000 s  get x at a:1: absent",
    ]


@pytest.mark.parametrize("operations", [3_000])
def test_memory_does_not_grow_with_a_run(operations: int) -> None:
    story = Story()
    for number in range(operations):
        story.did(ADD if number % 2 else REMOVE, 3 * number, 3 * number + 1, time=10 + number)
    (model,) = story.ledger._models.values()
    assert len(list(model._writes())) < 10
