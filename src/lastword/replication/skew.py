"""How far this node's wall is off those of the others, and whether it may take clients' writes.

A sample is what one reply tells: the other's wall, and the round trip that it took. It is kept as
the other's wall against this node's monotonic clock, so a step of this node's own wall shows at
once, by the samples that are there. A wall that is more than `max_skew_us` off the median of all
voices, its own included, is wrong: a majority says so. It promises that one liar among three
voices or more decides nothing, and that where the voices are split in half nobody is found wrong.

It says nothing of members' entries: they are merged whatever the clocks say.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from lastword.errors import ClockOff

VOICES_MIN = 3
"""Of two clocks that differ nobody can say which is wrong: there is only a warning."""

SAMPLE_AGE_US_MAX = 300_000_000
"""How long a sample counts: in a cluster of 50 that exchanges every five seconds each member is
heard of in less, and two clocks drift apart by some ten milliseconds meanwhile."""

ROUND_TRIP_US_MAX = 20_000_000
"""A sample is wrong by up to half its round trip; with more than this it is none."""


class Skew(NamedTuple):
    """How far the wall at `address` is ahead of this node's, and how old and sure that is."""

    address: str
    skew_us: int
    round_trip_us: int
    age_us: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the samples say of this node's wall: how far it is ahead of the median.

    `voices` counts this node too; `peers` are in the order of their addresses.
    """

    max_skew_us: int
    off_us: int = 0
    voices: int = 1
    peers: tuple[Skew, ...] = ()

    @property
    def refuses(self) -> bool:
        """Whether clients' writes are refused: the wall is too far off the median."""
        return abs(self.off_us) > self.max_skew_us

    @property
    def warns(self) -> bool:
        """Whether two clocks differ too much, and no third says which of them is wrong."""
        return self.voices < VOICES_MIN and self.greatest_us > self.max_skew_us

    @property
    def greatest_us(self) -> int:
        """How far apart this wall and the one furthest from it are."""
        return max((abs(peer.skew_us) for peer in self.peers), default=0)

    def check(self) -> None:
        """Raise ClockOff where clients' writes are refused."""
        if self.refuses:
            raise ClockOff(
                f"the clock of this node is {described(self.off_us)} the median "
                f"of {self.voices} nodes"
            )


def described(off_us: int) -> str:
    """Say how far a wall is off, as in '3600.0 s ahead of'."""
    return f"{abs(off_us) / 1e6:.1f} s {'ahead of' if off_us > 0 else 'behind'}"


class _Sample(NamedTuple):
    """`offset_us`: the other's wall less this node's monotonic clock."""

    run: int
    offset_us: int
    round_trip_us: int
    at_us: int


class Skews:
    """The newest sample of each member, and the verdict."""

    def __init__(self, max_skew_us: int) -> None:
        self._samples: dict[str, _Sample] = {}
        self.verdict = Verdict(max_skew_us)

    def note(self, address: str, run: int, wall_us: int, *, sent_us: int, now_us: int) -> None:
        """Take the wall that a reply of `run` at `address` told; times are monotonic."""
        round_trip_us = now_us - sent_us
        if 0 <= round_trip_us <= ROUND_TRIP_US_MAX:
            offset_us = wall_us + round_trip_us // 2 - now_us
            self._samples[address] = _Sample(run, offset_us, round_trip_us, now_us)

    def judge(self, members: Iterable[str], own_run: int, wall_us: int, now_us: int) -> Verdict:
        """Drop what is old or not of a member; return what the rest says of `wall_us`.

        A node that is listed under two addresses has one voice, and this one its own only.
        """
        oldest_us, listed = now_us - SAMPLE_AGE_US_MAX, frozenset(members)
        self._samples = kept = {
            address: sample
            for address, sample in self._samples.items()
            if address in listed and sample.at_us >= oldest_us and sample.run != own_run
        }
        ahead_us = wall_us - now_us
        peers = tuple(
            Skew(name, at.offset_us - ahead_us, at.round_trip_us, now_us - at.at_us)
            for name, at in sorted(kept.items())
        )
        by_run = {at.run: at.offset_us - ahead_us for at in kept.values()}
        self.verdict = Verdict(
            self.verdict.max_skew_us, -_median([0, *by_run.values()]), 1 + len(by_run), peers
        )
        return self.verdict


def _median(skews_us: list[int]) -> int:
    """Return the median; of two middle ones that which is nearer to this node's own wall, 0."""
    ordered = sorted(skews_us)
    last = len(ordered) - 1
    return min(ordered[last // 2], ordered[len(ordered) // 2], key=abs)
