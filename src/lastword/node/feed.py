"""What commits changed, for whoever watches: the newest part in memory, all of it in the log.

Pure: a `Feed` is told of commits, and keeps the last of them, bounded, in pieces that watchers
share. Every row that a commit put is in it, also where only its dot is another: whoever has passed
its old place in the log finds it at the new one alone.
"""

from bisect import bisect_right
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from lastword.crdt.stamp import is_removed, time_of
from lastword.node.watch_limits import WatchLimits
from lastword.replication.hashing import element_of
from lastword.store.ledger import Changes, Ledger
from lastword.store.news import Wants

PIECE_EVENTS: Final = 256
"""Events of a piece: encoded at once, in about a millisecond."""

PIECE_BYTES: Final = 64 << 10
"""And bytes of their elements; one element always fits."""


class Kind(StrEnum):
    """What became of an element."""

    ADD = "add"
    REMOVE = "remove"
    COLLECT = "collect"


class Event(NamedTuple):
    """What became of an element; whoever has it has reached the log number `number`.

    A tombstone that is collected has no number of its own: it goes before the rows of its commit.
    """

    kind: Kind
    set_name: bytes
    element: bytes
    time: int
    number: int


class Cursor(NamedTuple):
    """How far a watcher has come: a log number, as it is known in a run of the file."""

    run: int
    number: int

    def __str__(self) -> str:
        return f"{self.run:x}-{self.number:x}"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which sets are watched; those with equal keys want the same.

    `set_name` where it is one; else what the names of all that are wanted begin with.
    """

    key: Hashable
    wants: Wants = field(compare=False)
    set_name: bytes | None = field(default=None, compare=False)
    prefix: bytes = field(default=b"", compare=False)

    def is_in(self, sets: frozenset[bytes]) -> bool:
        """Return whether one of `sets` is watched."""
        if self.set_name is not None:
            return self.set_name in sets
        return any(map(self.wants, sets))


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Some events of one commit, in order: what the log has of `before < number <= reached`."""

    run: int
    before: int
    reached: int
    events: tuple[Event, ...]
    sets: frozenset[bytes]
    size: int


@dataclass(frozen=True, slots=True, eq=False)
class Commit:
    """What one commit on a file did, whose log ended at `before`."""

    ledger: Ledger
    before: int
    pieces: tuple[Piece, ...]


def commit_of(ledger: Ledger, before: int, changes: Changes) -> Commit:
    """Return what a commit did, after the ledger took it over. O(rows log rows)."""
    pieces, begun = [], before
    cuts = list(_cut(_events_of(before, changes)))
    for index, events in enumerate(cuts):
        is_last = index == len(cuts) - 1
        reached = changes.log_end if is_last else events[-1].number
        sets = frozenset([event.set_name for event in events])
        size = sum([len(event.element) for event in events])
        pieces.append(Piece(ledger.run, begun, reached, tuple(events), sets, size))
        begun = reached
    return Commit(ledger, before, tuple(pieces))


def _events_of(before: int, changes: Changes) -> Iterator[Event]:
    for (set_name, key), row in changes.dropped.items():
        yield Event(Kind.COLLECT, set_name, element_of(key), time_of(row.stamp), before)
    # Not in the order of the rows: one that is written twice keeps its place there.
    for (set_name, key), row in sorted(changes.rows.items(), key=lambda at: at[1].arrived):
        yield event_of(set_name, element_of(key), row.stamp, row.arrived)


def event_of(set_name: bytes, element: bytes, stamp: int, number: int) -> Event:
    """Return the event of an element's state, as it stands in the log."""
    kind = Kind.REMOVE if is_removed(stamp) else Kind.ADD
    return Event(kind, set_name, element, time_of(stamp), number)


def _cut(events: Iterable[Event]) -> Iterator[list[Event]]:
    part: list[Event] = []
    size = 0
    for event in events:
        if len(part) == PIECE_EVENTS or (part and size + len(event.element) > PIECE_BYTES):
            yield part
            part, size = [], 0
        part.append(event)
        size += len(event.element)
    if part:
        yield part


class Feed:
    """The last commits on one file: all that changed behind the log number `start`.

    `end` is the log number that it has come to. Pieces are numbered from `first` to `last`.
    """

    def __init__(self, ledger: Ledger, limits: WatchLimits) -> None:
        self.ledger = ledger
        self.limits = limits
        self.start = self.end = ledger.log_end
        self.first = self.last = 0
        self._pieces: dict[int, Piece] = {}
        self._events = self._bytes = 0

    def __getitem__(self, index: int) -> Piece:
        return self._pieces[index]

    @property
    def cursor(self) -> Cursor:
        """The cursor of whoever has all that was told."""
        return Cursor(self.ledger.run, self.end)

    def absorb(self, commit: Commit) -> list[tuple[int, Piece]]:
        """Take in a commit; return its pieces by their indexes, also those without room.

        One that was on its way when the feed began is known by then. Behind one that the feed
        never heard of it begins anew: nobody goes on over the gap.
        """
        if commit.ledger is not self.ledger or commit.before < self.end:
            return []
        if commit.before > self.end:
            self._begin_anew(commit.before)
        new = list(enumerate(commit.pieces, self.last))
        for piece in commit.pieces:
            self._append(piece)
        return new

    def behind(self, number: int) -> int:
        """Return the first piece that has more than what was reached with `number`."""
        indexes = range(self.first, self.last)
        found = bisect_right(indexes, number, key=lambda index: self._pieces[index].reached)
        return self.first + found

    def _append(self, piece: Piece) -> None:
        self._pieces[self.last] = piece
        self.last += 1
        self.end = piece.reached
        self._events += len(piece.events)
        self._bytes += piece.size
        limits = self.limits
        while self._events > limits.held_events or self._bytes > limits.held_bytes:
            self._drop_first()

    def _drop_first(self) -> None:
        piece = self._pieces.pop(self.first)
        self.first += 1
        self.start = piece.reached
        self._events -= len(piece.events)
        self._bytes -= piece.size

    def _begin_anew(self, number: int) -> None:
        while self._pieces:
            self._drop_first()
        self.first = self.last = self.last + 1  # who had come to the last one is behind now
        self.start = self.end = number
