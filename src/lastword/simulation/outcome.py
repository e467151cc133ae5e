"""What one run came to: its figures, as the table and the plot show them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lastword.simulation.faults import Burst, Fault
from lastword.simulation.settings import SimulationSettings
from lastword.simulation.world import World


class Sample(NamedTuple):
    """How far the cluster was at one time.

    `pairs` are acknowledged writes times nodes, `missing` those of them that are not there yet.
    """

    at_us: int
    pairs: int
    missing: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """The figures of a run. Times are virtual microseconds from its begin.

    `calm_us`: when the last fault or write was over. `complete_us`: when every write was at every
    node. `delays_us`: how long each write took to each other node, in ascending order.
    `needed`: entries that nodes took from others, since they lacked them.
    """

    settings: SimulationSettings
    faults: Mapping[int, Fault]
    samples: Sequence[Sample]
    met: Counter[str]
    calm_us: int
    complete_us: int
    delays_us: Sequence[int]
    bytes_sent: int
    trace_hash: str

    @classmethod
    def of(
        cls,
        settings: SimulationSettings,
        world: World,
        faults: Mapping[int, Fault],
        samples: Sequence[Sample],
    ) -> "Outcome":
        """Return the outcome of a run that is over."""
        seen = world.oracle.visibility
        ends = [f.at_us if isinstance(f, Burst) else f.end_us for f in faults.values()]
        return cls(
            settings=settings,
            faults=faults,
            samples=samples,
            met=world.met + world.network.met,
            calm_us=min(max(ends, default=0), settings.duration_us),
            complete_us=seen.complete_us,
            delays_us=sorted(seen.delays_us),
            bytes_sent=world.network.bytes_sent,
            trace_hash=world.trace.hexdigest(),
        )

    @property
    def after_calm_us(self) -> int:
        """How long it took from the last write and fault until every write was everywhere."""
        return max(0, self.complete_us - self.calm_us)

    @property
    def end_us(self) -> int:
        """When all nodes agreed in every respect."""
        return self.samples[-1].at_us

    @property
    def sent_per_needed(self) -> float:
        """Entries sent, for each acknowledged write and each other node."""
        needed = self.met["writes"] * (self.settings.nodes - 1)
        return self.met["entries_sent"] / needed if needed else 0.0

    def delay_us(self, share: float) -> int:
        """Return the delay that `share` of the writes' arrivals did not exceed."""
        delays = self.delays_us
        return delays[min(len(delays) - 1, int(share * len(delays)))] if delays else 0
