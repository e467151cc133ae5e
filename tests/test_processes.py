"""The helper that starts processes keeps its own promises."""

import os
import select
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tools.processes import LASTWORD, NodeProcess, Process, ProcessFault


def get(address: str, path: str) -> bytes:
    with urllib.request.urlopen(f"http://{address}{path}", timeout=10) as answer:
        body: bytes = answer.read()
    return body


@pytest.mark.slow
def test_a_node_starts_again_on_its_port_with_its_data(tmp_path: Path) -> None:
    with NodeProcess(tmp_path / "a.db") as node:
        address = node.address
        url = f"http://{address}/s/e"
        urllib.request.urlopen(urllib.request.Request(url, method="PUT"), timeout=10).close()
        node.restart()
        assert node.address == address
        assert get(address, "/s/e") == b"true"
        node.kill()
        node.start()
        assert get(address, "/s/e") == b"true"


def test_a_node_that_does_not_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(ProcessFault, match=r"exit code 2[\s\S]*no-such-option"):
        NodeProcess(tmp_path / "a.db", "--no-such-option").start()


def test_a_command_that_writes_nothing_is_not_awaited_for_ever(tmp_path: Path) -> None:
    with Process("sh", "-c", "exec sleep 60", stderr=tmp_path / "e") as process:
        with pytest.raises(ProcessFault, match="no line within"):
            process.read_line(0.05)
        with pytest.raises(ProcessFault, match="still ran"):
            process.wait(0.05)
    assert not process.is_running


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="watches a process that is not its child")
def test_no_process_outlives_the_one_that_started_it(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from tools.processes import NodeProcess\n"
        "node = NodeProcess(Path(sys.argv[1])).start()\n"
        "print(node.process.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.db")],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parent.parent,
        timeout=60,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL
    wait_until_gone(int(ended.stdout))


def wait_until_gone(pid: int) -> None:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    with os.fdopen(handle) as watched:
        assert select.select([watched], [], [], 30)[0], f"process {pid} runs on"


def test_the_command_is_the_installed_one() -> None:
    assert Path(LASTWORD).exists()
