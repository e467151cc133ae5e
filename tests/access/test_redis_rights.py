"""Rights over the Redis protocol: every command of the table, and what changes under way."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Thread

import pytest

import redis
from lastword.access.rights import Right
from lastword.api.resp.command import Command
from lastword.api.resp.table import Table
from tests.access.calls import ADMIN, Bearer, Nodes

pytestmark = pytest.mark.slow

ABOUT_NO_SET = {
    "keys", "scan", "dbsize", "randomkey",  # these tell of what may be read only
    "ping", "echo", "hello", "auth", "select", "quit", "reset", "time", "wait",
    "client|id", "client|setname", "client|getname", "client|setinfo", "client|info",
    "client|reply", "client|help", "config|help",
    "command", "command|count", "command|info", "command|docs", "command|list",
    "command|getkeys", "command|getkeysandflags", "command|help",
    "multi", "exec", "discard", "unwatch",
}  # fmt: skip
"""Looked at one by one: a command that is new has its place here, its keys, or its need."""


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    with ExitStack() as stack:
        yield Nodes(tmp_path, stack)


def given(nodes: Nodes, node: Bearer, *grants: list[str]) -> str:
    """Return a token that the node knows."""
    token, record = nodes.record(list(grants))
    node.put_record(record)
    return token


def all_commands() -> list[Command]:
    table = Table(allow_flush=True)
    found = [
        one
        for command in table.commands
        for one in (command, *command.subcommands.values())
        if not one.subcommands
    ]
    assert len(found) > 50
    return found


def words_of(command: Command, at: int, name: str) -> list[str]:
    """Return a call that names the set `name` as its key number `at`, and else `mine`."""
    words = command.name.upper().split("|")
    fewest = abs(command.arity)
    if command.keys.counted:
        return [*words, "2", *("mine" if index != at else name for index in range(2))]
    last = command.keys.last if command.keys.last > 0 else max(3, fewest - 1)
    words += ["mine"] * (max(fewest, last + 1) - len(words))
    words[command.keys.first + at] = name
    return words


def test_every_command_says_which_sets_or_which_right_it_takes() -> None:
    for command in all_commands():
        has_keys = bool(command.keys.first)
        assert has_keys or command.needs > Right.NONE or command.name in ABOUT_NO_SET, command.name
        assert not (has_keys and command.name in ABOUT_NO_SET), command.name


def test_every_command_is_refused_for_each_set_that_was_not_granted(nodes: Nodes) -> None:
    """Whichever of its sets that is, outside of a transaction and within."""
    node = nodes.first()
    token = given(nodes, node, ["write", "mine"], ["read", "seen"])
    with node.resp() as talk:
        assert talk("AUTH", token) == b"+OK\r\n"
        for command in all_commands():
            if not command.keys.first:
                continue
            places = 2 if command.keys.last != command.keys.first else 1
            writes = command.write is not None
            for at in range(places):
                reads = at > 0 and command.reads_rest
                for name in ("other", *(("seen",) if writes and not reads else ())):
                    words = words_of(command, at, name)
                    assert talk(*words).startswith(b"-NOPERM"), words
                    if command.at_once:
                        continue
                    assert talk("MULTI") == b"+OK\r\n"
                    assert talk(*words).startswith(b"-NOPERM"), words
                    assert talk("EXEC").startswith(b"-EXECABORT"), words
        for command in all_commands():
            if command.needs > Right.NONE:
                words = [*command.name.upper().split("|"), *["x"] * 4][: abs(command.arity)]
                assert talk(*words).startswith(b"-NOPERM"), words


def test_reserved_sets_are_not_there_for_any_token(nodes: Nodes) -> None:
    node = nodes.first()
    given(nodes, node, ["read", "s"])
    with node.resp() as talk:
        assert talk("AUTH", ADMIN) == b"+OK\r\n"
        assert talk("SADD", "s", "x") == b":1\r\n"
        for command in all_commands():
            if command.keys.first:
                words = words_of(command, 0, "_tokens_")
                assert talk(*words).startswith(b"-ERR"), words
        for listing in ("KEYS *", "SCAN 0", "KEYS _*", "SCAN 0 MATCH _*"):
            assert b"_" not in talk(*listing.split()), listing
        assert talk("DBSIZE") == b":1\r\n"


def test_a_transaction_has_the_rights_of_its_client_at_its_end(nodes: Nodes) -> None:
    """AUTH within it changes nothing before it has ended."""
    node = nodes.first()
    weak = given(nodes, node, ["read", "mine"])
    with node.resp() as talk:
        assert talk("AUTH", weak) == b"+OK\r\n"
        assert talk("MULTI") == b"+OK\r\n"
        assert talk("AUTH", ADMIN) == b"+QUEUED\r\n"
        assert talk("SADD", "mine", "x").startswith(b"-NOPERM")
        assert talk("EXEC").startswith(b"-EXECABORT")
        assert talk("SADD", "mine", "x").startswith(b"-NOPERM")
    assert node.call("GET", "/mine", token=ADMIN).status == 404


def test_a_right_that_goes_between_multi_and_exec_is_gone(nodes: Nodes) -> None:
    """The token itself stays: another record of it grants less."""
    node = nodes.first()
    token, record = nodes.record([["write", "s"], ["write", "t"]])
    less = {**record, "grants": [["write", "t"]]}
    node.put_record(record)
    with node.redis(token) as client:
        client.execute_command("MULTI")
        client.execute_command("SADD", "s", "never")
        client.execute_command("SADD", "t", "x")
        node.put_record(less)
        node.drop_record(record)
        results = client.execute_command("EXEC")
    assert isinstance(results[0], redis.exceptions.NoPermissionError)
    assert results[1] == 1
    assert node.call("GET", "/s", token=ADMIN).status == 404


def test_a_pipeline_has_each_command_checked_by_what_came_before_it(nodes: Nodes) -> None:
    node = nodes.first()
    mine = given(nodes, node, ["write", "mine"])
    words = (
        "SADD mine 1", f"AUTH {mine}", "SADD mine 2", "SADD other 3", "SADD mine 4",
        "SISMEMBER mine 2", "SISMEMBER other 2", "RESET", "SADD mine 5", f"AUTH {ADMIN}",
        "SADD other 6", "QUIT",
    )  # fmt: skip
    with socket.create_connection(("127.0.0.1", node.resp_port), timeout=30) as connection:
        connection.sendall("".join(f"{word}\r\n" for word in words).encode())
        received = b""
        while part := connection.recv(1 << 16):
            received += part
    begins = [line[:7] for line in received.split(b"\r\n")[:-1]]
    assert begins == [
        b"-NOAUTH", b"+OK", b":1", b"-NOPERM", b":1", b":1", b"-NOPERM", b"+RESET", b"-NOAUTH",
        b"+OK", b":1", b"+OK",
    ]  # fmt: skip
    for name, held in (("mine", ["2", "4"]), ("other", ["6"])):
        shown = node.call("GET", f"/{name}?members", token=ADMIN).json["members"]
        assert sorted(shown) == held


@pytest.mark.parametrize(
    "head",
    [
        "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n",
        "PUT / HTTP/1.1\r\nHost: 127.0.0.1\r\n",
        "GET / HTTP/1.1\r\nAccept: */*\r\nHost: 127.0.0.1\r\n",
        "OPTIONS / HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: null\r\n",
    ],
)
def test_commands_in_the_body_of_a_page_are_not_done(nodes: Nodes, head: str) -> None:
    node = nodes.open()
    with socket.create_connection(("127.0.0.1", node.resp_port), timeout=30) as connection:
        connection.sendall(f"{head}Content-Length: 13\r\n\r\nSADD s x\r\n\r\n".encode())
        try:
            while connection.recv(1 << 16):
                pass
        except ConnectionResetError:
            pass
    assert node.call("GET", "/s").status == 404


def test_no_more_than_a_mebibyte_is_held_for_who_has_shown_no_token(nodes: Nodes) -> None:
    """And what comes with AUTH in one go is read as a whole."""
    node = nodes.first()
    long = b"*2\r\n$4\r\nECHO\r\n$%d\r\n" % (4 << 20) + b"x" * (4 << 20) + b"\r\n"
    quit_ = b"QUIT\r\n"
    for sent, begin, most in (
        (long + quit_, b"-ERR Closing client that reached max query buffer length", 100),
        (f"AUTH {ADMIN}\r\n".encode() + long + quit_, b"+OK\r\n$4194304\r\nxx", 5 << 20),
        (f"AUTH {ADMIN}\r\nRESET\r\n".encode() + long, b"+OK\r\n+RESET\r\n-ERR Closing", 100),
    ):
        with socket.create_connection(("127.0.0.1", node.resp_port), timeout=30) as connection:
            sender = Thread(target=_send, args=(connection, sent))
            sender.start()
            received = b""
            try:
                while part := connection.recv(1 << 16):
                    received += part
            except ConnectionResetError:
                pass
            sender.join(30)
        assert received.startswith(begin), received[:100]
        assert len(received) < most


def _send(connection: socket.socket, sent: bytes) -> None:
    with suppress(OSError):  # it may have been cut off before
        connection.sendall(sent)


def test_a_token_revoked_under_way_ends_no_answer_and_begins_none(nodes: Nodes) -> None:
    """A state that is being sent goes on to its end; the next call is refused."""
    node = nodes.first()
    token, record = nodes.record([["read", "s"]])
    node.put_record(record)
    elements = [f"{number:06}{'x' * 200}" for number in range(30_000)]
    for start in range(0, len(elements), 10_000):
        body = json.dumps(elements[start : start + 10_000]).encode()
        assert node.call("PUT", "/s", body, ADMIN).status == 200
    host = f"Host: {node.address}\r\nAuthorization: Bearer {token}\r\n"
    port = int(node.address.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        call = f"GET /s HTTP/1.1\r\n{host}\r\n".encode()
        connection.sendall(call + call)
        received = connection.recv(1 << 16)
        node.drop_record(record)
        while b"HTTP/1.1 401" not in received:
            part = connection.recv(1 << 20)
            assert part, "it ended before"
            received += part
    assert received.startswith(b"HTTP/1.1 200")
    assert all(element.encode() in received for element in elements[:: len(elements) // 50])
