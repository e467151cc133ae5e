"""One simulated run, from its plan to its end: load and faults, then quiet until all agree."""

from collections.abc import Callable, Iterable
from itertools import permutations

from lastword.replication.vectors import covers_all
from lastword.simulation.budget import check_budget
from lastword.simulation.chance import Chance
from lastword.simulation.coverage import uncovered
from lastword.simulation.disk import SimulatedStore, empty_image, formed_image
from lastword.simulation.durations import shown
from lastword.simulation.faults import (
    Burst,
    Crash,
    Cut,
    Disk,
    Fault,
    Step,
    planned,
)
from lastword.simulation.load import Load
from lastword.simulation.node import SimulatedNode
from lastword.simulation.operator import LOOKS_US, Operator
from lastword.simulation.oracle import is_converged
from lastword.simulation.outcome import Outcome, Sample
from lastword.simulation.settings import SimulationSettings
from lastword.simulation.turnover import Join, Leave, Vanish
from lastword.simulation.violated import Violated
from lastword.simulation.world import World
from lastword.store.memory import MemoryImage

SAMPLES = 240
"""Points of the curve while there are load and faults; afterwards one a round."""

Progress = Callable[[int], None]
_Backup = tuple[MemoryImage, dict[tuple[bytes, bytes], int]]


class Cluster:
    """A cluster under the faults that its seed plans; `only` names the ones to keep of them."""

    def __init__(
        self, settings: SimulationSettings, seed: int, *, only: Iterable[int] | None = None
    ) -> None:
        self.settings = settings
        self.world = World(settings, seed)
        self.plan = planned(settings, seed)
        kept = range(len(self.plan)) if only is None else sorted(set(only))
        self.faults = {index: self.plan[index] for index in kept if index < len(self.plan)}
        disk = empty_image()
        if settings.is_formed:
            disk = formed_image(self.world.addresses, Chance(seed, "founder").run_id())
        self.nodes = [
            SimulatedNode(index, self.world, disk.copy()) for index in range(settings.nodes)
        ]
        self.samples: list[Sample] = []
        self._load = Load(self.world, self.nodes)
        self._operator = Operator(self.world, self.nodes)
        self._backups: dict[int, _Backup] = {}

    def run(self, progress: Progress = lambda _: None) -> Outcome:
        """Play the run, and say what it came to. Raise Violated where a check does not hold.

        `progress` is told the virtual time now and then.
        """
        for node in self.nodes:
            node.meet(self.nodes)
        late = {fault.node for fault in self.faults.values() if isinstance(fault, Join)}
        for node in self.nodes:
            if node.index not in late:
                node.start()
        for index, fault in self.faults.items():
            self._plan_fault(index, fault)
        step_us = max(1, self.settings.duration_us // SAMPLES)
        for until_us in range(step_us, self.settings.duration_us + step_us, step_us):
            self._play(min(until_us, self.settings.duration_us), progress)
        self._heal()
        self._settle(progress)
        return self._end()

    # -- faults

    def _plan_fault(self, index: int, fault: Fault) -> None:
        after = self.world.timeline.after
        after(fault.at_us, self._note, index, fault)
        if isinstance(fault, Burst):
            after(fault.at_us, self._load.burst, fault)
        elif isinstance(fault, Cut):
            after(fault.at_us, self._cut, fault)
            after(fault.end_us, self._mend, fault)
            if fault.parts:
                after(fault.at_us + self.settings.lapse_us, self._operator.take_apart, fault)
        elif isinstance(fault, Step):
            node = self.nodes[fault.node]
            after(fault.at_us, node.step_clock, fault.by_us)
            after(fault.end_us, node.step_clock, -fault.by_us)
        elif isinstance(fault, Join | Leave | Vanish):
            after(fault.at_us, self._come_or_go, fault)
        else:
            if fault.disk is Disk.ROLLED_BACK:
                after(max(0, fault.at_us - fault.backup_us), self._back_up, index, fault)
            after(fault.at_us, self._crash_in_time, index, fault)

    def _note(self, index: int, fault: Fault) -> None:
        self.world.trace.note(b"f", self.world.now_us, index, -1, str(fault).encode())

    def _cut(self, cut: Cut) -> None:
        self.world.met["cuts one way" if cut.one_way else "cuts both ways"] += 1
        self.world.network.cuts.append(cut)

    def _mend(self, cut: Cut) -> None:
        if cut in self.world.network.cuts:
            self.world.network.cuts.remove(cut)

    def _come_or_go(self, fault: Join | Leave | Vanish) -> None:
        node, met = self.nodes[fault.node], self.world.met
        if isinstance(fault, Join):
            met["joins"] += 1
            met["joins after a collection"] += any(at.collected for at in self._stores())
            met["joins through one behind"] += self._is_behind(node.contact)
            node.start()
        elif isinstance(fault, Vanish):
            met["vanished"] += 1
            node.vanish()
        elif node.store is not None:
            met["leaves"] += 1
            node.go_on_leaving(fault)
            self.world.timeline.after(fault.away_us, node.come_back)

    def _is_behind(self, address: str) -> bool:
        """Return whether a node lacks what another one has collected."""
        store = self.nodes[self.world.index[address]].store
        return store is not None and not all(
            covers_all(store.seen, other.collected) for other in self._stores()
        )

    def _back_up(self, index: int, crash: Crash) -> None:
        own = self.world.oracle.acknowledged.own(crash.node)
        self._backups[index] = (self.nodes[crash.node].disk.copy(), own)

    def _crash_in_time(self, index: int, crash: Crash) -> None:
        if crash.while_pulling:
            self.nodes[crash.node].when_pulling(self._crash, index, crash)
        else:
            self._crash(index, crash)

    def _crash(self, index: int, crash: Crash) -> None:
        node, met = self.nodes[crash.node], self.world.met
        backup = self._backups.pop(index, None)
        if node.store is None:
            return
        met["crashes"] += 1
        met["crashes while pulling"] += crash.while_pulling
        address = self.world.addresses[crash.node]
        met["walks broken off"] += any(
            other.replica is not None and other.replica.awaited == address for other in self.nodes
        )
        node.stop()
        acknowledged = self.world.oracle.acknowledged
        if crash.disk is Disk.WIPED:
            met["disks wiped"] += 1
            acknowledged.put_back(crash.node, {})
            node.replace_disk(None)
        elif backup is not None:
            met["disks rolled back"] += 1
            image, own = backup
            acknowledged.put_back(crash.node, own)
            node.replace_disk(image)
        elif crash.disk is Disk.ROTTEN:
            met["disks rotten"] += 1
            node.lose_rows()
        elif crash.disk is Disk.RAISED and not any(at.has_damage for at in self.nodes):
            met["disks raised"] += 1
            node.raise_stamps()
        else:
            self.world.oracle.visibility.crashed(crash.node, node.disk.rows)
        self.world.timeline.after(crash.down_us, node.start)

    def _heal(self) -> None:
        self.world.network.heal()
        for node in self.nodes:
            node.forget_plans()
            node.come_back()

    # -- the end

    def _play(self, until_us: int, progress: Progress) -> None:
        self.world.timeline.play_until(until_us)
        seen = self.world.oracle.visibility
        self.samples.append(Sample(until_us, seen.pairs, seen.missing))
        progress(until_us)

    def _settle(self, progress: Progress) -> None:
        """Play on until all agree, a round at a time."""
        deadline_us = self.world.now_us + self.settings.settle_us
        while not self._is_settled():
            if self.world.now_us >= deadline_us:
                check = self._what_is_left()
                quiet = shown(self.settings.settle_us)
                raise Violated(check, f"nodes are not done {quiet} after the last fault")
            self._play(self.world.now_us + self.settings.interval_us, progress)
            if self.world.now_us % LOOKS_US < self.settings.interval_us:
                self._operator.look()

    def _is_settled(self) -> bool:
        stores = self._stores()
        return (
            len(stores) == sum(not node.has_vanished for node in self.nodes)
            and is_converged(stores)
            and not any(map(uncovered, stores))
            and not (self.settings.collect_interval_us and self._is_collecting())
        )

    def _is_collecting(self) -> bool:
        """Return whether a tombstone is left, or a node that may not exchange with another."""
        totals = (at for store in self._stores() for at in store.totals().values())
        here = [node for node in self.nodes if not node.has_vanished]
        return any(at.tombstones for at in totals) or any(
            one.standing_to(other).is_fenced for one, other in permutations(here, 2)
        )

    def _what_is_left(self) -> str:
        if not is_converged(self._stores()):
            return "convergence"
        return "dots covered" if any(map(uncovered, self._stores())) else "tombstones collected"

    def _stores(self) -> list[SimulatedStore]:
        return [node.store for node in self.nodes if node.store is not None]

    def _end(self) -> Outcome:
        self.world.oracle.check_end(self._stores())
        for node in self.nodes:
            node.gather()
        outcome = Outcome.of(self.settings, self.world, self.faults, self.samples)
        check_budget(outcome)
        return outcome
