"""What keeping digest sums costs a write: the same writes, with and without them."""

import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from unittest.mock import patch

from bench.stores import copy, identifier, opened
from lastword.replication.hashing import Place
from lastword.store.ledger import Row
from lastword.store.operations import Write
from lastword.store.sqlite.store import SqliteStore
from lastword.store.transaction import Transaction

ROUNDS = 31
WRITES_PER_ROUND = 2_000


class NoTally:
    """Stands in for what adds up: it does nothing, and nothing of it is stored."""

    def add_up(self, where: Place, old: Row | None, stamp: int) -> None:
        """Do nothing."""


def measure(base: Path, elements: int, sizes: Sequence[int]) -> None:
    """Print the ratio of write times, with sums to without, by writes per transaction."""
    print("| writes per transaction | us a write, without sums | with sums | ratio |")
    print("| --- | --- | --- | --- |")
    for size in sizes:
        with_path = copy(base, base.with_name("with-sums.db"))
        without_path = copy(base, base.with_name("without-sums.db"))
        with opened(with_path) as kept, opened(without_path) as bare:
            kept_us, bare_us = _rounds(kept, bare, elements, size)
        ratio = statistics.median(one / other for one, other in zip(kept_us, bare_us, strict=True))
        medians = statistics.median(bare_us), statistics.median(kept_us)
        print(f"| {size} | {medians[0]:.1f} | {medians[1]:.1f} | {ratio:.2f} |", flush=True)


def _rounds(
    kept: SqliteStore, bare: SqliteStore, elements: int, size: int
) -> tuple[list[float], list[float]]:
    """Return the microseconds of a write in each round, in turns."""
    rng = Random(size)
    without_sums = patch.object(Transaction, "_tally", lambda *_: NoTally())
    kept_us, bare_us = [], []
    for _ in range(ROUNDS):
        # Half of them are new; elements' numbers beyond `elements` were never written.
        written = [identifier(rng.randrange(2 * elements)) for _ in range(WRITES_PER_ROUND)]
        kept_us.append(_write_us(kept, written, size))
        with without_sums:
            bare_us.append(_write_us(bare, written, size))
    return kept_us, bare_us


def _write_us(store: SqliteStore, elements: Sequence[bytes], size: int) -> float:
    """Write in transactions of `size`; return the microseconds of a write."""
    began = time.perf_counter()
    for start in range(0, len(elements), size):
        store.execute(Write(b"set0", add=tuple(elements[start : start + size])))
    return (time.perf_counter() - began) / len(elements) * 1e6
