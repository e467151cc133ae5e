"""What a store does first when it is opened: what can be told cheaply of its file.

Sums of stretches that a large set lacks are made: a file of before they were kept lacks them, and
that is no damage. A set that differs from its buckets is distrusted, since nobody knows which of
them is right, and so is the file where what it says of itself cannot be true.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lastword.store.check import fact_problems

if TYPE_CHECKING:
    from lastword.store.base import BaseStore


def mend(store: "BaseStore") -> None:
    """Make the buckets that large sets lack, and note what does not hold.

    O(buckets), and O(rows) of the sets that lack them.
    """
    for what in list(_lies(store)):
        store.note_fact(what)
    ledger = store.ledger
    for set_name, totals in list(ledger.totals.items()):
        buckets = ledger.buckets.get(set_name)
        if set_name in store.damage.sets:
            continue
        if buckets is None:
            if totals.entries > store.options.bucketed_entries:
                _make_buckets(store, set_name)
        elif not buckets.is_partition() or buckets.totals() != (totals.entries, totals.sums):
            store.distrust(set_name, "it differs from its buckets")


def _make_buckets(store: "BaseStore", set_name: bytes) -> None:
    """Make a set's buckets where its rows add up to its totals."""
    if not store.distrust(set_name):
        store.recount(set_name)


def _lies(store: "BaseStore") -> Iterator[str]:
    """Yield what cannot be true of the file; the log's end is put right, for what is written."""
    ledger = store.ledger
    greatest = store.greatest_arrived()
    if greatest > ledger.log_end:
        yield f"the log ends at {ledger.log_end}, and a row has log number {greatest}"
        ledger.log_end = greatest
    yield from fact_problems(ledger)
