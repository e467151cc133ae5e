"""What a store does first when it is opened: it makes sums of stretches where they are amiss."""

import logging
from collections.abc import Callable

from lastword.store.ledger import Ledger

logger = logging.getLogger(__name__)


def mend(ledger: Ledger, bucketed_entries: int, recount: Callable[[bytes], bool]) -> None:
    """Make the buckets that large sets lack, and recount sets that differ from their buckets.

    A file of before buckets were kept lacks them; what differs was lost or changed behind the
    node's back. O(buckets), and O(rows) of the sets that are recounted.
    """
    for set_name, totals in list(ledger.totals.items()):
        buckets = ledger.buckets.get(set_name)
        if buckets is None:
            if totals.entries > bucketed_entries:
                recount(set_name)
        elif not buckets.is_partition() or buckets.totals() != (totals.entries, totals.sums):
            logger.warning("set %r is recounted: it differs from its buckets", set_name)
            recount(set_name)
