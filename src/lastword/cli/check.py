"""`lastword check`: verify the file of a node that does not run, and change nothing."""

import time
from pathlib import Path
from typing import Annotated

import typer

from lastword.config import NodeConfig
from lastword.errors import CorruptStore
from lastword.store.ledger import Ledger
from lastword.store.sqlite.verify import PROBLEMS_MAX, verify_file

_DEFAULTS = NodeConfig()


def check(
    database: Annotated[
        Path,
        typer.Option(
            "-d",
            "--database",
            "--dbfile",
            envvar="LASTWORD_DATABASE",
            help="The file to verify; no node may run on it.",
        ),
    ] = _DEFAULTS.database,
) -> None:
    """Verify a node's file: every page's checksum, every row, and all sums against the rows.

    It reads the whole file and changes no byte of it. Exit code 0 where everything holds, 3 where
    the file is in use or none of ours, 4 where something does not hold: each set is named.
    """
    began_s = time.perf_counter()
    verified = verify_file(database)
    if verified.problems:
        for problem in verified.problems:
            typer.echo(problem)
        count = len(verified.problems)
        at_least = "at least " if count == PROBLEMS_MAX else ""
        raise CorruptStore(f"{database} does not hold in {at_least}{count} places")
    took_s = time.perf_counter() - began_s
    typer.echo(f"{database} holds: {_contents(verified.ledger)}; verified in {took_s:.1f} s")


def _contents(ledger: Ledger) -> str:
    totals = ledger.totals.values()
    return (
        f"{len(totals)} sets, "
        f"{sum(at.present for at in totals)} elements, "
        f"{sum(at.tombstones for at in totals)} tombstones, "
        f"{sum(map(len, ledger.buckets.values()))} buckets, "
        f"root {ledger.sums.first:016x}{ledger.sums.second:016x}"
    )
