"""What travels: entries with their dots, cursors, and pages of a log."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from lastword.replication.hashing import Sums
from lastword.replication.vectors import Vector


class Entry(NamedTuple):
    """The state of one element of one set, with the dot of the write that made it so.

    The dot `(run, number)` is the run that took the write and the log number that it got there.
    """

    set_name: bytes
    element: bytes
    stamp: int
    run: int
    number: int


ENTRY_BYTES = 40
"""About what an entry costs on the wire beside its element: stamp, dot, lengths."""


class Cursor(NamedTuple):
    """How far a node has read another's log.

    `number` is the last log number read, `head` the greatest end of that log that was ever shown,
    both during the other's run `run`. Before the first contact all are 0.
    """

    run: int = 0
    number: int = 0
    head: int = 0


NO_CURSOR = Cursor()


@dataclass(frozen=True, slots=True)
class Page:
    """A stretch of a node's log, made for one asker.

    `cursor` is the asker's cursor as it sent it, `for_run` the asker's run, whose `seen` decided
    what was left out. `reached` and `head` become the asker's new cursor within `run`. `seen` is
    the giver's vector, or the part of it that the asker lacks, in the page that reaches the log's
    end and in no other; `may_collect` says whether the giver may. `times` says up to which time
    tombstones of sets were collected there, for a copy.
    """

    run: int
    for_run: int
    cursor: Cursor
    reached: int
    head: int
    entries: tuple[Entry, ...] = ()
    seen: Vector | None = None
    from_start: bool = False
    may_collect: bool = False
    times: Mapping[bytes, int] = field(default_factory=dict)


class SetDigest(NamedTuple):
    """A set as the directory of sets lists it: its position, 64 bits, and what it adds up to."""

    position: int
    name: bytes
    entries: int
    sums: Sums


class Bucket(NamedTuple):
    """A stretch of a large set: the positions that share their first `bits` bits with `low`."""

    low: int
    bits: int
    entries: int
    sums: Sums


class CopyOrigin(NamedTuple):
    """Where a copy comes from, kept with it so that it can be gone on with.

    `start` is what the source had seen when its first page was read, `first_hash` is of what it
    had collected then, `collected` of what the copying node had. `forced` is an operator's wish;
    a copy that `mends` takes the place of what is damaged, by a node that lacks nothing.
    """

    source: str
    start: Vector
    first_hash: int
    collected: int
    forced: bool
    mends: bool = False


NO_ORIGIN = CopyOrigin("", {}, first_hash=0, collected=0, forced=False)
"""That of a file that is no copy, or one that cannot be gone on with."""


class Held(NamedTuple):
    """A row of a set, as it is read for comparison."""

    key: bytes
    stamp: int
    run: int
    number: int


class Dot(NamedTuple):
    """The write that the run `run` took as its log number `number`."""

    run: int
    number: int


class Collected(NamedTuple):
    """How many tombstones went, up to which log number was looked, and whose dots held back."""

    collected: int
    reached: int
    blocked: tuple[Dot, ...]


@dataclass(slots=True)
class Applied:
    """What applying entries did: how many came, changed something, or took another's dot.

    `repairs` counts entries that were lacking here although their dots were covered: lost state;
    `future` those taken whose times are further ahead of the wall than a client's may be.
    `collected` are tombstones that were collected here, and that the sender still has.
    """

    received: int = 0
    changed: int = 0
    adopted: int = 0
    repairs: int = 0
    future: int = 0
    finished: bool = False
    collected: list[Entry] = field(default_factory=list)


class MemberReport(NamedTuple):
    """The vector that a member last said is its own, and how long it has been silent since.

    Silence is counted while this node was up.
    """

    run: int
    seen: Vector
    silent_us: int = 0


class Redotted(NamedTuple):
    """How many rows got new dots, and whether more rows of that age were not looked at yet."""

    renewed: int
    more: bool
