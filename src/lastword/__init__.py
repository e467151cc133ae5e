"""lastword: replicated sets in which the latest operation on each element counts.

`LWWSet` is the library: a set that merges with its copies, without a server. Importing this
package brings in neither the service nor the client.
"""

from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, TypeVar, cast

from lastword.crdt import lww_set
from lastword.crdt.clock import Clock, HybridClock
from lastword.wall import wall_us

__all__ = ["LWWSet", "__version__"]

__version__: str

E = TypeVar("E", bound=Hashable)


class LWWSet(lww_set.LWWSet[E]):
    """An LWW-Element-Set on this machine's time.

    Without `clock`, each set gets a hybrid clock of its own over the wall.
    """

    __slots__ = ()

    def __init__(self, iterable: Iterable[E] = (), *, clock: Clock | None = None) -> None:
        super().__init__(iterable, clock=_clock_or_wall(clock))

    @classmethod
    def from_json(cls, data: bytes, *, clock: Clock | None = None) -> "LWWSet[str]":
        """Return the set of a state in JSON, as `to_json` and a node's `GET /<set>` write it.

        Raises InvalidRequest, InvalidTime, InvalidElement; the last also for elements that are no
        text.
        """
        return cast("LWWSet[str]", super().from_json(data, clock=_clock_or_wall(clock)))

    @classmethod
    def from_msgpack(cls, data: bytes, *, clock: Clock | None = None) -> "LWWSet[str | bytes]":
        """Return the set of a state in msgpack, as `to_msgpack` writes it.

        Raises InvalidRequest, InvalidTime, InvalidElement.
        """
        return cast("LWWSet[str | bytes]", super().from_msgpack(data, clock=_clock_or_wall(clock)))


def _clock_or_wall(clock: Clock | None) -> Clock:
    return HybridClock(wall_us) if clock is None else clock


if not TYPE_CHECKING:  # else every name would be an attribute

    def __getattr__(name: str) -> str:
        """Look up `__version__` when it is asked for: reading the metadata takes 50 ms."""
        if name != "__version__":
            raise AttributeError(f"module 'lastword' has no attribute {name!r}")
        from importlib.metadata import version  # noqa: PLC0415 - this is what takes the time

        return version("lastword")
