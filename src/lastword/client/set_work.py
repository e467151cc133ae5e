"""What a set does, made of its calls, once for the blocking and the asynchronous face of it."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar

from lastword import LWWSet
from lastword.client.caller import Steps
from lastword.client.kinds import Kind
from lastword.client.set_calls import Change, SetCalls, slices

E = TypeVar("E", bound=str | bytes)

Ghosts: TypeAlias = Literal["remove", "readd"] | None
"""What becomes of adds that may be of something long removed: they are left out, or added at a new
time; None refuses them."""

POP_PAGE: Final = 16
"""Elements that `pop` asks for: the first may be gone by now, and the next do."""


class SetWork(Generic[E]):
    """All that can be done with one set, as generators of steps."""

    def __init__(self, calls: SetCalls, kind: Kind[E]) -> None:
        self.calls = calls
        self.kind = kind

    def add(self, element: object, at: int | None) -> Steps[None]:
        """Add an element."""
        yield from self.calls.change(Change(add=(self.kind.encode(element),)), at)

    def discard(self, element: object, at: int | None) -> Steps[None]:
        """Remove an element, also where it is not there."""
        yield from self.calls.change(Change(remove=(self.kind.encode(element),)), at)

    def remove(self, element: object) -> Steps[None]:
        """Remove an element; raise KeyError where it is not there."""
        if not (yield from self.contains(element)):
            raise KeyError(element)
        yield from self.discard(element, None)

    def pop(self) -> Steps[E]:
        """Remove some element and return it; raise KeyError where there is none."""
        after = ""
        while True:
            page = yield from self.calls.page(after, limit=POP_PAGE)
            if page.elements:
                found = self.kind.decode(page.elements[0])
                yield from self.discard(found, None)
                return found
            if page.after is None:
                raise KeyError("pop from an empty set")
            after = page.after

    def clear(self) -> Steps[None]:
        """Remove all elements, page by page: what is removed is behind the next one's cursor."""
        after: str | None = ""
        while after is not None:
            page = yield from self.calls.page(after)
            if page.elements:
                yield from self.calls.change(Change(remove=tuple(page.elements)))
            after = page.after

    def update(self, *others: Iterable[Any]) -> Steps[None]:
        """Add elements in bulks; an LWWSet is merged."""
        for other in others:
            if isinstance(other, LWWSet):
                yield from self.merge(other, None)
                continue
            for part in slices(map(self.kind.encode, other)):
                yield from self.calls.change(Change(add=tuple(part)))

    def difference_update(self, *others: Iterable[Any]) -> Steps[None]:
        """Remove elements in bulks."""
        for other in others:
            known = filter(self.kind.is_one, other)
            for part in slices(map(self.kind.encode, known)):
                yield from self.calls.change(Change(remove=tuple(part)))

    def intersection_update(self, *others: Iterable[Any]) -> Steps[None]:
        """Remove what is not in all of `others`."""
        kept = [_local(other) for other in others]
        members = yield from self.members()
        gone = (one for one in members if not all(one in other for other in kept))
        yield from self.difference_update(gone)

    def symmetric_difference_update(self, other: Iterable[Any]) -> Steps[None]:
        """Remove what is in both, and add the rest of `other`."""
        others = set(other)
        both = yield from self.which(others)
        yield from self.difference_update(both)
        yield from self.update(others - both)

    def contains(self, element: object) -> Steps[bool]:
        """Return whether an element is in the set."""
        if not self.kind.is_one(element):
            return False
        return (yield from self.calls.contains(self.kind.encode(element)))

    def contains_each(self, elements: Iterable[Any]) -> Steps[list[bool]]:
        """Return of each of `elements` whether it is in the set."""
        asked = list(elements)
        which = yield from self.which(asked)
        return [element in which for element in asked]

    def which(self, elements: Iterable[Any]) -> Steps[set[E]]:
        """Return those of `elements` that are in the set."""
        found: set[E] = set()
        keys = {self.kind.encode(one): one for one in elements if self.kind.is_one(one)}
        for part in slices(keys):
            present = yield from self.calls.contains_each(part)
            found.update(keys[key] for key, is_in in zip(part, present, strict=True) if is_in)
        return found

    def length(self) -> Steps[int]:
        """Return how many elements there are."""
        return (yield from self.calls.counts()).present

    def members(self) -> Steps[set[E]]:
        """Return all elements."""
        found: set[E] = set()
        after: str | None = ""
        while after is not None:
            page = yield from self.calls.page(after)
            found.update(map(self.kind.decode, page.elements))
            after = page.after
        return found

    def intersection(self, other: Iterable[Any]) -> Steps[set[E]]:
        """Return what is in both; by the smaller of them."""
        others = _local(other)
        if len(others) <= (yield from self.length()):
            return (yield from self.which(others))
        members = yield from self.members()
        return {one for one in members if one in others}

    def isdisjoint(self, other: Iterable[Any]) -> Steps[bool]:
        """Return whether no element is in both."""
        return not (yield from self.intersection(other))

    def issuperset(self, other: Iterable[Any]) -> Steps[bool]:
        """Return whether this has all of `other`."""
        others = _local(other)
        if len(others) > (yield from self.length()):
            return False
        return len((yield from self.which(others))) == len(others)

    def issubset(self, other: Iterable[Any]) -> Steps[bool]:
        """Return whether `other` has all of this; reads on to the first that it has not."""
        others = _local(other)
        if (yield from self.length()) > len(others):
            return False
        after: str | None = ""
        while after is not None:
            page = yield from self.calls.page(after)
            if not all(one in others for one in map(self.kind.decode, page.elements)):
                return False
            after = page.after
        return True

    def equals(self, other: Iterable[Any]) -> Steps[bool]:
        """Return whether both have the same elements."""
        others = _local(other)
        if len(others) != (yield from self.length()):
            return False
        return (yield from self.issuperset(others))

    def state(self) -> Steps[LWWSet[E]]:
        """Return the whole state."""
        _, stamps = yield from self.calls.state()
        made: LWWSet[E] = LWWSet()
        made.merge_entries((self.kind.decode(key), stamp) for key, stamp in stamps.items())
        return made

    def merge(self, other: LWWSet[Any], ghosts: Ghosts) -> Steps[None]:
        """Take the state of `other` into this set."""
        stamps = {self.kind.encode(element): stamp for element, stamp in other.entries()}
        yield from self.calls.merge(stamps, ghosts)


def _local(other: Iterable[Any]) -> AbstractSet[Any]:
    """Return a set that can be looked into without calls."""
    return other if isinstance(other, set | frozenset | LWWSet) else set(other)
