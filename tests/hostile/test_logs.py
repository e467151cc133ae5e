"""What a real node logs of what strangers send: one line a record, ASCII, no escapes."""

import json
from pathlib import Path
from urllib.parse import quote_from_bytes

from tests.access.test_tls import secret_file
from tests.hostile.connections import exchanged
from tests.redis.connection import Connection
from tools.resp_node import RespNode

EVIL = b'\n{"level": "forged"}\r\x1b[2J\x07\x9b31m\xe2\x80\xae\xe2\x80\xa8\x00\xff'


def request(method: bytes, target: bytes, body: bytes = b"", *headers: bytes) -> bytes:
    lines = [b"%b %b HTTP/1.1" % (method, target), b"Host: localhost", b"Connection: close"]
    lines += [*headers, b"Content-Length: %d" % len(body), b"", body]
    return b"\r\n".join(lines)


def attacks() -> list[bytes]:
    escaped = quote_from_bytes(EVIL).encode()
    return [
        request(b"GET", b"/" + escaped),
        request(b"PUT", b"/s/" + escaped),
        request(b"PUT", b"/" + b"a" * 20_000),
        request(b"GET", b"/\\n\"{}'`$(x)%n%s"),
        request(b"PUT", b"/_peers_/" + escaped + b":1"),
        request(b"PUT", b"/_peers_/evil%0a.example:1"),
        request(b"PUT", b"/_peers_/nobody.invalid:1"),
        request(b"POST", b"/_peers_", json.dumps({EVIL.decode("latin-1"): [1, 0]}).encode()),
        request(b"GET", b"/", b"", b"X: \x9b31m", b"User-Agent: \xe2\x80\xae"),
        request(b"POST", b"/_/peer", EVIL, b"Lastword-Proof: \x9b31m\xe2\x80\xae"),
        request(b"POST", b"/_/peer", EVIL * 1_000),
        request(b"POST", b"/_/rejoin", json.dumps({"address": EVIL.decode("latin-1")}).encode()),
        b"GET /\x1b[2J HTTP/1.1\r\n\r\n",
        EVIL,
    ]


def test_no_client_forges_a_line_or_reaches_the_terminal(tmp_path: Path) -> None:
    options = ("-l", "-r", "0.05", "--cluster-secret-file", secret_file(tmp_path))
    with RespNode(tmp_path / "a.db", *options) as node:
        for attack in attacks():
            assert exchanged(node.address, attack)
        with Connection(node.resp_address) as client:
            for command in (
                (EVIL,),
                ("SADD", EVIL, EVIL),
                ("SADD", "_peers_", EVIL),
                ("CLIENT", "SETNAME", EVIL),
                ("AUTH", EVIL),
                ("CONFIG", "SET", EVIL, EVIL),
            ):
                client.call(*command)
        with Connection(node.resp_address) as client:
            client.send(b"*1\r\n" + EVIL)
            assert client.rest()
    lines = node.stderr.read_bytes().split(b"\n")
    assert lines.pop() == b""
    assert len(lines) >= 8
    for line in lines:
        assert line.isascii()
        assert line.decode().isprintable()
        assert len(line) < 1_000
        facts = json.loads(line)
        assert facts["level"] != "forged"
        assert facts["message"].isprintable()
