"""The invariants of a store, verified row by row. Every test that opens a store ends with it."""

from collections.abc import Iterator

from lastword.errors import CorruptStore
from lastword.limits import ELEMENT_BYTES_MAX, SHOWN_BYTES_MAX, STAMP_MAX
from lastword.replication.hashing import Place, Sums, element_of, place
from lastword.replication.vectors import covers
from lastword.store.buckets import Buckets
from lastword.store.ledger import NO_TOTALS, Key, Ledger, Row
from lastword.store.tally import Tally

Stretches = dict[int, range]


def check_rows(ledger: Ledger, rows: Iterator[tuple[Key, Row]], bucketed_entries: int) -> None:
    """Raise CorruptStore, naming the first thing that does not hold, if there is one."""
    for problem in problems(ledger, rows, bucketed_entries):
        raise CorruptStore(problem)


def problems(
    ledger: Ledger, rows: Iterator[tuple[Key, Row]], bucketed_entries: int | None
) -> Iterator[str]:
    """Yield what does not hold: of each set one thing, then of the file.

    Counts, sums and buckets are those of the rows; log numbers are unique and within the log; own
    dots are covered; positions are those of their elements; runs and cursors are in order. A set
    of more than `bucketed_entries` has buckets, unless that is None.
    """
    own = _stretches(ledger)
    arrived: set[int] = set()
    counts: dict[bytes, _Count] = {}
    for name, row in rows:
        set_name, key = name
        count = counts.get(set_name)
        if count is None:
            count = counts[set_name] = _Count(ledger.buckets.get(set_name))
        where = place(set_name, element_of(key), ledger.digest_key)
        count.problem = count.problem or _row_problem(ledger, own, name, where, row)
        if row.arrived in arrived:
            count.problem = f"log number {row.arrived} was given twice, once in set {set_name!r}"
        arrived.add(row.arrived)
        count.tally.add_up(where, None, row.stamp)
    for set_name in sorted({*counts, *ledger.totals, *ledger.buckets}):
        count = counts.get(set_name) or _Count(ledger.buckets.get(set_name))
        problem = count.problem or _set_problem(ledger, set_name, count, bucketed_entries)
        if problem is not None:
            yield problem
    yield from _ledger_problems(ledger, own)


class _Count:
    """What the rows of a set add up to, in the stretches of the buckets that are held of it."""

    __slots__ = ("problem", "tally")

    def __init__(self, held: Buckets | None) -> None:
        sound = held is not None and held.is_partition()
        self.problem: str | None = None
        self.tally = Tally(NO_TOTALS, held.emptied() if held is not None and sound else None)

    def buckets(self) -> Buckets | None:
        """Return the buckets as the rows say, or None where those that are held are unsound."""
        counted = self.tally.buckets
        if counted is not None:
            counted.change(self.tally.changed())
        return counted


def _row_problem(ledger: Ledger, own: Stretches, name: Key, where: Place, row: Row) -> str | None:
    set_name, key = name
    if len(element_of(key)) > ELEMENT_BYTES_MAX:
        wrong = "is over the limit"
    elif where.key != key:
        wrong = "lies out of place"
    elif not 0 <= row.stamp <= STAMP_MAX:
        wrong = f"has stamp {row.stamp}"
    elif not 1 <= row.arrived <= ledger.log_end:
        wrong = f"has log number {row.arrived}"
    elif row.number < 1:
        wrong = f"has dot number {row.number}"
    elif row.number in own.get(row.run, ()) and not covers(ledger.seen, row.run, row.number):
        wrong = "has an own dot not covered"
    else:
        return None
    return f"element {element_of(key)[:SHOWN_BYTES_MAX]!r} of set {set_name!r} {wrong}"


def _set_problem(
    ledger: Ledger, set_name: bytes, count: _Count, bucketed_entries: int | None
) -> str | None:
    totals = count.tally.totals()
    kept = ledger.totals.get(set_name, NO_TOTALS)._replace(collected_time=0)
    if kept != totals:
        return f"set {set_name!r} says {kept}, its rows add up to {totals}"
    held = ledger.buckets.get(set_name)
    if held is None:
        if bucketed_entries is None or totals.entries <= bucketed_entries:
            return None
        return f"set {set_name!r} has no buckets for its {totals.entries} entries"
    counted = count.buckets()
    if counted is None:
        return f"the buckets of set {set_name!r} do not partition it"
    for bucket, renewed in zip(held, counted, strict=True):
        if bucket != renewed:
            return f"set {set_name!r} has {bucket}, its rows add up to {renewed}"
    return None


def fact_problems(ledger: Ledger) -> Iterator[str]:
    """Yield what of a file's own facts does not hold, without a look at its rows. O(sets)."""
    yield from _ledger_problems(ledger, _stretches(ledger))


def _ledger_problems(ledger: Ledger, own: Stretches) -> Iterator[str]:
    began = [own.began for own in ledger.own_runs]
    if began != sorted(began):
        yield "own runs are out of order"
    if not all(1 <= first <= ledger.log_end + 1 for first in began):
        yield "a run begins off the log"
    for run, stretch in own.items():
        number = ledger.seen.get(run)
        beyond = run != ledger.run and number is not None and number >= stretch.stop
        if not (number is None or number in stretch or beyond):
            yield f"own run {run} covers {number}, outside its stretch of the log"
    for peer, cursor in ledger.cursors.items():
        if not 0 <= cursor.number <= cursor.head:
            yield f"the cursor for {peer} is past its head"
    sums = Sums()
    for totals in ledger.totals.values():
        sums = sums.plus(totals.sums)
    if sums != ledger.sums:
        yield "the sets' sums do not add up to the file's"
    if ledger.redotted > ledger.log_end:
        yield "dots were checked past the log's end"


def _stretches(ledger: Ledger) -> Stretches:
    """Return the log numbers that each own run gave here.

    A run that is over may have gone further elsewhere: this may be an older copy of a file.
    """
    if not ledger.own_runs:  # a file that was made, and whose first start did not get further
        return {}
    ends = [own.began for own in ledger.own_runs[1:]] + [ledger.log_end + 1]
    return {own.run: range(own.began, end) for own, end in zip(ledger.own_runs, ends, strict=True)}
