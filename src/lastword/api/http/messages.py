"""What the server and its handler exchange: a request that arrived whole, and its answer."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, TypeAlias

import msgspec

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110, 9.2.1): only these are answered side by side."""


class Request(msgspec.Struct, frozen=True):
    """A request that arrived whole and is well formed.

    `target` is what stood in the first line. `path` and `query` are its two sides of the first
    `?`, raw: never decoded, never normalised; of an absolute target (`http://host/path`) they
    are what follows the host. Names of `headers` are lower case; values of a header that came
    more than once are joined by `, `. `keep_alive` is false where the client wants the
    connection closed, `http10` where it speaks HTTP/1.0. `client` is the address that it came
    from, empty where that is not known.
    """

    method: str
    target: bytes
    path: bytes
    query: bytes = b""
    headers: dict[bytes, bytes] = {}
    body: bytes = b""
    keep_alive: bool = True
    http10: bool = False
    client: str = ""


class Response(msgspec.Struct, frozen=True):
    """An answer.

    A `body` that is an iterator is streamed, at the client's pace; it is closed (`aclose`) in any
    case, also where it was not read to its end. One that may have no end has a `drain`, which is
    called when the server stops: then it ends. One that `may_be_kept` a browser may store, if it
    asks each time whether it is still so. The server itself writes Date, Content-Length,
    Transfer-Encoding, Connection, Content-Type, Cache-Control and X-Content-Type-Options:
    `headers` must have none of these, and printable ASCII only.
    """

    status: int = 200
    body: bytes | AsyncIterator[bytes] = b""
    content_type: bytes = b"application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()
    may_be_kept: bool = False


Handler: TypeAlias = Callable[[Request], Response | Awaitable[Response]]
"""Answers a request: at once, or by an awaitable.

It runs on the event loop and must not block. A LastwordError that it raises is answered as such.
"""
