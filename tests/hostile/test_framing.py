"""Malformed framing against a real node: refused, closed, and nothing behind it is a request.

Behind each attack stands a write, the sentinel. Where it is done, the node has read a request
where another reader (a proxy before it) may have seen a body: that is request smuggling.
"""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.access.certificates import Certificates, made
from tests.api.http.malformed import CHUNKED, HARMLESS, MALFORMED, head
from tests.calls import call
from tests.hostile.connections import exchanged
from tools.processes import NodeProcess

_number = count()

LARGE = {
    "a length over 2^63": (head(b"Host: a", b"Content-Length: 9223372036854775808"), 413),
    "a body over its limit": (head(b"Host: a", b"Content-Length: 67108865"), 413),
    "a target over its limit": (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    "a header over its limit": (head(b"Host: a", b"X: " + b"a" * 70_000), 431),
    "a header's name over its limit": (head(b"Host: a", b"X" * 70_000 + b": a"), 431),
    "a hundred thousand headers": (head(b"Host: a", *[b"X: a"] * 100_000), 431),
    "an extension without an end": (CHUNKED + b"5;" + b"a" * 500_000, 431),
    "a chunk's size of zeros": (CHUNKED + b"0" * 500_000, 431),
    "a hundred thousand trailers": (CHUNKED + b"0\r\n" + b"X: a\r\n" * 100_000 + b"\r\n", 431),
    "a method without an end": (b"G" * 100_000, 400),
}


@pytest.fixture(scope="module")
def tls_node(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[NodeProcess, Certificates]]:
    folder: Path = tmp_path_factory.mktemp("tls")
    certificates = made(folder)
    with NodeProcess(folder / "a.db", *certificates.options()) as process:
        yield process, certificates


def sentinel() -> tuple[str, bytes]:
    """Return the path of an element that was never written, and the request that writes it."""
    path = f"/sentinel/{next(_number)}"
    return path, f"PUT {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n".encode()


def is_written(node: NodeProcess, path: str) -> bool:
    return call(node.address, "GET", path).body == b"true"


@pytest.mark.parametrize("attack", MALFORMED.values(), ids=MALFORMED)
def test_what_is_malformed_is_refused_and_nothing_behind_it_is_done(
    node_process: NodeProcess, attack: bytes
) -> None:
    path, request = sentinel()
    (answer,) = exchanged(node_process.address, attack + request)
    assert (answer.status, answer.closes, answer.code) == (400, True, "invalid_request")
    assert not is_written(node_process, path)


@pytest.mark.parametrize(("attack", "status"), LARGE.values(), ids=LARGE)
def test_what_is_too_large_is_refused_and_nothing_behind_it_is_done(
    node_process: NodeProcess, attack: bytes, status: int
) -> None:
    path, request = sentinel()
    (answer,) = exchanged(node_process.address, attack + request)
    assert (answer.status, answer.closes) == (status, True)
    assert answer.code
    assert not is_written(node_process, path)


@pytest.mark.parametrize("attack", MALFORMED.values(), ids=MALFORMED)
def test_a_write_before_it_is_done_and_one_behind_it_is_not(
    node_process: NodeProcess, attack: bytes
) -> None:
    (before, first), (behind, second) = sentinel(), sentinel()
    answers = exchanged(node_process.address, first + attack + second)
    assert [answer.status for answer in answers] == [200, 400]
    assert is_written(node_process, before)
    assert not is_written(node_process, behind)


@pytest.mark.parametrize("odd", HARMLESS.values(), ids=HARMLESS)
def test_what_is_odd_is_answered_once_and_ends_where_it_ends(
    node_process: NodeProcess, odd: bytes
) -> None:
    """What follows is the next request, unless the connection was to be closed."""
    path, request = sentinel()
    last = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    answers = exchanged(node_process.address, odd.replace(b"HEAD", b"POST") + request + last)
    assert answers[-1].closes
    assert len(answers) == (1 if answers[0].closes else 3)
    assert is_written(node_process, path) == (not answers[0].closes)


def test_what_follows_the_last_request_is_not_done(node_process: NodeProcess) -> None:
    path, request = sentinel()
    last = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    (answer,) = exchanged(node_process.address, last + request)
    assert (answer.status, answer.closes) == (200, True)
    assert not is_written(node_process, path)


@pytest.mark.slow  # over TLS the end of the connection waits for the client's
@pytest.mark.parametrize("name", ["bare LF everywhere", "length and chunks"])
def test_over_tls_it_is_refused_alike(
    tls_node: tuple[NodeProcess, Certificates], name: str
) -> None:
    node, certificates = tls_node
    path, request = sentinel()
    tls = certificates.client()
    (answer,) = exchanged(node.address, MALFORMED[name] + request, tls)
    assert (answer.status, answer.closes, answer.code) == (400, True, "invalid_request")
    get = f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()
    assert exchanged(node.address, get, tls)[0].body != b"true"
