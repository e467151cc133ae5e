"""What the protocol needs of a state. The stores provide it; nothing else does.

Every method that changes something returns when the change is on disk.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from lastword.replication.entries import (
    Applied,
    Bucket,
    Cursor,
    Entry,
    Held,
    Page,
    Redotted,
    SetDigest,
)
from lastword.replication.hashing import Sums
from lastword.replication.vectors import GrowingVector, Vector

T = TypeVar("T")


class Randomness(Protocol):
    """What the protocol needs of a source of randomness; `random.Random` is one."""

    def uniform(self, a: float, b: float, /) -> float:
        """Return a number between `a` and `b`."""

    def getrandbits(self, k: int, /) -> int:
        """Return a number of `k` random bits."""

    def sample(self, population: Sequence[T], k: int, /) -> list[T]:
        """Return `k` different members of `population`, in random order."""


class State(Protocol):
    """The state of one node, as its replica sees it."""

    @property
    def run(self) -> int:
        """The run that this start of the node began."""

    @property
    def log_end(self) -> int:
        """The greatest log number that was ever given."""

    @property
    def seen(self) -> GrowingVector:
        """What this node covers."""

    def cursor(self, peer: str) -> Cursor:
        """Return how far this node has read the log of `peer`."""

    def page(self, cursor: Cursor, *, for_run: int, seen: Vector, vouched: Vector) -> Page:
        """Return the page that follows `cursor`, without what `seen` covers.

        `vouched` is of this node's own vector, read before; it goes with the page that reaches
        the log's end. Where the cursor does not hold, the page begins at the log's start.
        """

    def apply(self, page: Page, peer: str) -> Applied | None:
        """Take in a page from `peer`: rows and cursor in one transaction.

        Returns None, having done nothing, where the page does not start at the present cursor
        or was made for another run of this node.
        """

    @property
    def digest_key(self) -> bytes:
        """The key of positions and digest sums."""

    def sums(self) -> Sums:
        """Return the digest sums of all that this node holds."""

    def reading(self) -> AbstractContextManager[None]:
        """Let all rows that are read within come from one snapshot."""

    def sets_between(self, low: int, high: int) -> list[SetDigest]:
        """Return the sets with entries whose positions are in [low, high), in their order."""

    def buckets_between(self, set_name: bytes, low: int, high: int) -> list[Bucket]:
        """Return the buckets that overlap positions [low, high), in order.

        Sets that are small, or not there, have none. They may be newer than the rows.
        """

    def rows_between(
        self, set_name: bytes, low: bytes, high: bytes | None, limit: int
    ) -> list[Held]:
        """Return up to `limit` rows with keys in [low, high), in order; None is no upper end."""

    def apply_entries(self, entries: tuple[Entry, ...]) -> Applied:
        """Take in entries of a comparison. It raises neither cursor nor vector."""

    def recount(self, set_name: bytes) -> bool:
        """Add up a set's sums anew from its rows; return whether they had been wrong."""

    def redot(self, *, age_us: int) -> Redotted:
        """Give new dots to rows that arrived before `age_us` ago and are not covered yet.

        It looks at a bounded number of rows a call.
        """

    def begin_run(self) -> None:
        """Begin a new run on this file."""

    def members(self) -> frozenset[str]:
        """Return the listed addresses."""

    def list_member(self, address: str) -> None:
        """Add `address` to the listed addresses, as this node's own."""

    def unlist_member(self, address: str) -> None:
        """Remove `address` from the listed addresses."""

    @property
    def listed_before(self) -> str | None:
        """The address that this file was last listed under by itself."""
