"""Streams that no client of Redis sends: an error or a close, and the node goes on."""

import pytest

from tests.api.resp.resp_node import RespClient, RespNode, encoded

DIGITS = b"9" * 5_000
PROTOCOL = b"-ERR Protocol error"


@pytest.mark.parametrize(
    "sent",
    [
        b"*" + DIGITS + b"\r\n",
        b"*-" + DIGITS + b"\r\n",
        b"*1\r\n$" + DIGITS + b"\r\n",
        b"*1\r\n$-" + DIGITS + b"\r\n",
        b"*1\r\n" * 100_000,
        b"*2\r\n$4\r\nSADD\r\n*1\r\n$1\r\na\r\n",
        b"*1\r\n%1\r\n$1\r\na\r\n:1\r\n",
        b"*1\r\n$1e2\r\n",
        b"*1\r\n$0x10\r\n",
        b"*1\r\n$+1\r\na\r\n",
        b'SADD s "a\r\n',
    ],
    ids=range(11),
)
async def test_what_is_no_command_ends_its_connection_only(resp: RespNode, sent: bytes) -> None:
    client, other = await resp.client(), await resp.client()
    await client.send(sent)
    assert (await client.read_rest()).startswith(PROTOCOL)
    assert await other.call("PING") == b"PONG"
    assert b"s" not in resp.living.store.totals()


@pytest.mark.parametrize(
    "arguments",
    [
        ("SPOP", "s", DIGITS),
        ("SRANDMEMBER", "s", b"-" + DIGITS),
        ("SSCAN", "s", DIGITS),
        ("SSCAN", "s", "0", "COUNT", DIGITS),
        ("SCAN", "0", "COUNT", "1e400"),
        ("SINTERCARD", DIGITS, "s"),
        ("SINTERCARD", "1", "s", "LIMIT", "NaN"),
        ("HELLO", DIGITS),
        ("SELECT", DIGITS),
        ("CLIENT", "KILL", "ID", DIGITS),
        ("SADD", b"\xed\xa0\x80", "a"),
        ("SADD", b"\xff", "a"),
        ("SADD", "s" * 256, "a"),
    ],
    ids=range(13),
)
async def test_what_is_no_number_and_no_name_is_an_error_and_the_connection_goes_on(
    client: RespClient, arguments: tuple[bytes | str | int, ...]
) -> None:
    await client.call("SADD", "s", "a", "b")
    assert len(await client.error(*arguments)) < 300
    assert sorted(await client.call("SMEMBERS", "s")) == [b"a", b"b"]


async def test_nul_in_names_and_members_is_kept_and_ends_an_inline_line(
    client: RespClient,
) -> None:
    assert await client.call("SADD", b"a\0b", b"\0", b"\xed\xa0\x80") == 2
    assert sorted(await client.call("SMEMBERS", b"a\0b")) == [b"\0", b"\xed\xa0\x80"]
    await client.send(b"SADD s a\0b c\r\n" + encoded("SMEMBERS", "s"))
    assert [await client.reply(), await client.reply()] == [1, [b"a"]]
