"""The checker: drives several nodes at once, remembers every answer, and judges them all.

Nodes may go away and come back. What they acknowledged is compared with a model (`model.py`) while
the run goes on, and with all that they hold at its end. It writes to a set of its own.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Final

from lastword.client.node import AsyncNode
from lastword.errors import LastwordError
from lastword.monkeys.histogram import Histogram
from lastword.monkeys.history import Kind, Operation, Outcome, Stamp
from lastword.monkeys.model import ElementModel, Violation
from lastword.monkeys.pace import Pace
from lastword.monkeys.setting import RETRY_S, Setting, together, turns

KINDS: Final = (Kind.ADD,) * 4 + (Kind.REMOVE,) * 3 + (Kind.GET,) * 3
"""Adds, removes and gets are drawn as 4 to 3 to 3."""

HOT_ELEMENTS: Final = 16
HOT_SHARE: Final = 0.3
"""So many operations are about a few elements, which all nodes write at once."""

VIOLATIONS_MAX: Final = 1_000
"""Kept of those that are found: a set that is lost whole is one finding, not a million."""

Record = Callable[[Operation], None]


class Ledger:
    """What was asked and answered, as far as it matters, and what of it is wrong.

    Memory is bounded by the number of elements and nodes, however long a run is.
    """

    def __init__(self, record: Record = lambda _: None) -> None:
        self.violations: list[Violation] = []
        self.counts: Counter[tuple[str, Kind, Outcome]] = Counter()
        self.examined: tuple[str, ...] = ()
        self._models: dict[bytes, ElementModel] = {}
        self._under_way: set[Operation] = set()
        self._record = record
        self._numbers = 0

    @property
    def elements(self) -> int:
        """How many elements anything was asked about."""
        return len(self._models)

    def begin(self, address: str, element: bytes, kind: Kind, now_us: int) -> Operation:
        """Note that an operation begins."""
        self._numbers += 1
        operation = Operation(self._numbers, address, element, kind, now_us)
        self.take_begin(operation)
        return operation

    def take_begin(self, operation: Operation) -> None:
        """Note that `operation` is under way."""
        self._model(operation.element).begin(operation)
        self._under_way.add(operation)

    def end(self, operation: Operation, outcome: Outcome, now_us: int) -> None:
        """Note how an operation ended, and judge what can be judged by now."""
        operation.ended_us, operation.outcome = now_us, outcome
        self._under_way.remove(operation)
        self.counts[operation.address, operation.kind, outcome] += 1
        self._found(self._model(operation.element).end(operation))
        self._record(operation)

    def end_all(self, now_us: int) -> None:
        """Note that whatever is under way will get no answer."""
        for operation in list(self._under_way):
            self.end(operation, Outcome.UNKNOWN, now_us)

    def judge(self, held: Mapping[str, Mapping[bytes, Stamp]]) -> None:
        """Judge what each node holds in the end: address -> element -> stamp."""
        self.examined = tuple(held)
        strangers = {element for state in held.values() for element in state}
        for element in sorted(self._models.keys() | strangers):
            stamps = {address: state.get(element) for address, state in held.items()}
            self._found(self._model(element).final(stamps))

    def acknowledged(self) -> int:
        """Return how many writes were acknowledged."""
        return self._writes(Outcome.DONE)

    def unknown(self) -> int:
        """Return how many writes got no answer."""
        return self._writes(Outcome.UNKNOWN)

    def _writes(self, ended: Outcome) -> int:
        return sum(
            count
            for (_, kind, outcome), count in self.counts.items()
            if outcome is ended and kind is not Kind.GET
        )

    def _found(self, violations: "Iterator[Violation] | list[Violation]") -> None:
        for violation in violations:
            if len(self.violations) < VIOLATIONS_MAX:
                self.violations.append(violation)

    def _model(self, element: bytes) -> ElementModel:
        model = self._models.get(element)
        if model is None:
            model = self._models[element] = ElementModel(element)
        return model


@dataclass(slots=True)
class Driven:
    """A node that is driven, and until when it rests since it did not answer."""

    node: AsyncNode
    rests_until_us: int = 0
    silences: int = 0

    @property
    def address(self) -> str:
        """Where it is."""
        return self.node.address


@dataclass(slots=True)
class Checker:
    """Drives `nodes`, and keeps a ledger of it; `setting.node` is not used."""

    setting: Setting
    nodes: Sequence[Driven]
    ledger: Ledger
    elements: int
    latencies: Histogram = field(default_factory=Histogram)

    async def play(self, pace: Pace, workers: int, operations: int | None = None) -> None:
        """Do `operations`, None for no end; where that is cancelled, those under way are unknown.

        One that finds no node to ask counts too.
        """
        left = iter(turns(operations))
        try:
            await together(self._work(pace, left) for _ in range(workers))
        finally:
            self.ledger.end_all(self.setting.now_us())

    async def _work(self, pace: Pace, left: Iterator[int]) -> None:
        for _ in left:
            due_us = await pace.wait(self.setting)
            driven = self._awake()
            if driven is None:
                await self.setting.sleep(RETRY_S / 10)
                continue
            await self._do(driven, self._element(), self.setting.rng.choice(KINDS))
            self.latencies.note(self.setting.now_us() - due_us)

    def _awake(self) -> Driven | None:
        """Return one of the nodes that answered lately, or may answer again."""
        now_us = self.setting.now_us()
        awake = [driven for driven in self.nodes if driven.rests_until_us <= now_us]
        return self.setting.rng.choice(awake) if awake else None

    def _element(self) -> bytes:
        rng: Random = self.setting.rng
        hot = rng.random() < HOT_SHARE
        return b"e%d" % rng.randrange(min(HOT_ELEMENTS, self.elements) if hot else self.elements)

    async def _do(self, driven: Driven, element: bytes, kind: Kind) -> None:
        operation = self.ledger.begin(driven.address, element, kind, self.setting.now_us())
        with self._answered(driven, operation):
            set_name, node = self.setting.set_name, driven.node
            if kind is Kind.GET:
                operation.present = await node.get(set_name, element) is True
            elif kind is Kind.ADD:
                operation.time = await node.put(set_name, element)
            else:
                operation.time = await node.delete(set_name, element)

    @contextmanager
    def _answered(self, driven: Driven, operation: Operation) -> Iterator[None]:
        """Note how an operation ends; one that is cancelled is ended by `play`."""
        outcome = Outcome.DONE
        try:
            yield
        except LastwordError as error:
            outcome = Outcome.REFUSED if error.certain else Outcome.UNKNOWN
            self._rest(driven, error)
        else:
            if driven.silences:
                driven.silences = 0
                self.setting.warn(f"{driven.address} answers again")
        self.ledger.end(operation, outcome, self.setting.now_us())

    def _rest(self, driven: Driven, error: LastwordError) -> None:
        """Let a node alone for a while that does not do what is asked; tell once that it is."""
        if not driven.silences:
            self.setting.warn(f"{error}; it is asked again every {RETRY_S:g} s")
        driven.silences += 1
        driven.rests_until_us = self.setting.now_us() + int(RETRY_S * 1_000_000)
