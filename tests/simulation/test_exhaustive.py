"""Every history of the smallest clusters keeps every property; a broken one is found and named."""

import pytest

from lastword.replication.entries import Collected
from lastword.simulation.canonical import digest
from lastword.simulation.exhaustive import Bounds, search
from lastword.simulation.small import SmallCluster
from lastword.store.operations import Collect
from lastword.store.transaction import Transaction


@pytest.mark.slow
@pytest.mark.parametrize(
    "bounds", [Bounds(2, 3), Bounds(3, 2), Bounds(2, 2, settles=True)], ids=["2", "3", "settled"]
)
def test_no_history_breaks_a_check(bounds: Bounds) -> None:
    found = search(bounds)
    assert found.violated is None, found.history
    assert found.states > 200


def test_the_shortest_history_that_breaks_a_check_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def collects_anything(self: Collect, transaction: Transaction) -> Collected:
        for name, row in transaction.tombstones(self.after, self.until, self.limit):
            transaction.collect(name, row)
        return Collected(0, self.until, ())

    monkeypatch.setattr(Collect, "run", collects_anything)
    found = search(Bounds(2, 3, verbs=("remove", "exchange", "collect")))
    assert found.violated is not None
    assert found.violated.check == "never behind"
    assert found.history == ("remove 0 x", "collect 0")


def test_states_that_only_names_and_times_tell_apart_are_one() -> None:
    one, other = SmallCluster(), SmallCluster()
    one.play("crash 0", "crash 1", "add 0 x")
    other.play("crash 1", "crash 0", "crash 0", "add 0 x")
    assert digest(one) != digest(other)  # a run more, in the file's own list
    other = SmallCluster()
    other.play("crash 1", "crash 0", "deliver", "deliver", "add 0 x")
    assert digest(one) == digest(other)
