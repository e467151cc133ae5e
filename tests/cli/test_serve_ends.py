"""How `lastword serve` ends: in order on a signal, with nothing lost when killed; and its logs."""

import json
import signal
import socket
import threading
from pathlib import Path

import pytest

from lastword.replication import frames
from lastword.replication.entries import Entry
from tests.calls import Caller, call
from tests.eventually import eventually
from tools.processes import NodeProcess


def refuses(address: str) -> bool:
    try:
        socket.create_connection(address.split(":"), timeout=10).close()  # type: ignore[arg-type]
    except ConnectionRefusedError:
        return True
    return False


def connect(address: str) -> socket.socket:
    host, _, port = address.partition(":")
    return socket.create_connection((host, int(port)), timeout=10)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_node_after_what_it_has_begun(
    tmp_path: Path, number: signal.Signals
) -> None:
    with NodeProcess(tmp_path / "a.db") as node:
        idle = connect(node.address)
        upload = connect(node.address)
        upload.sendall(b'PUT /s HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n["a"')
        # An answer on a later connection says that the upload has begun to arrive.
        assert call(node.address, "GET", "/_/ready").status == 200
        node.process.signal(number)
        eventually(lambda: refuses(node.address), "the node stops listening")
        upload.sendall(b',"b"]')
        answer = upload.makefile("rb").read()
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert answer.endswith(b"\r\n\r\nnull")
        assert b"Connection: close\r\n" in answer
        assert idle.recv(1) == b""
        assert node.process.wait() == 0
        assert node.process.errors() == ""
        idle.close()
        upload.close()
        node.kill()
        node.start()
        assert call(node.address, "GET", "/s").json["lwwAdded"].keys() == {"a", "b"}


@pytest.mark.slow
def test_of_writes_that_a_signal_meets_each_answered_one_is_kept(tmp_path: Path) -> None:
    with NodeProcess(tmp_path / "a.db") as node:
        with connect(node.address) as client:
            client.sendall(
                b"".join(
                    b"PUT /s/%d HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n" % number
                    for number in range(2_000)
                )
            )
            answers = client.recv(12)
            node.process.signal(signal.SIGTERM)
            answers += client.makefile("rb").read()
        assert node.process.wait() == 0
        answered = answers.count(b"HTTP/1.1 200 OK\r\n")
        assert answers.count(b"HTTP/1.1") == answered >= 1
        assert answers.endswith(b"null")
        node.kill()
        node.start()
        held = call(node.address, "GET", "/s").json["lwwAdded"]
        assert {str(number) for number in range(answered)} <= held.keys()


@pytest.mark.slow
def test_a_second_signal_ends_a_node_at_once(tmp_path: Path) -> None:
    with NodeProcess(tmp_path / "a.db") as node, connect(node.address) as upload:
        upload.sendall(b"PUT /s HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n[")
        assert call(node.address, "GET", "/_/ready").status == 200
        node.process.signal(signal.SIGTERM)
        eventually(lambda: refuses(node.address), "the node stops listening")
        assert node.process.is_running
        node.process.signal(signal.SIGINT)
        assert node.process.wait(5.0) == 128 + signal.SIGINT
        node.kill()


@pytest.mark.slow
def test_after_kill_9_everything_acknowledged_is_there(tmp_path: Path) -> None:
    acknowledged: list[tuple[str, str, int]] = []
    enough = threading.Event()

    def write(client: int, address: str) -> None:
        caller = Caller(address)
        try:
            for number in range(1_000_000):
                method = "DELETE" if number % 3 == 2 else "PUT"
                element = f"{client}-{number % 50}"
                time = caller.call(method, f"/s/{element}").time
                acknowledged.append((method, element, time))
                if len(acknowledged) > 300:
                    enough.set()
        except (OSError, ValueError):
            pass  # it was killed
        finally:
            caller.close()

    with NodeProcess(tmp_path / "a.db") as node:
        for _ in range(2):
            enough.clear()
            threads = [
                threading.Thread(target=write, args=(number, node.address)) for number in range(4)
            ]
            for thread in threads:
                thread.start()
            assert enough.wait(20)
            node.process.signal(signal.SIGKILL)
            for thread in threads:
                thread.join(20)
            node.kill()
            node.start()
        state = call(node.address, "GET", "/s").json
    stamps = {name: time * 2 for name, time in state["lwwAdded"].items()}
    stamps |= {name: time * 2 + 1 for name, time in state["lwwRemoved"].items()}
    for method, element, time in acknowledged:
        assert stamps[element] >= time * 2 + (method == "DELETE")


@pytest.mark.slow
def test_logs_are_json_and_no_client_can_forge_a_line(tmp_path: Path) -> None:
    forged = '\n{"time": "now", "level": "error", "where": "forged", "message": "forged"}\n'
    with NodeProcess(tmp_path / "a.db", "-l", "-i", "127.0.0.1:1") as node:
        run = int(call(node.address, "GET", "/_/ready").json["run"], 16)
        entry = Entry(b"_peers_", f"a{forged}:1".encode(), 10, 77, 1)
        rows = frames.pack_entries((entry,))
        seen = frames.VouchedBody(0, {77: 1})
        page = frames.PageBody(run, (0, 0, 0), 1, from_start=False, rows=rows, seen=seen)
        log = frames.Log(1, 1)
        data = frames.encode(frames.Frame(1, 77, "b.invalid:1", log, page=page))
        assert call(node.address, "POST", "/_/peer", data).status == 200
        process = node.process
        eventually(lambda: "forged" in process.errors(), "the address is called and logged")
        process.signal(signal.SIGTERM)
        assert process.read_rest() == []
        records = [json.loads(line) for line in process.errors().splitlines()]
        node.kill()
    assert all(record.keys() == {"time", "level", "where", "message"} for record in records)
    assert {record["where"].partition(".")[0] for record in records} == {"lastword"}
    assert any("\\n{" in record["message"] for record in records)
    assert all("\n" not in record["message"] for record in records)
