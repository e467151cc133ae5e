"""Clients that write to a node until it is gone, over REST and RESP, and remember the answers."""

import threading
import time
from collections.abc import Callable
from random import Random
from typing import Final

from tools.durability.callers import Caller, Gone, RespCaller, RestCaller, Write
from tools.durability.expected import Expected, Findings

BATCH_MAX: Final = 40
PADDING_BYTES_MAX: Final = 200
REMOVED_SHARE: Final = 0.2
FILLED_AT_ONCE: Final = 10_000
POLL_S: Final = 0.001


class Writer:
    """One client: adds elements that are its own, and removes some of them."""

    def __init__(self, name: str, rng: Random, connect: Callable[[], Caller]) -> None:
        self.expected = Expected()
        self.refusals: list[str] = []
        self._connect = connect
        self._rng = rng
        self._name = name
        self._own: list[bytes] = []

    def run(self, stopping: threading.Event) -> None:
        """Write until the node is gone, or until told to stop."""
        try:
            caller = self._connect()
        except OSError:
            return
        try:
            while not stopping.is_set():
                self._write(caller)
        except Gone:
            pass
        finally:
            caller.close()

    def _write(self, caller: Caller) -> None:
        writes = self._next()
        self.expected.note_asked([element for element, _ in writes])
        for (element, adds), refusal in caller.write(writes):
            self.expected.note_answer(element, adds=adds, done=refusal is None)
            if refusal is not None:
                self.refusals.append(refusal)

    def _next(self) -> list[Write]:
        rng = self._rng
        size = 1 if rng.random() < 0.5 else rng.randint(2, BATCH_MAX)
        writes: dict[bytes, bool] = {}
        for _ in range(size):
            own = rng.choice(self._own) if self._own else b""
            if rng.random() < REMOVED_SHARE and self.expected.present.get(own):
                writes[own] = False
            else:
                self._own.append(self._new())
                writes[self._own[-1]] = True
        return list(writes.items())

    def _new(self) -> bytes:
        """Return an element that was never asked for; of many lengths, so that pages fill."""
        padding = "x" * self._rng.randrange(PADDING_BYTES_MAX)
        return f"{self._name}-{len(self._own)}{padding}".encode()


class Load:
    """Writers of both kinds at one node; their elements, and what it must hold of them."""

    def __init__(self, rest: str, resp: str, rng: Random, *, each: int = 2) -> None:
        def writer(kind: str, number: int, connect: Callable[[], Caller]) -> Writer:
            return Writer(f"{kind}{number}", Random(rng.getrandbits(64)), connect)

        self._resp = resp
        self._others = 0  # elements that no writer made
        self.writers = [
            *(writer("rest", number, lambda: RestCaller(rest)) for number in range(each)),
            *(writer("resp", number, lambda: RespCaller(resp)) for number in range(each)),
        ]
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def acknowledged(self) -> int:
        """How many writes were acknowledged since they were last examined."""
        return sum(writer.expected.acknowledged for writer in self.writers)

    @property
    def is_writing(self) -> bool:
        """Whether any writer still goes on."""
        return any(thread.is_alive() for thread in self._threads)

    def fill(self, elements: int) -> None:
        """Add so many elements that nobody will write again."""
        with RespCaller(self._resp) as caller:
            for begin in range(0, elements, FILLED_AT_ONCE):
                end = min(begin + FILLED_AT_ONCE, elements)
                caller.add([b"held-%d" % number for number in range(begin, end)])
        self._others += elements

    def begin(self) -> None:
        """Let all write."""
        self._stopping.clear()
        self._threads = [
            threading.Thread(target=writer.run, args=(self._stopping,)) for writer in self.writers
        ]
        for thread in self._threads:
            thread.start()

    def wait_for(self, acknowledged: int) -> None:
        """Return when so many writes were acknowledged, or nobody writes any more."""
        while self.acknowledged < acknowledged and self.is_writing:
            time.sleep(POLL_S)

    def wait_for_refusal(self) -> None:
        """Return when one more write was refused, or nobody writes any more."""
        before = len(self.refusals())
        while len(self.refusals()) == before and self.is_writing:
            time.sleep(POLL_S)

    def refusals(self) -> list[str]:
        """Return how writes were refused since the beginning."""
        return [refusal for writer in self.writers for refusal in writer.refusals]

    def stop(self) -> None:
        """Let nobody write any more; return when all have what they will be answered."""
        self._stopping.set()
        self.wait()

    def wait(self) -> None:
        """Return when the node is gone for every writer."""
        for thread in self._threads:
            thread.join()

    def examine(self) -> Findings:
        """Compare what the node holds with what it acknowledged."""
        findings = Findings()
        with RespCaller(self._resp) as caller:
            present = self._others
            for writer in self.writers:
                findings.add(writer.expected.examine(caller.contained))
                present += sum(writer.expected.present.values())
            if caller.count() != present:
                findings.unexpected.append(b"%d elements, not %d" % (caller.count(), present))
        return findings
