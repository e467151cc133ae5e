"""The events of a watch as they are sent: Server-Sent Events (WHATWG HTML, 9.2), or NDJSON."""

from base64 import b64encode
from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from lastword.api.http.forms import NDJSON_NAMES, media_weights
from lastword.api.http.messages import Request
from lastword.node.feed import Cursor, Event
from lastword.node.place import Reason

SSE_TYPE: Final = "text/event-stream"


class ElementEvent(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """What became of an element: `add`, `remove`, or `collect` where its tombstone has gone."""

    event: Literal["add", "remove", "collect"]
    set: str
    element: str | msgspec.UnsetType = msgspec.UNSET
    element_base64: str | msgspec.UnsetType = msgspec.UNSET
    time: int
    cursor: str


class CursorEvent(msgspec.Struct, kw_only=True):
    """Where a stream begins, `open`, and how far it is while nothing comes, `beat`."""

    event: Literal["open", "beat"]
    cursor: str


class ResetEvent(msgspec.Struct, kw_only=True):
    """What happened up to the cursor is not known to the stream: read anew."""

    event: Literal["reset"] = "reset"
    reason: str
    cursor: str


WatchEvent = ElementEvent | CursorEvent | ResetEvent

_encode: Final = msgspec.json.Encoder().encode


def _shown(event: Event, cursor: str) -> ElementEvent:
    name = event.set_name.decode(errors="replace")
    shown = ElementEvent(event=event.kind.value, set=name, time=event.time, cursor=cursor)
    try:
        shown.element = event.element.decode()
    except UnicodeDecodeError:
        shown.element_base64 = b64encode(event.element).decode()
    return shown


class Ndjson:
    """A JSON object a line."""

    content_type: Final = NDJSON_NAMES[0].encode()

    def opened(self, cursor: Cursor) -> bytes:
        """Say where the stream begins."""
        return _encode(CursorEvent(event="open", cursor=str(cursor))) + b"\n"

    def told(self, run: int, events: Iterable[Event]) -> bytes:
        """Say what became of elements, with cursors of `run`."""
        return b"".join(
            [_encode(_shown(event, str(Cursor(run, event.number)))) + b"\n" for event in events]
        )

    def reset(self, reason: Reason, cursor: Cursor) -> bytes:
        """Say that it must be read anew, and behind what the stream goes on."""
        return _encode(ResetEvent(reason=reason.value, cursor=str(cursor))) + b"\n"

    def beat(self, cursor: Cursor) -> bytes:
        """Say that nothing came, up to where."""
        return _encode(CursorEvent(event="beat", cursor=str(cursor))) + b"\n"


class Sse:
    """Events with their kind and their cursor as id, and the same object as data.

    A beat is a comment with an id: no event for a page, but its browser goes on behind it.
    """

    content_type: Final = SSE_TYPE.encode()

    def opened(self, cursor: Cursor) -> bytes:
        """Say where the stream begins."""
        return _framed("open", str(cursor), CursorEvent(event="open", cursor=str(cursor)))

    def told(self, run: int, events: Iterable[Event]) -> bytes:
        """Say what became of elements, with cursors of `run`."""
        parts = []
        for event in events:
            cursor = str(Cursor(run, event.number))
            parts.append(_framed(event.kind, cursor, _shown(event, cursor)))
        return b"".join(parts)

    def reset(self, reason: Reason, cursor: Cursor) -> bytes:
        """Say that it must be read anew, and behind what the stream goes on."""
        shown = ResetEvent(reason=reason.value, cursor=str(cursor))
        return _framed("reset", str(cursor), shown)

    def beat(self, cursor: Cursor) -> bytes:
        """Say that nothing came, up to where."""
        return b": beat\nid: %b\n\n" % str(cursor).encode()


def _framed(kind: str, cursor: str, data: WatchEvent) -> bytes:
    # JSON has no line breaks of its own, so data is one line.
    return b"event: %b\nid: %b\ndata: %b\n\n" % (kind.encode(), cursor.encode(), _encode(data))


NDJSON: Final = Ndjson()
SSE: Final = Sse()


def wanted_stream(request: Request) -> Ndjson | Sse:
    """Return the form of events that `request` asks for: NDJSON only where it is preferred."""
    accept = request.headers.get(b"accept", b"").lower()
    if b"json" not in accept:
        return SSE
    weights = media_weights(accept)
    ndjson = max(weights.get(name.encode(), 0.0) for name in NDJSON_NAMES)
    return NDJSON if ndjson > weights.get(SSE_TYPE.encode(), 0.0) else SSE
