"""Requests over `http.client`, by whatever thread asks: what `Client` is built on.

A connection is used by one thread at a time and is kept for the next request. One that the node
has closed meanwhile, or that was made before a fork, is not used again.
"""

import errno
import os
import select
import socket
import ssl
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from time import monotonic
from typing import Final

from lastword.client.answers import Answer
from lastword.client.causes import CLOSED, NOT_HTTP, TOO_LONG, cause_in_words
from lastword.client.requests import CONNECT_TIMEOUT_S, Broken, Outcome, Request, too_large

IDLE_S: Final = 60.0
"""A node closes a connection that asked nothing for 75 s; a request should not meet that."""

KEPT_MAX: Final = 32
"""Idle connections of one client to one node: as many threads rarely wait for answers at once."""

PIECE_BYTES: Final = 256 << 10

CONNECTION_ERRORS: Final = (HTTPException, OSError, ValueError)


@dataclass(slots=True)
class _Kept:
    connection: HTTPConnection
    since_s: float
    pid: int


class BlockingWire:
    """A pool of connections to nodes, for any number of threads."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, token: str | None = None) -> None:
        self._tls = tls
        self._token = token
        self._idle: dict[str, deque[_Kept]] = {}
        self._streaming: set[HTTPConnection] = set()
        self.is_closed = False

    def close(self) -> None:
        """Close the connections that nobody uses, and end streams, whoever waits for them.

        The others close when their answer is read.
        """
        self.is_closed = True
        for connection in tuple(self._streaming):
            if connection.sock is not None:
                with suppress(OSError):  # it has ended by itself
                    connection.sock.shutdown(socket.SHUT_RDWR)
        for kept in self._idle.values():
            while kept:
                kept.pop().connection.close()

    @property
    def has_open(self) -> bool:
        """Whether a connection is kept."""
        return any(self._idle.values())

    def outcome(self, address: str, request: Request, timeout_s: float) -> Outcome:
        """Return what became of a request; raises BodyTooLarge."""
        deadline_s = monotonic() + timeout_s
        arrived = False
        try:
            connection = self._connected(address, timeout_s)
            arrived = True
            return self._exchange(connection, address, request, deadline_s)
        except CONNECTION_ERRORS as error:
            return Broken(reason_of(error), arrived=arrived)

    @contextmanager
    def streamed(
        self, address: str, request: Request, timeout_s: float
    ) -> Iterator[tuple[HTTPResponse, Callable[[], bytes]]]:
        """Send a request; give its answer's head, and what returns the next piece of its body.

        The wait for each piece may take `timeout_s`. Raises CONNECTION_ERRORS.
        """
        connection = self._made(address, timeout_s)
        self._streaming.add(connection)
        try:
            if self.is_closed:  # before it could be seen there
                raise ConnectionAbortedError(errno.ECONNABORTED, "the client is closed")
            connection.request(
                request.method, request.target, request.body, request.headers(self._token)
            )
            response = connection.getresponse()
            yield response, lambda: response.read1(PIECE_BYTES)
        finally:
            self._streaming.discard(connection)
            connection.close()

    def _exchange(
        self,
        connection: HTTPConnection,
        address: str,
        request: Request,
        deadline_s: float,
    ) -> Answer:
        is_whole = False
        try:
            connection.request(
                request.method, request.target, request.body, request.headers(self._token)
            )
            limit_s = float("inf") if request.patient else deadline_s
            response = connection.getresponse()
            body = _read(connection, response, request.bytes_max, limit_s)
            response.close()  # of it alone: read1 leaves it open, and the connection in use
            is_whole = not response.will_close
        finally:
            if is_whole and not self.is_closed:
                self._keep(address, connection)
            else:
                connection.close()
        headers = {name.title(): value for name, value in response.getheaders()}
        return Answer(address, response.status, headers, body)

    def _connected(self, address: str, timeout_s: float) -> HTTPConnection:
        kept = self._idle.get(address)
        while kept:
            try:
                found = kept.pop()
            except IndexError:  # another thread took it
                break
            if _is_usable(found):
                _limit(found.connection, timeout_s)
                return found.connection
            found.connection.close()
        return self._made(address, timeout_s)

    def _made(self, address: str, timeout_s: float) -> HTTPConnection:
        host, _, port = address.rpartition(":")
        host, connect_s = host.strip("[]"), min(CONNECT_TIMEOUT_S, timeout_s)
        connection = (
            HTTPConnection(host, int(port), timeout=connect_s)
            if self._tls is None
            else HTTPSConnection(host, int(port), timeout=connect_s, context=self._tls)
        )
        try:
            connection.connect()
        except BaseException:
            connection.close()
            raise
        _limit(connection, timeout_s)
        return connection

    def _keep(self, address: str, connection: HTTPConnection) -> None:
        kept = self._idle.setdefault(address, deque())
        if len(kept) < KEPT_MAX:
            kept.append(_Kept(connection, monotonic(), os.getpid()))
        else:
            connection.close()


def _is_usable(kept: _Kept) -> bool:
    """Return whether a connection is ours, was used lately, and has nothing to say unasked."""
    if kept.pid != os.getpid() or monotonic() - kept.since_s > IDLE_S:
        return False
    sock = kept.connection.sock
    return sock is not None and not _is_readable(sock.fileno())


def _is_readable(descriptor: int) -> bool:
    if sys.platform == "win32":
        return bool(select.select([descriptor], [], [], 0)[0])
    poll = select.poll()  # select takes no descriptor over 1023
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


def _read(
    connection: HTTPConnection, response: HTTPResponse, bytes_max: int, deadline_s: float
) -> bytes:
    parts, left = [], bytes_max
    while piece := response.read1(PIECE_BYTES):
        left -= len(piece)
        if left < 0:
            raise too_large(bytes_max)
        parts.append(piece)
        left_s = deadline_s - monotonic()
        if left_s <= 0:
            raise TimeoutError
        if left_s != float("inf"):
            _limit(connection, left_s)
    if response.length:  # read1 ends quietly where the connection does
        raise HTTPException("its answer was cut short")
    return b"".join(parts)


def _limit(connection: HTTPConnection, timeout_s: float) -> None:
    if connection.sock is not None:
        connection.sock.settimeout(timeout_s)


def reason_of(error: Exception) -> str:
    """Return in a few words why a call over `http.client` had no answer."""
    if isinstance(error, TimeoutError):
        return TOO_LONG
    if isinstance(error, ConnectionError) and not error.errno:
        return CLOSED
    if isinstance(error, HTTPException) and str(error) and type(error) is not HTTPException:
        return NOT_HTTP
    return cause_in_words(error)
