"""What nodes may answer about one element, from what they acknowledged; a model of its own.

An LWW-Element-Set promises, of one element (README.md, "What it promises"; DESIGN.md, sections 2
and 3, as checks):

* `kept`: at the end no node holds less than the greatest stamp that any of them acknowledged;
* `invented`: what a node holds, somebody asked for;
* `visible`: a get at a node that acknowledged a write finds that write, or a greater one;
* `rising`: a write at a node gets a later time than those that this node acknowledged before;
* `agree`: at the end all nodes hold the same.

An operation is an interval: it took effect somewhere between its begin and its end. One without an
answer may have taken effect at any time since, at any stamp. Judgement waits until everything is
answered that began before; what can make no more difference is folded, so memory is bounded by
elements, nodes and operations under way, however long a run is.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from lastword.client.text import shown_element
from lastword.monkeys.history import Kind, Operation, Outcome, Stamp, shown_state

_WRITES = (Kind.ADD, Kind.REMOVE)


@dataclass(frozen=True, slots=True)
class Violation:
    """A check that does not hold: what is wrong in a sentence, and the operations that show it."""

    check: str
    element: bytes
    sentence: str
    history: tuple[Operation, ...] = ()

    def __str__(self) -> str:
        return "\n".join([f"{self.check}: {self.sentence}", *(f"  {at}" for at in self.history)])


@dataclass(slots=True)
class _Folded:
    """What is left of operations that had ended before everything that is still to be judged."""

    greatest: dict[Kind, Operation] = field(default_factory=dict)
    by_address: dict[str, Operation] = field(default_factory=dict)
    unknown: dict[Kind, Operation] = field(default_factory=dict)

    def take(self, write: Operation) -> None:
        if write.outcome is Outcome.UNKNOWN:
            self.unknown.setdefault(write.kind, write)
        elif write.is_acknowledged:
            _keep_greater(self.greatest, write.kind, write)
            _keep_greater(self.by_address, write.address, write)

    def writes(self) -> Iterator[Operation]:
        yield from self.greatest.values()
        yield from self.by_address.values()
        yield from self.unknown.values()


class ElementModel:
    """All that was asked about one element, as far as it still matters."""

    __slots__ = ("_folded", "_open", "element")

    def __init__(self, element: bytes) -> None:
        self.element = element
        self._folded = _Folded()
        self._open: list[Operation] = []

    def begin(self, operation: Operation) -> None:
        """Note an operation that is under way; they come in the order of their begin."""
        self._open.append(operation)

    def end(self, operation: Operation) -> list[Violation]:
        """Take the answer to an operation; return what can be judged by now, and is wrong."""
        found = list(self._fallen(operation)) if operation.is_acknowledged else []
        for get in self._ripe():
            found += self._misread(get)
            self._open.remove(get)
        self._fold()
        return found

    def final(self, held: Mapping[str, Stamp | None]) -> Iterator[Violation]:
        """Yield what is wrong with what nodes hold in the end; nothing may be under way."""
        top = _greatest(self._writes())
        for address, stamp in held.items():
            if top is not None and (stamp is None or stamp < top.stamp):
                yield self._violation(
                    "kept",
                    f"{address} holds {shown_state(stamp)}, which is less than was acknowledged",
                    top,
                )
            elif stamp is not None and (top is None or stamp > top.stamp):
                kind = Kind.REMOVE if stamp[1] else Kind.ADD
                if not any(w.kind is kind for w in self._writes() if not w.is_acknowledged):
                    history = () if top is None else (top,)
                    holds = f"{address} holds {shown_state(stamp)}"
                    yield self._violation("invented", f"{holds}, which nobody asked for", *history)
        if len({*held.values()}) > 1:
            told = ", ".join(f"{at}: {shown_state(stamp)}" for at, stamp in sorted(held.items()))
            yield self._violation("agree", f"nodes differ: {told}")

    # -- judgement

    def _fallen(self, write: Operation) -> Iterator[Violation]:
        """Yield whether a write got a time that is not above an earlier one of the same node."""
        before = _greatest(self._acknowledged_at(write.address, write.began_us))
        if before is not None and write.stamp <= before.stamp:
            at = write.address
            yield self._violation("rising", f"{at} gave times that do not rise", before, write)

    def _ripe(self) -> list[Operation]:
        """Return gets before whose end no write began that is still under way."""
        first = min((at.began_us for at in self._open if _is_pending(at)), default=None)
        return [
            at
            for at in self._open
            if at.kind is Kind.GET
            and at.ended_us is not None
            and (first is None or first > at.ended_us)
        ]

    def _misread(self, get: Operation) -> Iterator[Violation]:
        """Yield whether no write, nor any order of them, explains what a get was answered."""
        if get.outcome is not Outcome.DONE:
            return
        base = _greatest(self._acknowledged_at(get.address, get.began_us))
        shows = Kind.ADD if get.present else Kind.REMOVE
        if base is None and not get.present:
            return
        if base is not None and base.kind is shows:
            return
        for write in self._writes():
            if write.kind is shows and _may_explain(write, get, base):
                return
        if base is None:
            yield self._violation("invented", "a get found what nobody had added", get)
        else:
            hidden = f"{get.address} hid what it had acknowledged"
            yield self._violation("visible", hidden, base, get)

    def _acknowledged_at(self, address: str, before_us: int) -> Iterator[Operation]:
        folded = self._folded.by_address.get(address)
        if folded is not None:
            yield folded
        for at in self._open:
            if at.is_acknowledged and at.address == address and at.ended_before(before_us):
                yield at

    def _writes(self) -> Iterator[Operation]:
        """Yield all writes that may have been done."""
        yield from self._folded.writes()
        yield from (at for at in self._open if at.kind in _WRITES and _may_be_done(at))

    def _violation(self, check: str, what: str, *history: Operation) -> Violation:
        return Violation(
            check, self.element, f"{shown_element(self.element)}: {what}", tuple(history)
        )

    def _fold(self) -> None:
        """Keep of writes that ended before all that is still to be judged only the greatest."""
        waiting = [at.began_us for at in self._open if at.ended_us is None or at.kind is Kind.GET]
        horizon = min(waiting, default=None)
        kept: list[Operation] = []
        for at in self._open:
            if at.ended_us is None or (horizon is not None and not at.ended_before(horizon)):
                kept.append(at)
            else:
                self._folded.take(at)
        self._open = kept


def _is_pending(at: Operation) -> bool:
    return at.ended_us is None and at.kind in _WRITES


def _may_be_done(write: Operation) -> bool:
    return write.outcome is not Outcome.REFUSED


def _may_explain(write: Operation, get: Operation, base: Operation | None) -> bool:
    """Return whether a write that began before the end of a get may be what that found."""
    if get.ended_us is None or write.began_us > get.ended_us:
        return False
    return not write.is_acknowledged or base is None or write.stamp > base.stamp


def _greatest(writes: Iterable[Operation]) -> Operation | None:
    done = (at for at in writes if at.is_acknowledged)
    return max(done, key=lambda at: at.stamp, default=None)


def _keep_greater(of: dict, key: object, write: Operation) -> None:  # type: ignore[type-arg]
    held = of.get(key)
    if held is None or write.stamp > held.stamp:
        of[key] = write
