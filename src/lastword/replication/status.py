"""What a replica says of itself to operators: its members, collection, and a copy under way."""

from collections.abc import Iterator
from typing import NamedTuple

from lastword.replication.entries import Dot
from lastword.replication.fence import Standing
from lastword.replication.lag import lacking
from lastword.replication.peers import Peer
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


class MemberLag(NamedTuple):
    """How far another member and this node are behind each other; times are microseconds.

    `lag_us` and `lacks` are what this node lacks of it, `their_lag_us` and `they_lack` what it is
    not known to have of this node's; None where nothing was heard since the start. `heard_us` is
    how long ago it told of its log, `compared_us` how long ago digests were compared and could
    tell whether they are `equal`.
    """

    address: str
    answers: bool
    standing: Standing
    version: int
    heard_us: int | None
    lag_us: int | None
    lacks: int | None
    their_lag_us: int | None
    they_lack: int | None
    equal: bool | None
    compared_us: int | None
    skew_us: int | None


def lags_of(replica: Replica, now_us: int) -> tuple[MemberLag, ...]:
    """Return how far each other member and this node are behind each other."""
    listed = replica.state.members() - {replica.membership.address}
    skews = {peer.address: peer.skew_us for peer in replica.verdict.peers}
    return tuple(
        _lag(replica, peer, skews.get(peer.address), now_us)
        for peer in replica.peers.listed_others(listed)
    )


def _lag(replica: Replica, peer: Peer, skew_us: int | None, now_us: int) -> MemberLag:
    lag, answers = peer.lag, peer.answered and not peer.failures
    was_told = lag.told_us is not None
    lacks = lacking(peer.report.entries, replica.state.seen) if was_told else None
    is_level = lag.is_level and answers
    return MemberLag(
        peer.address,
        answers,
        peer.theirs.standing,
        peer.version,
        heard_us=_since(lag.told_us, now_us),
        lag_us=0 if is_level else _since(lag.level_us, now_us),
        lacks=lag.unread if was_told else None,
        their_lag_us=0 if lacks == 0 else _since(lag.theirs_us, now_us),
        they_lack=lacks,
        equal=lag.equal,
        compared_us=_since(lag.compared_us, now_us),
        skew_us=skew_us,
    )


def _since(then_us: int | None, now_us: int) -> int | None:
    return None if then_us is None else now_us - then_us
