"""The bytes of answers: the JSON shape of errors, and the head that comes before every body.

Every answer says no-store and nosniff: what a set holds changes at any time, and elements are
bytes of strangers that no browser may take for a page. No answer names the server's software.
"""

import re
from base64 import b64encode
from email.utils import formatdate
from http import HTTPStatus
from math import ceil
from typing import Any, Final

import msgspec

from lastword.api.http.forms import Form, wanted_form
from lastword.api.http.messages import Request, Response
from lastword.crdt.wire import text_or_bytes
from lastword.errors import (
    GhostElements,
    LastwordError,
    MethodNotAllowed,
    TooManyFailures,
    Unauthenticated,
    http_status,
)

BODILESS: Final = frozenset({204, 304})
"""Statuses whose answers have no body (RFC 9110, 15.3.5 and 15.4.5)."""

PLAIN_BYTES_MAX: Final = 1_024
"""Heads that announce shorter bodies are kept for a second: most answers share a few lengths, and
what is kept stays below a megabyte."""

NOBODY: Final = Request("POST", b"", b"", keep_alive=False)
"""Stands for a request that was refused before it was whole: it ends the connection."""

_PHRASES: Final = {status.value: status.phrase.encode("ascii") for status in HTTPStatus}
_NAME: Final = re.compile(rb"[A-Za-z0-9-]+")
_VALUE: Final = re.compile(rb"[ -~]*")
_OURS: Final = frozenset(
    {
        b"cache-control",
        b"connection",
        b"content-length",
        b"content-type",
        b"date",
        b"transfer-encoding",
        b"x-content-type-options",
    }
)


class Told(msgspec.Struct, rename="camel", omit_defaults=True):
    """An error: a stable code for programs, a message and what to do about it for people.

    Where it is about elements, some of them, as states show them, and how many more there are.
    """

    code: str
    message: str
    hint: str
    elements: list[Any] = []
    elements_base64: list[str] = []
    more: int = 0


class Refusal(msgspec.Struct):
    """The answer to what is not done."""

    error: Told


def error_response(error: LastwordError, request: Request = NOBODY) -> Response:
    """Return the answer that tells a client of `error`: its code, message and hint.

    It is in the form that `request` asks for.
    """
    form = wanted_form(request)
    headers: tuple[tuple[bytes, bytes], ...] = ()
    if isinstance(error, MethodNotAllowed):
        headers = ((b"Allow", ", ".join(error.allow).encode("ascii")),)
    elif isinstance(error, Unauthenticated):
        headers = ((b"WWW-Authenticate", b"Bearer"),)
    elif isinstance(error, TooManyFailures):
        headers = ((b"Retry-After", b"%d" % ceil(error.retry_s)),)
    body = form.encode(Refusal(told(error, form)))
    return Response(http_status(error), body, form.content_type, headers)


def told(error: LastwordError, form: Form) -> Told:
    """Return what a client is told of `error`, in `form`."""
    told = Told(error.code, _clean(str(error)), _clean(error.hint))
    if isinstance(error, GhostElements):
        told.more = error.more
        for element in map(text_or_bytes, error.elements):
            if isinstance(element, str) or form.is_msgpack:
                told.elements.append(element)
            else:
                told.elements_base64.append(b64encode(element).decode())
    return told


def _clean(text: str) -> str:
    # A message may quote what a client sent; lone surrogates cannot be written as UTF-8.
    return text.encode("utf-8", "replace").decode("utf-8")


class Heads:
    """Writes the heads of answers, and keeps those that many share until `refresh`."""

    __slots__ = ("_date", "_plain")

    def __init__(self) -> None:
        self._plain: dict[tuple[int, bytes, int], bytes] = {}
        self.refresh()

    def refresh(self) -> None:
        """Take the present second into the Date header; to be called about once a second."""
        self._date = formatdate(usegmt=True).encode("ascii")
        self._plain.clear()

    def encode(self, request: Request, response: Response, *, keep: bool) -> bytes:
        """Return the head of `response` to `request`; `keep` says whether more may follow.

        A body of bytes is announced by its length, also to HEAD; a stream is announced as
        chunked, and to HTTP/1.0 as lasting until the connection closes, so `keep` must be false.
        """
        body = response.body
        is_plain = keep and not (response.headers or response.may_be_kept or request.http10)
        if isinstance(body, bytes) and is_plain:
            key = (response.status, response.content_type, len(body))
            return self._plain.get(key) or self._make_plain(response, len(body))
        lines = _lines(response.headers) + _connection(request, keep=keep)
        if isinstance(body, bytes):
            return self._make(response, len(body), lines)
        if request.http10:
            assert not keep, "HTTP/1.0 has no chunks"  # noqa: S101 - our own fault
        elif response.status not in BODILESS:
            lines += b"Transfer-Encoding: chunked\r\n"
        return self._make(response, None, lines)

    def _make_plain(self, response: Response, length: int) -> bytes:
        head = self._make(response, length, b"")
        if length < PLAIN_BYTES_MAX:
            self._plain[response.status, response.content_type, length] = head
        return head

    def _make(self, response: Response, length: int | None, lines: bytes) -> bytes:
        status, kind = response.status, response.content_type
        assert _VALUE.fullmatch(kind), kind  # noqa: S101 - our own fault
        kept = b"no-cache" if response.may_be_kept else b"no-store"
        head = (
            b"HTTP/1.1 %d %b\r\nDate: %b\r\nX-Content-Type-Options: nosniff\r\n"
            b"Cache-Control: %b\r\n%b" % (status, _PHRASES[status], self._date, kept, lines)
        )
        if status in BODILESS:
            return head + b"\r\n"
        head += b"Content-Type: %b\r\n" % kind
        if length is not None:
            head += b"Content-Length: %d\r\n" % length
        return head + b"\r\n"


def _lines(headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    for name, value in headers:
        # One line break in a value would let its writer add headers and answers of their own.
        assert _NAME.fullmatch(name), name  # noqa: S101 - our own fault
        assert _VALUE.fullmatch(value), value  # noqa: S101 - our own fault
        assert name.lower() not in _OURS, name  # noqa: S101 - our own fault
    return b"".join([b"%b: %b\r\n" % header for header in headers])


def _connection(request: Request, *, keep: bool) -> bytes:
    if not keep:
        return b"Connection: close\r\n"
    return b"Connection: keep-alive\r\n" if request.http10 else b""
