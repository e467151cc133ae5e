"""A survey: where several nodes differ, found from outside, changing nothing.

The surveyor asks all nodes to look at the same ranges under one salt, goes down where their
answers differ, and counts the elements that do. Its cost follows the differences.
docs/PROTOCOL.md, "The survey".
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from struct import Struct as Layout
from typing import NamedTuple

from lastword.errors import InvalidFrame
from lastword.limits import COMPARE_ROWS_MAX
from lastword.replication.claims import DIRECTORY, STEP_MAX, Range
from lastword.replication.digests import Digests, Salt, salt_of
from lastword.replication.hashing import POSITION_BITS, position_of
from lastword.replication.port import State

LOOKS_MAX = 64
"""Ranges that one message asks for: about 100 KiB of parts, or at most 400 KiB of items."""

VIEW_ITEMS_MAX = 256
"""Items of a range that are listed; of one with more only the parts are shown."""

COUNTED_MAX = 1_000_000
"""Differing elements that are counted; with more of them it is clear that something is wrong."""

_ITEM = Layout("<QQQ")


class Look(NamedTuple):
    """A range to look at: at its `2^step` parts, or at its items where `step` is None."""

    range: Range
    step: int | None

    @property
    def shows_sets(self) -> bool:
        """Whether the items are sets, which have names."""
        return self.step is None and self.range.set_position is None


class Item(NamedTuple):
    """A part, a set or an entry: its position, how many entries it stands for, its fingerprint."""

    position: int
    size: int
    fingerprint: int


class View(NamedTuple):
    """What a node sees where it was asked to look: the items, and of sets the names.

    `items` is None where there are too many to list.
    """

    items: bytes | None
    names: Sequence[bytes] = ()


def look(state: State, nonce: int, looks: Sequence[Look]) -> list[View]:
    """Return what a node sees: a view for each look, in their order, until it is too much work."""
    salt, digests, views = salt_of(nonce), Digests(state), list[View]()
    for at, step in looks:
        if digests.read >= COMPARE_ROWS_MAX:
            break
        views.append(_view(digests, salt, at, step))
    return views


def _view(digests: Digests, salt: Salt, at: Range, step: int | None) -> View:
    if step is not None:
        return View(
            b"".join(
                _ITEM.pack(index, part.size, salt.root(part.sums))
                for index, part in enumerate(digests.parts(at, step))
            )
        )
    if at.set_position is None:
        sets = digests.sets(at)
        if len(sets) > VIEW_ITEMS_MAX:
            return View(None)
        items = b"".join(
            _ITEM.pack(found.position, found.entries, salt.root(found.sums)) for found in sets
        )
        return View(items, [found.name for found in sets])
    if digests.count(at) > VIEW_ITEMS_MAX:
        return View(None)
    return View(
        b"".join(
            _ITEM.pack(position_of(row.key), 1, salt.root(sums)) for row, sums in digests.rows(at)
        )
    )


@dataclass(slots=True)
class Survey:
    """The surveyor: `next_looks` are put to every node, and `take` takes their views.

    `differing` counts, for each set that differs, the elements that do not stand alike on all
    nodes. It is over when there is nothing left to look at, or `counted_max` of them are found.
    `on_found` is told of each: its set, its position, and which nodes hold something there.
    """

    counted_max: int = COUNTED_MAX
    on_found: Callable[[bytes, int, Sequence[bool]], None] | None = None

    differing: Counter[bytes] = field(default_factory=Counter)
    names: dict[int, bytes] = field(default_factory=dict)
    _waiting: list[Look] = field(default_factory=lambda: [Look(DIRECTORY, STEP_MAX)])
    _asked: list[Look] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        """Whether all that differs was found."""
        return not self._waiting or self.differing.total() >= self.counted_max

    def next_looks(self) -> list[Look]:
        """Return what to look at next."""
        self._asked = [self._waiting.pop() for _ in range(min(LOOKS_MAX, len(self._waiting)))]
        return self._asked

    def take(self, views: Sequence[Sequence[View]]) -> None:
        """Take every node's views of what was asked last; where one has none, ask again."""
        seen_by_all = min(map(len, views), default=0)
        if not seen_by_all:
            raise InvalidFrame("a survey is answered by nothing")
        self._waiting += reversed(self._asked[seen_by_all:])
        for index, asked in enumerate(self._asked[:seen_by_all]):
            self._compare(asked, [seen[index] for seen in views])

    def _compare(self, asked: Look, views: Sequence[View]) -> None:
        at, step = asked
        if any(view.items is None for view in views):
            if step is not None or at.bits == POSITION_BITS:
                raise InvalidFrame("a view shows nothing where it could")
            self._waiting.append(Look(at, _step(at)))
            return
        for position, items in _unequal([_items(asked, view) for view in views]):
            count = max(item.size for item in items)
            if step is not None:
                self._go_on(at.child(step, position), count)
            elif at.set_position is None:
                self.names |= _named(asked, views)
                self.differing[self.names[position]] += 0
                self._go_on(Range(position), count)
            else:
                self._found(self.names[at.set_position], position, items)

    def _found(self, name: bytes, position: int, items: Sequence[Item]) -> None:
        self.differing[name] += 1
        if self.on_found is not None:
            self.on_found(name, position, [item.size > 0 for item in items])

    def _go_on(self, at: Range, count: int) -> None:
        if at.bits == POSITION_BITS and count > VIEW_ITEMS_MAX:
            raise InvalidFrame("a view shows more at one position than there can be")
        self._waiting.append(Look(at, _step(at) if count > VIEW_ITEMS_MAX else None))


def _step(at: Range) -> int:
    return min(STEP_MAX, POSITION_BITS - at.bits)


def _items(asked: Look, view: View) -> list[Item]:
    """Return the items of a view; raise InvalidFrame where it shows what was not asked for."""
    at, step = asked
    items = view.items or b""
    if len(items) % _ITEM.size or len(items) > _ITEM.size * VIEW_ITEMS_MAX:
        raise InvalidFrame("a view has items cut short, or too many")
    found = [Item(*item) for item in _ITEM.iter_unpack(items)]
    low, high = (at.low, at.high) if step is None else (0, 1 << step)
    if not all(low <= item.position < high for item in found):
        raise InvalidFrame("a view shows what lies elsewhere")
    if len(view.names) != (len(found) if asked.shows_sets else 0):
        raise InvalidFrame("a view does not name what it shows")
    return found


def _named(asked: Look, views: Iterable[View]) -> dict[int, bytes]:
    return {
        item.position: name
        for view in views
        for item, name in zip(_items(asked, view), view.names, strict=True)
    }


def _unequal(items: Iterable[Iterable[Item]]) -> Iterator[tuple[int, list[Item]]]:
    """Yield every position at which not all nodes have the same, with what each has."""
    by_node = [{item.position: item for item in found} for found in items]
    for position in sorted(set().union(*by_node)):
        found = [node.get(position, Item(position, 0, 0)) for node in by_node]
        if any(item != found[0] for item in found):
            yield position, found
