"""One form for all states of a small cluster that only names and times tell apart.

Runs, hashes of vectors and whatever other large numbers there are are named in the order in which
they appear; times by their rank. What no step depends on is left out: figures, caches, deadlines,
and whatever follows from rows and vectors.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from hashlib import blake2b
from typing import Any

from msgspec import Struct

from lastword.replication.frames import page_of
from lastword.simulation.protocol import decoded
from lastword.simulation.settings import EPOCH_US
from lastword.simulation.small import SmallCluster, SmallNode
from lastword.store.memory import MemoryImage, MemoryStore

LARGE = 1 << 32
"""Numbers of the log and counts are below, runs, hashes and times are not."""

TIMES = range(EPOCH_US - (1 << 40), EPOCH_US + (1 << 40))
STAMPS = range(2 * TIMES.start, 2 * TIMES.stop)

LEFT_OUT = frozenset(
    {
        "addresses",
        "asked",
        "buckets",
        "clock_last",
        "damage",
        "deadline_us",
        "digest_key",
        "failures",
        "forgotten",
        "holds",
        "last_mark",
        "met",
        "next_us",
        "old_until_us",
        "sets_gone",
        "silent_us",
        "sums",
        "version",
        "wall_us",
        "_silent_us",
        "_since_us",
    }
)
"""Fields that no step depends on, or that follow from others."""


def digest(cluster: SmallCluster) -> bytes:
    """Return what is the same for all states that behave alike, and no other ones."""
    tokens = list(_cluster(cluster))
    times = {at for at in map(_time, tokens) if at is not None}
    ranks = {time: rank for rank, time in enumerate(sorted(times))}
    names: dict[int, int] = {}
    named: list[Any] = []
    for token in tokens:
        time = _time(token)
        if time is not None:
            named.append(("t", ranks[time], token in STAMPS and token & 1))
        elif type(token) is int and token >= LARGE:
            named.append(("n", names.setdefault(token, len(names))))
        else:
            named.append(token)
    return blake2b(repr(named).encode(), digest_size=16).digest()


def _time(token: Any) -> int | None:
    if type(token) is not int:
        return None
    if token in TIMES:
        return token
    return token >> 1 if token in STAMPS else None


def _cluster(cluster: SmallCluster) -> Iterator[Any]:
    for node in cluster.nodes:
        yield from _node(node)
    oracle = cluster.oracle
    judges = (oracle.deletes, oracle.coverage, oracle.acknowledged)
    for judge in judges:
        for name, value in sorted(vars(judge).items()):
            if name != "_deletes":
                yield from _value(value)
    if cluster.saved is not None:
        yield cluster.saved.node
        yield from _image(cluster.saved.image)
    if cluster.flying is not None:
        frame = decoded(cluster.flying.data)
        yield from (cluster.flying.node, cluster.flying.address)
        yield from _value(frame.fence)
        if frame.page is not None:
            yield from _value(page_of(frame, frame.page))


def _node(node: SmallNode) -> Iterator[Any]:
    replica = node.replica
    yield f"node {node.index}"
    yield from _image(node.store.image)
    copy: MemoryStore | None = node.store.copy
    if copy is not None:
        yield from _image(copy.image)
        yield from _value(replica._renewal._copying)  # noqa: SLF001 - a state has no other face
    yield from _value(replica.peers._peers)  # noqa: SLF001 - the same
    yield replica.membership._settled  # noqa: SLF001 - the same


def _image(image: MemoryImage) -> Iterator[Any]:
    yield from _value(image.rows)
    yield from _value(image.ledger)


def _value(value: Any) -> Iterator[Any]:
    """Yield what a value is made of, in an order that does not depend on its history."""
    if value is None or isinstance(value, int | bytes | str):
        yield value
    elif isinstance(value, Enum):
        yield value.name
    elif isinstance(value, Mapping):
        yield f"{len(value)} keys"
        for key in sorted(value):
            yield from _value(key)
            yield from _value(value[key])
    elif isinstance(value, set | frozenset):
        yield from _value(sorted(value))
    elif is_dataclass(value):
        yield from _fields(value, [at.name for at in fields(value)])
    elif isinstance(value, Struct):
        yield from _fields(value, value.__struct_fields__)
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        yield from _fields(value, value._fields)
    else:
        yield f"{len(value)} of"
        for one in value:
            yield from _value(one)


def _fields(value: Any, names: Any) -> Iterator[Any]:
    for name in names:
        if name not in LEFT_OUT:
            yield from _value(getattr(value, name))
