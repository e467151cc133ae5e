"""Every call of REST: what answers it, and what is said of it.

The service finds its calls here, and `/_/openapi.json` is made of the same entries. One table in
one file: so it is longer than others.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec

from lastword.access.gate import Gate
from lastword.access.proof import Proof
from lastword.access.rights import Need
from lastword.api.door import NO_DOORS, Door
from lastword.api.http.answers import Refusal
from lastword.api.http.forms import NDJSON_NAMES
from lastword.api.http.messages import Request, Response
from lastword.api.rest.about import LOOPBACK, About
from lastword.api.rest.backups import Backups, backup_route
from lastword.api.rest.bodies import (
    Members,
    PackedElements,
    PackedMembers,
    PackedPatch,
    Patch,
    Time,
)
from lastword.api.rest.bulk import Bulk, Stands, Stopped
from lastword.api.rest.clocks import Clocks
from lastword.api.rest.containing import Asked, Containing, Contains, PackedAsked
from lastword.api.rest.elements import Elements
from lastword.api.rest.entries import AskedAt, Entering, EntriesAt, PackedEntriesAt
from lastword.api.rest.health import health_routes
from lastword.api.rest.lines import Line, PackedLines
from lastword.api.rest.mending import Mending, Rebuild, Scrubbed
from lastword.api.rest.openapi import document
from lastword.api.rest.operating import Leaves, Operating, Rejoin, Tombstones
from lastword.api.rest.page import Page
from lastword.api.rest.queries import check_no_query
from lastword.api.rest.routes import (
    JSON_TYPE,
    MSGPACK_TYPE,
    Body,
    Call,
    Given,
    Query,
    Route,
    body,
)
from lastword.api.rest.sets import Sets
from lastword.api.rest.shown import (
    MembersPage,
    PackedMembersPage,
    SetCounts,
    SetsPage,
    Shown,
)
from lastword.api.rest.watching import EVENTS, WATCHED, Nothing, Watching, watch_route
from lastword.client.clock import ClockReport, FuturePage
from lastword.client.explanation import Explanation
from lastword.config import Exposure
from lastword.crdt.wire import JsonState, MsgpackState
from lastword.errors import (
    ClockOff,
    Conflict,
    FutureTime,
    GhostElements,
    InvalidAddress,
    InvalidElement,
    InvalidFrame,
    InvalidSetName,
    InvalidTime,
    UnknownPath,
    UnknownProtocol,
    Unproven,
)
from lastword.limits import LISTED_DEFAULT, LISTED_MAX
from lastword.node.node import Node

Limit = Annotated[
    int, msgspec.Meta(ge=1, le=LISTED_MAX, extra_json_schema={"default": LISTED_DEFAULT})
]
GhostsChoice = Literal["remove", "readd"]
Cursor = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]
EitherCursor = Annotated[
    str, msgspec.Meta(pattern="^([0-9a-f]{16}|0|[0-9a-f]{1,16}-[0-9a-f]{1,16})$")
]

NAME_ERRORS: Final = (InvalidSetName, UnknownPath)
ELEMENT_ERRORS: Final = (*NAME_ERRORS, InvalidElement)
WRITE_ERRORS: Final = (*ELEMENT_ERRORS, InvalidTime, FutureTime, InvalidAddress, ClockOff)
ADD_ERRORS: Final = (*WRITE_ERRORS, GhostElements)

TIME: Final = Query("time", "a time of the caller's own; what is newer stays as it is", Time)
GHOSTS: Final = Query(
    "ghosts", "what becomes of elements that may have been removed long ago", GhostsChoice
)
PREFIX: Final = Query("prefix", "list only what begins with these bytes, percent-encoded", str)
AFTER: Final = Query("after", "the `after` of the page before", Cursor)
AFTER_EITHER: Final = Query("after", f"{AFTER.text}; with ?watch, of an event", EitherCursor)
LIMIT: Final = Query("limit", "how many at the most; a page may have fewer", Limit)
COUNT: Final = Query("count", "how many are in it; it has no value, and stands alone", Nothing)
WHOLE_OR_MEMBERS: Final = Query(
    "members", "list what is in the set, by pages; it has no value", Nothing
)

WRITTEN: Final = Given(200, "it is on disk", body("null", None), ("Lastword-Time",))
NO_SET: Final = Given(404, "no entry of the set is held", body("null", None), ("Vary",))
KNOWN: Final = Given(304, "it is what If-None-Match names", None, ("ETag", "Vary"))
TAGGED: Final = ("ETag", "Vary")
PRESENCE: Final = Given(
    200, "whether it is in the set; why", body("true or false, or why", (bool, Explanation))
)
EXPLAIN: Final = Query(
    "explain", "say why: who wrote it when, and what it won against; it has no value", Nothing
)

DELETE_SET_HINT: Final = (
    "A set goes when its elements are removed, by their names: GET /<set>?members lists them, "
    'and PATCH /<set> takes {"remove": [...]}.'
)


class Table:
    """The routes of one node: those of a set, of an element, and of fixed paths."""

    def __init__(
        self,
        node: Node,
        version: str,
        proof: Proof | None = None,
        gate: Gate | None = None,
        *,
        doors: Mapping[str, Door] = NO_DOORS,
        exposure: Exposure = LOOPBACK,
    ) -> None:
        shown, backups, watching = Shown(node), Backups(node), Watching(node, gate)
        about = About(node, version, backups, proof, gate, exposure=exposure, doors=doors)
        self.element = _element_route(Elements(node))
        self.set = _set_route(Sets(node), shown, watching)
        self.fixed = (
            *_node_routes(about),
            *health_routes(about),
            *_clock_routes(Clocks(node)),
            _sets_route(shown),
            watch_route(watching),
            _bulk_route(Bulk(node)),
            _contains_route(Containing(node)),
            _entries_route(Entering(node)),
            *_operating_routes(Operating(node)),
            *_mending_routes(Mending(node)),
            backup_route(backups),
            Route("/_/openapi.json", {"GET": _openapi_call(self._show)}),
        )
        page = Page()
        self.page = page.routes()
        self.routes = (*self.fixed, page.index, page.file, self.set, self.element)
        described = document(self.routes, version)
        self._document = Response(body=msgspec.json.encode(described) + b"\n")

    def _show(self, request: Request) -> Response:
        check_no_query(request)
        return self._document


def _element_route(elements: Elements) -> Route:
    return Route(
        "/{set}/{element}",
        {
            "GET": Call(
                elements.get,
                "whether the element is in the set, or why it is as it is",
                (PRESENCE, NO_SET._replace(headers=())),
                Need.READ,
                queries=(EXPLAIN,),
                errors=ELEMENT_ERRORS,
            ),
            "PUT": Call(
                elements.put,
                "add the element",
                (WRITTEN,),
                Need.WRITE,
                queries=(TIME, GHOSTS),
                errors=ADD_ERRORS,
            ),
            "DELETE": Call(
                elements.delete,
                "remove the element, whether it is held or not",
                (WRITTEN,),
                Need.WRITE,
                queries=(TIME,),
                errors=WRITE_ERRORS,
            ),
        },
    )


def _set_route(sets: Sets, shown: Shown, watching: Watching) -> Route:
    members: Any = list[str] | Members
    packed: Any = PackedElements | PackedMembers
    state = (JsonState, MembersPage, SetCounts)
    packed_state = (MsgpackState, PackedMembersPage, SetCounts)
    return Route(
        "/{set}",
        {
            "GET": Call(
                watching.or_else(shown.get_set),
                "the whole state, what is in the set by pages, its counts, or what changes",
                (
                    Given(
                        200,
                        "the state; a page; counts; with ?watch a stream of events",
                        Body(
                            "a state, a page, counts, or events",
                            {JSON_TYPE: state, MSGPACK_TYPE: packed_state, **EVENTS.types},
                        ),
                        TAGGED,
                    ),
                    KNOWN,
                    NO_SET,
                ),
                Need.READ,
                queries=(WHOLE_OR_MEMBERS, WATCHED, PREFIX, AFTER_EITHER, LIMIT, COUNT),
                errors=NAME_ERRORS,
            ),
            "POST": Call(
                sets.post,
                "merge a state",
                (WRITTEN,),
                Need.WRITE,
                takes=body("a state, as GET answers it", JsonState, MsgpackState),
                queries=(GHOSTS,),
                errors=ADD_ERRORS,
            ),
            "PUT": Call(
                sets.put,
                "add elements, atomically",
                (WRITTEN,),
                Need.WRITE,
                takes=body("the elements, at most 10,000", members, packed),
                queries=(TIME, GHOSTS),
                errors=ADD_ERRORS,
            ),
            "PATCH": Call(
                sets.patch,
                "add and remove elements, atomically",
                (WRITTEN,),
                Need.WRITE,
                takes=body(
                    "the elements, at most 10,000; each in one of both", Patch, PackedPatch
                ),
                queries=(TIME, GHOSTS),
                errors=ADD_ERRORS,
            ),
        },
        hints={"DELETE": DELETE_SET_HINT},
    )


def _sets_route(shown: Shown) -> Route:
    page = Given(200, "a page of the sets", body("a page", SetsPage), ("Vary",))
    listing = Call(
        shown.get_sets,
        "the sets and their counts, by pages",
        (page,),
        Need.EACH,
        queries=(PREFIX, AFTER, LIMIT),
    )
    return Route("/_/sets", {"GET": listing})


def _bulk_route(bulk: Bulk) -> Route:
    lines = Body(
        "a line for each write; in msgpack an array of them",
        {NDJSON_NAMES[0]: Line, MSGPACK_TYPE: PackedLines},
        required=False,  # no lines are none
    )
    done = Given(200, "every line is on disk", body("how many", Stands), ("Lastword-Time",))
    call = Call(
        bulk.post,
        "write to many sets, up to the first line that is refused",
        (done,),
        Need.EACH,
        takes=lines,
        queries=(GHOSTS,),
        errors=ADD_ERRORS,
        refusal=(Stopped, Refusal),
    )
    return Route("/_/bulk", {"POST": call})


def _contains_route(containing: Containing) -> Route:
    asked = body("a set, and at most 10,000 elements", Asked, PackedAsked)
    told = Given(200, "of each element", body("whether it is in the set", Contains))
    call = Call(
        containing.post,
        "of several elements, whether each is in a set",
        (told,),
        Need.EACH,
        takes=asked,
        errors=(*NAME_ERRORS, InvalidElement),
    )
    return Route("/_/contains", {"POST": call})


def _entries_route(entering: Entering) -> Route:
    part = Given(
        200,
        "the entries at the first of them, removed ones too",
        body("a part of a state", EntriesAt, PackedEntriesAt),
    )
    call = Call(
        entering.post,
        "the entries at positions of a set",
        (part,),
        Need.EACH,
        takes=body("a set, and at most 1,000 positions", AskedAt, AskedAt),
        errors=(*NAME_ERRORS, InvalidElement),
    )
    return Route("/_/entries", {"POST": call})


def _node_routes(about: About) -> tuple[Route, ...]:
    places = Given(200, "names and paths", body("what is where", dict[str, str]))
    page = Given(303, "to a browser: where the page is", None, ("Location", "Vary"))
    frame = Body("a frame: docs/PROTOCOL.md", {MSGPACK_TYPE: Any})
    return (
        Route(
            "/",
            {
                "GET": Call(
                    about.root, "what this is, and where to look", (places, page), Need.NOTHING
                )
            },
        ),
        Route(
            "/_/peer",
            {
                "POST": Call(
                    about.take_frame,
                    "for other nodes",
                    (Given(200, "the reply", frame),),
                    Need.NOTHING,
                    takes=frame,
                    errors=(InvalidFrame, Unproven, UnknownProtocol),
                )
            },
        ),
    )


def _clock_routes(clocks: Clocks) -> tuple[Route, ...]:
    clock = Given(200, "clocks", body("how far every clock is off", ClockReport))
    page = Given(200, "a page", body("elements, of a stretch of the log", FuturePage))
    future = Call(
        clocks.future,
        "elements with times too far ahead, by pages",
        (page,),
        Need.EACH,
        queries=(AFTER,),
    )
    return (
        Route(
            "/_/clock",
            {"GET": Call(clocks.clock, "how far clocks are apart", (clock,), Need.READ_NODE)},
        ),
        Route("/_/future", {"GET": future}),
    )


def _operating_routes(operating: Operating) -> tuple[Route, ...]:
    shown = Given(200, "counts, and the members", body("how collection is", Tombstones))
    left = Given(200, "how far it is", body("whether it left, and whom it waits for", Leaves))
    begun = Given(200, "the copy has begun", body("null", None))
    return (
        Route(
            "/_/tombstones",
            {
                "GET": Call(
                    operating.tombstones,
                    "what is collected, and who blocks it",
                    (shown,),
                    Need.READ_NODE,
                )
            },
        ),
        Route(
            "/_/leave",
            {
                "POST": Call(
                    operating.leave,
                    "hand over what only this node has, and be unlisted; ask until it is done",
                    (left,),
                    Need.ADMIN_NODE,
                    errors=(Conflict,),
                )
            },
        ),
        Route(
            "/_/rejoin",
            {
                "POST": Call(
                    operating.rejoin,
                    "copy a node that this one is behind of, although it is behind this one",
                    (begun,),
                    Need.ADMIN_NODE,
                    takes=body("whom to copy", Rejoin),
                    errors=(Conflict, InvalidAddress),
                )
            },
        ),
    )


def _mending_routes(mending: Mending) -> tuple[Route, ...]:
    scrubbed = Given(200, "how far scrubs are", body("counts since the start", Scrubbed))
    begun = Given(200, "the copy has begun", body("null", None))
    return (
        Route(
            "/_/scrub",
            {
                "GET": Call(mending.scrubbed, "how far scrubs are", (scrubbed,), Need.READ_NODE),
                "POST": Call(
                    mending.scrub,
                    "look for damage in the whole file, now",
                    (scrubbed,),
                    Need.ADMIN_NODE,
                ),
            },
        ),
        Route(
            "/_/rebuild",
            {
                "POST": Call(
                    mending.rebuild,
                    "make the node's file anew, as a copy of a member",
                    (begun,),
                    Need.ADMIN_NODE,
                    takes=body("whom to copy", Rebuild),
                    errors=(Conflict, InvalidAddress),
                )
            },
        ),
    )


def _openapi_call(answer: Any) -> Call:
    this = Given(200, "this document", Body("OpenAPI 3.1", {"application/json": dict[str, Any]}))
    return Call(answer, "every call", (this,), Need.NOTHING)
