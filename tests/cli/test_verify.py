"""The command `lastword verify`: whether nodes agree, and where not."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import quote

import pytest
from typer.testing import CliRunner

from lastword.cli import surveyor, verify
from lastword.cli.main import app
from lastword.replication import frames
from lastword.replication.frames import Frame, Surveyed
from tests.calls import call, members
from tests.cli.test_serve import free_port
from tests.eventually import eventually
from tools.processes import LASTWORD, NodeProcess, Process

pytestmark = pytest.mark.slow  # every test starts processes, or serves to one

APART = ("--no-walks", "-f", "3600")


def verified(tmp_path: Path, *arguments: str) -> tuple[int, str, str]:
    """Return exit code, output and errors of the command."""
    with Process(LASTWORD, "verify", *arguments, stderr=tmp_path / "errors") as process:
        output = "\n".join(process.read_rest())
        return process.wait(), output, process.errors()


def put(node: NodeProcess, path: str, *, time: int | None = None) -> None:
    query = "" if time is None else f"?time={time}"
    assert call(node.address, "PUT", f"/{path}{query}").status == 200


def list_all(nodes: list[NodeProcess]) -> None:
    """List all nodes on all of them, as if they had talked."""
    eventually(lambda: all(members(node.address) for node in nodes), "all list themselves")
    lists = [call(node.address, "GET", "/_peers_").body for node in nodes]
    for node in nodes:
        for listed in lists:
            assert call(node.address, "POST", "/_peers_", listed).status == 200


@contextmanager
def apart(tmp_path: Path, count: int) -> Iterator[list[NodeProcess]]:
    """Give nodes that say nothing to each other, and list each other."""
    with ExitStack() as stack:
        nodes = [
            stack.enter_context(NodeProcess(tmp_path / f"{index}.db", *APART))
            for index in range(count)
        ]
        list_all(nodes)
        yield nodes


# -- nodes that agree


def test_nodes_that_hold_the_same_agree_whichever_is_named(tmp_path: Path) -> None:
    with apart(tmp_path, 2) as nodes:
        for node in nodes:
            put(node, "fruit/apple", time=5)
        a, b = (node.address for node in nodes)
        for named in ([a], [b], [b, a]):
            code, output, errors = verified(tmp_path, *named)
            assert (code, errors) == (0, "")
            assert output.startswith("2 nodes agree: ")
            assert a in output
            assert b in output


def test_a_node_that_is_named_twice_is_compared_once(tmp_path: Path) -> None:
    with NodeProcess(tmp_path / "a.db", *APART) as node:
        alias = node.address.replace("127.0.0.1", "localhost")
        code, output, _ = verified(tmp_path, node.address, alias, node.address)
    assert (code, output) == (0, f"1 nodes agree: {node.address}")


# -- nodes that differ


def test_sets_that_differ_are_named_with_how_many_elements_do(tmp_path: Path) -> None:
    with apart(tmp_path, 3) as nodes:
        for node in nodes:
            put(node, "same/e", time=5)
        for index in range(7):
            put(nodes[index % 2], f"fruit/{index}")
        put(nodes[2], "berries/blue")
        code, output, _ = verified(tmp_path, nodes[0].address, "--timeout", "0")
    rows = [line.replace("│", " ").split() for line in output.splitlines()]
    assert code == 1
    assert ["fruit", "7"] in rows
    assert ["berries", "1"] in rows
    assert "same" not in output
    assert "3 nodes hold 3 different states" in output


def test_only_the_named_nodes_are_compared_where_that_is_asked(tmp_path: Path) -> None:
    with apart(tmp_path, 3) as nodes:
        put(nodes[2], "fruit/apple")
        for node in nodes[:2]:
            put(node, "fruit/pear", time=5)
        named = [node.address for node in nodes[:2]]
        alone = verified(tmp_path, *named, "--only", "--timeout", "0")
        together = verified(tmp_path, *named, "--timeout", "0")
    assert alone[0] == 0
    assert "2 nodes agree" in alone[1]
    assert together[0] == 1
    assert "3 nodes" in together[1]
    assert "fruit" in together[1]


def test_nodes_that_differ_are_looked_at_again_until_they_agree(tmp_path: Path) -> None:
    with NodeProcess(tmp_path / "a.db") as a:
        put(a, "fruit/apple")
        with NodeProcess(tmp_path / "b.db", "-i", a.address) as b:
            code, output, _ = verified(tmp_path, a.address, b.address, "--timeout", "60")
    assert (code, output[:13]) == (0, "2 nodes agree")


NASTY = ["\x1b[2J\x1b]0;gone\x07", "[bold]", "[red]red", "line\nbreak", ":smile:", "\u202eleft"]


def test_no_set_name_reaches_the_terminal_but_as_text(tmp_path: Path) -> None:
    with apart(tmp_path, 2) as nodes:
        for name in NASTY:
            put(nodes[0], f"{quote(name, safe='')}/e")
        code, output, errors = verified(tmp_path, nodes[0].address, "--timeout", "0")
    assert (code, errors) == (1, "")
    assert all(line.isprintable() for line in output.splitlines())
    for shown in ("\\x1b[2J", "[bold]", "[red]red", "line\\nbreak", ":smile:", "\\u202eleft"):
        assert shown in output


def test_addresses_of_ipv6_are_shown_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    address = "[fe80::1]:3000"

    async def agreed(*_: object, **__: object) -> tuple[list[str], surveyor.Verdict]:
        return [address], surveyor.Verdict({address: 1})

    monkeypatch.setattr(verify, "_verify", agreed)
    found = CliRunner().invoke(app, ["verify", address])
    assert (found.exit_code, found.output) == (0, f"1 nodes agree: {address}\n")


# -- nodes that do not answer as they should


def test_a_member_that_does_not_answer_is_named(tmp_path: Path) -> None:
    gone = f"127.0.0.1:{free_port()}"
    with NodeProcess(tmp_path / "a.db", *APART) as node:
        put(node, f"_peers_/{gone}")
        code, output, errors = verified(tmp_path, node.address)
        alone = verified(tmp_path, node.address, "--only")
    assert (code, output) == (5, "")
    assert f"lastword: {gone} did not answer: connection refused" in errors
    assert alone[0] == 0


def test_a_node_that_is_named_and_does_not_answer_is_named(tmp_path: Path) -> None:
    gone = f"127.0.0.1:{free_port()}"
    code, _, errors = verified(tmp_path, gone)
    assert code == 5
    assert gone in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("address", ["nowhere", "a:b:c", "host:0"])
def test_what_is_no_address_is_refused(tmp_path: Path, address: str) -> None:
    code, _, errors = verified(tmp_path, address)
    assert code == 2
    assert "is not host:port" in errors


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """Give the address of a server that answers every frame so, and lists no members."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(404, b"null")

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(status, body)

        def _answer(self, code: int, data: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


REFUSAL = json.dumps({"error": {"code": "unknown_protocol", "message": "no", "hint": ""}}).encode()
LIAR = frames.encode(Frame(1, 2, surveyed=Surveyed(5, [(b"x", [])])))
EMPTY = frames.encode(Frame(1, 2, surveyed=Surveyed(5, [])))
ANSWERS = {
    "an old node": (400, REFUSAL, "does not speak the version"),
    "a failing one": (500, b"\x1b[2J", "status 500"),
    "no node": (200, b"<html>", "lastword: "),
    "a node without views": (200, EMPTY, "did not answer as a node does"),
}


@pytest.mark.parametrize(("status", "body", "said"), ANSWERS.values(), ids=ANSWERS.keys())
def test_what_does_not_answer_as_a_node_does_is_an_error_of_its_own(
    tmp_path: Path, status: int, body: bytes, said: str
) -> None:
    with answering(status, body) as address, NodeProcess(tmp_path / "a.db", *APART) as node:
        code, output, errors = verified(tmp_path, node.address, address, "--only")
    assert (code, output) == (5, "")
    assert said in errors
    assert errors.strip().isprintable()


def test_help_names_options_and_exit_codes(tmp_path: Path) -> None:
    code, output, _ = verified(tmp_path, "--help")
    text = " ".join(output.split())
    assert code == 0
    for part in ("--only", "--timeout", "Exit code 0", "1: they differ", "5: a node"):
        assert part in text
