"""What is shown of sets: the state of one, its members by page, and the names of all by page."""

from base64 import b64encode
from collections.abc import Callable, Iterator

import msgspec

from lastword.access.rights import RESERVED, Rights
from lastword.api.http.forms import Form, wanted_form
from lastword.api.http.messages import Request, Response
from lastword.api.rest.bodies import Element
from lastword.api.rest.paging import Page, Seen, Span, take_page
from lastword.api.rest.queries import members_span, sets_span
from lastword.api.rest.replies import value_of
from lastword.api.rest.routes import Answer
from lastword.api.rest.state import StateStreams, nothing, read_entries, whole_state
from lastword.api.rest.tags import VARY, tag_headers, tag_of, unchanged
from lastword.crdt.stamp import is_removed
from lastword.crdt.wire import text_or_bytes
from lastword.limits import ELEMENT_BYTES_MAX
from lastword.node.node import Node
from lastword.replication.hashing import POSITION_BITS, element_of, position_of
from lastword.store.base import BaseStore
from lastword.store.ledger import Totals

SMALL_SET_ENTRIES = 500
"""A set of up to so many entries is answered from the event loop: it takes about a millisecond."""

CHUNK_ENTRIES = 256
"""Entries read at once for a page: of the longest elements they are 16 MiB."""

CHUNK_SETS = 1_000
"""Sets looked up at once, about: their positions are spread evenly."""


class MembersPage(msgspec.Struct, rename="camel", omit_defaults=True):
    """Elements that are in a set, those that are no text in Base64; `after` is the next page's."""

    members: list[str]
    after: str | None
    members_base64: list[str] = []


class PackedMembersPage(msgspec.Struct):
    """Elements that are in a set, each text or bytes; `after` is the next page's."""

    members: list[Element]
    after: str | None


class Listed(msgspec.Struct):
    """A set: how many elements are in it, and how many tombstones it holds."""

    name: str
    present: int
    tombstones: int


class SetCounts(msgspec.Struct):
    """How many elements are in a set, and how many tombstones it holds."""

    present: int
    tombstones: int


class SetsPage(msgspec.Struct):
    """Sets; `after` is the next page's, null at the end."""

    sets: list[Listed]
    after: str | None


class Shown:
    """Answers reads of whole sets; what may be long runs beside the loop."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._store = node.store
        self._streams = StateStreams(node)

    def get_set(self, request: Request, set_name: bytes) -> Answer:
        """Answer with the state; by `?members` with a page of members, by `?count` with counts."""
        if request.query in {b"count", b"count="}:
            return self._count(request, set_name)
        span = members_span(request) if request.query else None
        form = wanted_form(request)
        self._node.reads.count += 1
        self._node.reads.end()  # rows are read after their sums: see tags.py
        self._store.damage.check(set_name)
        totals = self._store.totals().get(set_name)
        if totals is None or not totals.entries:
            self._store.damage.check_absent(set_name)
            return value_of(form, None, VARY, status=404)
        tag = tag_of(totals.sums, b"state" if span is None else b"members", form)
        same = unchanged(request, tag)
        if same is not None:
            return same
        if span is None:
            return self._state(request, set_name, totals, tag, form)
        return self._beside(totals, lambda: self._members(set_name, span, tag, form))

    def _count(self, request: Request, set_name: bytes) -> Response:
        totals, form = self._store.totals().get(set_name), wanted_form(request)
        if totals is None or not totals.entries:
            return value_of(form, None, VARY, status=404)
        return value_of(form, SetCounts(totals.present, totals.tombstones), VARY)

    def get_sets(self, request: Request, rights: Rights) -> Answer:
        """Answer with a page of the sets that hold entries and may be read, none reserved."""
        span, form = sets_span(request), wanted_form(request)
        return self._node.read(lambda: self._sets(span, form, rights))

    def _beside(self, totals: Totals, read: Callable[[], Response]) -> Answer:
        if totals.entries > SMALL_SET_ENTRIES:
            return self._node.read(read)
        self._node.reads.begin()
        return read()

    def _state(
        self, request: Request, set_name: bytes, totals: Totals, tag: bytes, form: Form
    ) -> Answer:
        if totals.entries > SMALL_SET_ENTRIES:
            if request.method == "HEAD":
                return Response(200, nothing(), form.content_type, tag_headers(tag))
            return self._streams.answer(request.client, set_name, form, tag_headers(tag))
        self._node.reads.begin()
        entries = [entry for part in read_entries(self._store, set_name) for entry in part]
        state = whole_state(entries, form)
        return Response(200, state, form.content_type, tag_headers(tag))

    def _members(self, set_name: bytes, span: Span, tag: bytes, form: Form) -> Response:
        page = take_page(_entries_seen(self._store, set_name, span), span)
        return value_of(form, _members_shown(page, form), *tag_headers(tag))

    def _sets(self, span: Span, form: Form, rights: Rights) -> Response:
        page = take_page(_sets_seen(self._store, span, rights), span)
        totals = self._store.totals()
        listed = [
            Listed(name.decode(errors="replace"), totals[name].present, totals[name].tombstones)
            for name in page.names
        ]
        return value_of(form, SetsPage(listed, page.after), VARY)


def _entries_seen(store: BaseStore, set_name: bytes, span: Span) -> Iterator[Seen]:
    """Yield the entries behind `span.after`; those that are present are listed."""
    after = b""
    if span.after is not None:  # behind every key of that position
        after = span.after.to_bytes(POSITION_BITS // 8) + b"\xff" * ELEMENT_BYTES_MAX
    while chunk := store.entries(set_name, after=after, limit=CHUNK_ENTRIES):
        for key, stamp in chunk:
            yield Seen(position_of(key), element_of(key), not is_removed(stamp))
        after = chunk[-1][0]


def _sets_seen(store: BaseStore, span: Span, rights: Rights) -> Iterator[Seen]:
    """Yield the sets behind `span.after`, read in stretches of positions of about equal load."""
    width = max(1, (CHUNK_SETS << POSITION_BITS) // max(CHUNK_SETS, len(store.totals())))
    for low in range(span.start, 1 << POSITION_BITS, width):
        for found in store.sets_between(low, low + width):
            name = found.name
            shown = not name.startswith(RESERVED) and rights.may_read(name)
            yield Seen(found.position, name, shown)


def _members_shown(page: Page, form: Form) -> MembersPage | PackedMembersPage:
    members = [text_or_bytes(name) for name in page.names]
    if form.is_msgpack:
        return PackedMembersPage(members, page.after)
    return MembersPage(
        [member for member in members if isinstance(member, str)],
        page.after,
        [b64encode(member).decode() for member in members if isinstance(member, bytes)],
    )
