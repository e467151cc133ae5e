"""The command `lastword serve`: how it starts, what it says, and how it ends well."""

import os
import re
import signal
import socket
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.calls import call, members
from tests.eventually import eventually
from tools.processes import LASTWORD, NodeProcess, Process

ANNOUNCED = re.compile(r"lastword (\S+) serves (http://127\.0\.0\.1:(\d+)) on (.+) \((\d+) sets\)")
OPTIONS = {
    "--port": "default: 3000]",
    "--database": "default: lastword.db]",
    "--dbfile": "",
    "--initial-peers": "",
    "--initialpeers": "",
    "--logging": "",
    "--replication-delay": "default: 0.2]",
    "--replicationdelay": "",
    "--full-replication-delay": "default: 60.0]",
    "--fullreplicationdelay": "",
    "--host": "default: 127.0.0.1]",
    "--advertise": "",
    "--insecure": "",
    "--cache-mb": "default: 256]",
    "--redis-port": "",
    "--allow-flush": "",
    "--redis-clients-max": "default: 10000",
    "--redis-timeout": "default: 0.0",
    "--redis-bulk-bytes-max": "default: 16777216",
    "--redis-arguments-max": "default: 1048576",
    "--redis-query-buffer-bytes-max": "default: 67108864",
    "--redis-output-buffer-bytes-max": "default: 268435456",
}


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port


def serve(tmp_path: Path, *arguments: str, env: dict[str, str] | None = None) -> Process:
    """Start a node by exactly these arguments, in an environment with `env` added."""
    settings = [f"{name}={value}" for name, value in (env or {}).items()]
    command = ("env", "-C", str(tmp_path), *settings, LASTWORD, "serve", *arguments)
    return Process(*command, stderr=tmp_path / "stderr")


def announced(process: Process) -> tuple[str, str]:
    """Return the address and the file that a node announces."""
    found = ANNOUNCED.fullmatch(process.read_line())
    assert found is not None
    return f"127.0.0.1:{found[3]}", found[4]


def await_call_of(peer: str, process: Process) -> None:
    """Wait until the log says that the node called `peer`, where nobody is."""
    eventually(lambda: f"{peer} did not answer" in process.errors(), f"{peer} is called")


# The start.


def test_the_version_is_told() -> None:
    with Process(LASTWORD, "--version", stderr=Path(os.devnull)) as process:
        assert process.read_rest() == [f"lastword {version('lastword')}"]
        assert process.wait() == 0


def test_help_explains_every_option_with_its_default(tmp_path: Path) -> None:
    with serve(tmp_path, "--help") as process:
        lines = process.read_rest()
        assert process.wait() == 0
    text = " ".join(" ".join(lines).split())
    for option, default in OPTIONS.items():
        assert option in text
        assert default in text
        if default:
            assert f"LASTWORD_{option[2:].upper().replace('-', '_')}" in text


@pytest.mark.slow
def test_a_node_says_in_one_line_what_serves_where(tmp_path: Path) -> None:
    with NodeProcess(tmp_path / "a.db") as node:
        call(node.address, "PUT", "/s/a")
        node.process.signal(signal.SIGTERM)
        assert node.process.read_rest() == []
        assert node.process.errors() == ""
        node.kill()
        node.start()
        node.stop()
    with serve(tmp_path, "-p", "0", "-d", "a.db") as process:
        found = ANNOUNCED.fullmatch(process.read_line())
        assert found is not None
        assert found[1] == version("lastword")
        assert found[4] == "a.db"
        assert int(found[5]) >= 1


PORT, PEER = "PORT", "127.0.0.1:1"


@pytest.mark.parametrize(
    "arguments",
    [
        ["-p", PORT, "-d", "x.db", "-i", PEER, "-i", "localhost:2", "-l", "-r", "5", "-f", "60"],
        [
            *("--port", PORT, "--dbfile", "x.db", "--initialpeers", PEER, "--logging"),
            *("--replicationdelay", "5", "--fullreplicationdelay", "60"),
        ],
        [
            *(f"--port={PORT}", "--database=x.db", f"--initial-peers={PEER}", "--logging"),
            *("--replication-delay=5", "--full-replication-delay=60", "--host=127.0.0.1"),
        ],
    ],
    ids=["short", "as in the original", "long"],
)
def test_options_are_taken_in_every_spelling(tmp_path: Path, arguments: list[str]) -> None:
    port = str(free_port())
    with serve(tmp_path, *(text.replace(PORT, port) for text in arguments)) as process:
        assert announced(process) == (f"127.0.0.1:{port}", "x.db")
        assert call(f"127.0.0.1:{port}", "GET", "/_/ready").status == 200
        await_call_of(PEER, process)


def test_options_are_taken_from_the_environment(tmp_path: Path) -> None:
    port = str(free_port())
    env = {
        "LASTWORD_PORT": port,
        "LASTWORD_DATABASE": "x.db",
        "LASTWORD_INITIAL_PEERS": f"{PEER} 127.0.0.1:2",
        "LASTWORD_LOGGING": "1",
        "LASTWORD_REPLICATION_DELAY": "0.1",
        "LASTWORD_FULL_REPLICATION_DELAY": "60",
        "LASTWORD_HOST": "127.0.0.1",
        "LASTWORD_ADVERTISE": "node.example:3000",
        "LASTWORD_INSECURE": "0",
    }
    with serve(tmp_path, env=env) as process:
        address, file = announced(process)
        assert (address, file) == (f"127.0.0.1:{port}", "x.db")
        eventually(lambda: members(address) == {"node.example:3000"}, "the address is listed")
        for peer in (PEER, "127.0.0.1:2"):
            await_call_of(peer, process)


# Starts that fail.


def expect_one_line(process: Process, *said: str, code: int) -> None:
    with process:
        assert process.read_rest() == []
        assert process.wait() == code
        (line,) = process.errors().splitlines()
        assert line.startswith("lastword: ")
        for part in said:
            assert part in line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-i", "localhost"], "'localhost' is not host:port"),
        (["-i", "localhost:1", "-i", "a:b"], "'a:b' is not host:port"),
        (["-i", "a\nb:1"], "is not host:port"),
        (["--advertise", "http://a:1"], "is not host:port"),
        (["-p", "70000"], "port 70000"),
        (["-r", "0"], "--replication-delay"),
        (["-f", "nan"], "--full-replication-delay"),
        (["--cache-mb", "-1"], "--cache-mb"),
        (["--host", "0.0.0.0"], "--insecure"),
        (["--host", "192.0.2.1"], "--insecure"),
        (["--host", "node.example"], "--insecure"),
        (["--host", "0.0.0.0", "--insecure"], "--advertise"),
        (["--host", "::", "--insecure"], "--advertise"),
        (["--host", "192.0.2.1", "--insecure"], "cannot listen on 192.0.2.1"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_option_that_cannot_be_meant_so_is_one_clear_line(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    process = serve(tmp_path, "-p", "0", "-d", "x.db", *arguments)
    expect_one_line(process, said, code=2)


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        process = serve(tmp_path, "-p", port, "-d", "x.db")
        expect_one_line(process, port, "another program listens there", code=2)


@pytest.mark.slow
def test_a_file_that_cannot_be_used_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    for path in ("nothing/x.db", "directory", "/dev/null/x.db", "x" * 300):
        process = serve(tmp_path, "-p", "0", "-d", path)
        expect_one_line(process, path, code=3)
        (tmp_path / "stderr").unlink()


def test_a_file_of_something_else_is_left_alone_in_one_clear_line(tmp_path: Path) -> None:
    foreign = tmp_path / "notes.txt"
    foreign.write_text("notes " * 100)
    process = serve(tmp_path, "-p", "0", "-d", "notes.txt")
    expect_one_line(process, "notes.txt", "is not a database", code=3)
    assert foreign.read_text() == "notes " * 100


@pytest.mark.slow
def test_a_file_of_a_later_version_is_left_alone_in_one_clear_line(tmp_path: Path) -> None:
    with NodeProcess(tmp_path / "x.db"):
        pass
    data = bytearray((tmp_path / "x.db").read_bytes())
    data[60:64] = (999).to_bytes(4)  # the user version, which is the format's
    (tmp_path / "x.db").write_bytes(data)
    process = serve(tmp_path, "-p", "0", "-d", "x.db")
    expect_one_line(process, "x.db has format 999", code=3)
    assert (tmp_path / "x.db").read_bytes() == bytes(data)


@pytest.mark.slow
def test_a_file_in_use_is_one_clear_line_and_its_node_goes_on(tmp_path: Path) -> None:
    with NodeProcess(tmp_path / "x.db") as node:
        process = serve(tmp_path, "-p", "0", "-d", "x.db")
        expect_one_line(process, "x.db is in use by another process", code=3)
        assert call(node.address, "PUT", "/s/a").status == 200
