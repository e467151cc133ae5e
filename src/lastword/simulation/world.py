"""What the nodes of a run share: its settings, its time, its network, its judge."""

from collections import Counter

from lastword.simulation.network import Network
from lastword.simulation.oracle import Oracle
from lastword.simulation.settings import SimulationSettings
from lastword.simulation.timeline import Timeline
from lastword.simulation.trace import Trace


class World:
    """Everything of a run but its nodes. `met` counts what it met beside the network."""

    def __init__(self, settings: SimulationSettings, seed: int) -> None:
        self.settings = settings
        self.seed = seed
        self.timeline = Timeline()
        self.trace = Trace()
        self.network = Network(settings, seed, self.timeline, self.trace)
        self.addresses = tuple(f"n{index}:1" for index in range(settings.nodes))
        self.oracle = Oracle(self.addresses, settings.lapse_us)
        self.met: Counter[str] = Counter()
        self.index = {address: index for index, address in enumerate(self.addresses)}

    @property
    def now_us(self) -> int:
        """Virtual microseconds since the begin."""
        return self.timeline.now_us
