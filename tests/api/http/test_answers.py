"""The bytes of answers, and the clocks of patience: without a socket."""

import json
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime

import pytest

from lastword.api.http import HttpLimits, Request, Response, error_response
from lastword.api.http.answers import Heads
from lastword.api.http.patience import Patience, Phase
from lastword.errors import (
    HTTP_STATUS,
    BodyTooLarge,
    FileInUse,
    LastwordError,
    MethodNotAllowed,
    UnknownPath,
)

GET = Request("GET", b"/", b"/")


def encode(response: Response, request: Request = GET, *, keep: bool = True) -> list[bytes]:
    head = Heads().encode(request, response, keep=keep)
    assert head.endswith(b"\r\n\r\n")
    return head[:-4].split(b"\r\n")


def test_an_error_is_told_with_its_code_message_and_hint() -> None:
    answer = error_response(UnknownPath("no such path", hint="look again"))
    assert answer.status == 404
    assert isinstance(answer.body, bytes)
    assert json.loads(answer.body) == {
        "error": {"code": "unknown_path", "message": "no such path", "hint": "look again"}
    }


@pytest.mark.parametrize("kind", [k for k in HTTP_STATUS if k is not MethodNotAllowed])
def test_every_error_has_its_status(kind: type[LastwordError]) -> None:
    assert error_response(kind("x")).status == HTTP_STATUS[kind]


def test_an_error_without_a_status_is_500() -> None:
    assert error_response(FileInUse("x")).status == 500


def test_a_refused_method_is_told_which_ones_are_taken() -> None:
    answer = error_response(MethodNotAllowed("x", allow=("GET", "PUT")))
    assert answer.headers == ((b"Allow", b"GET, PUT"),)


def test_an_error_may_quote_what_is_no_text() -> None:
    answer = error_response(BodyTooLarge("\udcff", hint="\ud800"))
    assert isinstance(answer.body, bytes)
    assert json.loads(answer.body)["error"]["message"] == "?"


def test_every_answer_is_dated_and_neither_kept_nor_guessed_at() -> None:
    for status in (200, 204, 304, 404, 500):
        lines = encode(Response(status, b""))
        assert b"X-Content-Type-Options: nosniff" in lines
        assert b"Cache-Control: no-store" in lines
        (date,) = [line for line in lines if line.startswith(b"Date: ")]
        assert parsedate_to_datetime(date[6:].decode()).tzinfo is not None
        assert not any(line.lower().startswith(b"server:") for line in lines)


def test_an_answer_says_how_long_it_is() -> None:
    assert b"Content-Length: 4" in encode(Response(body=b"true"))
    for status in (204, 304):
        for body in (b"true", _parts()):
            lines = encode(Response(status, body))
            assert not any(line.startswith((b"Content-", b"Transfer-")) for line in lines)


async def _parts() -> AsyncIterator[bytes]:
    yield b"never read"


def test_an_answer_says_whether_the_connection_goes_on() -> None:
    old = Request("GET", b"/", b"/", http10=True)
    assert b"Connection: close" in encode(Response(), keep=False)
    assert b"Connection: close" in encode(Response(), old, keep=False)
    assert b"Connection: keep-alive" in encode(Response(), old)
    assert not any(line.startswith(b"Connection") for line in encode(Response()))


@pytest.mark.parametrize(
    "header",
    [
        (b"ETag", b"a\r\nX: y"),
        (b"ETag", b"a\n"),
        (b"ETag", b"a\0"),
        (b"ETag", b"\xc3\xa9"),
        (b"E Tag", b"a"),
        (b"ETag\r\n", b"a"),
        (b"", b"a"),
        (b"content-Length", b"1"),
        (b"Transfer-Encoding", b"chunked"),
        (b"Connection", b"close"),
    ],
)
def test_a_header_that_could_forge_an_answer_is_never_written(
    header: tuple[bytes, bytes],
) -> None:
    with pytest.raises(AssertionError):
        encode(Response(headers=(header,)))


def test_a_content_type_that_could_forge_an_answer_is_never_written() -> None:
    with pytest.raises(AssertionError):
        encode(Response(content_type=b"text/plain\r\nX: y"))


def test_a_date_is_renewed() -> None:
    heads = Heads()
    heads._date = b"long ago"
    assert b"long ago" in heads.encode(GET, Response(), keep=True)
    heads.refresh()
    assert b"long ago" not in heads.encode(GET, Response(), keep=True)


@pytest.mark.parametrize(
    ("phase", "limit_s"),
    [
        (Phase.IDLE, 75.0),
        (Phase.HEAD, 10.0),
        (Phase.FRESH, 10.0),
        (Phase.BODY, 20.0),
        (Phase.WRITE, 20.0),
        (Phase.LINGER, 2.0),
    ],
)
def test_patience_ends_where_nothing_moves(phase: Phase, limit_s: float) -> None:
    patience = Patience(HttpLimits())
    assert not patience.is_over(5.0, phase, message=1, progress=0)
    assert not patience.is_over(5.0 + limit_s, phase, message=1, progress=0)
    assert patience.is_over(5.1 + limit_s, phase, message=1, progress=0)


def test_patience_begins_anew_with_progress_a_request_or_a_phase() -> None:
    patience = Patience(HttpLimits())
    steps = [(Phase.HEAD, 1, 0), (Phase.HEAD, 2, 0), (Phase.BODY, 2, 0), (Phase.BODY, 2, 1)]
    for n, (phase, message, progress) in enumerate(steps):
        assert not patience.is_over(n * 100.0, phase, message=message, progress=progress)


def test_a_body_must_arrive_in_time_also_if_it_never_rests() -> None:
    patience = Patience(HttpLimits())
    for second in range(601):
        assert not patience.is_over(second, Phase.BODY, message=1, progress=second)
    assert patience.is_over(601, Phase.BODY, message=1, progress=601)


def test_the_handler_may_take_its_time() -> None:
    patience = Patience(HttpLimits())
    assert not patience.is_over(0.0, Phase.SERVE, message=1, progress=0)
    assert not patience.is_over(1e9, Phase.SERVE, message=1, progress=0)
