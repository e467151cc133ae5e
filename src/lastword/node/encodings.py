"""Pieces of the feed as they are sent, kept for others who watch the same in the same form."""

from collections.abc import Iterable
from typing import Final, NamedTuple, Protocol

from lastword.node.feed import Cursor, Event, Selection
from lastword.node.place import Reason, Taken


class Encoder(Protocol):
    """How what a watcher is told becomes bytes."""

    def opened(self, cursor: Cursor) -> bytes:
        """Say where the stream begins."""

    def told(self, run: int, events: Iterable[Event]) -> bytes:
        """Say what became of elements, with cursors of `run`."""

    def reset(self, reason: Reason, cursor: Cursor) -> bytes:
        """Say that it must be read anew, and behind what the stream goes on."""

    def beat(self, cursor: Cursor) -> bytes:
        """Say that nothing came, up to where."""


class Part(NamedTuple):
    """What is sent at once, and how many events are in it."""

    data: bytes
    events: int


NOTHING: Final = Part(b"", 0)


class Encodings:
    """Encodes each piece once for all who want the same of it, as long as there is room."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._kept: dict[tuple[int, Selection, Encoder], Part] = {}

    def part(self, taken: Iterable[Taken], selection: Selection, encoder: Encoder) -> Part:
        """Return what one watcher is sent of the pieces that it took."""
        parts = [self._encoded(one, selection, encoder) for one in taken]
        return Part(b"".join([part.data for part in parts]), sum([part.events for part in parts]))

    def _encoded(self, taken: Taken, selection: Selection, encoder: Encoder) -> Part:
        if taken.after is not None:
            return _encoded(taken, selection, encoder)
        key = (taken.at, selection, encoder)
        part = self._kept.get(key)
        if part is None:
            part = self._kept[key] = _encoded(taken, selection, encoder)
            self._bytes += len(part.data)
            while self._bytes > self._bytes_max and len(self._kept) > 1:
                self._bytes -= len(self._kept.pop(next(iter(self._kept))).data)
        return part


def _encoded(taken: Taken, selection: Selection, encoder: Encoder) -> Part:
    _, piece, after = taken
    wants = selection.wants
    events = [
        event
        for event in piece.events
        if wants(event.set_name) and (after is None or event.number > after)
    ]
    return Part(encoder.told(piece.run, events), len(events))
