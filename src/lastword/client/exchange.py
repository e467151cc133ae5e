"""An offline set and one on the nodes: what goes over, and what becomes of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from lastword.client.caller import Steps
from lastword.client.kinds import Kind
from lastword.client.set_calls import SetCalls
from lastword.client.set_work import Ghosts
from lastword.crdt.stamp import is_removed
from lastword.errors import FutureTime, GhostElements, Unreachable

ATTEMPTS: Final = 3
"""At a write and a reading that the same node does; with failover between them they may not."""

CLOCK_AHEAD: Final = (
    "This machine's clock was ahead when this was written. Set it right, and call redate(), which "
    "gives what was written so the present time."
)


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What an exchange did: elements sent and received, counted with removed ones.

    `left_out` were ghosts that are gone from here as well, `readded` those with a new time.
    """

    sent: int
    received: int
    left_out: frozenset[Any] = frozenset()
    readded: frozenset[Any] = frozenset()


class Offline(Protocol):
    """What an exchange needs of an offline set."""

    kind: Kind[Any]

    @property
    def version(self) -> int:
        """How many changes it has seen."""

    @property
    def pending(self) -> set[Any]:
        """The elements that changed since the last exchange."""

    def stamps(self) -> dict[bytes, int]:
        """Return the stamp of each element's bytes."""

    def settle(
        self, received: Mapping[bytes, int], forgotten: Iterable[bytes], version: int
    ) -> None:
        """Take in what came of it."""


class Exchanging:
    """One exchange, as generators of steps; the offline set changes at its end, or not at all."""

    def __init__(self, offline: Offline, calls: SetCalls, ghosts: Ghosts) -> None:
        self._offline = offline
        self._calls = calls
        self._ghosts = ghosts

    def steps(self) -> Steps[Exchanged]:
        """Send what is new here, then take in what is new there."""
        version, own = self._offline.version, self._offline.stamps()
        pending = {*map(self._offline.kind.encode, self._offline.pending)}
        _, held = yield from self._calls.state()
        news = {key: stamp for key, stamp in own.items() if _is_news(key, stamp, held, pending)}
        left_out: frozenset[bytes] = frozenset()
        readded: frozenset[bytes] = frozenset()
        try:
            yield from self._calls.merge(news, None)
        except FutureTime as error:
            raise error.reworded(str(error), hint=CLOCK_AHEAD) from error
        except GhostElements:
            if self._ghosts is None:
                raise
            held = yield from self._with_ghosts(news)
            left_out = frozenset(key for key in news if _is_left_out(news[key], held.get(key)))
            readded = frozenset(key for key in news if _is_readded(news[key], held.get(key)))
        received = {key: stamp for key, stamp in held.items() if stamp > own.get(key, -1)}
        self._offline.settle(received, left_out, version)
        return Exchanged(
            len(news) - len(left_out),
            len(received) - len(readded),
            frozenset(map(self._offline.kind.decode, left_out)),
            frozenset(map(self._offline.kind.decode, readded)),
        )

    def _with_ghosts(self, news: Mapping[bytes, int]) -> Steps[dict[bytes, int]]:
        """Merge with the caller's choice; return what the node that did it holds then."""
        for _ in range(ATTEMPTS):
            taker = yield from self._calls.merge(news, self._ghosts)
            address, held = yield from self._calls.state()
            if taker == address:
                return held
        raise Unreachable("no node stayed for long enough to merge the set and to show it")


def _is_news(key: bytes, stamp: int, held: Mapping[bytes, int], pending: set[bytes]) -> bool:
    """Return whether a node has to be told of an element.

    A removal that it does not hold, and that was told before, was collected there.
    """
    if key not in held:
        return key in pending or not is_removed(stamp)
    return stamp > held[key]


def _is_left_out(sent: int, held: int | None) -> bool:
    return not is_removed(sent) and (held is None or (held < sent and is_removed(held)))


def _is_readded(sent: int, held: int | None) -> bool:
    return held is not None and held > sent and not is_removed(sent) and not is_removed(held)
