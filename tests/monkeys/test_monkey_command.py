"""`lastword monkey` as a user runs it."""

import asyncio
import re
import signal
import sys
import urllib.request
from pathlib import Path

import pytest
from aiohttp import web

from tests.client.liars import serving
from tools.processes import LASTWORD, NodeProcess, Process

QUICK = ("-l", "0", "--highdelayms", "1")
COMMON = ["--address", "--setname", "--for", "SECONDS", "-n", "localhost:3000", "default: default"]
PACED = ["--lowdelayms", "--highdelayms", "in milliseconds", "default: 100;", "default: 1000;"]


def monkey(folder: Path, *arguments: str) -> Process:
    return Process(LASTWORD, "monkey", *arguments, stderr=folder / "stderr")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "mentions"),
    [
        ("normal", [*PACED, "operations", "-h is help"]),
        ("onoff", [*PACED, "--offlineops", "default: 100;", "rounds"]),
        ("viewer", ["--updateintervalms", "in milliseconds", "default: 1000;", "updates"]),
    ],
)
def test_help_names_every_option_with_unit_and_default(
    tmp_path: Path, kind: str, mentions: list[str]
) -> None:
    with monkey(tmp_path, kind, "-h") as process:
        text = " ".join(re.sub(r"[│╭╰╮╯─]", " ", "\n".join(process.read_rest())).split())
        assert process.wait() == 0
    for mention in COMMON + mentions:
        assert mention in text


@pytest.mark.slow
def test_normal_and_onoff_play_and_end(tmp_path: Path, node_process: NodeProcess) -> None:
    where = ("-a", node_process.address, "-s", "played", *QUICK)
    with monkey(tmp_path, "normal", *where) as normal:
        normal.read_line()
        with monkey(tmp_path, "onoff", *where, "-o", "20", "-n", "3") as onoff:
            lines = onoff.read_rest()
            assert onoff.wait() == 0
        normal.signal(signal.SIGINT)
        assert normal.wait() == 130
    assert len(lines) == 3
    assert all(line.startswith("Success: ") for line in lines)
    assert normal.errors() == ""


@pytest.mark.slow
def test_a_run_ends_after_its_seconds(tmp_path: Path, node_process: NodeProcess) -> None:
    with monkey(tmp_path, "viewer", "-a", node_process.address, "--for", "0.2") as process:
        assert len(process.read_rest()) == 1
        assert process.wait() == 0


@pytest.mark.slow
def test_a_piped_viewer_prints_one_safe_line_for_each_update(
    tmp_path: Path, node_process: NodeProcess
) -> None:
    url = f"http://{node_process.address}/piped/%1B%5B31m"
    urllib.request.urlopen(urllib.request.Request(url, method="PUT"), timeout=10).close()
    where = ("-a", node_process.address, "-s", "piped")
    with monkey(tmp_path, "viewer", *where, "-u", "10", "-n", "3") as process:
        lines = process.read_rest()
        assert process.wait() == 0
    assert len(lines) == 3
    assert all(re.fullmatch(r"[-0-9T:.]+Z  1 element: '\\x1b\[31m'", line) for line in lines)


@pytest.mark.slow
def test_a_viewer_on_a_terminal_draws_a_table(tmp_path: Path, node_process: NodeProcess) -> None:
    command = (LASTWORD, "monkey", "viewer", "-a", node_process.address, "-n", "1")
    spawn = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"
    with Process(sys.executable, "-c", spawn, *command, stderr=tmp_path / "e") as process:
        text = "\n".join(process.read_rest())
        assert process.wait() == 0
    assert "0 elements" in text
    assert f"default on {node_process.address}" in text


@pytest.mark.slow
def test_an_unreachable_node_is_reported_and_waited_for(tmp_path: Path) -> None:
    node = NodeProcess(tmp_path / "a.db").start()
    node.stop()
    with loud_monkey(tmp_path, "viewer", "-a", node.address, "-n", "1") as viewer:
        assert viewer.read_line() == silent(node.address)
        with node:
            assert viewer.read_line() == f"{node.address} answers again"
            assert viewer.read_line().endswith("0 elements")
            assert viewer.wait() == 0


@pytest.mark.slow
def test_ctrl_c_ends_a_waiting_monkey_quietly(tmp_path: Path) -> None:
    with loud_monkey(tmp_path, "onoff", "-a", "127.0.0.1:1", "-o", "0") as process:
        assert process.read_line() == silent("127.0.0.1:1")
        process.signal(signal.SIGINT)
        assert process.read_rest() == []
        assert process.wait() == 130


def silent(address: str) -> str:
    return f"{address} does not answer: connection refused; trying again every 1 s"


def loud_monkey(folder: Path, *arguments: str) -> Process:
    """Start a monkey whose warnings come as lines among the others."""
    both = ("sh", "-c", 'exec "$0" "$@" 2>&1', LASTWORD, "monkey", *arguments)
    return Process(*both, stderr=folder / "stderr")


@pytest.mark.slow
async def test_onoff_fails_with_exit_code_1_where_a_server_forgets(tmp_path: Path) -> None:
    async def forget(request: web.Request) -> web.Response:
        if request.method == "POST":
            return web.Response(body=b"null", headers={"Lastword-Time": "1"})
        return web.Response(status=404, body=b"null")

    async with serving(forget) as address:
        with monkey(tmp_path, "onoff", "-a", address, *QUICK, "-o", "5", "-n", "2") as process:
            lines = await asyncio.to_thread(process.read_rest)
            assert process.wait() == 1
    assert len(lines) == 2
    assert all(line.startswith(f"Failure: {address} differs in ") for line in lines)
    assert "there unknown" in lines[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("normal", "-l", "9", "--highdelayms", "8"), 2, "--lowdelayms 9 is above"),
        (("viewer", "-a", "nowhere"), 2, "is not host:port"),
        (("viewer", "-n", "0"), 2, "-n"),
    ],
)
def test_wrong_options_end_with_one_clear_line(
    tmp_path: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    with monkey(tmp_path, *arguments) as process:
        assert process.wait() == code
        assert message in process.errors()
        assert "Traceback" not in process.errors()
