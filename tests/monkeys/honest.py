"""A service that keeps its promises, played in memory: what a checker must never complain of.

Nodes hold stamps and merge at random; operations begin, take effect and end in any order that
time allows, and some are never answered.
"""

from dataclasses import dataclass, field
from random import Random

from lastword.monkeys.checker import Ledger
from lastword.monkeys.history import Kind, Operation, Outcome, Stamp

NODES = ("a:1", "b:1", "c:1")
ELEMENTS = (b"x", b"y")


@dataclass
class Service:
    """Nodes, what each holds, and what is asked of them, by steps of a virtual clock."""

    rng: Random
    ledger: Ledger
    now_us: int = 0
    held: dict[str, dict[bytes, Stamp]] = field(
        default_factory=lambda: {name: {} for name in NODES}
    )
    walls: dict[str, int] = field(default_factory=lambda: dict.fromkeys(NODES, 1_000))
    _asked: list[Operation] = field(default_factory=list)
    _done: list[Operation] = field(default_factory=list)

    def run(self, steps: int) -> None:
        """Let so many things happen, then answer what is left, and let all nodes agree."""
        for _ in range(steps):
            self.now_us += self.rng.randint(0, 1)
            self.rng.choice(
                (self._begin, self._begin, self._take_effect, self._end, self._merge)
            )()
        while self._asked:
            self._take_effect()
        while self._done:
            self._end()
        merged: dict[bytes, Stamp] = {}
        for state in self.held.values():
            for element, stamp in state.items():
                merged[element] = max(stamp, merged.get(element, stamp))
        self.held = {name: dict(merged) for name in NODES}

    def _begin(self) -> None:
        element, kind = self.rng.choice(ELEMENTS), self.rng.choice(list(Kind))
        self.now_us += 1
        self._asked.append(self.ledger.begin(self.rng.choice(NODES), element, kind, self.now_us))

    def _take_effect(self) -> None:
        if not self._asked:
            return
        at = self._asked.pop(self.rng.randrange(len(self._asked)))
        held = self.held[at.address].get(at.element)
        if at.kind is Kind.GET:
            at.present = held is not None and not held[1]
        else:
            self.walls[at.address] += self.rng.randint(0, 3)
            at.time = self._above(held, self.walls[at.address], removes=at.kind is Kind.REMOVE)
            self.held[at.address][at.element] = at.stamp
        self._done.append(at)

    @staticmethod
    def _above(held: Stamp | None, wall: int, *, removes: bool) -> int:
        if held is None or (wall, removes) > held:
            return wall
        return held[0] if (held[0], removes) > held else held[0] + 1

    def _end(self) -> None:
        if not self._done:
            return
        at = self._done.pop(self.rng.randrange(len(self._done)))
        answered = self.rng.random() < 0.9
        if not answered:
            at.time = at.present = None
        self.now_us += 1
        self.ledger.end(at, Outcome.DONE if answered else Outcome.UNKNOWN, self.now_us)

    def _merge(self) -> None:
        giver, taker = self.rng.sample(NODES, 2)
        for element, stamp in self.held[giver].items():
            self.held[taker][element] = max(stamp, self.held[taker].get(element, stamp))
