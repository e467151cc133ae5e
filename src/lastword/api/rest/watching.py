"""`GET /<set>?watch` and `GET /_/watch`: what changes, as streams.

docs/WATCH.md is their contract.
"""

import re
from collections.abc import Callable
from typing import Annotated, Final

import msgspec

from lastword.access.gate import Gate
from lastword.access.rights import RESERVED, TOKENS_SET, Need, Rights
from lastword.api.http.forms import NDJSON_NAMES
from lastword.api.http.messages import Request, Response
from lastword.api.rest.bearer import pass_of
from lastword.api.rest.events import (
    SSE_TYPE,
    CursorEvent,
    ElementEvent,
    ResetEvent,
    wanted_stream,
)
from lastword.api.rest.queries import values_of
from lastword.api.rest.routes import Answer, Body, Call, Given, Handler, Query, Route
from lastword.api.rest.state import nothing
from lastword.api.rest.tags import VARY
from lastword.errors import Forbidden, InvalidRequest, Unauthenticated
from lastword.limits import SET_NAME_BYTES_MAX
from lastword.node.feed import Cursor, Selection
from lastword.node.node import Node
from lastword.node.watchers import LOG_START, Watcher

_CURSOR: Final = re.compile(rb"([0-9a-f]{1,16})-([0-9a-f]{1,16})")
_UNBUFFERED: Final = (b"X-Accel-Buffering", b"no")
"""What nginx and others take for: pass it on as it comes."""

WatchCursor = Annotated[str, msgspec.Meta(pattern="^(0|[0-9a-f]{1,16}-[0-9a-f]{1,16})$")]
Nothing = Annotated[str, msgspec.Meta(max_length=0)]
WATCHED: Final = Query("watch", "be told what changes: docs/WATCH.md; it has no value", Nothing)
CURSOR: Final = Query("after", "the cursor of an event; 0 begins with all there is", WatchCursor)
PREFIX: Final = Query("prefix", "only sets whose names begin so, percent-encoded", str)
EVENTS: Final = Body(
    "events",
    {SSE_TYPE: str, NDJSON_NAMES[0]: (ElementEvent, CursorEvent, ResetEvent)},
)


class Watching:
    """Answers with streams. A bearer's rights are looked up for every part of one."""

    def __init__(self, node: Node, gate: Gate | None) -> None:
        self._node = node
        self._gate = gate

    def or_else(self, shown: Handler) -> Handler:
        """Return what answers calls to a set: those to watch it here, others by `shown`."""

        def get(request: Request, set_name: bytes) -> Answer:
            if request.query and _is_watch(request):
                return self.get_set(request, set_name)
            return shown(request, set_name)

        return get

    def get_set(self, request: Request, set_name: bytes) -> Response:
        """Answer with what changes in a set."""
        if set_name == TOKENS_SET:
            raise Forbidden("the set of tokens is not watched", hint="lastword token list")
        values = values_of(request, "watch", "after")
        if values["watch"]:
            raise InvalidRequest("?watch has no value", hint="GET /<set>?watch&after=CURSOR")
        wants = set_name.__eq__
        selection = Selection((b"set", set_name), wants, set_name)
        return self._answer(request, selection, values.get("after"))

    def get_many(self, request: Request, rights: Rights) -> Response:
        """Answer with what changes in all sets that begin with a prefix and may be read."""
        values = values_of(request, "prefix", "after")
        prefix = values.get("prefix", b"")
        if len(prefix) > SET_NAME_BYTES_MAX:
            raise InvalidRequest(f"no set's name is longer than {SET_NAME_BYTES_MAX} bytes")

        def wants(name: bytes) -> bool:
            return (
                name.startswith(prefix)
                and (not name.startswith(RESERVED) or name == prefix != TOKENS_SET)
                and rights.may_read(name)
            )

        selection = Selection((prefix, rights), wants, prefix=prefix)
        return self._answer(request, selection, values.get("after"))

    def _answer(self, request: Request, selection: Selection, after: bytes | None) -> Response:
        form = wanted_stream(request)
        # A browser that connects again sends the header, with the query that it began by.
        cursor = _cursor(request.headers.get(b"last-event-id") or after)
        headers = (VARY, _UNBUFFERED)
        if request.method == "HEAD":
            return Response(200, nothing(), form.content_type, headers)
        watcher = self._node.watchers.watch(selection, form, cursor, self._still_may(request))
        return Response(200, _Stream(watcher), form.content_type, headers)

    def _still_may(self, request: Request) -> Callable[[], bool]:
        """Return what tells whether the bearer may do what it may now."""
        if self._gate is None:
            return lambda: True
        shown = pass_of(self._gate, request)
        granted = shown.rights()

        def may() -> bool:
            try:
                return shown.rights() == granted
            except Unauthenticated:
                return False

        return may


class _Stream:
    """A watch on its way; the server asks for its parts, and lets it end when it drains."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    def __aiter__(self) -> "_Stream":
        return self

    async def __anext__(self) -> bytes:
        part = await self._watcher.next()
        if part is None:
            raise StopAsyncIteration
        return part

    def drain(self) -> None:
        """End, now and in order."""
        self._watcher.close()

    async def aclose(self) -> None:
        """Let go of it: its reader has gone, or it has ended."""
        self._watcher.close()


def watch_route(watching: Watching) -> Route:
    """Return the route to watch many sets by."""
    call = Call(
        watching.get_many,
        "what changes in the sets whose names begin alike",
        (Given(200, "a stream without an end", EVENTS, ("Vary",)),),
        Need.EACH,
        queries=(PREFIX, CURSOR),
    )
    return Route("/_/watch", {"GET": call})


def _is_watch(request: Request) -> bool:
    return any(part.partition(b"=")[0] == b"watch" for part in request.query.split(b"&"))


def _cursor(text: bytes | None) -> Cursor | None:
    if text is None:
        return None
    if text == b"0":
        return LOG_START
    found = _CURSOR.fullmatch(text)
    if found is None:
        raise InvalidRequest(
            "after takes the cursor of an event as it stands, or 0",
            hint="0 begins with what there is; without after a stream begins now.",
        )
    return Cursor(int(found[1], 16), int(found[2], 16))
