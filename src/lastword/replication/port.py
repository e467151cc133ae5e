"""What the protocol needs of a state. The stores provide it; nothing else does.

Every method that changes something returns when the change is on disk.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from lastword.replication.entries import (
    Applied,
    Bucket,
    Collected,
    CopyOrigin,
    Cursor,
    Entry,
    Held,
    MemberReport,
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


class Copy(Protocol):
    """A copy of another node's state, in a file of its own."""

    @property
    def run(self) -> int:
        """The run that began with it."""

    @property
    def entries_held(self) -> int:
        """How many entries it holds. O(sets)."""

    def cursor(self, peer: str) -> Cursor:
        """Return how far the log of `peer` was read into it."""

    def apply(self, page: Page, peer: str, fenced_for: int = 0) -> Applied | None:
        """Take in a page; see State.apply."""

    @property
    def origin(self) -> CopyOrigin:
        """Where it comes from, as it was kept; NO_ORIGIN where it cannot be gone on with."""

    def keep_origin(self, origin: CopyOrigin) -> None:
        """Keep with the copy where it comes from."""


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

    @property
    def collected(self) -> GrowingVector:
        """What this node has collected: for each run, up to which number tombstones went."""

    @property
    def collected_time(self) -> int:
        """The greatest time of a tombstone that was ever collected here, or known to be."""

    def collected_times(self, set_names: Sequence[bytes]) -> list[int]:
        """Return for each set the greatest time of its tombstones that were collected here."""

    @property
    def copy(self) -> "Copy | None":
        """The copy of another node that this one makes, if it does; also one that was left."""

    def begin_copy(self) -> "Copy":
        """Begin a copy in a new file, in place of any other copy."""

    def drop_copy(self) -> None:
        """Give up the copy."""

    def take_over(self, collected: Vector, least_time: int, greatest_time: int) -> int:
        """Put the copy, which is whole, in the place of what is held; return how many it refused.

        The copy gets `collected`, and of every set at least `least_time` as the time up to which
        tombstones were collected, of those that are not there `greatest_time`. Every entry that it
        does not cover is offered to it first; what it refuses, since it may be of something long
        removed, is kept for the operator. From then on this state is the copy, of another run.
        """

    @property
    def may_collect(self) -> bool:
        """Whether this file knows of what its cluster has collected."""

    def allow_collection(self) -> None:
        """Note that it does."""

    def number_at(self, wall_us: int) -> int:
        """Return a log number that was certainly reached by `wall_us`."""

    def collect(self, stable: Vector, after: int, until: int, limit: int) -> Collected:
        """Collect tombstones with `after < arrived <= until` that `stable` and `seen` cover.

        Up to `limit` are looked at.
        """

    def collect_too(self, entries: tuple[Entry, ...], fenced_for: int) -> int:
        """Collect tombstones that another node has collected, where `seen` covers them.

        Returns how many went.
        """

    def reports(self) -> Mapping[str, MemberReport]:
        """Return what members last said that they cover, as it was kept."""

    def keep_reports(self, reports: Mapping[str, MemberReport]) -> None:
        """Keep what each listed member last said, in place of all that was kept before."""

    def cursor(self, peer: str) -> Cursor:
        """Return how far this node has read the log of `peer`."""

    def page(self, cursor: Cursor, *, for_run: int, seen: Vector, vouched: Vector) -> Page:
        """Return the page that follows `cursor`, without what `seen` covers.

        `vouched` is of this node's own vector, read before; it goes with the page that reaches
        the log's end. Where the cursor does not hold, the page begins at the log's start.
        """

    def apply(self, page: Page, peer: str, fenced_for: int = 0) -> Applied | None:
        """Take in a page from `peer`: rows and cursor in one transaction.

        Returns None, having done nothing, where the page does not start at the present cursor,
        was made for another run of this node, or the hash of `collected` is not `fenced_for`, of
        which the giver said that it covers it.
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

    def apply_entries(self, entries: tuple[Entry, ...], fenced_for: int = 0) -> Applied:
        """Take in entries of a comparison. It raises neither cursor nor vector.

        Nothing is done where the hash of `collected` is not `fenced_for`.
        """

    @property
    def is_damaged(self) -> bool:
        """Whether something cannot be read, or does not add up: nothing is given to others then.

        Whatever is read may raise CorruptStore.
        """

    def distrust(self, set_name: bytes) -> bool:
        """Add up a set from its rows; where they are not what is kept of them it is damaged.

        Returns whether it is: it is not served from then on.
        """

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
