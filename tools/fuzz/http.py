"""Requests as bytes, whole and in pieces; and paths and queries beside the standard library's."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final
from urllib.parse import quote_from_bytes, unquote_to_bytes

from lastword.api.http import HttpLimits, Request
from lastword.api.http.reader import RequestReader
from lastword.api.paths import parse_path, percent_decoded
from lastword.api.rest.queries import (
    ghosts_of_query,
    members_span,
    number_after,
    sets_span,
    time_of_query,
    timing_of_query,
)
from lastword.errors import CallerError, InvalidRequest
from lastword.limits import LISTED_MAX, SET_NAME_BYTES_MAX, TIME_MAX
from tools.fuzz.target import Target, bytewise, pieces, tried

LIMITS: Final = HttpLimits(body_bytes_max=1_000, target_bytes_max=500, headers_bytes_max=1_500)
HEAD: Final = b"HTTP/1.1\r\nHost: a:1\r\n"
REQUESTS: Final = (
    b"GET /s/a?x=1 " + HEAD + b"\r\n",
    b"PUT /s " + HEAD + b'Content-Length: 5\r\n\r\n["a"]',
    b"POST /s " + HEAD + b"Transfer-Encoding: chunked\r\n\r\n2;x=y\r\n{}\r\n0\r\nA: b\r\n\r\n",
    b"GET /a " + HEAD + b"\r\nGET /b " + HEAD + b"Connection: close\r\n\r\nGET /c ",
    b"GET / HTTP/1.0\r\n\r\n",
    b"GET http://b:2/s?x " + HEAD + b"Accept: a\r\naccept: b\r\n\r\n",
    b"OPTIONS * " + HEAD + b"\r\n",
    b"PATCH /s " + HEAD + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
    b"GET / " + HEAD + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 1\r\n\r\nx",
)
WORDS: Final = (
    *(b"Content-Length: ", b"Transfer-Encoding: chunked\r\n", b"Host: ", b"Connection: close\r\n"),
    *(b"\r\n\r\n", b"\r\n ", b"\n", b"\0", b"0\r\n\r\n", b"ffffffffffffffff\r\n", b"HTTP/1.0\r\n"),
    *(b"Upgrade: x\r\n", b"CONNECT ", b"9" * 40, b"Content-Length: 0\r\n", b";", b"#", b"\t"),
)
PATHS: Final = (
    *(b"/s", b"/s/a", b"/s/a/b%2Fc", b"/%C3%A9/%00%ff", b"/_peers_/a%3A1", b"/_/sets", b"/s/"),
    *(b"/s?members&prefix=%C3&after=0123456789abcdef&limit=10", b"/s/a?time=5&ghosts=readd"),
    *(b"/s?ghosts=remove", b"/_/sets?limit=10000&prefix=a+b", b"/_/future?after=ffffffffffffffff"),
)
PATH_WORDS: Final = (
    *(b"?members", b"&prefix=", b"&after=", b"&limit=", b"time=", b"&ghosts=remove", b"%ed%a0%80"),
    *(b"%00", b"%", b"%2", b"%2f", b"%25", b"+", b"..", b"//", str(TIME_MAX + 1).encode()),
    *(b"\xd9\xa1", b"%F0%9F%92%80", b"a" * 256, b"9" * 30),
)


def _examine_http(data: bytes) -> None:
    whole = _read(data)
    assert _read(*pieces(data)) == whole, "requests depend on how their bytes were cut"
    assert _read(*bytewise(data)) == whole, "requests differ where they come byte by byte"


def _read(*parts: bytes) -> list[Request | None]:
    """Return what arrived, None for a refusal.

    Why it is refused may depend on the pieces: one counts against a limit before it is whole.
    """
    reader = RequestReader(LIMITS)
    for part in parts:
        reader.feed(part)
        assert reader.body_bytes <= LIMITS.body_bytes_max or reader.closed
    requests = [item for item in reader.arrived if isinstance(item, Request)]
    refusals = [item for item in reader.arrived if not isinstance(item, Request)]
    assert not refusals or reader.arrived[-1] is refusals[0], "something follows a refusal"
    total = sum(len(item.body) + len(item.target) for item in requests)
    assert total <= sum(map(len, parts)), "requests say more than their bytes"
    assert all(len(item.body) <= LIMITS.body_bytes_max for item in requests)
    assert all(isinstance(item, CallerError) for item in refusals)
    return [*requests, *(None for _ in refusals)]


def _examine_path(data: bytes) -> None:
    path, _, query = data.partition(b"?")
    _check_escapes(data)
    place = tried(lambda: parse_path(path), CallerError)
    if place is not None:
        raw_set, slash, raw_element = path[1:].partition(b"/")
        assert place.set_name == unquote_to_bytes(raw_set)
        assert place.element == (unquote_to_bytes(raw_element) if slash else None)
        assert 1 <= len(place.set_name) <= SET_NAME_BYTES_MAX
        assert b"/" not in place.set_name
        place.set_name.decode()
        written = "/" + "/".join(
            quote_from_bytes(part, safe="") for part in place if part is not None
        )
        assert parse_path(written.encode()) == place
    _check_query(Request("PUT", data, path, query))


def _check_escapes(raw: bytes) -> None:
    found = tried(lambda: percent_decoded(raw), InvalidRequest)
    digits = b"0123456789abcdefABCDEF"
    places = [at for at, byte in enumerate(raw) if byte == 0x25]
    escapes = [raw[at + 1 : at + 3] for at in places]
    whole = all(len(two) == 2 and all(byte in digits for byte in two) for two in escapes)
    assert found == (unquote_to_bytes(raw) if whole else None)


def _check_query(request: Request) -> None:
    time = tried(lambda: time_of_query(request), CallerError)
    if time is not None:
        assert request.query.lstrip(b"time=0") == (str(time).encode() if time else b"")
        assert 0 <= time <= TIME_MAX
    tried(lambda: timing_of_query(request), CallerError)
    tried(lambda: ghosts_of_query(request), CallerError)
    readers: tuple[Callable[[Request], Any], ...] = (members_span, sets_span)
    for read in readers:
        span = tried(partial(read, request), CallerError)
        if span is not None:
            assert 1 <= span.limit <= LISTED_MAX
            assert 0 <= span.start <= 1 << 64
            named = dict(part.partition(b"=")[::2] for part in request.query.split(b"&"))
            assert span.prefix == unquote_to_bytes(named.get(b"prefix", b""))
    number = tried(lambda: number_after(request), CallerError)
    assert number is None or 0 <= number < 1 << 64


def _path_seeds() -> Iterator[bytes]:
    yield from PATHS


HTTP: Final = Target("http", lambda: _examine_http, lambda: REQUESTS, WORDS)
PERCENT: Final = Target("percent", lambda: _examine_path, _path_seeds, PATH_WORDS)
