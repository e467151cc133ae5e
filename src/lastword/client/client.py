"""`Client`: nodes from a program that waits for its calls."""

import ssl
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from random import SystemRandom
from time import monotonic
from typing import Self, TypeVar

from lastword.client.answers import Answer, Listed
from lastword.client.blocking import CONNECTION_ERRORS, BlockingWire, reason_of
from lastword.client.caller import (
    RETRIES,
    TIMEOUT_S,
    TRY_TIMEOUT_S,
    Caller,
    Patience,
    Steps,
    Try,
)
from lastword.client.kinds import BYTES, TEXT
from lastword.client.listing import sets_page
from lastword.client.nodes import Nodes
from lastword.client.remote_set import RemoteSet
from lastword.client.requests import ANSWER_BYTES_MAX, Outcome
from lastword.client.set_calls import SetCalls
from lastword.client.set_work import SetWork
from lastword.client.tls import client_tls
from lastword.client.watching import SILENCE_S, Connecting, Event, Watching, broken
from lastword.errors import Unreachable

E = TypeVar("E", bound=str | bytes)
T = TypeVar("T")


class Client:
    """The sets of a cluster, by any of its nodes: `Client("one:3000", "two:3000")["fruit"]`.

    Addresses are host:port. The first is asked until it fails; then the next one is, and stays.
    `sticky=False` asks them in turn, `shuffled=True` puts them in an order of chance first. What
    one node took the others have a moment later: a client that goes on with another may not find
    what it just wrote.

    `tls=True`, or a context, calls nodes over TLS; `tls_ca` is a PEM file with the CAs that are
    believed, in place of the system's. `token` is shown with every call. A call has `timeout_s`
    in all, `try_timeout_s` for each try, and `retries` rounds over all addresses after the first.

    It may be used by several threads at once, in a process that forks, and within a running event
    loop, which it holds up. Close it, or use it as a context manager.

    Raises InvalidAddress, and ConfigError where `tls_ca` has no CA.
    """

    def __init__(
        self,
        *addresses: str,
        token: str | None = None,
        tls: ssl.SSLContext | bool = False,
        tls_ca: str | Path | None = None,
        timeout_s: float = TIMEOUT_S,
        try_timeout_s: float = TRY_TIMEOUT_S,
        retries: int = RETRIES,
        sticky: bool = True,
        shuffled: bool = False,
    ) -> None:
        self._is_closed = threading.Event()
        rng = SystemRandom()
        nodes = Nodes(addresses, now_s=monotonic, rng=rng, sticky=sticky, shuffled=shuffled)
        patience = Patience(timeout_s, try_timeout_s, retries)
        self.caller = Caller(nodes, patience, now_s=monotonic, rng=rng)
        self._wire = BlockingWire(tls=tls_context(tls, tls_ca), token=token)

    def __getitem__(self, name: str) -> RemoteSet[str]:
        """Return the set of that name, with elements that are text; nothing is called for it."""
        return RemoteSet(self, SetWork(SetCalls(self.caller, name), TEXT))

    def __setitem__(self, name: str, value: RemoteSet[str]) -> None:
        """Let `client["fruit"] |= elements` and its like end; nothing else is assigned."""
        given: object = value  # whatever its type says
        if not isinstance(given, RemoteSet) or given.work.calls.caller is not self.caller:
            raise TypeError("a set is changed by what it does: client[name] |= elements")
        if given.name != name:
            raise TypeError(f"{given!r} cannot stand for the set {name!r}")

    def set_of_bytes(self, name: str) -> RemoteSet[bytes]:
        """Return the set of that name, with elements that are bytes; nothing is called for it."""
        return RemoteSet(self, SetWork(SetCalls(self.caller, name), BYTES))

    def sets(self, prefix: str = "") -> Iterator[Listed]:
        """Yield the sets that hold entries and begin with `prefix`, with their counts, by pages.

        Reserved sets are left out.
        """
        after: str | None = ""
        while after is not None:
            page = self.run(sets_page(self.caller, after, prefix))
            yield from page.sets
            after = page.after

    def run(self, steps: Steps[T], /) -> T:
        """Carry out the steps of a call."""
        outcome: Outcome | None = None
        try:
            while True:
                step = steps.send(outcome)
                if self._is_closed.is_set():
                    raise RuntimeError("this client is closed")
                if isinstance(step, Try):
                    outcome = self._wire.outcome(step.address, step.request, step.timeout_s)
                else:
                    self._is_closed.wait(step.seconds)
                    outcome = None
        except StopIteration as done:
            result: T = done.value
            return result

    def stream(self, watching: Watching[E]) -> Iterator[Event[E]]:
        """Yield the events of a watch, connecting again where a connection breaks."""
        connecting = Connecting(self.caller)
        while not self._is_closed.is_set():
            address = connecting.address()
            try:
                yield from self._stream(address, watching, connecting)
                error = broken(address, "it ended the watch")
            except CONNECTION_ERRORS as failure:
                error = broken(address, reason_of(failure))
            except Unreachable as failure:
                error = failure
            if self._is_closed.is_set():
                return
            self._is_closed.wait(connecting.broke(address, error))

    def _stream(
        self, address: str, watching: Watching[E], connecting: Connecting
    ) -> Iterator[Event[E]]:
        with self._wire.streamed(address, watching.request(), SILENCE_S) as (response, more):
            if response.status != 200:
                body = response.read(ANSWER_BYTES_MAX)
                raise connecting.refused(Answer(address, response.status, {}, body))
            while piece := more():
                before, events = watching.heard, watching.feed(address, piece)
                if watching.heard > before:
                    connecting.heard(address)
                yield from events

    def close(self) -> None:
        """Close all connections; may be called again.

        Watches end. Calls of other threads end as they would, and none is tried again.
        """
        self._is_closed.set()
        self._wire.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        wire = getattr(self, "_wire", None)
        if wire is not None and wire.has_open:
            warnings.warn(f"{self!r} was not closed", ResourceWarning, source=self, stacklevel=2)
            self.close()

    def __repr__(self) -> str:
        return f"Client({', '.join(map(repr, self.caller.nodes.addresses))})"


def tls_context(tls: ssl.SSLContext | bool, ca: str | Path | None) -> ssl.SSLContext | None:
    """Return what certificates are believed by, None for no TLS at all."""
    if isinstance(tls, ssl.SSLContext):
        return tls
    return client_tls(None if ca is None else Path(ca)) if tls or ca is not None else None
