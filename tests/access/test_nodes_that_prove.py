"""Real nodes with a cluster secret: they believe each other, and nobody else."""

import http.client
import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lastword.access.proof import HEADER, WINDOW_US, Proof
from lastword.access.secret import load_keys
from lastword.replication import frames
from tests.calls import call, members
from tests.eventually import eventually
from tests.restores.shown import await_state, metric, put, state
from tools.processes import NodeProcess

pytestmark = pytest.mark.slow

SECRET, OTHER_SECRET, NEW_SECRET = "5e" * 32, "07" * 32, "ab" * 32
Start = Callable[..., NodeProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a node with a file of secrets of its own, or with none."""
    with ExitStack() as stack:
        started = 0

        def begin(secrets: str, *options: str) -> NodeProcess:
            nonlocal started
            database = tmp_path / f"{started}.db"
            started += 1
            if secrets:
                write_secrets(database, secrets)
                options = (*options, "--cluster-secret-file", str(secret_of(database)))
            return stack.enter_context(NodeProcess(database, "-r", "0.1", "-f", "1", *options))

        yield begin


def secret_of(database: Path) -> Path:
    return database.with_suffix(".secret")


def write_secrets(database: Path, secrets: str) -> None:
    path = secret_of(database)
    path.write_text(secrets)
    path.chmod(0o600)


def unproven(node: NodeProcess, reason: str) -> float:
    text = call(node.address, "GET", "/_/metrics").body.decode()
    name = f'lastword_unproven_frames_total{{reason="{reason}"}} '
    found = [line for line in text.splitlines() if line.startswith(name)]
    return float(found[0].removeprefix(name)) if found else 0.0


def post(node: NodeProcess, body: bytes, proof: str = "") -> tuple[int, str, bytes]:
    """Send a message as a node does; return the status, the proof and the body of its reply."""
    host, _, port = node.address.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    try:
        connection.request("POST", "/_/peer", body, {HEADER: proof} if proof else {})
        answer = connection.getresponse()
        return answer.status, answer.headers.get(HEADER, ""), answer.read()
    finally:
        connection.close()


def log_end(node: NodeProcess) -> int:
    return int(json.loads(call(node.address, "GET", "/_/ready").body)["logEnd"])


def test_nodes_with_one_secret_agree_and_others_are_refused_both_ways(start: Start) -> None:
    first = start(SECRET)
    second = start(SECRET, "-i", first.address)
    strangers = [start(OTHER_SECRET, "-i", first.address), start("", "-i", first.address)]
    for index, node in enumerate((first, second, *strangers)):
        put(node, f"of-{index}")
    await_state([first, second], {"of-0", "of-1"})
    for node in strangers:
        eventually(lambda node=node: metric(node, "sends_failed_total") >= 3, "nobody answers")  # type: ignore[misc]
    eventually(lambda: unproven(first, "forged") >= 1, "a forged message is counted")
    eventually(lambda: unproven(first, "unsigned") >= 1, "an unsigned message is counted")
    for node in strangers:
        call(first.address, "PUT", f"/_peers_/{node.address}")
    eventually(lambda: metric(first, "sends_failed_total") >= 3, "strangers prove nothing")
    for index, node in enumerate(strangers):
        assert set(state(node).present) == {f"of-{index + 2}"}
        assert members(node.address) == {node.address}
    assert set(state(first).present) == {"of-0", "of-1"}
    assert "does not believe this node" in strangers[0].stderr.read_text()


def test_what_is_forged_replayed_or_held_back_is_refused_and_nothing_is_applied(
    start: Start,
) -> None:
    node = start(SECRET)
    put(node, "a")
    eventually(lambda: members(node.address) == {node.address}, "it lists itself")
    before = log_end(node)
    now_us = time.time_ns() // 1_000
    peer = Proof(load_keys(secret_of(node.database)), 4711)
    wish = frames.encode(frames.Frame(now_us, 77, pull=frames.Pull((0, 0, 0), 0, {})))

    hello = peer.sign(node.address, b"", now_us)
    status, proof, body = post(node, b"", hello.header())
    assert status == 403
    peer.check_reply(node.address, hello, proof, (status, body))

    signed = peer.sign(node.address, wish, now_us)
    status, proof, reply = post(node, wish, signed.header())
    assert status == 200
    peer.check_reply(node.address, signed, proof, (status, reply))
    assert frames.decode(reply).page is not None

    late = peer.sign(node.address, wish, now_us - WINDOW_US - 1_000_000)
    fresh = peer.sign(node.address, wish, now_us)
    for message, header, reason in (
        (wish, "", "unsigned"),
        (wish, signed.header(), "replayed"),
        (wish[:-1], fresh.header(), "forged"),
        (wish + b"\0", fresh.header(), "forged"),
        (wish, fresh.header()[:-1], "malformed"),
        (wish, late.header(), "expired"),
    ):
        counted = unproven(node, reason)
        status, _, body = post(node, message, header)
        assert (status, json.loads(body)["error"]["code"]) == (403, "unproven")
        assert unproven(node, reason) == counted + 1
    kept = peer.sign(node.address, wish, now_us).header()
    assert log_end(node) == before
    node.restart()
    assert post(node, wish, kept)[0] == 403
    assert unproven(node, "misdirected") == 1


def test_a_secret_is_changed_without_a_stop_and_shown_nowhere(start: Start) -> None:
    first = start(SECRET)
    nodes = [first, start(SECRET, "-i", first.address)]
    written = 0

    def renew(node: NodeProcess, secrets: str, says: str) -> None:
        told = node.stderr.read_text().count(says)
        write_secrets(node.database, secrets)
        node.process.signal(signal.SIGHUP)
        eventually(lambda: node.stderr.read_text().count(says) > told, f"it says: {says}")

    def write_on_both() -> None:
        nonlocal written
        for node in nodes:
            put(node, f"e{written}")
            written += 1
        await_state(nodes, {f"e{index}" for index in range(written)})

    write_on_both()
    for secrets in (f"{SECRET}\n{NEW_SECRET}", f"{NEW_SECRET}\n{SECRET}", NEW_SECRET):
        for node in nodes:
            renew(node, secrets, "read anew")
            write_on_both()
    renew(first, "short", "stays as it was")
    write_on_both()
    write_secrets(first.database, NEW_SECRET)
    for node in nodes:
        shown = [
            node.stderr.read_text(),
            call(node.address, "GET", "/_/metrics").body.decode(),
            call(node.address, "GET", "/_/ready").body.decode(),
            Path("/proc", str(node.process.pid), "cmdline").read_text(),
        ]
        for secret in (SECRET, NEW_SECRET):
            assert not [text for text in shown if secret in text]


def test_a_node_restarted_is_believed_again_at_once(start: Start) -> None:
    first = start(SECRET)
    second = start(SECRET, "-i", first.address)
    put(first, "before")
    await_state([first, second], {"before"})
    second.restart()
    put(first, "after")
    put(second, "of-second")
    await_state([first, second], {"before", "after", "of-second"})
