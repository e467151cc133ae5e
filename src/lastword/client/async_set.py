"""A set on the nodes, whose operations are coroutines."""

from collections.abc import AsyncIterator, Coroutine, Iterable, MutableSet
from typing import Any, Generic, Protocol, TypeVar

from lastword import LWWSet
from lastword.client.caller import Steps
from lastword.client.following import NEWLY_READ, apply, put_in_place
from lastword.client.set_work import Ghosts, SetWork
from lastword.client.watching import Event, Watching

E = TypeVar("E", bound=str | bytes)
T = TypeVar("T")
W = TypeVar("W", bound=str | bytes)


class RunsAsync(Protocol):
    """Whoever carries out the steps of calls, and is awaited."""

    def run(self, steps: Steps[T], /) -> Coroutine[Any, Any, T]:
        """Return the result, once a node has done it."""

    def stream(self, watching: Watching[W], /) -> AsyncIterator[Event[W]]:
        """Yield the events of a watch."""


class AsyncRemoteSet(Generic[E]):
    """A set on the nodes, as `RemoteSet` is one, for use with `await` and `async for`.

    What `RemoteSet` says of each operation holds here. `in` is `contains`, `len` is `length`, and
    `set(fruit)` is `members`.
    """

    def __init__(self, runner: RunsAsync, work: SetWork[E]) -> None:
        self.runner = runner
        self.work = work

    async def _run(self, steps: Steps[T]) -> T:
        return await self.runner.run(steps)

    @property
    def name(self) -> str:
        """The set's name."""
        return self.work.calls.name

    async def add(self, element: E, at: int | None = None) -> None:
        """Add `element`, now or at a time of the caller's own, in microseconds since 1970."""
        await self._run(self.work.add(element, at))

    async def discard(self, element: E, at: int | None = None) -> None:
        """Remove `element`, whether it is in the set or not."""
        await self._run(self.work.discard(element, at))

    async def remove(self, element: E) -> None:
        """Remove `element`; raise KeyError where it is not in the set. Two calls, not atomic."""
        await self._run(self.work.remove(element))

    async def pop(self) -> E:
        """Remove and return some element; raise KeyError where there is none. Two calls."""
        return await self._run(self.work.pop())

    async def clear(self) -> None:
        """Remove what is in the set, by pages."""
        await self._run(self.work.clear())

    async def update(self, *others: Iterable[E]) -> None:
        """Add the elements of all `others`; an LWWSet is merged, as by `merge`."""
        await self._run(self.work.update(*others))

    async def difference_update(self, *others: Iterable[Any]) -> None:
        """Remove the elements of all `others`."""
        await self._run(self.work.difference_update(*others))

    async def intersection_update(self, *others: Iterable[Any]) -> None:
        """Remove what is not in each of `others`. Reads the whole set."""
        await self._run(self.work.intersection_update(*others))

    async def symmetric_difference_update(self, other: Iterable[E]) -> None:
        """Remove those of `other` that are in the set, and add the rest of them."""
        await self._run(self.work.symmetric_difference_update(other))

    async def contains(self, element: object) -> bool:
        """Return whether `element` is in the set."""
        return await self._run(self.work.contains(element))

    async def contains_each(self, elements: Iterable[Any]) -> list[bool]:
        """Return of each of `elements` whether it is in the set: a call for every 10,000."""
        return await self._run(self.work.contains_each(elements))

    async def length(self) -> int:
        """Return how many elements there are."""
        return await self._run(self.work.length())

    async def members(self) -> set[E]:
        """Return all elements, read by pages."""
        return await self._run(self.work.members())

    async def intersection(self, other: Iterable[Any]) -> set[E]:
        """Return the elements that are in both; by the smaller of the two."""
        return await self._run(self.work.intersection(other))

    async def issubset(self, other: Iterable[Any]) -> bool:
        """Return whether `other` has all of this. Reads the set, unless the counts tell."""
        return await self._run(self.work.issubset(other))

    async def issuperset(self, other: Iterable[Any]) -> bool:
        """Return whether this has all of `other`: a call for every 10,000."""
        return await self._run(self.work.issuperset(other))

    async def isdisjoint(self, other: Iterable[Any]) -> bool:
        """Return whether no element is in both; by the smaller of the two."""
        return await self._run(self.work.isdisjoint(other))

    async def state(self) -> LWWSet[E]:
        """Return the whole state, removed elements and times included, on this machine's time."""
        return await self._run(self.work.state())

    async def merge(self, other: LWWSet[E], *, ghosts: Ghosts = None) -> None:
        """Take the state of `other` into this set; `ghosts` is as in `RemoteSet.merge`."""
        await self._run(self.work.merge(other, ghosts))

    def watch(self, after: str | None = None) -> AsyncIterator[Event[E]]:
        """Yield what changes in the set, as `RemoteSet.watch`."""
        return self.runner.stream(Watching(self.name, self.work.kind, after))

    async def follow(self, local: MutableSet[E]) -> AsyncIterator[Event[E]]:
        """Keep `local` equal to this set: yield each event of a watch when it is done there."""
        async for event in self.watch():
            apply(event, local)
            if event.kind in NEWLY_READ:
                put_in_place(local, await self.members())
            yield event

    def starting_with(self, prefix: E) -> AsyncIterator[E]:
        """Yield the elements that begin with `prefix`, by pages. Looks at the whole set."""
        return self._members(self.work.kind.encode(prefix))

    def __aiter__(self) -> AsyncIterator[E]:
        return self._members(b"")

    async def _members(self, prefix: bytes) -> AsyncIterator[E]:
        after: str | None = ""
        while after is not None:
            page = await self._run(self.work.calls.page(after, prefix))
            for element in page.elements:
                yield self.work.kind.decode(element)
            after = page.after

    def __repr__(self) -> str:
        return f"AsyncRemoteSet({self.name!r})"
