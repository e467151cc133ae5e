"""`OfflineSet`: a set in a file of this machine, brought together with one on the nodes."""

from collections.abc import Coroutine, Iterable, Iterator, Mapping, MutableSet
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self, TypeVar, overload

from lastword import LWWSet
from lastword.client.async_set import AsyncRemoteSet
from lastword.client.exchange import Exchanged, Exchanging
from lastword.client.kinds import BYTES, TEXT, Kind
from lastword.client.lock import FileLock
from lastword.client.offline_file import Content, read, write
from lastword.client.remote_set import RemoteSet
from lastword.client.set_work import Ghosts
from lastword.crdt.clock import HybridClock
from lastword.crdt.stamp import is_removed, pack, time_of
from lastword.wall import wall_us

E = TypeVar("E", bound=str | bytes)

AHEAD_US: Final = 1_000_000
"""More than a clock that counts on within one microsecond gets ahead by itself."""


class OfflineSet(MutableSet[E]):
    """A set in a file, that needs no node: `OfflineSet("shopping.set")`.

    What is done to it is in the file, synced, before the call returns. Each change writes the
    whole file: `with shopping.changing():` writes it once for all changes within. One process at
    a time has it, and one thread. It is for one set of one cluster; copy the file for another.

    Elements are text, or bytes with `of=bytes`. Its clock goes on where it was at the last time,
    and after all that was exchanged. It is no copy that follows by itself: `exchange` does that.

    Raises FileInUse, ForeignFile, NewerFormat, CorruptStore, FileUnusable; a change that cannot be
    written raises DiskFailed, and is in memory until a later one is.
    """

    __hash__ = None  # type: ignore[assignment] # as of every set that changes

    @overload
    def __init__(self: "OfflineSet[str]", path: str | Path) -> None: ...
    @overload
    def __init__(self: "OfflineSet[str]", path: str | Path, *, of: type[str]) -> None: ...
    @overload
    def __init__(self: "OfflineSet[bytes]", path: str | Path, *, of: type[bytes]) -> None: ...
    def __init__(self, path: str | Path, *, of: Any = str) -> None:
        self.path = Path(path)
        self.kind: Kind[Any] = BYTES if of is bytes else TEXT
        self._lock = FileLock(self.path)
        self._depth = 0
        try:
            content = read(self.path)
            self._clock = HybridClock(wall_us, last=content.last)
            self._set, self._known = self._built(content.stamps, content.pending)
        except BaseException:
            self._lock.close()
            raise

    def add(self, element: E, at: int | None = None) -> None:
        """Add `element`, now or at a time of the caller's own, in microseconds since 1970."""
        self.kind.encode(element)
        with self.changing():
            self._set.add(element, at)

    def discard(self, element: E, at: int | None = None) -> None:
        """Remove `element`, also where it is not there: the nodes may have it."""
        self.kind.encode(element)
        with self.changing():
            self._set.discard(element, at)

    def pop(self) -> E:
        """Remove and return some element; raise KeyError where there is none."""
        with self.changing():
            popped: E = self._set.pop()
            return popped

    def clear(self) -> None:
        """Remove all elements."""
        with self.changing():
            self._set.clear()

    def update(self, elements: Iterable[E]) -> None:
        """Add elements, or merge an LWWSet, and write the file once."""
        if isinstance(elements, LWWSet):
            return self.merge(elements)
        found = list(elements)
        for element in found:
            self.kind.encode(element)
        with self.changing():
            return self._set.update(found)

    def merge(self, other: LWWSet[E]) -> None:
        """Take the state of another copy into this one."""
        for element, _ in other.entries():
            self.kind.encode(element)
        with self.changing():
            self._set.merge(other)

    def state(self) -> LWWSet[E]:
        """Return a copy of the state, as an LWWSet without a file."""
        made: LWWSet[E] = LWWSet()
        made.merge(self._set)
        return made

    @property
    def pending(self) -> set[E]:
        """The elements that changed here since the last exchange, removed ones too."""
        return {element for element, _ in self._set.delta(self._known).entries()}

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Write the file once, at the end, whatever is changed within."""
        before = self._set.version
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if not self._depth and self._set.version != before:
                self.save()

    def save(self) -> None:
        """Write the file; a change that raised DiskFailed is made good by this."""
        stamps = self.stamps()
        pending = frozenset(map(self.kind.encode, self.pending))
        write(self.path, Content(stamps, pending, self._clock.last))

    def stamps(self) -> dict[bytes, int]:
        """Return the stamp of each element's bytes."""
        return {self.kind.encode(element): stamp for element, stamp in self._set.entries()}

    @overload
    def exchange(self, remote: RemoteSet[E], *, ghosts: Ghosts = None) -> Exchanged: ...
    @overload
    def exchange(
        self, remote: AsyncRemoteSet[E], *, ghosts: Ghosts = None
    ) -> Coroutine[Any, Any, Exchanged]: ...
    def exchange(
        self, remote: RemoteSet[E] | AsyncRemoteSet[E], *, ghosts: Ghosts = None
    ) -> Exchanged | Coroutine[Any, Any, Exchanged]:
        """Bring what is new here to the nodes, and take what is new there; say what was done.

        The set is read whole, and only what a node does not have yet is sent. It can be repeated.
        With an AsyncRemoteSet it is awaited; the file is written on its loop.

        An add that may be of something long removed (a ghost: the nodes forgot removals after it)
        raises GhostElements, and nothing changes here, unless `ghosts` says that such are to be
        left out and forgotten here ("remove") or added at a new time ("readd").

        Raises FutureTime where this machine's clock was far ahead, and nothing changes here.
        """
        if remote.work.kind is not self.kind:
            raise TypeError("one of the two sets has text, and the other has bytes")
        return remote.runner.run(Exchanging(self, remote.work.calls, ghosts).steps())

    def redate(self) -> int:
        """Give what was changed by a clock that was ahead the present time; return how many.

        Only what no exchange has brought to the nodes, and is over a second later than this
        machine's clock, is changed. It is for a clock that was wrong and is right now.
        """
        stamps, pending = self.stamps(), frozenset(map(self.kind.encode, self.pending))
        now = wall_us()
        ahead = [key for key in pending if time_of(stamps[key]) > now + AHEAD_US]
        self._clock.last = min(self._clock.last, now)
        for key in ahead:
            stamps[key] = pack(self._clock.now(), removed=is_removed(stamps[key]))
        if ahead:
            self._set, self._known = self._built(stamps, pending)
            self.save()
        return len(ahead)

    def settle(
        self, received: Mapping[bytes, int], forgotten: Iterable[bytes], version: int
    ) -> None:
        """Take in what an exchange came to; what changed since `version` is still to be sent.

        `forgotten` are left out, unless they changed meanwhile.
        """
        changed = dict(self._set.delta(version).entries())
        pending = frozenset(map(self.kind.encode, changed))
        stamps = self.stamps()
        for key in forgotten:
            if key not in pending:
                stamps.pop(key, None)
        for key, stamp in received.items():
            stamps[key] = max(stamp, stamps.get(key, stamp))
        self._set, self._known = self._built(stamps, pending)
        self.save()

    @property
    def version(self) -> int:
        """How many changes the set in memory has seen; means nothing elsewhere."""
        return self._set.version

    def close(self) -> None:
        """Let go of the file; may be called again. All is in it already."""
        self._lock.close()

    def _built(
        self, stamps: Mapping[bytes, int], pending: frozenset[bytes]
    ) -> tuple[LWWSet[Any], int]:
        """Return a set of these, and its version before those that are pending."""
        made: LWWSet[Any] = LWWSet(clock=self._clock)
        decode = self.kind.decode
        made.merge_entries((decode(key), at) for key, at in stamps.items() if key not in pending)
        known = made.version
        made.merge_entries((decode(key), stamps[key]) for key in pending if key in stamps)
        return made, known

    def __contains__(self, element: object) -> bool:
        return element in self._set

    def __eq__(self, other: object) -> bool:
        return self._set == (other._set if isinstance(other, OfflineSet) else other)

    def __iter__(self) -> Iterator[E]:
        return iter(self._set)

    def __len__(self) -> int:
        return len(self._set)

    def __ior__(  # type: ignore[override, misc] # narrower than `|`, as in the standard library
        self, other: Iterable[E]
    ) -> Self:
        self.update(other)
        return self

    def __isub__(self, other: Iterable[Any]) -> Self:
        with self.changing():
            self._set -= set(other)
        return self

    def __iand__(self, other: Iterable[Any]) -> Self:
        with self.changing():
            self._set &= set(other)
        return self

    def __ixor__(  # type: ignore[override, misc] # the same
        self, other: Iterable[E]
    ) -> Self:
        others = set(other)
        both = others & self._set
        with self.changing():
            self.update(others - both)
            self._set -= both
        return self

    @classmethod
    def _from_iterable(cls, it: Iterable[Any]) -> set[Any]:
        """Return the result of a set operator: a plain set, since it has no file."""
        return set(it)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"OfflineSet({str(self.path)!r}, {len(self)} elements)"
