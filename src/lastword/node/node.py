"""A node that runs: the replica on a thread of its own, exchanges with others, and their timers.

The replica's state is the store; it waits for commits, so it has a thread. Everything else is on
the event loop. One task group owns all that runs.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random, SystemRandom
from typing import TypeVar

from lastword.errors import CorruptStore, PeerError, UnknownProtocol, Unproven, Unreachable
from lastword.node.commits import Commits
from lastword.node.history import HISTORY_INTERVAL_S, Recorder, Sample
from lastword.node.jobs import Faults, run_periodically
from lastword.node.notices import Notices
from lastword.node.reads import TurnReads
from lastword.node.scrubbing import Scrubbing
from lastword.node.transport import Transport
from lastword.node.watch_limits import WatchLimits
from lastword.node.watchers import Watchers
from lastword.replication import speech
from lastword.replication.comparison import NONCE_BITS
from lastword.replication.membership import Identity
from lastword.replication.replica import Replica, Send
from lastword.replication.settings import ReplicaSettings
from lastword.replication.skew import Verdict, described
from lastword.replication.status import status_of
from lastword.store.sqlite.store import SqliteStore

logger = logging.getLogger(__name__)
T = TypeVar("T")


class Node:
    """One node of a cluster, over a store that is open and a transport.

    `run` serves until it is cancelled; the store is closed by whoever opened it. Its file is
    scrubbed after the start and every `scrub_every_s`; 0 is never.
    """

    def __init__(
        self,
        store: SqliteStore,
        transport: Transport,
        identity: Identity,
        *,
        settings: ReplicaSettings,
        interval_s: float,
        scrub_every_s: float = 0,
        faults: Faults | None = None,
        watch_limits: WatchLimits = WatchLimits(),  # noqa: B008 - frozen
    ) -> None:
        self.store = store
        self.faults = faults or Faults()
        self.replica = Replica(store, identity, settings, store.options.wall)
        loop = asyncio.get_running_loop()
        self.reads = TurnReads(store, loop, self._hold)
        self.commits = Commits(store, loop, on_delivery=self.reads.end, check=self._check_clock)
        self._transport = transport
        self.interval_s = interval_s
        self._rng: Random = SystemRandom()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="lastword-replica")
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="lastword-reader")
        self._tasks: asyncio.TaskGroup | None = None
        self._silent: set[str] = set()
        self._clock_told = (False, False)
        self.notices = Notices()
        self.watchers = Watchers(store, loop, self.read, watch_limits)
        self.is_stopping = False
        self.scrubbing = Scrubbing(store, every_s=scrub_every_s, faults=self.faults)
        self.sent_bytes = self.received_bytes = 0
        self.history = Recorder(self._sample)

    async def run(self) -> None:
        """Replicate until cancelled; then finish what is on its way to the disk."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self._tasks.create_task(self.scrubbing.run())
                self._tasks.create_task(self._record())
                await run_periodically(
                    "replication",
                    self.tick,
                    interval_s=self.interval_s,
                    rng=self._rng,
                    faults=self.faults,
                )
        finally:
            self._tasks = None
            self.watchers.close()
            self.commits.close()
            self.reads.end()
            await self._transport.close()
            self._thread.shutdown()
            self._readers.shutdown()

    async def _record(self) -> None:
        await run_periodically(
            "history",
            self.history.tick,
            interval_s=HISTORY_INTERVAL_S,
            rng=self._rng,
            faults=self.faults,
        )

    async def tick(self) -> None:
        """Do what replication has due now."""
        try:
            sends = await self.ask(lambda replica, now_us: replica.tick(now_us, self._rng))
        except CorruptStore:  # it is noted and logged, and the next round goes without it
            return
        self._log_clock(self.replica.verdict)
        self._send_all(sends)
        self.notices.take(await self.ask(status_of))

    async def receive(self, data: bytes) -> bytes:
        """Return the reply to another node's frame; raises InvalidFrame or UnknownProtocol."""
        self.received_bytes += len(data)
        reply = await self._on_thread(lambda: speech.respond(self.replica, data, _now_us()))
        self.sent_bytes += len(reply)
        return reply

    async def ask(self, work: Callable[[Replica, int], T]) -> T:
        """Return what `work` returns of the replica, given the time; it runs on its thread."""
        return await self._on_thread(lambda: work(self.replica, _now_us()))

    async def rejoin(self, address: str) -> bool:
        """Copy a member that this node is behind of, whatever that one lacks; else say False."""
        sends = await self.ask(lambda replica, now_us: replica.rejoin(address, now_us))
        self._send_all(sends)
        return bool(sends)

    async def probe(self, address: str) -> None:
        """Ask a member how it is, and let the replica hear the answer, or that there is none."""
        nonce = self._rng.getrandbits(NONCE_BITS)
        for send in await self.ask(lambda replica, _: replica.probe(address, nonce)):
            await self._exchange(send)

    async def rebuild(self, address: str | None) -> bool:
        """Copy a member in place of what is held, whatever that is like; else say False."""
        sends = await self.ask(lambda replica, now_us: replica.rebuild(address, now_us))
        self._send_all(sends)
        return bool(sends)

    async def read(self, work: Callable[[], T]) -> T:
        """Return what `work` returns; it may read long, from one snapshot, beside the loop."""

        def read() -> T:
            with self.store.snapshot():
                return work()

        return await asyncio.get_running_loop().run_in_executor(self._readers, read)

    def _check_clock(self) -> None:
        """Raise ClockOff where clients' writes are refused."""
        self.replica.verdict.check()

    def _hold(self, set_name: bytes) -> None:
        """Have a set loaded into memory, beside the loop, while the node runs."""
        if self._tasks is None:
            return
        loading = asyncio.get_running_loop().run_in_executor(
            self._readers, self.store.hold, set_name
        )
        loading.add_done_callback(self._note_loading)

    def _note_loading(self, loading: "asyncio.Future[None]") -> None:
        if not loading.cancelled() and (error := loading.exception()) is not None:
            self.faults.note("loading a set", error)

    def _send_all(self, sends: list[Send]) -> None:
        if self._tasks is not None:
            for send in sends:
                self._tasks.create_task(self._exchange(send))

    async def _exchange(self, send: Send) -> None:
        """Send a frame, and let the replica go on from the reply or from its absence."""
        try:
            self._send_all(await self._converse(send))
        except CorruptStore:  # it is noted and logged
            return
        except Exception as error:  # noqa: BLE001 - one exchange must not end the others
            self.faults.note("exchange", error)

    async def _converse(self, send: Send) -> list[Send]:
        address, replica = send.address, self.replica
        data = await self._on_thread(lambda: speech.utter(replica, send))
        sent_us = _now_us()
        self.sent_bytes += len(data)
        try:
            reply = await self._transport.send(address, data)
            self.received_bytes += len(reply)
        except UnknownProtocol:
            return await self._on_thread(lambda: replica.refused(address, _now_us()))
        except (Unreachable, PeerError) as error:
            return await self._after_silence(address, error)
        try:
            sends = await self._on_thread(
                lambda: speech.hear(replica, address, reply, _now_us(), sent_us=sent_us)
            )
        except PeerError as error:
            return await self._after_silence(address, error)
        self._log_answer(address)
        return sends

    async def _after_silence(self, address: str, error: Exception) -> list[Send]:
        self._log_silence(address, error)
        return await self._on_thread(lambda: self.replica.silence(address, _now_us()))

    def _sample(self) -> Sample:
        """Return what is counted, as it is now."""
        store, counters = self.store, self.replica.counters
        of_others = counters.entries_changed + counters.dots_adopted + counters.dots_renewed
        return Sample(
            time_us=store.options.wall(),
            at_s=time.monotonic(),
            run=store.run,
            writes=store.log_end - of_others,
            reads=self.reads.count,
            sent_bytes=self.sent_bytes,
            received_bytes=self.received_bytes,
            commits=tuple(count for _, count in store.writer.took.cumulative()),
        )

    def _log_clock(self, verdict: Verdict) -> None:
        """Log what is found of this node's clock, once until that changes."""
        told = (verdict.warns, verdict.refuses)
        if told == self._clock_told:
            return
        self._clock_told = told
        if verdict.refuses:
            off = described(verdict.off_us)
            logger.warning("the clock is %s the median; writes of clients are refused", off)
        elif verdict.warns:
            apart_s = verdict.greatest_us / 1e6
            logger.warning("the two clocks are %.1f s apart; one of them is wrong", apart_s)
        else:
            logger.warning("the clock is right again, and writes are taken")

    def _log_silence(self, address: str, error: Exception) -> None:
        """Log that a member does not answer, once until it does."""
        if address not in self._silent:
            self._silent.add(address)
            level = logging.WARNING if isinstance(error, Unproven) else logging.INFO
            logger.log(level, "%s; it is called again, and nobody is unlisted for it", error)

    def _log_answer(self, address: str) -> None:
        if address in self._silent:
            self._silent.remove(address)
            logger.info("%s answers again", address)

    async def _on_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _now_us() -> int:
    return time.monotonic_ns() // 1_000
