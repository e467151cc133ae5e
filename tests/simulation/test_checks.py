"""Every check catches its own violation, planted in a small run that otherwise passes."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lastword.replication.entries import Entry, Page, Redotted
from lastword.simulation.campaign import CAMPAIGN, settings_of
from lastword.simulation.disk import SimulatedStore
from lastword.simulation.failure import Failure, played
from lastword.simulation.network import Network
from lastword.simulation.node import SimulatedNode
from lastword.simulation.outcome import Outcome
from lastword.simulation.settings import SECOND_US, SimulationSettings
from lastword.store import operations
from lastword.store.base import BaseStore
from lastword.store.ledger import Ledger
from lastword.store.memory import MemoryImage
from lastword.store.transaction import Transaction

SEED = 5
SEEDS = 12
SETTINGS = replace(
    CAMPAIGN,
    nodes=4,
    elements=10,
    writes=120,
    duration_us=60 * SECOND_US,
    settle_us=120 * SECOND_US,
)

Planted = Callable[[pytest.MonkeyPatch], None]


def coverage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every page of a walk carry the vector, not only the last."""
    page = BaseStore.page

    def mutant(self: BaseStore, *args: Any, **named: Any) -> Page:
        return replace(page(self, *args, **named), seen=dict(self.seen))

    monkeypatch.setattr(BaseStore, "page", mutant)


def monotone_stamps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let add win at equal times, where a page brings it."""
    apply_entry = operations._apply_entry

    def mutant(transaction: Transaction, entry: Entry, applied: Any) -> None:
        where = transaction.place(entry.set_name, entry.element)
        held = transaction.row(entry.set_name, where.key)
        if held is not None and entry.stamp + 1 == held.stamp:
            transaction.put(entry.set_name, where, entry.stamp, entry.run, entry.number)
        apply_entry(transaction, entry, applied)

    monkeypatch.setattr(operations, "_apply_entry", mutant)


def acknowledged_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Flush all but the newest change, which was acknowledged too."""

    def mutant(self: SimulatedStore) -> None:
        for changes in self.unflushed[:-1]:
            self._disk.absorb(changes)
        del self.unflushed[:-1]

    monkeypatch.setattr(SimulatedStore, "flush", mutant)


def convergence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never let one node hear of anything."""
    is_cut = Network.is_cut
    monkeypatch.setattr(
        Network, "is_cut", lambda self, source, target: target == 1 or is_cut(self, source, target)
    )


def join(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lose a wiped disk's writes without a word to the oracle, and count nothing as missing."""
    monkeypatch.setattr(SimulatedNode, "replace_disk", _replaced_in_silence)


def _replaced_in_silence(self: SimulatedNode, disk: MemoryImage | None) -> None:
    assert disk is None
    for node in self._nodes:
        node.stop()
        node.disk = MemoryImage(node.disk.ledger.digest_key)
    self._world.oracle.visibility._writes.clear()
    self._world.oracle.visibility.missing = 0
    for node in self._nodes:
        self._world.oracle.acknowledged.put_back(node.index, {})


def dots_covered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave rows whose origin has gone with dots that nobody covers."""
    monkeypatch.setattr(BaseStore, "redot", lambda _self, **_: Redotted(0, more=False))


def store_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a set's sums wrong in the same way on all nodes."""
    absorb = Ledger.absorb

    def mutant(self: Ledger, changes: Any) -> None:
        for name, totals in changes.totals.items():
            changes.totals[name] = totals._replace(present=totals.present + 1)
        absorb(self, changes)

    monkeypatch.setattr(Ledger, "absorb", mutant)


def bytes_within_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send everything always: whatever the asker has seen, and from the log's begin."""
    page = BaseStore.page

    def mutant(self: BaseStore, *args: Any, **named: Any) -> Page:
        return page(self, *args, **(named | {"seen": {}}))

    monkeypatch.setattr(BaseStore, "page", mutant)


PLANTED: list[Planted] = [
    coverage,
    monotone_stamps,
    acknowledged_is_held,
    convergence,
    dots_covered,
    join,
    store_check,
    bytes_within_budget,
]


OTHER_SETTINGS: dict[Planted, SimulationSettings] = {
    monotone_stamps: replace(SETTINGS, sets=1, elements=3, old_times=0.6),
    join: replace(SETTINGS, wipe=1.0),
    dots_covered: settings_of(SEED),
    bytes_within_budget: replace(CAMPAIGN, nodes=5),
}


def test_the_run_passes_where_nothing_is_planted() -> None:
    assert isinstance(played(SETTINGS, SEED), Outcome)


@pytest.mark.parametrize("planted", PLANTED, ids=[planted.__name__ for planted in PLANTED])
def test_a_check_catches_its_violation(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    planted(monkeypatch)
    settings = OTHER_SETTINGS.get(planted, SETTINGS)
    failures = (played(settings, seed) for seed in range(SEED, SEED + SEEDS))
    checks = (failure.check for failure in failures if isinstance(failure, Failure))
    assert planted.__name__.replace("_", " ") in checks
