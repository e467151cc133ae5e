"""The invariants of a store, verified row by row. Every test that opens a store ends with it."""

from collections import defaultdict
from collections.abc import Iterator

from lastword.crdt.stamp import is_removed
from lastword.errors import CorruptStore
from lastword.limits import ELEMENT_BYTES_MAX, STAMP_MAX
from lastword.replication.hashing import Sums, element_of, place
from lastword.replication.vectors import covers
from lastword.store.ledger import NO_TOTALS, Key, Ledger, Row, Totals

Stretches = dict[int, range]


def check_rows(ledger: Ledger, rows: Iterator[tuple[Key, Row]]) -> None:
    """Raise CorruptStore, naming what does not hold, unless rows and ledger agree.

    Counts and sums are those of the rows; log numbers are unique and within the log; own dots
    are covered; positions are those of their elements; runs and cursors are in order.
    """
    own = _stretches(ledger)
    arrived: set[int] = set()
    totals: defaultdict[bytes, Totals] = defaultdict(Totals)
    for (set_name, key), row in rows:
        _check_row(ledger, own, set_name, key, row)
        _require(row.arrived not in arrived, f"log number {row.arrived} was given twice")
        arrived.add(row.arrived)
        totals[set_name] = _plus(totals[set_name], set_name, key, row.stamp, ledger.digest_key)
    for set_name in totals.keys() | ledger.totals.keys():
        kept = ledger.totals.get(set_name, NO_TOTALS)._replace(collected_time=0)
        _require(
            kept == totals[set_name],
            f"set {set_name!r} says {kept}, its rows add up to {totals[set_name]}",
        )
    _check_ledger(ledger, own)


def _check_row(ledger: Ledger, own: Stretches, set_name: bytes, key: bytes, row: Row) -> None:
    element = element_of(key)
    where = f"element {element[:60]!r} of set {set_name!r}"
    _require(len(element) <= ELEMENT_BYTES_MAX, f"{where} is over the limit")
    _require(place(set_name, element, ledger.digest_key).key == key, f"{where} lies out of place")
    _require(0 <= row.stamp <= STAMP_MAX, f"{where} has stamp {row.stamp}")
    _require(1 <= row.arrived <= ledger.log_end, f"{where} has log number {row.arrived}")
    _require(row.number >= 1, f"{where} has dot number {row.number}")
    if row.number in own.get(row.run, ()):
        _require(covers(ledger.seen, row.run, row.number), f"{where} has an own dot not covered")


def _check_ledger(ledger: Ledger, own: Stretches) -> None:
    began = [own.began for own in ledger.own_runs]
    _require(began == sorted(began), "own runs are out of order")
    _require(all(1 <= first <= ledger.log_end + 1 for first in began), "a run begins off the log")
    for run, stretch in own.items():
        number = ledger.seen.get(run)
        _require(
            number is None or number in stretch or (run != ledger.run and number >= stretch.stop),
            f"own run {run} covers {number}, outside its stretch of the log",
        )
    for peer, cursor in ledger.cursors.items():
        _require(0 <= cursor.number <= cursor.head, f"the cursor for {peer} is past its head")
    sums = Sums()
    for totals in ledger.totals.values():
        sums = sums.plus(totals.sums)
    _require(sums == ledger.sums, "the sets' sums do not add up to the file's")
    _require(ledger.redotted <= ledger.log_end, "dots were checked past the log's end")


def _stretches(ledger: Ledger) -> Stretches:
    """Return the log numbers that each own run gave here.

    A run that is over may have gone further elsewhere: this may be an older copy of a file.
    """
    ends = [own.began for own in ledger.own_runs[1:]] + [ledger.log_end + 1]
    return {own.run: range(own.began, end) for own, end in zip(ledger.own_runs, ends, strict=True)}


def _plus(totals: Totals, set_name: bytes, key: bytes, stamp: int, digest_key: bytes) -> Totals:
    step = place(set_name, element_of(key), digest_key).change(None, stamp)
    removed = is_removed(stamp)
    return Totals(
        totals.present + (not removed), totals.tombstones + removed, totals.sums.plus(step)
    )


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise CorruptStore(otherwise)
