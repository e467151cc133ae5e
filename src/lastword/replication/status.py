"""What a replica says of itself to operators: its members, collection, and a copy under way."""

from collections.abc import Iterator
from typing import NamedTuple

from lastword.replication.entries import Dot
from lastword.replication.fence import Standing
from lastword.replication.replica import Replica


class MemberStatus(NamedTuple):
    """One other member, as this node sees it.

    `silent_us` is how long it was not heard while this node was up; `standing` how this node
    stands to it; `blocks_since_us` since when, as wall microseconds, it holds collection back.
    """

    address: str
    answers: bool
    silent_us: int
    standing: Standing
    blocks_since_us: int | None


class Status(NamedTuple):
    """`old` is the log number up to which all is older than the grace period.

    `held_back` and `collected` are of the last round and since the start; `source` is the member
    that is copied, if one is, `copied` how many of its entries have arrived, and `copied_percent`
    how much of its log was read for that. `copies_finished` is since the start. `is_damaged` says
    that it holds what cannot be read or does not add up, and wants to copy a member.
    """

    members: tuple[MemberStatus, ...] = ()
    may_collect: bool = False
    old: int = 0
    held_back: int = 0
    collected: int = 0
    members_lapsed: int = 0
    source: str | None = None
    copied: int = 0
    copied_percent: int = 0
    copies_finished: int = 0
    is_damaged: bool = False


def status_of(replica: Replica, now_us: int) -> Status:
    """Return how a replica stands to its members, what it collected, and whom it copies."""
    return Status(
        members=tuple(_members(replica, now_us)),
        may_collect=replica.state.may_collect,
        old=replica.collection.old(),
        held_back=replica.collection.held_back,
        collected=replica.counters.tombstones_collected,
        members_lapsed=replica.counters.members_lapsed,
        source=replica.source,
        copied=replica.copied,
        copied_percent=replica.copied_percent,
        copies_finished=replica.counters.copies_finished,
        is_damaged=replica.state.is_damaged,
    )


def _members(replica: Replica, now_us: int) -> Iterator[MemberStatus]:
    listed = replica.state.members() - {replica.membership.address}
    for peer in replica.peers.listed_others(listed):
        yield MemberStatus(
            peer.address,
            peer.answered and not peer.failures,
            peer.report.silent_us(now_us),
            peer.theirs.standing,
            replica.collection.blocked.get(peer.address),
        )


class MemberHolds(NamedTuple):
    """Whether another member is known to cover a write, and how long ago it was heard.

    `heard_us` is None where it was never heard on this file.
    """

    address: str
    has: bool
    heard_us: int | None


def holding_of(replica: Replica, dot: Dot | None, now_us: int) -> tuple[MemberHolds, ...]:
    """Return for each other member whether what it last said covers a dot; nobody has None."""
    listed = replica.state.members() - {replica.membership.address}
    return tuple(
        MemberHolds(
            peer.address,
            dot is not None and peer.is_known_to_have(*dot),
            peer.report.silent_us(now_us) if peer.was_heard else None,
        )
        for peer in replica.peers.listed_others(listed)
    )
