"""`AsyncClient`: nodes from a program that awaits its calls."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from random import SystemRandom
from time import monotonic
from typing import Self, TypeVar

from lastword.client.aio import AioWire
from lastword.client.answers import Listed
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
from lastword.client.requests import Outcome
from lastword.client.set_calls import SetCalls
from lastword.client.set_work import SetWork

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
