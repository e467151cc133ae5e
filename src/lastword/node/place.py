"""Where one watcher is: in the feed while that reaches back to it, else in the log behind it.

Pure. Catching up after a day is the same as after a second. What is promised rests on two facts.
Every change of a row gives it a new log number, so a row is met behind any number that its last
change is behind. And a tombstone that is collected leaves its number in the ledger (`forgotten`):
who reads the log from before it may have missed a remove.
"""

from enum import StrEnum
from typing import Final, NamedTuple

from lastword.node.feed import Cursor, Feed, Piece, Selection
from lastword.store.news import News

PIECES_PASSED: Final = 256
"""Pieces that one watcher looks at in its turn, wanted or not."""


EVENT_BYTES: Final = 150
"""About what an event takes as it is sent, beside its element."""


class Reason(StrEnum):
    """Why a watcher has to read anew."""

    COLLECTED = "collected"
    OTHER_FILE = "other_file"
    SLOW = "slow"
    DAMAGED = "damaged"


class Taken(NamedTuple):
    """A piece that a watcher takes: whole, or what it has behind the number `after`."""

    at: int
    piece: Piece
    after: int | None


class Place:
    """Where one watcher is in a feed: behind it, and reading the log, or in it.

    `number` is the log number that was reached. A beginner has heard of nothing yet: what was
    forgotten before it began is nothing to it.
    """

    def __init__(
        self, feed: Feed, selection: Selection, number: int, *, is_beginner: bool = False
    ) -> None:
        self._feed = feed
        self._selection = selection
        self.number = number
        self._next: int | None = None
        self._is_beginner = is_beginner
        self._unheard = 0  # forgotten before a beginner's first page
        self._was_in_feed = False

    @property
    def cursor(self) -> Cursor:
        """How far it has come."""
        return Cursor(self._feed.ledger.run, self.number)

    def is_of(self, feed: Feed) -> bool:
        """Return whether it is in this feed."""
        return self._feed is feed

    def is_behind(self) -> bool:
        """Return whether it has to read the log."""
        feed = self._feed
        if self._next is not None and self._next < feed.first:
            self._next = None
        if self._next is None and self.number >= feed.start:
            self._next = feed.behind(self.number)
            self._was_in_feed, self._is_beginner = True, False
        return self._next is None

    def is_late(self) -> bool:
        """Return whether it did not keep up, and is too far behind to go on."""
        feed = self._feed
        return self._was_in_feed and feed.end - self.number > feed.limits.late_numbers

    def is_at_end(self) -> bool:
        """Return whether it has taken all that the feed has."""
        return self._next == self._feed.last

    def go_to(self, index: int, number: int) -> None:
        """Let the piece `index` be the next: up to `number` nothing is wanted that was not taken.

        The feed may have dropped that piece already.
        """
        self._next = index
        self.number = max(self.number, number)

    def take(self, bytes_max: int) -> list[Taken]:
        """Return the next wanted pieces, up to about so many bytes; it must be in the feed."""
        feed, index = self._feed, self._next
        assert index is not None, "it is behind the feed"  # noqa: S101 - our own fault
        taken: list[Taken] = []
        size, stop = 0, min(feed.last, index + PIECES_PASSED)
        while index < stop and size < bytes_max:
            piece = feed[index]
            if self._selection.is_in(piece.sets):
                after = self.number if piece.before < self.number else None
                taken.append(Taken(index, piece, after))
                size += piece.size + len(piece.events) * EVENT_BYTES
            self.number = max(self.number, piece.reached)
            index += 1
        self._next = index
        return taken

    def turn_page(self, news: News) -> Reason | None:
        """Go on behind a page of the log, or return why that cannot be."""
        if self._is_beginner:
            self._is_beginner = False
            self._unheard = news.forgotten
        if news.forgotten > max(self.number, self._unheard):
            return Reason.SLOW if self._was_in_feed else Reason.COLLECTED
        self.number = news.reached
        return None

    def reset(self, feed: Feed) -> Cursor:
        """Go to the log's present end, in a feed that may be another; return where that is."""
        self._feed = feed
        self.number = feed.ledger.log_end
        self._next = None
        self._was_in_feed = self._is_beginner = False
        return self.cursor
