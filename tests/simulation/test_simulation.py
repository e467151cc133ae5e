"""The simulated cluster keeps every property, and would notice if the protocol lost one."""

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import pytest

from lastword.errors import LastwordError
from lastword.replication.entries import Applied, Entry, Page, Redotted
from lastword.replication.vectors import Vector
from lastword.simulation.campaign import replay_command, run_campaign, settings_of
from lastword.simulation.cluster import Cluster
from lastword.simulation.disk import SimulatedStore
from lastword.simulation.oracle import Violated
from lastword.simulation.settings import Met, SimulationSettings
from lastword.store import operations
from lastword.store.base import BaseStore
from lastword.store.transaction import Name, Transaction

SEEDS = 60


def played(seed: int) -> Met:
    return Cluster(settings_of(seed, SimulationSettings()), seed).run()


@pytest.mark.slow
def test_a_campaign_keeps_every_property_and_meets_every_fault(
    capsys: pytest.CaptureFixture[str],
) -> None:
    met = run_campaign(range(SEEDS))
    with capsys.disabled():
        print(f"\n{SEEDS} seeds met {asdict(met)}")  # noqa: T201 - what it met is its report
    assert met.crashes > SEEDS


def test_a_seed_replays_to_the_same_end() -> None:
    assert played(7) == played(7)


def test_seeds_differ() -> None:
    assert played(7) != played(8)


def test_a_campaign_that_never_met_a_fault_fails() -> None:
    with pytest.raises(Violated, match=r"never met: .*\bcrashes\b"):
        run_campaign([3], base=SimulationSettings(crashes_per_s=0))


# -- planted faults

Mutant = Callable[[pytest.MonkeyPatch], None]


def vector_with_every_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every page of a walk carry the vector, not only the last (trap 7)."""
    page = BaseStore.page

    def mutant(self: BaseStore, *args: Any, **named: Any) -> Page:
        return replace(page(self, *args, **named), seen=dict(self.seen))

    monkeypatch.setattr(BaseStore, "page", mutant)


def last_entry_of_a_page_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop one short: a page's last entry stays behind, its cursor does not (trap 2)."""
    page = BaseStore.page

    def mutant(self: BaseStore, *args: Any, **named: Any) -> Page:
        made = page(self, *args, **named)
        return replace(made, entries=made.entries[:-1])

    monkeypatch.setattr(BaseStore, "page", mutant)


class _RaiseSeen:
    def __init__(self, seen: Vector) -> None:
        self.seen = seen

    def touches(self) -> tuple[Name, ...]:
        return ()

    def run(self, transaction: Transaction) -> None:
        transaction.raise_seen(self.seen)


def vector_raised_by_a_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take an entry of a comparison for all that its run wrote before it."""
    apply_entries = BaseStore.apply_entries

    def mutant(self: BaseStore, entries: tuple[Entry, ...]) -> Applied:
        applied = apply_entries(self, entries)
        self.execute(_RaiseSeen({entry.run: entry.number for entry in entries}))
        return applied

    monkeypatch.setattr(BaseStore, "apply_entries", mutant)


def ties_flipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let add win at equal times, but only where a page brings it (trap 6)."""
    apply_entry = operations._apply_entry

    def mutant(transaction: Transaction, entry: Entry, applied: Applied) -> None:
        held = transaction.row(
            entry.set_name, transaction.place(entry.set_name, entry.element).key
        )
        if held is None or entry.stamp != held.stamp | 1 or entry.stamp == held.stamp:
            apply_entry(transaction, entry, applied)

    monkeypatch.setattr(operations, "_apply_entry", mutant)


def acknowledged_before_it_is_flushed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sync all but the newest change, which was acknowledged too (trap 14)."""

    def mutant(self: SimulatedStore) -> None:
        for changes in self.unflushed[:-1]:
            self._disk.stable.absorb(changes)
        del self.unflushed[:-1]

    monkeypatch.setattr(SimulatedStore, "flush", mutant)


def no_new_dots_for_orphans(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave rows whose origin has gone with dots that nobody covers."""
    monkeypatch.setattr(BaseStore, "redot", lambda _self, **_: Redotted(0, more=False))


MUTANTS: list[Mutant] = [
    vector_with_every_page,
    last_entry_of_a_page_dropped,
    vector_raised_by_a_comparison,
    ties_flipped,
    acknowledged_before_it_is_flushed,
    no_new_dots_for_orphans,
]


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.__name__ for mutant in MUTANTS])
def test_a_planted_fault_is_caught(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    seed = 0
    mutant(monkeypatch)
    with pytest.raises((Violated, LastwordError)):  # noqa: PT012 - which seed it is, is found out
        for seed in range(SEEDS):
            played(seed)
    monkeypatch.undo()
    played(seed)


def test_a_failure_names_its_seed_and_the_command_that_replays_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    last_entry_of_a_page_dropped(monkeypatch)
    with pytest.raises(Violated, match=r"^seed 5: .*; replay: ") as failure:
        run_campaign([5])
    assert str(failure.value).endswith(replay_command(5))
