"""The REST interface: sets and elements by path, and what a node says of itself under `/_/`.

Reads of one element and writes are answered from the event loop; what may be long runs beside it.
docs/REFERENCE.md lists every call with its answers.
"""

import json
import re
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from typing import NamedTuple

from lastword.address import checked_address
from lastword.api.bodies import Changed, decode_members, decode_patch
from lastword.api.http.messages import SAFE_METHODS, Request, Response
from lastword.api.paths import parse_path
from lastword.crdt.stamp import time_of
from lastword.crdt.wire import decode_json, encode_json
from lastword.errors import (
    ForeignOrigin,
    InvalidRequest,
    InvalidTime,
    LastwordError,
    MethodNotAllowed,
)
from lastword.limits import MERGE_SLICE_ELEMENTS, PEERS_MAX, TIME_MAX
from lastword.node.metrics import NodeMetrics
from lastword.node.node import Node
from lastword.replication.hashing import element_of
from lastword.store.operations import PEERS_SET, Merge, Write

Answer = Response | Awaitable[Response]

SET_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "OPTIONS")
ELEMENT_METHODS = ("GET", "HEAD", "PUT", "DELETE", "OPTIONS")
READ_METHODS = ("GET", "HEAD", "OPTIONS")
PEER_METHODS = ("POST", "OPTIONS")
SMALL_SET_ENTRIES = 500
"""A set of up to so many entries is answered from the event loop: it takes about a millisecond."""

SMALL_BODY_BYTES = 64 << 10
"""A body of up to so many bytes is decoded on the event loop: it takes about a millisecond."""

READ_CHUNK_ENTRIES = 5_000

TRUE = Response(body=b"true")
FALSE = Response(body=b"false")
MISSING = Response(404, b"null")

_TIME = re.compile(rb"time=([0-9]{1,19})")


class Route(NamedTuple):
    """Which methods a path takes, and what answers a safe one or any other."""

    methods: tuple[str, ...]
    answer: Callable[[Request], Answer]


class Rest:
    """The handler of one node's HTTP server."""

    def __init__(self, node: Node, version: str) -> None:
        self._node = node
        self._store = node.store
        self._metrics = NodeMetrics(node)
        self._root = json.dumps(
            {
                "name": "lastword",
                "version": version,
                "what": "a replicated store of sets",
                "sets": "/<set>",
                "elements": "/<set>/<element>",
                "ready": "/_/ready",
                "metrics": "/_/metrics",
                "reference": "docs/REFERENCE.md",
            }
        ).encode()
        self._fixed = {
            b"/": Route(READ_METHODS, lambda _: Response(body=self._root + b"\n")),
            b"/_/ready": Route(READ_METHODS, self._ready),
            b"/_/metrics": Route(READ_METHODS, self._show_metrics),
            b"/_/peer": Route(PEER_METHODS, self._take_frame),
        }

    def __call__(self, request: Request) -> Answer:
        """Answer a request; errors are raised."""
        if request.method not in SAFE_METHODS:
            _check_origin(request)
        fixed = self._fixed.get(request.path)
        if fixed is not None:
            return _allowed(request, fixed.methods) or self._answer_fixed(request, fixed)
        if request.path == b"*":
            return _options(SET_METHODS)
        set_name, element = parse_path(request.path)
        methods = SET_METHODS if element is None else ELEMENT_METHODS
        preflight = _allowed(request, methods)
        if preflight is not None:
            return preflight
        if element is None:
            return self._answer_set(request, set_name)
        return self._answer_element(request, set_name, element)

    # -- elements

    def _answer_element(self, request: Request, set_name: bytes, element: bytes) -> Answer:
        if request.method in SAFE_METHODS:
            _check_no_query(request)
            present = self._node.reads.contains(set_name, element)
            return MISSING if present is None else TRUE if present else FALSE
        _check_no_body(request)
        time = _time_of_query(request)
        if request.method == "PUT":
            self._check_members(set_name, (element,))
            return self._node.commits.submit(Write(set_name, add=(element,), time=time), _written)
        return self._node.commits.submit(Write(set_name, remove=(element,), time=time), _written)

    # -- sets

    def _answer_set(self, request: Request, set_name: bytes) -> Answer:
        if request.method in SAFE_METHODS:
            _check_no_query(request)
            return self._state(set_name)
        if request.method == "POST":
            _check_no_query(request)
            return self._merge(set_name, request.body)
        time = _time_of_query(request)
        decode = partial(decode_members if request.method == "PUT" else decode_patch, request.body)
        if len(request.body) > SMALL_BODY_BYTES:
            return self._write_large(set_name, decode, time)
        return self._write(set_name, decode(), time)

    def _write(self, set_name: bytes, changed: Changed, time: int | None) -> Awaitable[Response]:
        add, remove = changed
        self._check_members(set_name, add)
        return self._node.commits.submit(Write(set_name, add, remove, time), _written)

    async def _write_large(
        self, set_name: bytes, decode: Callable[[], Changed], time: int | None
    ) -> Response:
        return await self._write(set_name, await self._node.read(decode), time)

    def _state(self, set_name: bytes) -> Answer:
        totals = self._store.totals().get(set_name)
        if totals is None:
            return MISSING
        if totals.present + totals.tombstones <= SMALL_SET_ENTRIES:
            self._node.reads.begin()
            return self._read_state(set_name)
        return self._node.read(lambda: self._read_state(set_name))

    def _read_state(self, set_name: bytes) -> Response:
        entries: list[tuple[bytes, int]] = []
        after = b""
        while chunk := self._store.entries(set_name, after=after, limit=READ_CHUNK_ENTRIES):
            after = chunk[-1][0]
            entries += [(element_of(key), stamp) for key, stamp in chunk]
        return Response(body=encode_json(entries)) if entries else MISSING

    async def _merge(self, set_name: bytes, body: bytes) -> Response:
        """Check a state whole, then merge it in slices; a merge can be repeated."""
        stamps = await self._node.read(lambda: decode_json(body))
        self._check_members(set_name, stamps)
        await self._node.read(lambda: self._store.check_times(set_name, stamps))
        if not stamps:
            return await self._node.commits.submit(Write(set_name), _written)
        names = list(stamps)
        for start in range(0, len(names), MERGE_SLICE_ELEMENTS):
            part = {name: stamps[name] for name in names[start : start + MERGE_SLICE_ELEMENTS]}
            try:
                await self._node.commits.submit(Merge(set_name, part), lambda _: None)
            except LastwordError as error:
                raise _merged_in_part(error, start) from error
        return _written(min(map(time_of, stamps.values())))

    def _check_members(self, set_name: bytes, elements: Collection[bytes]) -> None:
        """Refuse what is no address, and one too many, where `_peers_` is written."""
        if set_name != PEERS_SET:
            return
        for element in elements:
            checked_address(element.decode(errors="replace"))
        if len(self._store.members()) + len(elements) > PEERS_MAX:
            raise InvalidRequest(f"a cluster has at most {PEERS_MAX} members")

    # -- the node itself

    @staticmethod
    def _answer_fixed(request: Request, route: Route) -> Answer:
        _check_no_query(request)
        return route.answer(request)

    def _ready(self, _: Request) -> Response:
        node = self._node
        facts = {
            "ready": True,
            "run": f"{self._store.run:016x}",
            "address": node.replica.membership.address,
            "members": sorted(self._store.members()),
            "sets": len(self._store.totals()),
            "logEnd": self._store.log_end,
            "digest": "".join(f"{lane:016x}" for lane in self._store.sums()),
        }
        return Response(body=json.dumps(facts).encode() + b"\n")

    def _show_metrics(self, _: Request) -> Response:
        return Response(body=self._metrics.render(), content_type=self._metrics.content_type)

    async def _take_frame(self, request: Request) -> Response:
        reply = await self._node.receive(request.body)
        return Response(body=reply, content_type=b"application/msgpack")


def _merged_in_part(error: LastwordError, merged: int) -> LastwordError:
    """Return `error`, saying how much of a state stands all the same."""
    if not merged:
        return error
    message = f"{error}; {merged} elements are merged, the others may not be"
    return type(error)(message, hint=f"{error.hint} Then send the state again.")


def _written(time: int) -> Response:
    return Response(body=b"null", headers=((b"Lastword-Time", b"%d" % time),))


def _allowed(request: Request, methods: tuple[str, ...]) -> Response | None:
    """Return the answer to OPTIONS, or None where the method may go on; raise otherwise."""
    if request.method == "OPTIONS":
        return _options(methods)
    if request.method not in methods:
        raise MethodNotAllowed(f"{request.method} is not taken here", allow=methods)
    return None


def _options(methods: tuple[str, ...]) -> Response:
    return Response(204, headers=((b"Allow", ", ".join(methods).encode()),))


def _time_of_query(request: Request) -> int | None:
    """Return the time in `?time=`, in microseconds since 1970."""
    if not request.query:
        return None
    if not request.query.startswith(b"time="):
        _check_no_query(request)
    found = _TIME.fullmatch(request.query)
    if found is None or int(found[1]) > TIME_MAX:
        raise InvalidTime("?time= takes one whole number of microseconds since 1970")
    return int(found[1])


def _check_no_query(request: Request) -> None:
    if request.query:
        raise InvalidRequest(
            "this call does not take that query",
            hint="PUT, DELETE and PATCH take ?time=, in microseconds since 1970; nothing else is.",
        )


def _check_no_body(request: Request) -> None:
    if request.body:
        raise InvalidRequest(
            "the element is in the path, and the body must be empty",
            hint="PUT /<set> and PATCH /<set> take elements in the body.",
        )


def _check_origin(request: Request) -> None:
    """Refuse a write that a page from elsewhere makes a browser send (RFC 6454, section 7)."""
    origin = request.headers.get(b"origin")
    if origin is None:
        return
    _, _, place = origin.lower().partition(b"://")
    if not place or place != request.headers.get(b"host", b"").lower():
        raise ForeignOrigin("a page from another origin wants to write")
