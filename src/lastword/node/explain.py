"""Why an element is as it is: what the file, the memory of what lost, and members say of it."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from lastword.client.explanation import (
    LOST_SHOWN_MAX,
    DotShown,
    Explanation,
    Holder,
    Learned,
    Lost,
    State,
    Taker,
)
from lastword.client.text import shown_time
from lastword.crdt.stamp import is_removed, time_of
from lastword.crdt.wire import text_or_bytes
from lastword.node.node import Node
from lastword.node.why import why
from lastword.replication.entries import Dot
from lastword.replication.hashing import key_of
from lastword.replication.replica import Replica
from lastword.replication.status import MemberHolds, holding_of
from lastword.store.base import BaseStore
from lastword.store.ledger import Row
from lastword.store.past import Loss, Span


@dataclass(frozen=True, slots=True)
class _Found:
    """What a store says of an element."""

    row: Row | None
    arrival: Span | None
    replaced: list[Loss]
    refused: list[Loss]
    collected_time: int


@dataclass(frozen=True, slots=True)
class _Told:
    """What the replica says: which members have it, and who served which run."""

    holders: tuple[MemberHolds, ...]
    addresses: dict[int, str]
    own_address: str


async def explain(node: Node, set_name: bytes, element: bytes) -> Explanation:
    """Return why an element is as it is here."""
    found = await node.read(lambda: _found(node.store, set_name, element))
    told = await node.ask(lambda replica, now_us: _told(replica, found.row, now_us))
    return _Writer(node.store, told).explanation(set_name, element, found)


def _found(store: BaseStore, set_name: bytes, element: bytes) -> _Found:
    row = store.row_of(set_name, element)
    name = (set_name, key_of(set_name, element, store.digest_key))
    return _Found(
        row,
        None if row is None else store.arrival_of(row.arrived),
        store.past.replaced(name),
        store.past.refused(name),
        store.ledger.collected_time(set_name),
    )


def _told(replica: Replica, row: Row | None, now_us: int) -> _Told:
    return _Told(
        holding_of(replica, None if row is None else Dot(row.run, row.number), now_us),
        replica.peers.addresses_of_runs(),
        replica.membership.address,
    )


class _Writer:
    """Writes down what was found, with names for runs and words for times."""

    def __init__(self, store: BaseStore, told: _Told) -> None:
        self._ledger = store.ledger
        self._wall_us = store.options.wall()
        self._since_us = store.past.since_us
        self._told = told
        self._own_runs = {own.run for own in store.ledger.own_runs}

    def explanation(self, set_name: bytes, element: bytes, found: _Found) -> Explanation:
        """Return all of it; the sentence is made of the rest."""
        row, name = found.row, text_or_bytes(element)
        time = None if row is None else time_of(row.stamp)
        explained = Explanation(
            set=set_name.decode(errors="replace"),
            present=row is not None and not is_removed(row.stamp),
            state="unknown" if row is None else _state(row.stamp),
            time=time,
            time_text=None if time is None else shown_time(time),
            ahead=0 if time is None else max(0, time - self._wall_us),
            dot=None if row is None else _dot(row.run, row.number),
            taken_by=None if row is None else self._taker(row.run),
            learned=None if found.arrival is None else self._learned(found.arrival),
            members=[Holder(at.address, at.has, at.heard_us) for at in self._told.holders],
            collected_time=found.collected_time or None,
            tie=_tie(row, found),
            superseded=self._lost(found.replaced),
            refused=self._lost(found.refused),
            remembered_since=self._since_us,
            why="",
        )
        if isinstance(name, str):
            explained.element = name
        else:
            explained.element_base64 = b64encode(name).decode()
        explained.why = why(explained)
        return explained

    def _learned(self, arrival: Span) -> Learned:
        to_us = self._wall_us if arrival.to_us is None else arrival.to_us
        return Learned(arrival.from_us, to_us)

    def _taker(self, run: int) -> Taker:
        if run in self._own_runs:
            return Taker(self._told.own_address or None, this_node=True)
        known = self._told.addresses.get(run) or self._ledger.addresses.get(run)
        return Taker(known, this_node=False)

    def _lost(self, losses: Sequence[Loss]) -> list[Lost]:
        return [
            Lost(
                _state(loss.row.stamp),
                time_of(loss.row.stamp),
                shown_time(time_of(loss.row.stamp)),
                _dot(loss.row.run, loss.row.number) if loss.row.run else None,
                self._taker(loss.row.run) if loss.row.run else None,
                loss.at_us,
            )
            for loss in losses[-LOST_SHOWN_MAX:]
        ]


def _state(stamp: int) -> State:
    return "removed" if is_removed(stamp) else "added"


def _dot(run: int, number: int) -> DotShown:
    return DotShown(f"{run:016x}", number)


def _tie(row: Row | None, found: _Found) -> bool | None:
    """Return whether a remove won over an add of its very time; None where nothing tells."""
    if row is None or not is_removed(row.stamp):
        return False
    rivals = [loss.row.stamp for loss in (*found.replaced, *found.refused)]
    if row.stamp - 1 in rivals:  # an add at a time is just below a remove at it
        return True
    return False if rivals else None
