"""Bytes in, whole and well-formed requests out. The only file that knows the HTTP parser.

It promises that a request is handed on only when all of it, body included, has arrived and
nothing about where it ends is in doubt; what is in doubt is refused and the connection closed,
since two readers that see different ends can be played against each other (request smuggling).
It has no socket and no clock.

Source: RFC 9112. llhttp, in its strict mode, refuses bare CR and LF, folded and misspelt headers,
lengths that are repeated, signed, or beside Transfer-Encoding, chunk sizes that are not plain
hexadecimal, and in targets spaces, control bytes and bytes above 0x7F (a client percent-encodes
those). It lets through, and this file refuses: a Host that is missing, repeated or no host;
Transfer-Encoding that is not just `chunked`, or came by HTTP/1.0; HTTP/0.9 and HTTP/2.0; CONNECT;
fragments (`#`), other schemes, and `*` but for OPTIONS. Harmless, and taken: empty lines (also a
lone LF) before a request, several spaces within its first line, GET by the name of RTSP.
"""

from collections import deque
from types import SimpleNamespace
from typing import Final

import httptools

from lastword.api.http.limits import HttpLimits
from lastword.api.http.messages import Request
from lastword.api.http.target import check_host, locate
from lastword.errors import (
    BodyTooLarge,
    HeadersTooLarge,
    InvalidRequest,
    LastwordError,
    TargetTooLong,
)

_SINGLE: Final = frozenset(
    {
        b"authorization",
        b"content-length",
        b"content-type",
        b"expect",
        b"host",
        b"origin",
        b"transfer-encoding",
    }
)
"""Headers of which a second one is refused: whoever reads the first and whoever reads the last
would disagree."""

_METHODS: Final = {
    name.encode("ascii"): name
    for name in ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")
}
_HEADER_BYTES_EXTRA: Final = 32
"""What a header counts beside its bytes, as in RFC 9113, 6.5.2: small ones cost memory too."""

_NO_BODY: Final = b""


class RequestReader:
    """Reads the requests of one connection into `arrived`, in order.

    A refusal stands there as the error, and is the last entry. `messages` counts requests begun;
    `begun` says that one has arrived in part, `in_body` that its headers are complete, and
    `body_bytes` how much of its body is here. `wants_continue`: the client waits for
    100 Continue. `closed`: no more is read, and `unread` says that more came nevertheless.
    """

    __slots__ = (
        "_body",
        "_head_bytes",
        "_headers",
        "_host",
        "_keep_alive",
        "_limits",
        "_method",
        "_parser",
        "_path",
        "_silent_bytes",
        "_target",
        "_upgrade_body",
        "_version",
        "arrived",
        "begun",
        "body_bytes",
        "client",
        "closed",
        "in_body",
        "messages",
        "unread",
        "wants_continue",
    )

    def __init__(self, limits: HttpLimits) -> None:
        self.arrived: deque[Request | LastwordError] = deque()
        self.messages = self.body_bytes = 0
        self.begun = self.in_body = self.wants_continue = self.closed = self.unread = False
        self._limits = limits
        self.client = ""
        self._host = b""
        self._silent_bytes = 0
        self._upgrade_body = b""
        self._parser: httptools.HttpRequestParser | None = httptools.HttpRequestParser(self)

    def feed(self, data: bytes | memoryview) -> None:
        """Read `data`. Never raises for what a client sent: that is refused in `arrived`."""
        if self._parser is None:
            self.unread = True
            return
        before = self._progress() if self.begun else None
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._go_on_after_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError as fault:
            self._refuse_fault(fault)
        if self.closed:
            self.close()
        elif before is not None:
            self._bound_silence(before, len(data))

    def refuse(self, error: LastwordError) -> None:
        """Give up on what arrives: `error` is the connection's last answer."""
        self.arrived.append(error)
        self.unread = True
        self.close()

    def close(self) -> None:
        """Read no more; what arrived whole stays in `arrived`, the rest is dropped."""
        self.begun = self.in_body = self.wants_continue = False
        self.closed = True
        self._parser = None  # it holds this reader's methods, a cycle

    def _refuse_fault(self, fault: httptools.HttpParserError) -> None:
        cause = fault.__context__
        if isinstance(cause, LastwordError):
            self.refuse(cause)
        elif isinstance(fault, httptools.HttpParserCallbackError):
            raise fault
        elif self.closed:
            self.unread = True  # more came after the request that closes the connection
        elif isinstance(fault, httptools.HttpParserInvalidURLError):
            hint = "Percent-encode all but printable ASCII."
            self.refuse(InvalidRequest(f"malformed target: {fault}", hint=hint))
        else:
            self.refuse(InvalidRequest(f"malformed HTTP: {fault}"))

    def _progress(self) -> tuple[int, int, int]:
        return self.messages, self._head_bytes, self.body_bytes

    def _bound_silence(self, before: tuple[int, int, int], count: int) -> None:
        # The parser keeps an unfinished header to itself, and skips a chunk's extensions: neither
        # is seen by the other limits.
        if not self.begun or self._progress() != before:
            self._silent_bytes = 0
            return
        self._silent_bytes += count
        if self._silent_bytes > self._limits.headers_bytes_max:
            self.refuse(self._headers_too_large())

    def _headers_too_large(self) -> HeadersTooLarge:
        return HeadersTooLarge(f"more than {self._limits.headers_bytes_max} bytes of headers")

    # The parser calls the methods below, by these names.

    def on_message_begin(self) -> None:
        """Begin a request."""
        self.messages += 1
        self.begun = True
        self._target = b""
        self._headers: dict[bytes, bytes] = {}
        self._head_bytes = self.body_bytes = 0
        self._body: bytes | bytearray = _NO_BODY

    def on_url(self, part: bytes) -> None:
        """Take a part of the target."""
        self._target += part
        self._head_bytes += len(part)
        if self._head_bytes > self._limits.target_bytes_max:
            raise TargetTooLong(f"a target of more than {self._limits.target_bytes_max} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, or drop a trailer: nothing here is decided by those."""
        self._head_bytes += len(name) + len(value) + _HEADER_BYTES_EXTRA
        if self._head_bytes > self._limits.headers_bytes_max:
            raise self._headers_too_large()
        if self.in_body:
            return
        name = name.lower()
        value = value.rstrip(b" \t")
        if name in self._headers:
            if name in _SINGLE:
                raise InvalidRequest(f"more than one header {name.decode('ascii')}")
            value = self._headers[name] + b", " + value
        self._headers[name] = value

    def on_headers_complete(self) -> None:
        """Judge the head: everything that can be refused before the body comes is."""
        parser, headers = self._parser, self._headers
        assert parser is not None, "a closed reader reads"  # noqa: S101 - our own fault
        method = parser.get_method()
        self._method = _METHODS.get(method) or _other_method(method)
        self._keep_alive = keep_alive = parser.should_keep_alive()
        self._version = "1.1"
        if not keep_alive or b"connection" in headers or b"proxy-connection" in headers:
            # Only HTTP/1.1 goes on without being asked, and asking for the version costs more.
            self._check_version(parser.get_http_version())
        self._path = self._target
        if self._target[0] != 0x2F or b"#" in self._target:
            self._locate()
        host = headers.get(b"host")
        if host != self._host:
            self._check_host(host)
        self.in_body = True
        if b"content-length" in headers or b"transfer-encoding" in headers:
            self._expect_body()
        if b"upgrade" in headers and parser.should_upgrade():
            self._pass_over_upgrade()

    def on_body(self, part: bytes) -> None:
        """Take a part of the body."""
        self.wants_continue = False
        self.body_bytes += len(part)
        if self.body_bytes > self._limits.body_bytes_max:
            raise self._body_too_large()
        if not self._body:
            self._body = part
        else:
            # One growing buffer: a list of parts of a byte each would cost 40 times the limit.
            if not isinstance(self._body, bytearray):
                self._body = bytearray(self._body)
            self._body += part

    def on_message_complete(self) -> None:
        """Hand the request on."""
        if self._upgrade_body:
            return
        self.begun = self.in_body = self.wants_continue = False
        path, query = self._path, b""
        if b"?" in path:
            path, _, query = path.partition(b"?")
        body = self._body if isinstance(self._body, bytes) else bytes(self._body)
        self._body = _NO_BODY
        self.arrived.append(
            Request(
                self._method,
                self._target,
                path,
                query,
                self._headers,
                body,
                self._keep_alive,
                self._version == "1.0",
                self.client,
            )
        )
        if not self._keep_alive:
            self.closed = True

    # The checks of a head.

    def _check_version(self, version: str) -> None:
        self._version = version
        if version not in {"1.0", "1.1"}:
            raise InvalidRequest(f"HTTP/{version} is not spoken here, but HTTP/1.1")
        if version == "1.0" and b"transfer-encoding" in self._headers:
            raise InvalidRequest("HTTP/1.0 has no Transfer-Encoding")

    def _locate(self) -> None:
        self._path, host = locate(self._method, self._target)
        if host is not None:
            # The target's host is the one that counts, but the header must be there and sound.
            self._check_host(self._headers.get(b"host"))
            self._headers[b"host"] = host

    def _check_host(self, host: bytes | None) -> None:
        if host is None:
            if self._version == "1.1":
                raise InvalidRequest("no header Host")
            return
        check_host(host)
        self._host = host  # the same in the connection's next request: need not be checked

    def _expect_body(self) -> None:
        headers = self._headers
        if headers.get(b"transfer-encoding", b"chunked").lower() != b"chunked":
            raise InvalidRequest("a Transfer-Encoding other than chunked")
        # The parser has seen to it that these are digits; there may be thousands of zeros.
        length = headers.get(b"content-length", b"1").lstrip(b"0") or b"0"
        if int(length) > self._limits.body_bytes_max:
            raise self._body_too_large()
        if self._version == "1.1" and length != b"0":
            self.wants_continue = headers.get(b"expect", b"").lower() == b"100-continue"

    def _body_too_large(self) -> BodyTooLarge:
        return BodyTooLarge(f"a body of more than {self._limits.body_bytes_max} bytes")

    # An offer to change the protocol (some clients make one with each connection's first request,
    # to HTTP/2) is passed over: the request is answered as it stands, then the connection closed.

    def _pass_over_upgrade(self) -> None:
        self._keep_alive = False
        length = self._headers.get(b"content-length")
        if length is not None:
            self._upgrade_body = b"Content-Length: " + length
        elif b"transfer-encoding" in self._headers:
            self._upgrade_body = b"Transfer-Encoding: chunked"

    def _go_on_after_upgrade(self, rest: bytes | memoryview) -> None:
        # The parser takes a body for the other protocol's bytes, and skips it. So a second
        # parser reads the body, after a head of which it calls nothing back.
        framing, self._upgrade_body = self._upgrade_body, b""
        if not framing:
            self.unread = bool(rest)
            return
        body_only = SimpleNamespace(
            on_header=self.on_header,
            on_body=self.on_body,
            on_message_complete=self.on_message_complete,
        )
        self._parser = httptools.HttpRequestParser(body_only)
        head = b"POST / HTTP/1.1\r\nConnection: close\r\n" + framing + b"\r\n\r\n"
        self.feed(head + bytes(rest))


def _other_method(name: bytes) -> str:
    if name == b"CONNECT":
        raise InvalidRequest("this is not a proxy: CONNECT is not served")
    return name.decode("ascii")
