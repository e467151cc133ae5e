"""From requests to answers: what one connection has with the handler, and the answers' order.

It promises that answers are put out in the order of their requests, and that a handler which
answers at once is served without a task. Requests that came together (pipelined) are answered side
by side only while all of them are safe; one that may write waits for those before it and holds up
those after it (RFC 9112, 9.3.2).
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from lastword.api.http.answers import BODILESS, NOBODY, error_response
from lastword.api.http.messages import SAFE_METHODS, Request, Response
from lastword.api.http.outlet import Outlet
from lastword.api.http.reader import RequestReader
from lastword.api.http.shared import Shared
from lastword.errors import LastwordError, RequestTimeout, Unavailable


@dataclass(slots=True, eq=False)
class _Turn:
    """A request with the handler, and the answer once it is there. The task, if it is ours."""

    request: Request
    response: Response | None = None
    task: asyncio.Task[Any] | None = None


class Exchange:
    """Takes requests from `reader`, and puts their answers into `outlet`.

    `on_answers` is called after answers that were not given at once. With `draining`, the last
    answer says that the connection closes; `ended` says that the last one is out.
    """

    __slots__ = (
        "_drain",
        "_on_answers",
        "_outlet",
        "_reader",
        "_release_planned",
        "_shared",
        "_stream",
        "_turns",
        "draining",
        "ended",
    )

    def __init__(
        self,
        shared: Shared,
        reader: RequestReader,
        outlet: Outlet,
        on_answers: Callable[[], None],
    ) -> None:
        self._shared = shared
        self._reader = reader
        self._outlet = outlet
        self._on_answers = on_answers
        # The requests whose answers are not yet out, in order. What a stream answers is not there.
        self._turns: deque[_Turn] = deque()
        self._stream: asyncio.Task[None] | None = None
        self._drain: Callable[[], None] | None = None
        self._release_planned = self.draining = self.ended = False

    def advance(self) -> None:
        """Hand over the requests that may begin."""
        arrived = self._reader.arrived
        while arrived and not self.ended and self._may_begin(arrived[0]):
            item = arrived.popleft()
            if isinstance(item, Request):
                self._begin(item)
            else:
                if not isinstance(item, RequestTimeout | Unavailable):  # counted by who refused
                    self._shared.door.dropped[item.code] += 1
                self._answer(NOBODY, error_response(item))

    def is_idle(self) -> bool:
        """Tell whether no request waits for its answer."""
        return not self._turns and self._stream is None and not self._reader.arrived

    def is_last(self) -> bool:
        """Tell whether moreover none has begun to arrive."""
        return self.is_idle() and not self._reader.begun

    def held_bytes(self) -> int:
        """Return how many bytes of bodies wait here, or are with the handler."""
        arrived = [item for item in self._reader.arrived if isinstance(item, Request)]
        return sum(len(request.body) for request in arrived) + sum(
            len(turn.request.body) for turn in self._turns
        )

    def is_streaming(self) -> bool:
        """Tell whether an answer is on its way in parts."""
        return self._stream is not None

    def drain(self) -> bool:
        """Let the last answer say that the connection closes.

        Return whether a stream that has no end of its own is ended by this.
        """
        self.draining = True
        if self._drain is None:
            return False
        self._drain()
        return True

    def end(self) -> None:
        """Answer no more. Writes under way are finished; streams and reads are broken off."""
        self.ended = True
        self._reader.close()
        self._reader.arrived.clear()
        if self._stream is not None:
            self._stream.cancel()
        # A future that is not ours, and a task that may write, go on to their end: `_settle` sees
        # that there is nobody to answer.
        for turn in self._turns:
            if turn.response is not None:
                self._shared.discard(turn.response)
            elif turn.task is not None and turn.request.method in SAFE_METHODS:
                turn.task.cancel()
        self._turns.clear()

    def _may_begin(self, item: Request | LastwordError) -> bool:
        if self._outlet.choked or self._stream is not None:
            return False
        turns = self._turns
        return not turns or (
            len(turns) < self._shared.limits.pipeline_max
            and turns[-1].request.method in SAFE_METHODS
            and isinstance(item, Request)
            and item.method in SAFE_METHODS
        )

    def _begin(self, request: Request) -> None:
        try:
            answer = self._shared.handler(request)
        except LastwordError as error:
            answer = error_response(error, request)
        except Exception as fault:  # noqa: BLE001 - reported, and answered as a fault of ours
            answer = self._shared.fault(fault, request)
        if not isinstance(answer, Response):
            self._wait_for(request, answer)
        elif self._turns:
            self._turns.append(_Turn(request, answer))
        else:
            self._answer(request, answer)

    def _wait_for(self, request: Request, answer: Awaitable[Response]) -> None:
        turn = _Turn(request)
        if isinstance(answer, asyncio.Future):
            future = answer
        else:
            future = turn.task = self._shared.spawn(_result(answer))
        self._turns.append(turn)
        future.add_done_callback(partial(self._settle, turn))

    def _settle(self, turn: _Turn, future: asyncio.Future[Response]) -> None:
        """Take the answer of `turn`; put it out if those before it are out."""
        if self.ended and future.cancelled():
            return
        turn.response = self._outcome(future, turn.request)
        if self.ended:
            self._shared.discard(turn.response)
        elif self._turns[0] is turn and self._stream is None:
            self._plan_release()

    def _outcome(self, future: asyncio.Future[Response], request: Request) -> Response:
        try:
            response = future.result()
            assert isinstance(response, Response), repr(response)  # noqa: S101 - our own fault
        except LastwordError as error:
            return error_response(error, request)
        except (Exception, asyncio.CancelledError) as fault:  # noqa: BLE001 - reported
            return self._shared.fault(fault, request)
        return response

    def _plan_release(self) -> None:
        # Where more answers wait, they may well be settled in this same turn of the loop: then
        # one write has them all.
        if len(self._turns) == 1:
            self._release()
        elif not self._release_planned:
            self._release_planned = True
            asyncio.get_running_loop().call_soon(self._release)

    def _release(self) -> None:
        """Put out the answers that are there, up to the first that is not."""
        self._release_planned = False
        turns = self._turns
        while turns and self._stream is None and (response := turns[0].response) is not None:
            self._answer(turns.popleft().request, response)
        self._on_answers()

    def _answer(self, request: Request, response: Response) -> None:
        body = response.body
        keep = request.keep_alive and not (self.draining and self.is_last())
        if request.http10 and not isinstance(body, bytes):
            keep = False
        try:
            head = self._shared.heads.encode(request, response, keep=keep)
        except Exception as fault:  # noqa: BLE001 - reported, and answered as a fault of ours
            self._shared.discard(response)
            self._answer(request, self._shared.fault(fault, request))
            return
        if request.method == "HEAD" or response.status in BODILESS:
            self._outlet.put(head)
            self._shared.discard(response)
        elif isinstance(body, bytes):
            self._outlet.put(head, body)
        else:
            self._outlet.put(head)
            self._stream = self._shared.spawn(self._send(body, chunked=not request.http10))
            self._stream.add_done_callback(partial(self._end_stream, response, keep))
            self._drain = getattr(body, "drain", None)
            if self.draining:
                self.drain()
            return
        self.ended = not keep

    async def _send(self, body: AsyncIterator[bytes], *, chunked: bool) -> None:
        try:
            await self._outlet.pump(body, chunked=chunked)
        except Exception as fault:
            self._shared.on_fault(fault)
            self._outlet.cut(chunked=chunked)
            raise

    def _end_stream(self, response: Response, keep: bool, task: asyncio.Task[None]) -> None:
        self._stream = self._drain = None
        self._shared.discard(response)  # here, since a task may be cancelled before it begins
        if task.cancelled() or task.exception() is not None or self.ended:
            return
        self.ended = not keep or (self.draining and self.is_last())
        self._release()


async def _result(answer: Awaitable[Response]) -> Response:
    return await answer
