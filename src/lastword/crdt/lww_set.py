"""An LWW-Element-Set: a `MutableSet` that merges with its copies.

It promises that copies which were told the same operations are equal, in whatever order and
however often they were told, and that an operation on this copy is seen on this copy at once.
It keeps a tombstone for each removed element for ever; it does no I/O, reads no clock but the one
that it is given, and is not for use by several threads at once.

Source: the LWW-Element-Set of Shapiro, Preguiça, Baquero, Zawirski, INRIA RR-7506 (2011), section
3.3.3; deltas as in Almeida, Shoker, Baquero, "Delta State Replicated Data Types" (2018).
"""

import copy
from collections.abc import Hashable, ItemsView, Iterable, Iterator, MutableSet
from collections.abc import Set as AbstractSet
from itertools import islice, takewhile
from reprlib import repr as short_repr
from typing import Final, Self, TypeVar, cast, overload

from lastword.crdt import wire
from lastword.crdt.clock import Clock
from lastword.crdt.stamp import is_removed, next_above, pack, time_of
from lastword.errors import InvalidElement

E = TypeVar("E", bound=Hashable)
T = TypeVar("T")

REPR_ELEMENTS_MAX: Final = 8
"""Elements that a repr shows, each shortened: one line of a log or a terminal."""


class LWWSet(MutableSet[E]):
    """A set of hashable elements, of which the latest operation on each element counts.

    `|` and `|=` with another LWWSet merge; all other operators are those of any set, take any set,
    and give plain sets. `==` compares members, `same_state` everything. An operation may bring its
    own time, `at`, in microseconds since 1970; at equal times remove wins.

    `LWWSet(iterable)` adds the elements at new times, or, of another LWWSet, takes the state.
    """

    __slots__ = ("_clock", "_present", "_stamps", "_version", "_versions")

    def __init__(self, iterable: Iterable[E] = (), *, clock: Clock) -> None:
        self._clock = clock
        self._version = 0
        self._stamps: dict[E, int] = {}
        self._versions: dict[E, int] = {}  # in the order of the versions, for `delta`
        self._present: dict[E, None] = {}
        self.update(iterable)

    def add(self, element: E, at: int | None = None) -> None:
        """Add `element`, now or at a time of the caller's own.

        An `at` that is not after what is held changes nothing. Raises InvalidTime if it is no
        time.
        """
        self._write(element, at, removed=False)

    def discard(self, element: E, at: int | None = None) -> None:
        """Remove `element`, also where it is not present: copies that have it lose it by merging.

        An `at` before what is held changes nothing. Raises InvalidTime if it is no time.
        """
        self._write(element, at, removed=True)

    def remove(self, element: E, at: int | None = None) -> None:
        """Remove `element`; raise KeyError where it is not present. Otherwise as `discard`."""
        if element not in self:
            raise KeyError(element)
        self.discard(element, at)

    def pop(self) -> E:
        """Remove and return some element; raise KeyError where there is none."""
        if not self._present:
            raise KeyError("pop from an empty set")
        element, _ = self._present.popitem()
        self._present[element] = None  # it is present until the tombstone has been made
        self.discard(element)
        return element

    def clear(self) -> None:
        """Remove every present element, leaving tombstones."""
        for element in list(self):
            self.discard(element)

    def update(self, iterable: Iterable[E]) -> None:
        """Add the elements of `iterable`; merge it if it is an LWWSet."""
        if isinstance(iterable, LWWSet):
            self.merge(iterable)
        else:
            for element in iterable:
                self.add(element)

    def merge(self, other: "LWWSet[E]") -> None:
        """Take the state of `other` into this one: of each element the greater stamp."""
        for element, stamp in other.entries():
            self._take(element, stamp)

    def merge_entries(self, entries: Iterable[tuple[E, int]]) -> None:
        """Merge elements with their stamps, as `entries` gives them.

        Raises InvalidTime at the first stamp that is none; what came before it is merged.
        """
        for element, stamp in entries:
            self._take(element, pack(time_of(stamp), removed=is_removed(stamp)))

    def entries(self) -> ItemsView[E, int]:
        """Return a live view of all elements, removed ones too, with their stamps."""
        return self._stamps.items()

    def stamp_of(self, element: E) -> int | None:
        """Return the stamp of `element`, or None if this copy never heard of it."""
        return self._stamps.get(element)

    def same_state(self, other: "LWWSet[E]") -> bool:
        """Return whether both hold the same stamps, tombstones included."""
        return self.entries() == other.entries()

    @property
    def version(self) -> int:
        """How many changes of an element's state this copy has seen; means nothing elsewhere."""
        return self._version

    def delta(self, since: int) -> Self:
        """Return what changed here after `version` was `since`, to be merged elsewhere.

        Old stamps that were merged late are in it too. Costs about the size of the delta.
        """
        changed = takewhile(lambda item: item[1] > since, reversed(self._versions.items()))
        made = type(self)(clock=self._clock)
        made.merge_entries((element, self._stamps[element]) for element, _ in changed)
        return made

    def copy(self) -> Self:
        """Return an independent copy, of the same version, that shares the clock."""
        return copy.copy(self)

    def to_json(self) -> bytes:
        """Return the state as JSON: `{"lwwAdded": {element: time}, "lwwRemoved": {...}}`.

        Raises TypeError unless all elements are text, and InvalidElement for one that has no UTF-8
        form or is over its limit.
        """
        return wire.encode_json((_text_bytes(element), stamp) for element, stamp in self.entries())

    @classmethod
    def from_json(cls, data: bytes, *, clock: Clock) -> "LWWSet[str]":
        """Return the set of a state in JSON, as `to_json` and a node's `GET /<set>` write it.

        Raises InvalidRequest, InvalidTime, InvalidElement; the last also for elements that are no
        text.
        """
        made = cast("LWWSet[str]", cls(clock=clock))
        made.merge_entries((_text(key), stamp) for key, stamp in wire.decode_json(data).items())
        return made

    def to_msgpack(self) -> bytes:
        """Return the state as msgpack, which tells text from bytes.

        Raises TypeError unless all elements are text or bytes, and InvalidElement as `to_json`.
        """
        return wire.encode_msgpack(
            (_wire_key(element), stamp) for element, stamp in self.entries()
        )

    @classmethod
    def from_msgpack(cls, data: bytes, *, clock: Clock) -> "LWWSet[str | bytes]":
        """Return the set of a state in msgpack, as `to_msgpack` writes it.

        Raises InvalidRequest, InvalidTime, InvalidElement.
        """
        made = cast("LWWSet[str | bytes]", cls(clock=clock))
        made.merge_entries(wire.decode_msgpack_keys(data).items())
        return made

    def __contains__(self, element: object) -> bool:
        return element in self._present

    def __iter__(self) -> Iterator[E]:
        return iter(self._present)

    def __len__(self) -> int:
        return len(self._present)

    def __eq__(self, other: object) -> bool:
        return self._present.keys() == other

    __hash__ = None  # type: ignore[assignment] # as of every set that changes

    @overload
    def __or__(self, other: "LWWSet[E]") -> Self: ...
    @overload
    def __or__(self, other: AbstractSet[T]) -> AbstractSet[E | T]: ...
    def __or__(self, other: AbstractSet[T]) -> AbstractSet[E | T]:
        if not isinstance(other, LWWSet):
            return super().__or__(other)
        merged = self.copy()
        merged.merge(other)
        return merged

    def __ior__(  # type: ignore[misc, override] # narrower than `|`, as in the standard library
        self, other: Iterable[E]
    ) -> Self:
        self.update(other)
        return self

    def __repr__(self) -> str:
        shown = [short_repr(element) for element in islice(self, REPR_ELEMENTS_MAX)]
        if len(self) > len(shown):
            shown.append(f"... {len(self) - len(shown)} more")
        removed = len(self._stamps) - len(self)
        parts = [f"{{{', '.join(shown)}}}"] if shown else []
        if removed:
            parts.append(f"{removed} removed")
        return f"{type(self).__name__}({', '.join(parts)})"

    def __getstate__(self) -> tuple[Clock, int, dict[E, int], dict[E, int]]:
        """Return what `copy`, `deepcopy` and `pickle` take along, the clock too."""
        return self._clock, self._version, self._stamps.copy(), self._versions.copy()

    def __setstate__(self, state: tuple[Clock, int, dict[E, int], dict[E, int]]) -> None:
        self._clock, self._version, self._stamps, self._versions = state
        self._present = {e: None for e, stamp in self._stamps.items() if not is_removed(stamp)}

    @classmethod
    def _from_iterable(cls, it: Iterable[T]) -> set[T]:
        """Return the result of a set operator: a plain set, since it has no history."""
        return set(it)

    def _write(self, element: E, at: int | None, *, removed: bool) -> None:
        if at is None:
            held = self._stamps.get(element)
            self._take(element, next_above(held, self._clock.now(), removed=removed))
        else:
            self._take(element, pack(at, removed=removed))

    def _take(self, element: E, stamp: int) -> None:
        """Merge one stamp. All changes of the state are made here."""
        self._clock.observe(time_of(stamp))
        if stamp <= self._stamps.get(element, -1):
            return
        self._version += 1
        self._stamps[element] = stamp
        self._versions.pop(element, None)  # moves it behind all older versions
        self._versions[element] = self._version
        if is_removed(stamp):
            self._present.pop(element, None)
        else:
            self._present[element] = None


def _wire_key(element: object) -> str | bytes:
    if not isinstance(element, str | bytes):
        raise TypeError(f"an element in msgpack is text or bytes, not {type(element).__name__}")
    wire.element_bytes(element)
    return element


def _text_bytes(element: object) -> bytes:
    if not isinstance(element, str):
        raise TypeError(f"an element in JSON is text, not {type(element).__name__}")
    return wire.element_bytes(element)


def _text(element: bytes) -> str:
    try:
        return element.decode()
    except UnicodeDecodeError as error:
        raise InvalidElement(
            f"{short_repr(element)} is not text",
            hint="JSON gives sets of text; msgpack carries elements of any bytes.",
        ) from error
