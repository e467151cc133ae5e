"""A set on the nodes, with the face of any set of Python's."""

from collections.abc import Iterable, Iterator, MutableSet
from collections.abc import Set as AbstractSet
from typing import Any, Protocol, Self, TypeVar

from lastword import LWWSet
from lastword.client.caller import Steps
from lastword.client.following import NEWLY_READ, apply, put_in_place
from lastword.client.set_work import Ghosts, SetWork
from lastword.client.watching import Event, Watching

E = TypeVar("E", bound=str | bytes)
T = TypeVar("T")
W = TypeVar("W", bound=str | bytes)


class Runs(Protocol):
    """Whoever carries out the steps of calls."""

    def run(self, steps: Steps[T], /) -> T:
        """Return the result, once a node has done it."""

    def stream(self, watching: Watching[W], /) -> Iterator[Event[W]]:
        """Yield the events of a watch."""


class RemoteSet(MutableSet[E]):
    """A set on the nodes: `client["fruit"]`. Each operation is one call, or several if it says so.

    Its elements are text; those of `client.set_of_bytes(name)` are bytes. An element of another
    type is not in it. The operators give plain sets, as with an LWWSet.

    What a node answered is on its disk. Iteration goes by pages: what is in the set all the while
    comes once, what comes or goes meanwhile may come or not. Operations on many elements go in
    bulks of at most 10,000, each of them atomic; where one fails those before it stand, and
    the whole can be done again.

    Every operation raises Unreachable where no node does it in time, and what a node refuses.
    """

    __hash__ = None  # type: ignore[assignment] # as of every set that changes

    def __init__(self, runner: Runs, work: SetWork[E]) -> None:
        self.runner = runner
        self.work = work

    def _run(self, steps: Steps[T]) -> T:
        return self.runner.run(steps)

    @property
    def name(self) -> str:
        """The set's name."""
        return self.work.calls.name

    def add(self, element: E, at: int | None = None) -> None:
        """Add `element`, now or at a time of the caller's own, in microseconds since 1970.

        An `at` that is not after what is held changes nothing. Raises FutureTime, and
        GhostElements where it may be of something long removed.
        """
        self._run(self.work.add(element, at))

    def discard(self, element: E, at: int | None = None) -> None:
        """Remove `element`, whether it is in the set or not; `at` is as in `add`."""
        self._run(self.work.discard(element, at))

    def remove(self, element: E) -> None:
        """Remove `element`; raise KeyError where it is not in the set. Two calls, not atomic."""
        self._run(self.work.remove(element))

    def pop(self) -> E:
        """Remove and return some element; raise KeyError where there is none.

        Two calls: of two clients that do so at once both may get the same.
        """
        return self._run(self.work.pop())

    def clear(self) -> None:
        """Remove what is in the set, by pages."""
        self._run(self.work.clear())

    def update(self, *others: Iterable[E]) -> None:
        """Add the elements of all `others`; an LWWSet is merged, as by `merge`."""
        self._run(self.work.update(*others))

    def difference_update(self, *others: Iterable[Any]) -> None:
        """Remove the elements of all `others`."""
        self._run(self.work.difference_update(*others))

    def intersection_update(self, *others: Iterable[Any]) -> None:
        """Remove what is not in each of `others`. Reads the whole set."""
        self._run(self.work.intersection_update(*others))

    def symmetric_difference_update(self, other: Iterable[E]) -> None:
        """Remove those of `other` that are in the set, and add the rest of them."""
        self._run(self.work.symmetric_difference_update(other))

    def contains_each(self, elements: Iterable[Any]) -> list[bool]:
        """Return of each of `elements` whether it is in the set: a call for every 10,000."""
        return self._run(self.work.contains_each(elements))

    def starting_with(self, prefix: E) -> Iterator[E]:
        """Yield the elements that begin with `prefix`, by pages. Looks at the whole set."""
        return self._members(self.work.kind.encode(prefix))

    def state(self) -> LWWSet[E]:
        """Return the whole state, removed elements and times included, on this machine's time."""
        return self._run(self.work.state())

    def merge(self, other: LWWSet[E], *, ghosts: Ghosts = None) -> None:
        """Take the state of `other` into this set: of each element the later operation.

        Adds that may be of something long removed raise GhostElements, unless `ghosts` says
        that they are to be left out ("remove") or added at a new time ("readd").
        """
        self._run(self.work.merge(other, ghosts))

    def watch(self, after: str | None = None) -> Iterator[Event[E]]:
        """Yield what changes in the set: from now on, or behind a cursor that an event had.

        `after="0"` begins with the newest state of every element. It goes on by itself where a
        connection breaks, and raises Unreachable where no node is heard of for the client's
        `timeout_s`: then call it again, with the cursor of the last event.
        """
        return self.runner.stream(Watching(self.name, self.work.kind, after))

    def follow(self, local: MutableSet[E]) -> Iterator[Event[E]]:
        """Keep `local` equal to this set: yield each event of a watch when it is done there."""
        for event in self.watch():
            apply(event, local)
            if event.kind in NEWLY_READ:
                put_in_place(local, set(self))
            yield event

    def issubset(self, other: Iterable[Any]) -> bool:
        """Return whether `other` has all of this. Reads the set, unless the counts tell."""
        return self._run(self.work.issubset(other))

    def issuperset(self, other: Iterable[Any]) -> bool:
        """Return whether this has all of `other`: a call for every 10,000."""
        return self._run(self.work.issuperset(other))

    def isdisjoint(self, other: Iterable[Any]) -> bool:
        """Return whether no element is in both; by the smaller of the two."""
        return self._run(self.work.isdisjoint(other))

    def __contains__(self, element: object) -> bool:
        return self._run(self.work.contains(element))

    def __len__(self) -> int:
        return self._run(self.work.length())

    def __iter__(self) -> Iterator[E]:
        return self._members(b"")

    def _members(self, prefix: bytes) -> Iterator[E]:
        after: str | None = ""
        while after is not None:
            page = self._run(self.work.calls.page(after, prefix))
            yield from map(self.work.kind.decode, page.elements)
            after = page.after

    def __and__(self, other: AbstractSet[Any]) -> set[E]:
        if not isinstance(other, Iterable):
            return NotImplemented
        return self._run(self.work.intersection(other))

    __rand__ = __and__

    def __or__(self, other: AbstractSet[T]) -> set[E | T]:
        if not isinstance(other, Iterable):
            return NotImplemented
        return {*self, *other}

    __ror__ = __or__

    def __sub__(self, other: AbstractSet[Any]) -> set[E]:
        if not isinstance(other, Iterable):
            return NotImplemented
        return set(self).difference(other)

    def __rsub__(self, other: AbstractSet[T]) -> set[T]:
        if not isinstance(other, Iterable):
            return NotImplemented
        others = set(other)
        return others.difference(self._run(self.work.which(others)))

    def __xor__(self, other: AbstractSet[T]) -> set[E | T]:
        if not isinstance(other, Iterable):
            return NotImplemented
        members: set[E | T] = {*self}
        return members.symmetric_difference(other)

    __rxor__ = __xor__

    def __ior__(  # type: ignore[override, misc] # narrower than `|`, as in the standard library
        self, other: Iterable[E]
    ) -> Self:
        self.update(other)
        return self

    def __isub__(self, other: Iterable[Any]) -> Self:
        if other is self:
            self.clear()
        else:
            self.difference_update(other)
        return self

    def __iand__(self, other: Iterable[Any]) -> Self:
        self.intersection_update(other)
        return self

    def __ixor__(  # type: ignore[override, misc] # the same
        self, other: Iterable[E]
    ) -> Self:
        self.symmetric_difference_update(set(other))
        return self

    def __le__(self, other: AbstractSet[Any]) -> bool:
        if not isinstance(other, AbstractSet):
            return NotImplemented
        return self.issubset(other)

    def __ge__(self, other: AbstractSet[Any]) -> bool:
        if not isinstance(other, AbstractSet):
            return NotImplemented
        return self.issuperset(other)

    def __lt__(self, other: AbstractSet[Any]) -> bool:
        if not isinstance(other, AbstractSet):
            return NotImplemented
        return len(self) < len(other) and self.issubset(other)

    def __gt__(self, other: AbstractSet[Any]) -> bool:
        if not isinstance(other, AbstractSet):
            return NotImplemented
        return len(self) > len(other) and self.issuperset(other)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AbstractSet):
            return NotImplemented
        return self._run(self.work.equals(other))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"
