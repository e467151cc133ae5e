"""SSCAN and SCAN while others write, and replies that are large."""

import pytest

from tests.redis.conftest import Connect
from tests.redis.connection import Connection
from tools.resp_node import RespNode

SLICE = 5_000


def fill(connection: Connection, name: str, count: int) -> None:
    """Add numbers, in commands that are no larger than they need be."""
    commands = [["SADD", name, *range(n, min(n + SLICE, count))] for n in range(0, count, SLICE)]
    assert sum(reply.value for reply in connection.pipeline(commands)) == count


@pytest.mark.slow
@pytest.mark.parametrize("count", [3, 10, 500])
def test_a_scan_finds_all_that_stayed_and_nothing_that_never_was(
    connect: Connect, count: int
) -> None:
    scanner, writer = connect(), connect()
    fill(writer, "s", 1_200)
    found: list[bytes] = []
    cursor, page_number = b"0", 0
    while True:
        reply = scanner.call("SSCAN", "s", cursor, "COUNT", count)
        cursor = reply.items[0].value
        found += reply.items[1].values
        if cursor == b"0":
            break
        writer.call("SADD", "s", f"added-{page_number}")
        writer.call("SREM", "s", f"added-{page_number - 1}", 1_000 + page_number % 200)
        page_number += 1
        assert page_number < 5_000
    stayed = {b"%d" % n for n in range(1_000)}
    assert stayed <= set(found)
    assert {one for one in found if not one.startswith(b"added-")} <= {
        b"%d" % n for n in range(1_200)
    }


def test_a_scan_of_names_finds_all_that_stayed(connect: Connect) -> None:
    scanner, writer = connect(), connect()
    writer.pipeline([["SADD", f"name-{n}", "a"] for n in range(300)])
    found: set[bytes] = set()
    cursor, page_number = b"0", 0
    while True:
        reply = scanner.call("SCAN", cursor, "COUNT", 7)
        cursor = reply.items[0].value
        found.update(reply.items[1].values)
        if cursor == b"0":
            break
        writer.call("DEL", f"name-{200 + page_number % 100}")
        writer.call("SADD", f"added-{page_number}", "a")
        page_number += 1
        assert page_number < 2_000
    assert {b"name-%d" % n for n in range(200)} <= found


def test_cursors_hold_on_other_connections(connect: Connect) -> None:
    fill(connect(), "s", 1_000)
    found: set[bytes] = set()
    cursor = b"0"
    while cursor != b"0" or not found:
        reply = connect().call("SSCAN", "s", cursor, "COUNT", 100)
        cursor = reply.items[0].value
        found.update(reply.items[1].values)
    assert found == {b"%d" % n for n in range(1_000)}


@pytest.mark.slow
@pytest.mark.parametrize("protocol", [2, 3])
def test_a_large_reply_is_whole_and_holds_up_nobody(
    resp_node: RespNode, connect: Connect, protocol: int
) -> None:
    """Another client is answered while the first has not read what it asked for."""
    other = connect()
    fill(other, "large", 200_000)
    with Connection(resp_node.resp_address, protocol=protocol, receive_bytes=4_096) as slow:
        slow.send(b"SMEMBERS large\r\nSCARD large\r\n")
        for n in range(100):
            assert other.call("SADD", "small", n).value == 1
        reply = slow.read()
        assert reply.kind == "*~"[protocol - 2]
        assert set(reply.values) == {b"%d" % n for n in range(200_000)}
        assert slow.read().value == 200_000
    assert other.call("DEL", "large").value == 1
    assert other.call("EXISTS", "large").value == 0


def test_cursors_are_exact_as_floating_point_numbers(connect: Connect) -> None:
    """Clients in JavaScript keep them so."""
    connection = connect()
    fill(connection, "s", 1_000)
    for n in range(100):
        assert connection.call("SADD", f"set {n}", "a").value == 1
    for command in (["SSCAN", "s"], ["SCAN"]):
        cursor, found = b"0", 0
        while True:
            page = connection.call(*command, cursor, "COUNT", 10).items
            cursor, found = page[0].value, found + len(page[1].items)
            assert int(float(cursor)) == int(cursor)
            if cursor == b"0":
                break
        assert found == (1_000 if command[0] == "SSCAN" else 101)


def test_behind_the_last_cursor_there_is_nothing(connect: Connect) -> None:
    connection = connect()
    fill(connection, "s", 100)
    for cursor in (-1, 1 << 53, (1 << 64) - 1):
        for command in (["SSCAN", "s"], ["SCAN"]):
            page, members = connection.call(*command, cursor).items
            assert (page.value, members.items) == (b"0", ())
