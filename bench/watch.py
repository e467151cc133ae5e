"""What watching costs: how late events come, how many a node delivers, what a watcher takes.

    python -m bench.watch                    # 1,000 watchers of one set; two minutes
    python -m bench.watch --watchers 100

The watchers run in this process, which parses nothing while the clock runs. Each written element
has the time in it at which its write was sent, so the lag of an event counts the write's own
commit as well, and what this process itself is late. Everything written must have been told to
everyone. Meanwhile another process reads an element again and again, to see what a reader waits.
"""

import argparse
import asyncio
import json
import select
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from random import Random
from unittest.mock import patch

import aiohttp
import uvloop

from bench.harness import NodeUnderTest, machine, node, require_disk
from lastword.store.base import StoreOptions
from lastword.store.ledger import Changes
from lastword.store.operations import Write
from lastword.store.sqlite.store import SqliteStore
from lastword.store.sqlite.writer import Writer
from lastword.wall import wall_us

WRITES_PER_S = (10, 50)
BURSTS = ((1_000, 5), (10_000, 1))
"""Elements of a write, and how many such writes."""

ROUNDS = 15
WRITES_PER_ROUND = 400
_MARK = b'"element":"'


class Listener(asyncio.Protocol):
    """Keeps what comes, and when."""

    def __init__(self, request: bytes, all_: "Crowd") -> None:
        self._request = request
        self._all = all_

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        self.transport = transport
        transport.write(self._request)  # type: ignore[attr-defined]  # uvloop's

    def data_received(self, data: bytes) -> None:
        """Note it."""
        self._all.note(data)


class Crowd:
    """All watchers: counts, and the times at which data came."""

    def __init__(self, port: int, path: str) -> None:
        self._port = port
        head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/x-ndjson\r\n\r\n"
        self._request = head.encode()
        self._listeners: list[Listener] = []
        self.came: list[tuple[int, bytes]] = []
        self.opened = self.events = 0
        self._changed = asyncio.Event()

    async def join(self, count: int) -> None:
        """Let so many watch."""
        loop = asyncio.get_running_loop()
        for _ in range(count):
            _, listener = await loop.create_connection(
                lambda: Listener(self._request, self), "127.0.0.1", self._port
            )
            self._listeners.append(listener)
        while self.opened < count:
            await self._next()

    def note(self, data: bytes) -> None:
        """Take what one of them was sent."""
        events = data.count(_MARK)
        self.opened += data.count(b'"open"')
        self.events += events
        if events:
            self.came.append((time.perf_counter_ns(), data))
        self._changed.set()

    async def until(self, events: int) -> None:
        """Wait for so many events in all."""
        while self.events < events:
            await self._next()

    async def _next(self) -> None:
        self._changed.clear()
        async with asyncio.timeout(60):
            await self._changed.wait()

    def lags_ms(self) -> list[float]:
        """Return how long after its write was sent each event came."""
        lags = []
        for came_ns, data in self.came:
            for part in data.split(_MARK)[1:]:
                sent_ns = int(part.partition(b"-")[0].rpartition(b'"')[2])
                lags.append((came_ns - sent_ns) / 1e6)
        return lags

    def clear(self) -> None:
        """Begin to count anew."""
        self.came.clear()
        self.events = 0

    def close(self) -> None:
        """Go."""
        for listener in self._listeners:
            listener.transport.close()


async def measure_lag(
    target: NodeUnderTest, crowd: Crowd, watchers: int, rate: int, seconds: float
) -> None:
    """Write at a rate, an element a write; print how late the events came."""
    crowd.clear()
    began_cpu_s, began_s, count = target.cpu_s(), time.perf_counter(), int(rate * seconds)
    calls = []
    async with aiohttp.ClientSession() as session:
        for number in range(count):
            await asyncio.sleep(max(0.0, began_s + number / rate - time.perf_counter()))
            element = f"{time.perf_counter_ns()}-{number}"
            calls.append(asyncio.create_task(_put(session, f"{target.url}/s/{element}")))
        await asyncio.gather(*calls)
        await crowd.until(count * watchers)
    took_s, cpu_s = time.perf_counter() - began_s, target.cpu_s() - began_cpu_s
    lags = sorted(crowd.lags_ms())
    print(
        f"| {rate} | {len(lags) / took_s:,.0f} | {_at(lags, 0.5):.1f} | {_at(lags, 0.99):.1f} | "
        f"{lags[-1]:.1f} | {cpu_s / len(lags) * 1e6:.1f} |",
        flush=True,
    )


async def _put(session: aiohttp.ClientSession, url: str) -> None:
    async with session.put(url) as answer:
        assert answer.status == 200, await answer.text()


def _at(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def measure_bursts(
    target: NodeUnderTest, crowd: Crowd, watchers: int, elements: int, times: int
) -> None:
    """Write many elements by single requests; print how many events a node delivers."""
    crowd.clear()
    began_cpu_s, began_s = target.cpu_s(), time.perf_counter()
    async with aiohttp.ClientSession() as session:
        for burst in range(times):
            names = [f"{time.perf_counter_ns()}-{burst}-{number}" for number in range(elements)]
            async with session.put(f"{target.url}/s", data=json.dumps(names)) as answer:
                assert answer.status == 200
        await crowd.until(times * elements * watchers)
    took_s, events = time.perf_counter() - began_s, times * elements * watchers
    cpu_us = (target.cpu_s() - began_cpu_s) / events * 1e6
    print(
        f"{events:,} events of {times} writes of {elements:,}: {events / took_s:,.0f} events/s, "
        f"{cpu_us:.2f} us of the node's processor each"
    )


@contextmanager
def probing(target: NodeUnderTest) -> Iterator[None]:
    """Read an element again and again meanwhile, elsewhere; print how long that took."""
    command = [sys.executable, "-m", "bench.watch", "--probe", str(target.port)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:  # type: ignore[call-overload]
        process.stdout.readline()
        yield
        print(process.communicate("")[0].strip())


def probe(port: int) -> None:
    """Read an element until standard input ends; print how long reads took."""
    print("begins", flush=True)
    connection, took_ms = HTTPConnection("127.0.0.1", port), []
    while not select.select([sys.stdin], [], [], 0.002)[0]:
        began_s = time.perf_counter()
        connection.request("GET", "/other/x")
        connection.getresponse().read()
        took_ms.append((time.perf_counter() - began_s) * 1e3)
    took_ms.sort()
    p50, p99, most = _at(took_ms, 0.5), _at(took_ms, 0.99), took_ms[-1]
    print(f"a GET meanwhile: p50 {p50:.1f} ms, p99 {p99:.1f}, at most {most:.1f}")


def measure_writes(folder: Path) -> None:
    """Print what a commit costs where nobody watches, with the hook for watchers and without."""
    options = StoreOptions(wall=wall_us, new_run=lambda: Random(0).getrandbits(63))
    store = SqliteStore(folder / "writes.db", options)
    without = patch.object(Writer, "_absorb", _absorb_without)
    ratios, kept_us = [], []
    _write_us(store, -1)  # the first ones load and make what the others find
    for turn in range(ROUNDS):
        first_us = _write_us(store, 2 * turn)
        with without:
            bare_us = _write_us(store, 2 * turn + 1)
        ratios.append(first_us / bare_us)
        kept_us.append(first_us)
    store.close()
    print(
        f"a commit of one element: {statistics.median(kept_us):.1f} us of CPU; "
        "with the hook to without "
        f"{statistics.median(ratios):.3f} (from {min(ratios):.2f} to {max(ratios):.2f})"
    )


def _absorb_without(writer: Writer, changes: Changes) -> None:
    writer._ledger.absorb(changes)  # noqa: SLF001 - as it would be without watching
    writer._cache.absorb(changes.rows)  # noqa: SLF001


def _write_us(store: SqliteStore, turn: int) -> float:
    """Return the microseconds of processor time of a commit: those of a disk say nothing here."""
    began_s = time.process_time()
    for number in range(WRITES_PER_ROUND):
        store.execute(Write(b"s", add=(b"%d-%d" % (turn, number),)))
    return (time.process_time() - began_s) / WRITES_PER_ROUND * 1e6


async def measure(folder: Path, watchers: int, seconds: float) -> None:
    """Measure all of it."""
    with node(folder / "watched.db") as target:
        crowd = Crowd(target.port, "/s?watch")
        before_mb = target.memory_mb()
        await crowd.join(watchers)
        taken_kb = (target.memory_mb() - before_mb) / watchers * 1e3
        print(f"{watchers:,} watchers of one set, {taken_kb:.1f} KB each\n")
        print("| writes/s | events/s | lag p50 ms | p99 | at most | us of CPU an event |")
        print("| ---: | ---: | ---: | ---: | ---: | ---: |")
        for rate in WRITES_PER_S:
            await measure_lag(target, crowd, watchers, rate, seconds)
        print()
        for elements, times in BURSTS:
            with probing(target):
                await measure_bursts(target, crowd, watchers, elements, times)
        crowd.close()


def main() -> None:
    """Measure, and print figures."""
    parser = argparse.ArgumentParser(description="What watching costs.")
    parser.add_argument("--watchers", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--folder", type=Path, default=Path())
    parser.add_argument("--probe", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.probe:
        probe(arguments.probe)
        return
    require_disk(arguments.folder)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as place:
        print(machine(Path(place)), "\n")
        uvloop.run(measure(Path(place), arguments.watchers, arguments.seconds))
        measure_writes(Path(place))


if __name__ == "__main__":
    main()
