"""Every check catches its own violation, planted in a small run that otherwise passes."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lastword.replication import collection
from lastword.replication.collection import Collection
from lastword.replication.entries import Entry, Page, Redotted
from lastword.replication.fence import Fence, Standing, Theirs
from lastword.replication.frames import FenceBody
from lastword.replication.lapse import Lapse
from lastword.replication.renewal import Renewal
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
from lastword.store.offers import Offers
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


def deletes_stay_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everyone exchange with everyone, whatever was collected."""
    hear = Fence.hear

    def mutant(self: Fence, theirs: Theirs, body: FenceBody | None) -> Standing:
        hear(self, theirs, body)
        return Standing.CLEAR

    monkeypatch.setattr(Fence, "hear", mutant)
    monkeypatch.setattr(Transaction, "has_collected", lambda *_: True)
    monkeypatch.setattr(Renewal, "tick", lambda *_: None)


def never_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Collect what this node covers, whatever the others said."""
    monkeypatch.setattr(collection, "_least", lambda own, _reports: dict(own))


def never_behind_by_a_lapse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take a tenth of the lapse for all of it."""
    tick = Lapse.tick

    def mutant(self: Lapse, now_us: int) -> None:
        self._lapse_us = LAPSE_US // 10
        tick(self, now_us)

    monkeypatch.setattr(Lapse, "tick", mutant)


def never_behind_by_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin afresh though behind nobody."""

    def mutant(self: Renewal) -> Any:
        others = self._peers.others(self._state.members())
        return next((peer for peer in others if peer.answered), None)

    monkeypatch.setattr(Renewal, "_found_ahead", mutant)


def acknowledged_is_held_afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Offer a copy nothing of what the old file held."""
    monkeypatch.setattr(Offers, "make", lambda *_, **__: iter(()))


def nothing_untrue_spreads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add up anew what does not add up, which makes whatever stands there right."""
    monkeypatch.setattr(BaseStore, "distrust", BaseStore.recount)


def tombstones_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Collect nothing."""
    monkeypatch.setattr(Collection, "tick", lambda *_: None)


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
    deletes_stay_deleted,
    never_behind,
    never_behind_by_a_lapse,
    never_behind_by_a_copy,
    acknowledged_is_held_afresh,
    nothing_untrue_spreads,
    tombstones_collected,
    join,
    store_check,
    bytes_within_budget,
]


LAPSE_US = 25 * SECOND_US
COLLECTING = replace(
    CAMPAIGN,
    nodes=5,
    grace_us=5 * SECOND_US,
    collect_interval_us=10 * SECOND_US,
    lapse_us=LAPSE_US,
    apart=1,
)

OTHER_SETTINGS: dict[Planted, SimulationSettings] = {
    monotone_stamps: replace(SETTINGS, sets=1, elements=3, old_times=0.6),
    join: replace(SETTINGS, wipe=1.0),
    dots_covered: settings_of(SEED),
    nothing_untrue_spreads: replace(SETTINGS, wipe=0.0, roll_back=0.0, raised=1.0),
    bytes_within_budget: replace(CAMPAIGN, nodes=5),
    deletes_stay_deleted: COLLECTING,
    never_behind: COLLECTING,
    never_behind_by_a_lapse: COLLECTING,
    never_behind_by_a_copy: COLLECTING,
    acknowledged_is_held_afresh: COLLECTING,
    tombstones_collected: COLLECTING,
}


def test_the_run_passes_where_nothing_is_planted() -> None:
    assert isinstance(played(SETTINGS, SEED), Outcome)


@pytest.mark.parametrize("planted", PLANTED, ids=[planted.__name__ for planted in PLANTED])
def test_a_check_catches_its_violation(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    planted(monkeypatch)
    settings = OTHER_SETTINGS.get(planted, SETTINGS)
    failures = (played(settings, seed) for seed in range(SEED, SEED + SEEDS))
    checks = (failure.check for failure in failures if isinstance(failure, Failure))
    check = planted.__name__.partition("_by_")[0].removesuffix("_afresh").replace("_", " ")
    assert check in checks


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(SEED, SEED + 4))
def test_disks_that_make_up_stamps_come_right_where_nothing_is_planted(seed: int) -> None:
    settings = replace(SETTINGS, wipe=0.0, roll_back=0.0, raised=1.0)
    assert isinstance(played(settings, seed), Outcome)


@pytest.mark.slow
def test_a_cluster_that_collects_and_comes_apart_passes_where_nothing_is_planted() -> None:
    assert isinstance(played(COLLECTING, SEED), Outcome)
