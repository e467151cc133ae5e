"""The calls that a remote set is made of, as generators: see caller.py."""

from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar
from urllib.parse import quote

import msgspec

from lastword.client.answers import Answer
from lastword.client.caller import Caller, Steps
from lastword.client.lists import named_lists
from lastword.client.paths import element_path, quoted, set_path
from lastword.client.requests import PAGE_BYTES_MAX, Request
from lastword.crdt.stamp import checked_time
from lastword.crdt.wire import JsonState, element_bytes, element_of_base64, encode_json, stamps_of
from lastword.errors import LastwordError
from lastword.limits import PATCH_ELEMENTS_MAX

T = TypeVar("T")

SLICE_BYTES: Final = 4 << 20
"""The elements' bytes of one bulk: a body is at most 64 MiB, where JSON writes six for one."""

MERGE_ELEMENTS: Final = 50_000
"""Of a state that is merged, in one request: a few megabytes, and some seconds on a slow disk."""

PATH_BYTES_MAX: Final = 2_048
"""Longer elements go in a body: servers in between may take no longer paths."""

WHOLE_BYTES_MAX: Final = 1 << 30
"""Of a whole state: some ten million elements. The set of it takes several times as much here."""

PAGE_ELEMENTS: Final = 2_000
"""Of a page while iterating: some tens of kilobytes, so that the first comes at once."""


class _MembersPage(msgspec.Struct, rename="camel"):
    members: list[str]
    after: str | None
    members_base64: list[str] = []


class Page(NamedTuple):
    """A page of a set; `after` is the next page's, None behind the last."""

    elements: list[bytes]
    after: str | None


class Counts(msgspec.Struct):
    """How many elements are in a set, and how many removed ones are held."""

    present: int
    tombstones: int


class EntriesAt(NamedTuple):
    """The stamps of what is held at the first `looked_at` of some positions."""

    looked_at: int
    stamps: dict[bytes, int]


class _Entries(JsonState, frozen=True, kw_only=True, rename="camel"):
    looked_at: int


class _Contains(msgspec.Struct):
    present: list[bool]


class Change(NamedTuple):
    """Elements to add and to remove."""

    add: tuple[bytes, ...] = ()
    remove: tuple[bytes, ...] = ()


class SetCalls:
    """The calls of one set, by bytes."""

    def __init__(self, caller: Caller, name: str) -> None:
        self.caller = caller
        self.name = name
        self._path = set_path(name)

    def change(self, change: Change, at: int | None = None) -> Steps[int]:
        """Add and remove elements in one write, which is atomic; return its time."""
        body = msgspec.json.encode(
            {**named_lists("add", change.add), **named_lists("remove", change.remove)}
        )
        request = Request("PATCH", self._path, body=body, writes=True, gets_time=True)
        if at is not None:
            request = request.at(checked_time(at))
        return (yield from self.caller.write(request))

    def contains(self, element: bytes) -> Steps[bool]:
        """Return whether an element is in the set."""
        path = element_path(self.name, element)
        if len(path) > PATH_BYTES_MAX:
            (present,) = yield from self.contains_each([element])
            return present
        return (yield from self.caller.call(Request("GET", path), Answer.presence)) is True

    def contains_each(self, elements: list[bytes]) -> Steps[list[bool]]:
        """Return of each of at most 10,000 elements whether it is in the set."""
        texts = named_lists("members", elements)
        body = msgspec.json.encode({"set": self.name, **texts})
        request = Request("POST", "/_/contains", body=body, bytes_max=PAGE_BYTES_MAX)
        order = [*map(str.encode, texts["members"]), *map(b64decode, texts["membersBase64"])]
        told = yield from self.caller.call(request, lambda told: _contains(told, len(order)))
        present = dict(zip(order, told, strict=True))
        return [present[element] for element in elements]

    def entries_at(self, positions: Sequence[int]) -> Steps[EntriesAt]:
        """Return what is held at the first of at most 1,000 positions, removed ones too."""
        told = [f"{position:016x}" for position in positions]
        body = msgspec.json.encode({"set": self.name, "positions": told})
        request = Request("POST", "/_/entries", body=body, bytes_max=PAGE_BYTES_MAX)
        return (yield from self.caller.call(request, lambda told: _entries(told, len(positions))))

    def counts(self) -> Steps[Counts]:
        """Return how many elements the set has."""
        request = Request("GET", self._path, "count")
        return (yield from self.caller.call(request, _counts))

    def page(self, after: str, prefix: bytes = b"", limit: int = PAGE_ELEMENTS) -> Steps[Page]:
        """Return a page of the set."""
        query = f"members&limit={limit}"
        query += f"&prefix={quoted(prefix)}" if prefix else ""
        query += f"&after={quote(after)}" if after else ""
        request = Request("GET", self._path, query, bytes_max=PAGE_BYTES_MAX)
        return (yield from self.caller.call(request, lambda told: _page(told, after)))

    def state(self) -> Steps[tuple[str, dict[bytes, int]]]:
        """Return the stamp of each element, removed ones too, and who told it."""
        request = Request("GET", self._path, bytes_max=WHOLE_BYTES_MAX, patient=True)
        return (yield from self.caller.call(request, lambda told: (told.address, told.state())))

    def merge(self, stamps: Mapping[bytes, int], ghosts: str | None) -> Steps[str]:
        """Merge a state in slices; return who took the last one, "" for an empty state."""
        address = ""
        query = "" if ghosts is None else f"ghosts={quote(ghosts, safe='')}"
        for part in slices(stamps, MERGE_ELEMENTS):
            body = encode_json((element, stamps[element]) for element in part)
            request = Request("POST", self._path, query, body, writes=True)
            address = yield from self.caller.call(request, _taken_by)
        return address


def slices(elements: Iterable[bytes], most: int = PATCH_ELEMENTS_MAX) -> Iterator[list[bytes]]:
    """Yield elements in lists that one request may have."""
    part: list[bytes] = []
    size = 0
    for element in elements:
        part.append(element)
        size += len(element)
        if len(part) >= most or size >= SLICE_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part


def _taken_by(answer: Answer) -> str:
    answer.time()
    return answer.address


def _counts(answer: Answer) -> Counts:
    return Counts(0, 0) if answer.is_null else answer.shaped(Counts)


def _page(answer: Answer, after: str) -> Page:
    if answer.is_null:
        return Page([], None)
    page = answer.shaped(_MembersPage)
    if page.after is not None and page.after <= after:
        raise answer.no_node("a set without end")
    try:
        elements = [*map(element_bytes, page.members)]
        elements += map(element_of_base64, page.members_base64)
    except LastwordError as error:
        raise answer.no_node(f"no page: {error}") from error
    return Page(elements, page.after)


def _entries(answer: Answer, asked: int) -> EntriesAt:
    told = answer.shaped(_Entries)
    if not min(1, asked) <= told.looked_at <= asked:
        raise answer.no_node(f"{told.looked_at} positions in place of {asked}")
    try:
        return EntriesAt(told.looked_at, stamps_of(told))
    except LastwordError as error:
        raise answer.no_node(f"no entries: {error}") from error


def _contains(answer: Answer, count: int) -> list[bool]:
    present = answer.shaped(_Contains).present
    if len(present) != count:
        raise answer.no_node(f"of {len(present)} elements in place of {count}")
    return present
