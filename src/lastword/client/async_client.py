"""`AsyncClient`: nodes from a program that awaits its calls."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path
from random import SystemRandom
from time import monotonic
from typing import Self, TypeVar

import aiohttp

from lastword.client.aio import CONNECTION_ERRORS, AioWire, read_bounded
from lastword.client.answers import Answer, Listed
from lastword.client.async_set import AsyncRemoteSet
from lastword.client.caller import (
    RETRIES,
    TIMEOUT_S,
    TRY_TIMEOUT_S,
    Caller,
    Patience,
    Steps,
    Try,
)
from lastword.client.client import tls_context
from lastword.client.kinds import BYTES, TEXT
from lastword.client.listing import sets_page
from lastword.client.nodes import Nodes
from lastword.client.reasons import reason_of
from lastword.client.requests import ANSWER_BYTES_MAX, CONNECT_TIMEOUT_S, Outcome
from lastword.client.set_calls import SetCalls
from lastword.client.set_work import SetWork
from lastword.client.watching import SILENCE_S, Connecting, Event, Watching, broken
from lastword.errors import Unreachable

E = TypeVar("E", bound=str | bytes)
T = TypeVar("T")


class AsyncClient:
    """Does as `Client`, with coroutines: `async with AsyncClient("one:3000") as client`.

    It belongs to the event loop that it is entered in, and is used within its `async with` only.
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
        rng = SystemRandom()
        nodes = Nodes(addresses, now_s=monotonic, rng=rng, sticky=sticky, shuffled=shuffled)
        patience = Patience(timeout_s, try_timeout_s, retries)
        self.caller = Caller(nodes, patience, now_s=monotonic, rng=rng)
        self._tls = tls_context(tls, tls_ca)
        self._token = token
        self._wire: AioWire | None = None

    def __getitem__(self, name: str) -> AsyncRemoteSet[str]:
        """Return the set of that name, with elements that are text; nothing is called for it."""
        return AsyncRemoteSet(self, SetWork(SetCalls(self.caller, name), TEXT))

    def set_of_bytes(self, name: str) -> AsyncRemoteSet[bytes]:
        """Return the set of that name, with elements that are bytes; nothing is called for it."""
        return AsyncRemoteSet(self, SetWork(SetCalls(self.caller, name), BYTES))

    async def sets(self, prefix: str = "") -> AsyncIterator[Listed]:
        """Yield the sets that hold entries and begin with `prefix`, with their counts, by pages.

        Reserved sets are left out.
        """
        after: str | None = ""
        while after is not None:
            page = await self.run(sets_page(self.caller, after, prefix))
            for listed in page.sets:
                yield listed
            after = page.after

    async def run(self, steps: Steps[T], /) -> T:
        """Carry out the steps of a call."""
        outcome: Outcome | None = None
        try:
            while True:
                step = steps.send(outcome)
                if isinstance(step, Try):
                    outcome = await self.wire.outcome(step.address, step.request, step.timeout_s)
                else:
                    await asyncio.sleep(step.seconds)
                    outcome = None
        except StopIteration as done:
            result: T = done.value
            return result

    async def stream(self, watching: Watching[E]) -> AsyncIterator[Event[E]]:
        """Yield the events of a watch, connecting again where a connection breaks."""
        connecting = Connecting(self.caller)
        while True:
            address = connecting.address()
            try:
                async with aclosing(self._stream(address, watching, connecting)) as events:
                    async for event in events:
                        yield event
                error = broken(address, "it ended the watch")
            except CONNECTION_ERRORS as failure:
                error = broken(address, reason_of(failure))
            except Unreachable as failure:
                error = failure
            await asyncio.sleep(connecting.broke(address, error))

    async def _stream(
        self, address: str, watching: Watching[E], connecting: Connecting
    ) -> AsyncGenerator[Event[E], None]:
        limits = aiohttp.ClientTimeout(connect=CONNECT_TIMEOUT_S, sock_read=SILENCE_S)
        async with self.wire.requested(address, watching.request(), limits) as response:
            if response.status != 200:
                body = await read_bounded(response.content, ANSWER_BYTES_MAX)
                raise connecting.refused(Answer(address, response.status, {}, body))
            async for piece in response.content.iter_any():
                before, events = watching.heard, watching.feed(address, piece)
                if watching.heard > before:
                    connecting.heard(address)
                for event in events:
                    yield event

    @property
    def wire(self) -> AioWire:
        """What requests are sent by."""
        if self._wire is None:
            raise RuntimeError("this client is used within its `async with` only")
        return self._wire

    async def close(self) -> None:
        """Close all connections; may be called again."""
        wire, self._wire = self._wire, None
        if wire is not None:
            await wire.close()

    async def __aenter__(self) -> Self:
        if self._wire is None:
            self._wire = AioWire(tls=self._tls, token=self._token)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncClient({', '.join(map(repr, self.caller.nodes.addresses))})"
