"""What arrives as a request and what is refused, however the bytes are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastword.api.http import HttpLimits, Request
from lastword.api.http.reader import RequestReader
from lastword.errors import (
    BodyTooLarge,
    HeadersTooLarge,
    InvalidRequest,
    LastwordError,
    TargetTooLong,
)
from tests.api.http.malformed import CHUNKED, HARMLESS, MALFORMED, head, target

HOST = b"Host: a\r\n"
UPGRADE = b"Connection: Upgrade\r\nUpgrade: h2c\r\n"

WHOLE = {
    "get": b"GET /s/a?b=c HTTP/1.1\r\nHost: a\r\nX-Y: z\r\n\r\n",
    "length": b"PUT /s HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    "chunked": CHUNKED + b"2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n",
    "trailers": CHUNKED + b"5\r\nhello\r\n0\r\nX-Y: z\r\nHost: evil\r\n\r\n",
    "http/1.0": b"GET /s HTTP/1.0\r\n\r\n",
    "upgrade": b"GET /s HTTP/1.1\r\nHost: a\r\n" + UPGRADE + b"\r\n",
    "upgrade, length": b"POST /s HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
    + UPGRADE
    + b"\r\nhello",
    "upgrade, chunked": CHUNKED[:-2] + UPGRADE + b"\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\nA: b\r\n\r\n",
    "unknown upgrade": b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n\r\n",
}


def read(*parts: bytes, **limits: int) -> RequestReader:
    reader = RequestReader(HttpLimits(**limits))
    for part in parts:
        reader.feed(part)
    return reader


def read_one(data: bytes) -> Request:
    (request,) = read(data).arrived
    assert isinstance(request, Request), request
    return request


def refusal(*parts: bytes, **limits: int) -> LastwordError:
    reader = read(*parts, **limits)
    assert len(reader.arrived) == 1
    assert reader.closed
    assert not reader.begun
    error = reader.arrived[0]
    assert isinstance(error, LastwordError)
    return error


def one_by_one(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


@pytest.mark.parametrize("data", WHOLE.values(), ids=WHOLE)
def test_a_request_is_the_same_however_its_bytes_are_cut(data: bytes) -> None:
    request = read_one(data)
    assert list(read(*one_by_one(data)).arrived) == [request]
    for at in range(1, len(data)):
        assert list(read(data[:at], data[at:]).arrived) == [request]


@pytest.mark.parametrize("data", WHOLE.values(), ids=WHOLE)
def test_no_part_of_a_request_is_handed_on(data: bytes) -> None:
    for end in range(len(data)):
        assert not read(data[:end]).arrived, data[:end]


def test_the_parts_of_a_request_are_handed_on_raw() -> None:
    assert read_one(WHOLE["get"]) == Request(
        "GET", b"/s/a?b=c", b"/s/a", b"b=c", {b"host": b"a", b"x-y": b"z"}
    )
    assert read_one(WHOLE["length"]).body == b"hello"
    assert read_one(WHOLE["chunked"]).body == b"hello"
    assert read_one(WHOLE["http/1.0"]) == Request(
        "GET", b"/s", b"/s", keep_alive=False, http10=True
    )


def test_trailers_decide_nothing() -> None:
    assert read_one(WHOLE["trailers"]).headers == {b"host": b"a", b"transfer-encoding": b"chunked"}


def test_requests_that_came_together_arrive_in_order() -> None:
    data = b"".join(target(b"/%d" % n) for n in range(100)) + WHOLE["chunked"] + WHOLE["get"]
    arrived = list(read(data).arrived)
    assert list(read(*one_by_one(data)).arrived) == arrived
    assert [r.target for r in arrived if isinstance(r, Request)] == [
        *(b"/%d" % n for n in range(100)),
        b"/s",
        b"/s/a?b=c",
    ]


@pytest.mark.parametrize("name", ["upgrade, length", "upgrade, chunked"])
def test_an_offer_to_change_the_protocol_is_passed_over_with_the_body_kept(name: str) -> None:
    request = read_one(WHOLE[name])
    assert request.body == b"hello"
    assert not request.keep_alive


def test_what_follows_an_offer_to_change_the_protocol_is_not_read() -> None:
    for name in ("upgrade", "upgrade, length", "upgrade, chunked"):
        reader = read(WHOLE[name] + WHOLE["get"])
        assert len(reader.arrived) == 1
        assert reader.unread


def test_what_follows_a_last_request_is_not_read() -> None:
    for last in (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", WHOLE["http/1.0"]):
        for parts in ([last + b"rubbish"], [last, b"rubbish"]):
            reader = read(*parts)
            assert len(reader.arrived) == 1
            assert reader.closed
            assert reader.unread
        assert not read(last).unread


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
def test_what_is_malformed_or_ambiguous_is_refused(data: bytes) -> None:
    assert isinstance(refusal(data), InvalidRequest)
    assert isinstance(refusal(*one_by_one(data)), InvalidRequest)


TAKEN = {
    "/s/": (b"/s/", b""),
    "/s/a/b": (b"/s/a/b", b""),
    "/s/%2F": (b"/s/%2F", b""),
    "/s/..": (b"/s/..", b""),
    "/s/%00": (b"/s/%00", b""),
    "/%FF%zz": (b"/%FF%zz", b""),
    "//h/p": (b"//h/p", b""),
    "/a?": (b"/a", b""),
    "/a?b?c": (b"/a", b"b?c"),
    '/"<>\\^`{|}': (b'/"<>\\^`{|}', b""),
    "http://h/p?q": (b"/p", b"q"),
    "HTTPS://[::1]:3000/p": (b"/p", b""),
    "http://h": (b"/", b""),
    "http://h?q": (b"/", b"q"),
}


@pytest.mark.parametrize("form", TAKEN)
def test_a_target_is_taken_raw(form: str) -> None:
    request = read_one(target(form.encode()))
    assert (request.path, request.query) == TAKEN[form]
    assert request.target == form.encode()


def test_the_host_of_an_absolute_target_is_the_one_that_counts() -> None:
    assert read_one(target(b"http://h:1/p")).headers[b"host"] == b"h:1"


@pytest.mark.parametrize("data", HARMLESS.values(), ids=HARMLESS)
def test_what_is_odd_and_harmless_is_one_request(data: bytes) -> None:
    """The parser takes these. Where the request ends is in no doubt."""
    for parts in ([data], one_by_one(data)):
        reader = read(*parts, data)
        requests = [item for item in reader.arrived if isinstance(item, Request)]
        assert len(requests) == len(reader.arrived) == (1 if reader.closed else 2)
        assert all(request.path == b"/" for request in requests)


def test_options_may_ask_for_the_server_as_a_whole() -> None:
    assert read_one(target(b"*", b"OPTIONS")).path == b"*"


def test_headers_are_lower_case_stripped_and_joined() -> None:
    data = head(HOST[:-2], b"X-Y: a \t", b"x-y:b", b"Empty:", b"Hi: \xff", b"Content-Length: 0 ")
    assert read_one(data).headers == {
        b"host": b"a",
        b"x-y": b"a, b",
        b"empty": b"",
        b"hi": b"\xff",
        b"content-length": b"0",
    }


def test_a_length_may_have_thousands_of_zeros() -> None:
    assert read_one(head(HOST[:-2], b"Content-Length: " + b"0" * 9_000 + b"5") + b"hello").body


@pytest.mark.parametrize("form", ["length", "chunks", "upgrade"])
def test_a_body_is_taken_up_to_its_limit(form: str) -> None:
    def data(size: int) -> bytes:
        if form == "chunks":
            return CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (size, b"x" * size)
        more = UPGRADE if form == "upgrade" else b""
        return head(HOST[:-2], b"Content-Length: %d" % size)[:-2] + more + b"\r\n" + b"x" * size

    (taken,) = read(data(100), body_bytes_max=100).arrived
    assert isinstance(taken, Request)
    assert len(taken.body) == 100
    assert isinstance(refusal(data(101), body_bytes_max=100), BodyTooLarge)
    assert isinstance(refusal(*one_by_one(data(101)), body_bytes_max=100), BodyTooLarge)


def test_a_length_over_the_limit_is_refused_before_the_body_comes() -> None:
    data = head(HOST[:-2], b"Content-Length: 101", b"Expect: 100-continue")
    assert isinstance(refusal(data, body_bytes_max=100), BodyTooLarge)


def test_a_target_is_taken_up_to_its_limit() -> None:
    assert isinstance(read(target(b"/" * 100), target_bytes_max=100).arrived[0], Request)
    assert isinstance(refusal(target(b"/" * 101), target_bytes_max=100), TargetTooLong)
    assert isinstance(
        refusal(*one_by_one(b"GET " + b"/" * 101), target_bytes_max=100), TargetTooLong
    )


@pytest.mark.parametrize(
    "endless",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 2_000,
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"y" * 2_000,
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 400,
        CHUNKED + b"5;" + b"y" * 2_000,
        CHUNKED + b"0\r\nX: " + b"y" * 2_000,
        CHUNKED + b"0\r\n" + b"X: y\r\n" * 400,
        CHUNKED + b"0" * 2_000,
    ],
    ids=["value", "name", "many", "extension", "trailer", "trailers", "size"],
)
def test_headers_and_framing_that_do_not_end_are_refused(endless: bytes) -> None:
    error = refusal(*one_by_one(endless), headers_bytes_max=1_000)
    assert isinstance(error, HeadersTooLarge)


def test_headers_are_taken_up_to_their_limit() -> None:
    data = head(HOST[:-2], b"X: " + b"y" * 900)
    assert isinstance(read(data, headers_bytes_max=1_000).arrived[0], Request)
    assert isinstance(refusal(data, headers_bytes_max=900), HeadersTooLarge)


def test_a_long_body_in_small_parts_is_no_endless_framing() -> None:
    parts = [CHUNKED, *[b"1;a\r\nx\r\n"] * 1_000, b"0\r\n\r\n"]
    (request,) = read(*parts, headers_bytes_max=100).arrived
    assert isinstance(request, Request)
    assert request.body == b"x" * 1_000


@pytest.mark.parametrize(
    ("data", "wants"),
    [
        (head(HOST[:-2], b"Content-Length: 5", b"Expect: 100-Continue"), True),
        (head(HOST[:-2], b"Transfer-Encoding: chunked", b"Expect: 100-continue"), True),
        (head(HOST[:-2], b"Content-Length: 5", b"Expect: 100-continue") + b"h", False),
        (head(HOST[:-2], b"Content-Length: 0", b"Expect: 100-continue"), False),
        (head(HOST[:-2], b"Expect: 100-continue"), False),
        (head(HOST[:-2], b"Content-Length: 5", b"Expect: other"), False),
        (b"POST / HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n", False),
    ],
)
def test_a_client_that_waits_for_leave_to_send_is_told_only_while_it_waits(
    data: bytes, wants: bool
) -> None:
    assert read(data).wants_continue == wants


@given(st.data())
def test_no_bytes_make_the_reader_fail(data: st.DataObject) -> None:
    whole = bytearray(data.draw(st.sampled_from(list(WHOLE.values()))) * 2)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
    cut = data.draw(st.integers(0, len(whole)))
    parted, joined = read(bytes(whole[:cut]), bytes(whole[cut:])), read(bytes(whole))
    assert [str(item) for item in parted.arrived] == [str(item) for item in joined.arrived]
