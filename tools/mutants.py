"""Mutants of the product: one rule each is made wrong, and the simulation or a suite must notice.

`python -m tools.mutants` plays a campaign on each mutant, on a copy of the package, until a seed
fails, and the same campaign on the code as it is, which must pass. What the simulation does not
play is caught by the suite that the mutant names. It prints a Markdown table.
A new mutant is one more line in MUTANTS.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).parent.parent / "src" / "lastword"
SEEDS = 200
FAILED = r"FAILED \S+::(\w+)(?:\[(.*?)\])?(?: - .*?Violated: ([\w ]+):)?"
HEAD = """| mutant | caught by | at seed |
| --- | --- | ---: |"""


class Mutant(NamedTuple):
    """A line of a file under src/lastword, and the wrong one in its place; indents do not count.

    The line must be the only one of its kind, or the first behind the line that begins `within`.
    `suite` is the file of tests that catches it, where the simulation does not. `also` is a second
    guard of the same rule, which is taken away with the first.
    """

    name: str
    file: str
    line: str
    wrong: str
    within: str = ""
    suite: str = ""
    also: "Mutant | None" = None


MUTANTS = (
    Mutant(
        "vector with every page, not only the last",
        "store/base.py",
        "seen=vouched if reached == log.log_end else None,",
        "seen=vouched,",
    ),
    Mutant(
        "a page's last entry dropped",
        "store/base.py",
        "entries=entries,",
        "entries=entries[:-1],",
    ),
    Mutant(
        "a full page taken for the log's end",
        "store/base.py",
        "return log.rows[-1].arrived if len(log.rows) == limit else log.log_end",
        "return log.log_end",
    ),
    Mutant(
        "what the asker has seen sent again",
        "store/base.py",
        "wanted = [row for row in log.rows if covered(row.entry.run, 0) < row.entry.number]",
        "wanted = log.rows",
    ),
    Mutant(
        "at equal times add wins, where a page brings it",
        "store/operations.py",
        "elif held is None or stamp > held.stamp:",
        "elif held is None or stamp ^ 1 > held.stamp ^ 1:",
        within="def _apply_entry",
    ),
    Mutant(
        "a superseding entry does not replace what is held",
        "store/operations.py",
        "elif held is None or stamp > held.stamp:",
        "elif held is None:",
        within="def _apply_entry",
    ),
    Mutant(
        "cursor advanced though the page was refused",
        "store/operations.py",
        "return None",
        "transaction.changes.cursors[self.peer] = Cursor(page.run, page.reached, page.head)",
        within="if page.for_run != transaction.run or",
    ),
    Mutant(
        "page taken by another run than it was made for",
        "store/operations.py",
        "if page.for_run != transaction.run or page.cursor != transaction.cursor(self.peer):",
        "if page.cursor != transaction.cursor(self.peer):",
    ),
    Mutant(
        "page taken that does not follow the cursor",
        "store/operations.py",
        "if page.for_run != transaction.run or page.cursor != transaction.cursor(self.peer):",
        "if page.for_run != transaction.run:",
    ),
    Mutant(
        "own write not above what is held",
        "store/operations.py",
        "stamp = next_above(held and held.stamp, now, removed=removed)",
        "stamp = pack(now, removed=removed)",
        also=Mutant(
            "own write of several elements not above what is held",
            "store/operations.py",
            "planned.append((where, next_above(held and held.stamp, now, removed=removed)))",
            "planned.append((where, pack(now, removed=removed)))",
        ),
    ),
    Mutant(
        "no dot taken in place of an orphaned one",
        "store/operations.py",
        "return other > own or transaction.covers(*other)",
        "return False",
    ),
    Mutant(
        "orphaned rows keep their dots",
        "store/operations.py",
        "return sum(self._renew(transaction, orphan) for orphan in self.orphans)",
        "return 0",
    ),
    Mutant(
        "cursor without its head, kept over a restore",
        "store/ledger.py",
        "own.run == cursor.run and cursor.number <= cursor.head <= end",
        "own.run == cursor.run and cursor.number <= end",
    ),
    Mutant(
        "cursor kept for any file that knows its run",
        "store/ledger.py",
        "own.run == cursor.run and cursor.number <= cursor.head <= end",
        "own.run == cursor.run",
    ),
    Mutant(
        "one run id kept over two starts",
        "store/memory.py",
        "self.execute(BeginRun(options.new_run()))",
        "self.ledger.own_runs or self.execute(BeginRun(options.new_run()))",
    ),
    Mutant(
        "log number not given anew where a row changes",
        "store/transaction.py",
        "changes.rows[name] = _new_row(Row, (stamp, run, number, arrived))",
        "changes.rows[name] = Row(stamp, run, number, old.arrived if old else arrived)",
    ),
    Mutant(
        "new dot given, own vector not raised",
        "store/transaction.py",
        "self.changes.seen[run] = number",
        "self.changes.seen.setdefault(run, number - 1)",
        within="def put_own",
    ),
    Mutant(
        "sum not updated where a row is overwritten",
        "store/tally.py",
        "step = stamp - old",
        "step = 0",
    ),
    Mutant(
        "sum of a bucket not updated",
        "store/tally.py",
        "parts[index] = [entries, first, second]",
        "parts[index] = [entries, 0, second]",
    ),
    Mutant(
        "vector taken from what a comparison brings",
        "store/operations.py",
        "return _apply_entries(transaction, self.entries)",
        "transaction.raise_seen({at.run: at.number for at in self.entries}); "
        "return _apply_entries(transaction, self.entries)",
    ),
    Mutant(
        "what a comparison brings not applied",
        "replication/comparisons.py",
        "if entries:",
        "if not entries:",
    ),
    Mutant(
        "roots taken for equal",
        "replication/comparison.py",
        "differs = step.root is not None and step.root != salt.root(state.sums())",
        "differs = False",
    ),
    Mutant(
        "a vector's news told from now on, not from what was taken",
        "replication/knowledge.py",
        "return Vouched(known[0], own.since(version))",
        "return Vouched(known[0], own.since(state.version))",
    ),
    Mutant(
        "any hash taken for an equal vector",
        "replication/knowledge.py",
        "if state.hash in known:",
        "if any(known):",
    ),
    Mutant(
        "what an asker is ahead in forgotten",
        "replication/knowledge.py",
        "return Told({run: own[run] for run in self.ahead} | own.since(self.version))",
        "return Told({})",
    ),
    Mutant(
        "another run's dots taken for covered one too early",
        "store/base.py",
        "wanted = [row for row in log.rows if covered(row.entry.run, 0) < row.entry.number]",
        "wanted = [row for row in log.rows if covered(row.entry.run, 0) < row.entry.number - 1]",
    ),
    Mutant(
        "a clock that is off the median takes writes",
        "replication/skew.py",
        "return abs(self.off_us) > self.max_skew_us",
        "return False",
    ),
    Mutant(
        "the own clock has no voice among those that judge it",
        "replication/skew.py",
        "self.verdict.max_skew_us, -_median([0, *by_run.values()]), 1 + len(by_run), peers",
        "self.verdict.max_skew_us, -_median([*by_run.values()] or [0]), 1 + len(by_run), peers",
    ),
    Mutant(
        "told to others before it is on disk",
        "simulation/node.py",
        "self._held.append((action, arguments))",
        "action(*arguments)",
    ),
    Mutant(
        "a ghost judged by what is not held, not by what is not present",
        "store/ghosts.py",
        "return held is None or (is_removed(held) and stamp > held)",
        "return held is None",
        suite="tests/store/test_contract_ghosts.py",
    ),
    Mutant(
        "an add at the very time of what was collected let in",
        "store/ghosts.py",
        "if is_removed(stamp) or time_of(stamp) > collected_time:",
        "if is_removed(stamp) or time_of(stamp) >= collected_time:",
        suite="tests/store/test_contract_ghosts.py",
    ),
    Mutant(
        "no fence",
        "replication/replica.py",
        "if standing.is_clear:",
        "if standing:",
        suite="tests/simulation/test_histories.py",
    ),
    Mutant(
        "the fence lets in what a node brings that is behind",
        "replication/fence.py",
        "return Standing.CLEAR if body.covers else Standing.AHEAD",
        "return Standing.CLEAR",
        suite="tests/simulation/test_histories.py",
    ),
    Mutant(
        "the fence lets a node take that is behind",
        "replication/fence.py",
        "return Standing.BEHIND if body.covers else Standing.APART",
        "return Standing.CLEAR if body.covers else Standing.AHEAD",
        suite="tests/simulation/test_histories.py",
    ),
    Mutant(
        "the fence judged by newer vectors than those of the read",
        "store/transaction.py",
        "return not self.changes.collected and self.ledger.collected.state.hash == fenced_for",
        "return True",
        suite="tests/simulation/test_histories.py",
        also=Mutant(
            "a page taken in by a node that collected since it asked",
            "replication/fence.py",
            "if theirs.hash != body.collected or body.known != self._state.collected.state.hash:",
            "if theirs.hash != body.collected:",
        ),
    ),
    Mutant(
        "what its source collected not noted in a copy",
        "store/operations.py",
        "transaction.raise_collected(self.collected)",
        "transaction.raise_collected({})",
        suite="tests/simulation/test_histories.py",
    ),
    Mutant(
        "up to when a set was collected not noted in a copy",
        "store/operations.py",
        "transaction.raise_collected_time(set_name, time)",
        "transaction.raise_collected_time(set_name, 0)",
        within="class ApplyPage",
        suite="tests/simulation/test_histories.py",
    ),
    Mutant(
        "up to when sets were collected that are gone not noted in a copy",
        "store/operations.py",
        "changes.greatest_collected = max(self.greatest_time, ledger.greatest_collected)",
        "changes.greatest_collected = ledger.greatest_collected",
        suite="tests/simulation/test_histories.py",
    ),
    Mutant(
        "what peers knew of the old file kept when the files change places",
        "replication/replica.py",
        "self.peers.forget_vectors()",
        "pass",
        suite="tests/simulation/test_histories.py",
    ),
    Mutant(
        "cursors of the old file kept when the files change places",
        "store/memory.py",
        "self.become(copy.image)",
        "kept = self.ledger.cursors; self.become(copy.image); "
        "self.ledger.cursors = kept | self.ledger.cursors",
        suite="tests/simulation/test_histories.py",
    ),
    Mutant(
        "one run kept when the files change places",
        "store/memory.py",
        "self.copy = MemoryStore(self.options, self.image.beside)",
        "self.copy = MemoryStore("
        "StoreOptions(self.options.wall, lambda: self.run), self.image.beside)",
        suite="tests/simulation/test_histories.py",
    ),
    Mutant(
        "a copy not begun again though its source collected meanwhile",
        "replication/renewal.py",
        "or not covers_all(start, copying.theirs.entries)",
        "or not covers_all(start, {})",
        suite="tests/simulation/test_histories.py",
    ),
    Mutant(
        "only own writes offered to a copy",
        "store/offers.py",
        "yield self._copy.execute(Offer(tuple(row.entry for row in rows)))",
        "yield self._copy.execute("
        "Offer(tuple(row.entry for row in rows if row.entry.run == self._store.run)))",
        suite="tests/simulation/test_histories.py",
    ),
    Mutant(
        "a copy merged into the old file",
        "store/memory.py",
        "self.become(copy.image)",
        "list(Offers(copy, self).make(is_last=True)); self.ledger.seen.grow(copy.seen); "
        "self.ledger.collected.grow(copy.collected); self.execute(BeginRun(copy.run))",
        suite="tests/simulation/test_histories.py",
    ),
    Mutant(
        "a damaged node gives pages",
        "replication/replica.py",
        "if self.state.is_damaged:",
        "if False:",
        within="def _given(",
        also=Mutant(
            "",
            "replication/replica.py",
            "if self.state.is_damaged:  # it was found just now",
            "if False:",
        ),
    ),
    Mutant(
        "what does not add up is offered to a copy",
        "store/offers.py",
        "if added_up(self._store, set_name, rows) != at[2:]:",
        "if False:",
    ),
    Mutant(
        "a bucket that lies is divided all the same",
        "store/transaction.py",
        "if added_up(parts) == at[2:]:",
        "if True:",
    ),
    Mutant(
        "a file that was born empty collects",
        "replication/collection.py",
        "if not (self._state.may_collect or self._learn_whether(others)):",
        "if False:",
        suite="tests/simulation/test_histories.py",
    ),
    Mutant(
        "a tombstone dropped by its time alone",
        "store/transaction.py",
        "return is_covered and time_of(stamp) <= self.collected_time(set_name)",
        "return time_of(stamp) <= self.collected_time(set_name)",
        suite="tests/simulation/test_histories.py",
    ),
    Mutant(
        "what is lacking although covered always dropped",
        "store/operations.py",
        "held = transaction.row(set_name, where.key)",
        "held = transaction.row(set_name, where.key) or ("
        "Row(stamp, run, number, 0) if transaction.covers(run, number) else None)",
        within="def _apply_entry(",
    ),
)


class Caught(NamedTuple):
    """How a campaign on a mutant ended: the seed that failed and the check, or neither."""

    seed: int | None
    check: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Play all mutants; return 1 if one is not caught, or the code as it is fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="seeds for each mutant")
    parser.add_argument("--only", default="", help="only mutants whose name has this text")
    given = parser.parse_args(arguments)
    chosen = [mutant for mutant in MUTANTS if given.only in mutant.name]
    for mutant in chosen:
        for part in parts(mutant):
            mutated((SOURCE / part.file).read_text(), part)  # before the first is played
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        control = pool.submit(play, None, given.seeds)
        results = []
        print(HEAD)
        for mutant, result in zip(
            chosen, pool.map(lambda mutant: play(mutant, given.seeds), chosen), strict=True
        ):
            print(row(mutant, result), flush=True)
            results.append(result)
    passed = control.result().seed is None
    print(f"\nThe code as it is: {'passes' if passed else control.result()}.")
    return 0 if passed and all(result.check for result in results) else 1


def play(mutant: Mutant | None, seeds: int) -> Caught:
    """Play a campaign on a copy of the package, with one line of it wrong."""
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "lastword"
        shutil.copytree(SOURCE, package, ignore=shutil.ignore_patterns("__pycache__"))
        for part in () if mutant is None else parts(mutant):
            path = package / part.file
            path.write_text(mutated(path.read_text(), part))
        if mutant is not None and mutant.suite:
            return tested(folder, mutant.suite)
        command = ["lastword", "simulate", "--seeds", str(seeds), "--jobs", "1", "--shrink", "0s"]
        done = ran(folder, *command)
    if done.returncode == 0:
        return Caught(None, "")
    found = re.search(r"seed (\d+): ([\w ]+):", done.stderr)
    if found is not None:
        return Caught(int(found[1]), found[2])
    never = re.search(r"never met: (.*)", done.stderr)
    return Caught(seeds - 1, f"never met: {never[1]}" if never else done.stderr[-200:])


def tested(folder: str, suite: str) -> Caught:
    """Run a suite on the package in `folder`."""
    done = ran(folder, "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:randomly", suite)
    found = re.search(FAILED, done.stdout)
    if done.returncode != 1 or found is None:
        return Caught(None, "")
    test, case, check = found.groups()
    return Caught(None, ": ".join(filter(None, (check, test, case))))


def ran(folder: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a module with the package that stands in `folder`."""
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=SOURCE.parent.parent,
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join((folder, str(SOURCE.parent.parent))), "COLUMNS": "400"},
        capture_output=True,
        text=True,
        check=False,
    )


def parts(mutant: Mutant) -> tuple[Mutant, ...]:
    """Return a mutant and what goes with it, each of one line."""
    return (mutant,) if mutant.also is None else (mutant, *parts(mutant.also))


def mutated(text: str, mutant: Mutant) -> str:
    """Return a file's text with the one line replaced; raise ValueError unless there is one."""
    lines = text.splitlines()
    within = [at for at, line in enumerate(lines) if line.strip().startswith(mutant.within)]
    first = within[0] if within else len(lines)
    places = [at for at in range(first, len(lines)) if lines[at].strip() == mutant.line]
    if not places or (len(places) > 1 and not mutant.within):
        raise ValueError(f"{mutant.file} has {len(places)} lines {mutant.line!r}, not one")
    lines[places[0]] = lines[places[0]].replace(mutant.line, mutant.wrong)
    return "\n".join(lines) + "\n"


def row(mutant: Mutant, caught: Caught) -> str:
    """Return a mutant's row of the table."""
    seed = "" if caught.seed is None else str(caught.seed)
    return f"| {mutant.name} | {caught.check or 'NOT CAUGHT'} | {seed} |"


if __name__ == "__main__":
    sys.exit(main())
