"""What a checker asked nodes, and what they answered: operations, and the order of their stamps.

A stamp is a pair here, (time, removes), and compared as one: this is a model of its own, which
takes nothing from `crdt.stamp`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from lastword.client.text import shown_element
from lastword.monkeys.shown import shown_time

Stamp = tuple[int, bool]
"""The time of a write in microseconds since 1970, and whether it removes; the greater one wins."""


class Kind(StrEnum):
    """What was asked of a node."""

    ADD = "add"
    REMOVE = "remove"
    GET = "get"


class Outcome(StrEnum):
    """What is known of an operation. One that is unknown may have been done, or be done later."""

    UNDER_WAY = "under way"
    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(slots=True, eq=False)
class Operation:
    """One operation at one node; `began_us` and `ended_us` are of the checker's monotonic clock.

    `time` is of a write that was acknowledged, `present` what a get was answered.
    """

    number: int
    address: str
    element: bytes
    kind: Kind
    began_us: int
    ended_us: int | None = None
    outcome: Outcome = Outcome.UNDER_WAY
    time: int | None = None
    present: bool | None = None

    @property
    def stamp(self) -> Stamp:
        """The stamp of a write that was acknowledged."""
        assert self.time is not None, "it was not acknowledged"  # noqa: S101 - our own fault
        return self.time, self.kind is Kind.REMOVE

    @property
    def is_acknowledged(self) -> bool:
        """Whether it is a write of which a node said that it is on its disk."""
        return self.outcome is Outcome.DONE and self.kind is not Kind.GET

    def ended_before(self, us: int) -> bool:
        """Return whether it had ended by then."""
        return self.ended_us is not None and self.ended_us < us

    def __str__(self) -> str:
        asked = f"{self.kind} {shown_element(self.element)} at {self.address}"
        return f"{_span(self.began_us, self.ended_us)}  {asked}: {self._answer}"

    @property
    def _answer(self) -> str:
        match self.outcome:
            case Outcome.DONE if self.kind is Kind.GET:
                return "present" if self.present else "absent"
            case Outcome.DONE:
                return f"acknowledged, {shown_time(self.time or 0)} ({self.time})"
            case Outcome.UNKNOWN:
                return "no answer: it may have been done"
            case _:
                return str(self.outcome)


_SECOND_US: Final = 1_000_000


def _span(began_us: int, ended_us: int | None) -> str:
    began = f"{began_us / _SECOND_US:10.3f}"
    return f"{began} s" if ended_us is None else f"{began} to {ended_us / _SECOND_US:.3f} s"


def shown_state(stamp: Stamp | None) -> str:
    """Return in words what a node holds of an element."""
    if stamp is None:
        return "nothing"
    time, removes = stamp
    return f"{'removed' if removes else 'added'} {shown_time(time)} ({time})"
