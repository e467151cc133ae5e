"""The network of a run: what is lost, repeated, late or cut off, and what all of it came to."""

from collections import Counter, defaultdict
from collections.abc import Callable
from hashlib import blake2b
from struct import Struct

from lastword.simulation.faults import Cut
from lastword.simulation.settings import SimulationSettings
from lastword.simulation.timeline import Timeline
from lastword.simulation.trace import Trace
from lastword.simulation.violated import Violated

LATE_FACTOR = 10
"""How much longer a late message takes than another: so it comes after what was sent later."""

MESSAGES_PER_ROUND_MAX = 100
"""Of a node, on average since the begin: seven times the worst that was seen. Beyond it, messages
beget messages, and the run would not end."""

_SEND = Struct("<QIIQ").pack
_LUCK = Struct("<6I").unpack
_WHOLE = 1 << 32

Deliver = Callable[[bytes], None]


class Network:
    """Carries bytes from node to node.

    What becomes of the k-th message from one node to another follows from the seed, the two and
    k alone. So a fault that is left out changes the luck of few other messages.
    """

    def __init__(
        self, settings: SimulationSettings, seed: int, timeline: Timeline, trace: Trace
    ) -> None:
        self.met: Counter[str] = Counter()
        self.bytes_sent = 0
        self.cuts: list[Cut] = []
        self.is_faulty = True
        self._settings = settings
        self._seed = seed & (1 << 64) - 1
        self._timeline = timeline
        self._trace = trace
        self._sent: defaultdict[tuple[int, int], int] = defaultdict(int)

    def send(self, source: int, target: int, data: bytes, deliver: Deliver) -> None:
        """Send `data`; `deliver` is called for every copy that arrives."""
        self.met["messages"] += 1
        if not self.met["messages"] % 1_024:
            self._check_cascade()
        self.bytes_sent += len(data)
        self._sent[source, target] += 1
        lost, twice, *delays = self._luck(source, target)
        if self.is_cut(source, target):
            self.met["cut"] += 1
            return
        copies = 1
        if self.is_faulty:
            if lost < self._settings.loss * _WHOLE:
                self.met["lost"] += 1
                return
            if twice < self._settings.duplicate * _WHOLE:
                self.met["duplicated"] += 1
                copies = 2
        for copy in range(copies):
            delay_us = self._delay(delays[2 * copy], delays[2 * copy + 1])
            self._timeline.after(delay_us, self._arrive, source, target, data, deliver)

    def is_cut(self, source: int, target: int) -> bool:
        """Return whether no message passes from `source` to `target` now."""
        return any(cut.stops(source, target) for cut in self.cuts)

    def heal(self) -> None:
        """Lose nothing from now on."""
        self.is_faulty = False
        self.cuts.clear()

    def _arrive(self, source: int, target: int, data: bytes, deliver: Deliver) -> None:
        if self.is_cut(source, target):
            self.met["cut"] += 1
            return
        self._trace.note(b"m", self._timeline.now_us, source, target, data)
        deliver(data)

    def _check_cascade(self) -> None:
        rounds = 10 + self._timeline.now_us // self._settings.interval_us
        if self.met["messages"] > MESSAGES_PER_ROUND_MAX * self._settings.nodes * rounds:
            raise Violated("bytes within budget", f"{self.met['messages']} messages were sent")

    def _luck(self, source: int, target: int) -> tuple[int, ...]:
        """Return six random integers of 32 bits for the message that is being sent."""
        sending = _SEND(self._seed, source, target, self._sent[source, target])
        return _LUCK(blake2b(sending, digest_size=24).digest())

    def _delay(self, luck: int, lateness: int) -> int:
        """Return how long a copy is under way; those in the upper half count as delayed."""
        low, high = self._settings.delay_us
        delay_us = low + (luck * (high - low + 1) >> 32)
        self.met["delayed"] += 2 * delay_us > low + high
        if lateness < self._settings.late * _WHOLE:
            self.met["late"] += 1
            delay_us *= LATE_FACTOR
        return delay_us
