"""What a comparison of two nodes costs: bytes, messages, time and memory, over HTTP on loopback.

    python -m bench.anti_entropy [--folder DIR] [--quick]

Two files differ in d elements of n: 35 % only here, 35 % only there, 15 % newer here, 15 % newer
there. One is served by a node; from the other one comparison is begun. Bodies of messages are
counted, as msgpack and as they travel (compressed from 1 KiB on); all bytes with HTTP's headers
are counted by a proxy between the two. The floor is what the entries that differ take by
themselves, with their dots, in the order in which they travel, in the same encodings.
"""

import argparse
import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random, SystemRandom

import msgspec

from bench import sums
from bench.harness import machine, memory_mb, node, require_disk
from bench.proxy import CountingProxy
from bench.stores import copy, empty, fill, identifier, opened
from lastword.api.transport import HttpTransport
from lastword.limits import PAGE_BYTES_MAX
from lastword.replication import frames, speech
from lastword.replication.entries import Entry
from lastword.replication.hashing import DIGEST_KEY_DEFAULT, key_of, set_position
from lastword.replication.membership import Identity
from lastword.replication.replica import Replica, Send
from lastword.replication.settings import ReplicaSettings
from lastword.store.operations import PEERS_SET, Write
from lastword.store.sqlite.store import SqliteStore

HERE = "127.0.0.1:40001"
"""What the initiator calls itself: nobody listens there, and nobody calls it."""

WRITE_ELEMENTS = 10
"""Differences are written by so many at a time, so that their stamps differ as stamps do."""

HEADER = (
    "| n | d | messages | body bytes | x floor | as they travel | x floor | with headers "
    "| seconds | MB here | MB there | passes |"
)


@dataclass(slots=True)
class Cost:
    """What one comparison cost, as its initiator saw it. `body` is before compression."""

    messages: int = 0
    body: int = 0
    travelled: int = 0
    seconds: float = 0.0
    memory_mb: float = 0.0
    is_equal: bool = False
    passes: int = 0


def main() -> None:
    """Measure every case and print a table."""
    arguments = _arguments()
    if arguments.initiate:
        print(json.dumps(asdict(asyncio.run(_initiate(arguments.initiate)))))
        return
    folder = Path(tempfile.mkdtemp(prefix="lastword-bench-", dir=arguments.folder))
    require_disk(folder)
    try:
        print(machine(folder))
        print(HEADER)
        print("| --- " * HEADER.count(" | ") + "| --- |")
        sizes = (10_000,) if arguments.quick else (100_000, 1_000_000)
        for elements in sizes:
            _one_set(folder, elements)
        _many_sets(folder, 1_000 if arguments.quick else 100_000)
        _sums(folder, sizes[-1])
    finally:
        shutil.rmtree(folder)


def _one_set(folder: Path, elements: int) -> None:
    base = folder / f"base-{elements}.db"
    file_of_sets(base, sets=1, elements=elements)
    for differing in (0, 1, 10, 1_000, min(100_000, elements)):
        here, there = copy(base, folder / "here.db"), copy(base, folder / "there.db")
        entries = differ(here, there, elements, differing)
        _row(f"{elements:,}", f"{differing:,}", here, there, entries)
    entries = all_entries(base)
    _row(
        f"{elements:,}",
        "empty here",
        empty(folder / "here.db"),
        copy(base, folder / "there.db"),
        entries,
    )
    _row(
        f"{elements:,}",
        "empty there",
        copy(base, folder / "here.db"),
        empty(folder / "there.db"),
        entries,
    )
    base.unlink()


def _many_sets(folder: Path, sets: int) -> None:
    base = folder / "sets.db"
    file_of_sets(base, sets=sets, elements=10)
    for differing in (0, 1, 1_000):
        here, there = copy(base, folder / "here.db"), copy(base, folder / "there.db")
        entries = differ(here, there, 10, differing, sets=sets)
        _row(f"{sets:,} sets x 10", f"{differing:,}", here, there, entries)


def _sums(folder: Path, elements: int) -> None:
    base = folder / "base.db"
    file_of_sets(base, sets=1, elements=elements)
    sums.measure(base, elements, (1, 30, 100, 1_000))


def differ(here: Path, there: Path, elements: int, count: int, sets: int = 1) -> list[Entry]:
    """Make two files differ in `count` elements; return the newest entry of each."""
    rng = Random(count)
    picked = rng.sample(range(elements * sets), min(count, elements * sets))
    written: list[dict[bytes, list[bytes]]] = [{}, {}]
    for index, at in enumerate(picked):
        kind = index % 20
        side = 0 if kind < 7 or 14 <= kind < 17 else 1
        element = identifier(-at - 1 if kind < 14 else at % elements)
        written[side].setdefault(b"set%d" % (at // elements), []).append(element)
    entries: list[Entry] = []
    for path, by_set in zip((here, there), written, strict=True):
        with opened(path) as store:
            end = store.log_end
            for name, added in by_set.items():
                for start in range(0, len(added), WRITE_ELEMENTS):
                    store.execute(Write(name, add=tuple(added[start : start + WRITE_ELEMENTS])))
            entries += entries_after(store, end)
    return entries


def file_of_sets(path: Path, *, sets: int, elements: int) -> None:
    """Write so many elements into each of so many sets of a new file."""
    with opened(path) as store:
        for index in range(sets):
            fill(store, b"set%d" % index, elements, identifier)


def all_entries(path: Path) -> list[Entry]:
    """Return every entry of a file."""
    with opened(path) as store:
        return entries_after(store, 0)


def entries_after(store: SqliteStore, number: int) -> list[Entry]:
    """Return all entries after a log number."""
    entries = []
    while rows := store.read_log(number, 10_000).rows:
        entries += [row.entry for row in rows]
        number = rows[-1].arrived
    return entries


def floor(entries: Sequence[Entry]) -> tuple[int, int]:
    """Return the bytes that entries take by themselves: as msgpack, and as they travel."""
    body = travelled = 0
    for page in _pages(sorted(entries, key=_place)):
        rows = frames.pack_entries(page)
        size = len(msgspec.msgpack.encode(rows))
        frame = frames.Frame(0, 0, compared=frames.Compared(0, rows=rows))
        body += size
        travelled += min(size, len(frames.encode(frame)))
    return body, travelled


def _place(entry: Entry) -> tuple[int, bytes]:
    key = DIGEST_KEY_DEFAULT
    return set_position(entry.set_name, key), key_of(entry.set_name, entry.element, key)


def _pages(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    step = PAGE_BYTES_MAX // 60
    for start in range(0, len(entries), step):
        yield entries[start : start + step]


def _row(n: str, d: str, here: Path, there: Path, entries: Sequence[Entry]) -> None:
    """Compare two files once, and print what it cost."""
    cost, with_headers, there_mb = _compare(here, there)
    body, travelled = floor(entries)
    print(
        f"| {n} | {d} | {cost.messages} | {cost.body:,} | {_ratio(cost.body, body)} "
        f"| {cost.travelled:,} | {_ratio(cost.travelled, travelled)} | {with_headers:,} "
        f"| {cost.seconds:.2f} | {cost.memory_mb:.0f} | {there_mb:.0f} | {cost.passes} |",
        flush=True,
    )
    if not cost.is_equal:
        sys.exit("the comparison did not end equal")


def _ratio(size: int, least: int) -> str:
    return f"{size / least:.2f}" if least else "-"


def _compare(here: Path, there: Path) -> tuple[Cost, int, float]:
    with CountingProxy() as proxy:
        _list_members(here, there, proxy.address)
        options = ("--no-walks", "-f", "86400", "--advertise", proxy.address)
        with node(there, *options) as target:
            proxy.target = target.url.removeprefix("http://")
            before_mb = target.memory_mb()
            command = [sys.executable, "-m", "bench.anti_entropy", "--initiate"]
            done = subprocess.run(
                [*command, str(here)], capture_output=True, text=True, check=True
            )
            grown_mb = target.memory_mb("VmHWM") - before_mb
        return Cost(**json.loads(done.stdout)), proxy.bytes_passed, grown_mb


def _list_members(here: Path, there: Path, address: str) -> None:
    """List both nodes in both files at one time, so that starting them changes nothing."""
    for path in (here, there):
        with opened(path) as store:
            store.execute(Write(PEERS_SET, add=(HERE.encode(), address.encode()), time=1))


async def _initiate(database: Path) -> Cost:
    """Begin one comparison from a file, and see it through."""
    cost = Cost()
    with opened(database) as store:
        settings = ReplicaSettings(full_interval_us=1, walks=False)
        replica = Replica(store, Identity(default=HERE), settings, store.options.wall)
        replica.peers.peer(HERE).is_self = True
        transport = HttpTransport(timeout_s=60)
        before_mb, began = memory_mb(), time.perf_counter()
        sends = _first(replica)
        while sends:
            sends = await _exchange(replica, transport, sends[0], cost)
        cost.seconds = time.perf_counter() - began
        cost.memory_mb = memory_mb(what="VmHWM") - before_mb
        cost.is_equal = replica.counters.comparisons_equal == 1
        cost.passes = replica.counters.comparison_passes
        await transport.close()
    return cost


def _first(replica: Replica) -> list[Send]:
    rng = SystemRandom()
    return replica.tick(0, rng) or replica.tick(10, rng)


async def _exchange(
    replica: Replica, transport: HttpTransport, send: Send, cost: Cost
) -> list[Send]:
    data = speech.utter(replica, send)
    reply = await transport.send(send.address, data)
    cost.messages += 2
    cost.travelled += len(data) + len(reply)
    cost.body += _plain_bytes(data) + _plain_bytes(reply)
    return speech.hear(replica, send.address, reply, 0)


def _plain_bytes(data: bytes) -> int:
    """Return the length of a frame without compression."""
    if not data[0] & frames.COMPRESSED:
        return len(data)
    return 1 + len(frames.decompressed(memoryview(data)[1:]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help="where the files go")
    parser.add_argument("--quick", action="store_true", help="with smaller sets")
    parser.add_argument("--initiate", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
