"""Union, intersection and difference of sets, some members at a time."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from lastword.api.resp.view import View

Combine = Callable[[View, Sequence[bytes]], Iterator[list[bytes]]]
"""Yields the members of what the named sets make together, each once."""


def union(view: View, names: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Yield what is in any of the sets. It holds all members that it has yielded."""
    if len(names) == 1:
        yield from view.chunks(names[0])
        return
    seen: set[bytes] = set()
    for name in dict.fromkeys(names):
        for chunk in view.chunks(name):
            new = [member for member in chunk if member not in seen]
            seen.update(new)
            yield new


def intersection(view: View, names: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Yield what is in all of the sets: the members of the smallest, looked up in the others."""
    smallest, *others = sorted(dict.fromkeys(names), key=lambda name: view.totals(name).present)
    if view.totals(smallest).present:
        for chunk in view.chunks(smallest):
            kept = chunk
            for name in others:
                kept = _having(view, name, kept, present=True)
            yield kept


def difference(view: View, names: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Yield what is in the first of the sets and in none of the others."""
    first, *others = names
    if first not in others:
        for chunk in view.chunks(first):
            kept = chunk
            for name in dict.fromkeys(others):
                kept = _having(view, name, kept, present=False)
            yield kept


def cardinality(chunks: Iterator[list[bytes]], limit: int) -> int:
    """Return how many members there are, or `limit` if it is not 0 and fewer."""
    members = (member for chunk in chunks for member in chunk)
    return sum(1 for _ in islice(members, limit or None))


def _having(view: View, name: bytes, members: list[bytes], *, present: bool) -> list[bytes]:
    if not members or not view.totals(name).present:
        return [] if present else members
    found = view.contains_each(name, members)
    return [member for member, here in zip(members, found, strict=True) if here is present]
