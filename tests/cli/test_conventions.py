"""What every command has in common: first steps, help, errors, exit codes, completion."""

import json
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from typer.main import get_command

from lastword.cli.main import COMMANDS, app
from lastword.client.node import AsyncNode
from lastword.crdt.stamp import pack
from lastword.errors import EXIT_CODE
from lastword.store.base import StoreOptions
from lastword.store.sqlite.store import SqliteStore
from lastword.wall import wall_us
from tests.cli.documented import REFERENCE, holds
from tests.cli.running import environment_of, on_terminal, run, seen
from tests.stores import NoteCollected
from tools.processes import LASTWORD, NodeProcess, Process

pytestmark = pytest.mark.slow  # every test starts processes

NOBODY = ("-a", "127.0.0.1:1")


# -- the first minute


def test_alone_it_says_what_it_is_and_how_to_begin() -> None:
    alone = run()
    assert (alone.code, alone.errors) == (0, "")
    assert "replicated store of sets" in alone.lines[0]
    steps = [line.split("  ")[1] for line in alone.lines if line.startswith("  ")]
    assert [step.split()[1] for step in steps] == ["serve", "add", "members"]


@pytest.mark.parametrize(("wrong", "right"), [("gett", "'get'"), ("member", "'members'")])
def test_a_wrong_verb_suggests_the_right_one(wrong: str, right: str) -> None:
    told = run(wrong)
    assert (told.code, told.output) == (2, b"")
    assert told.errors.count("\n") == 1
    assert f"Did you mean {right}" in told.errors
    assert "lastword --help" in told.errors


def test_what_is_wrong_is_one_line_with_a_hint() -> None:
    for arguments, words, more in (
        (("members",), "Missing argument 'SET'", "lastword members --help has more"),
        (("sets", "--jsn"), "No such option", "lastword sets --help has more"),
        (("sets", *NOBODY), "does not answer", "lastword serve starts one"),
        (("get", "a/b", "c", *NOBODY), "is no set's name", "A name is"),
    ):
        told = run(*arguments)
        assert told.errors.startswith("lastword: ")
        assert told.errors.count("\n") == 1
        assert words in told.errors
        assert more in told.errors


def test_an_error_is_an_object_too() -> None:
    told = run("sets", "--json", *NOBODY)
    assert (told.code, told.output) == (5, b"")
    first, second = told.errors.splitlines()
    found = run(
        "sets", "--json", *NOBODY, environment={"LASTWORD_ADDRESS": "ignored"}
    ).errors.splitlines()[0]
    assert first == found
    holds("--json where a command fails", [json.loads(first)])
    assert '"code":"unreachable"' in first
    assert second.startswith("lastword: ")


# -- help


def test_every_command_has_an_example_and_stands_in_a_group() -> None:
    shown = run("--help").lines
    group = get_command(app)
    commands: dict[str, object] = group.commands  # type: ignore[attr-defined]  # a group
    for panel, found in COMMANDS.items():
        assert f"{panel}:" in shown
        for one in found:
            name = one.name or one.run.__name__
            assert commands.pop(name).epilog == f"Example: {one.example}"  # type: ignore[attr-defined]
            assert one.example.split()[:2] == ["lastword", name]
    assert set(commands) == {"token", "monkey"}
    for name, command in commands.items():
        for verb, found in command.commands.items():  # type: ignore[attr-defined]
            assert found.epilog.startswith(f"Example: lastword {name} {verb}")


@pytest.mark.parametrize("columns", [80, 40])
def test_help_fits_the_terminal_and_names_every_option_whole(columns: int) -> None:
    for arguments in ((), ("members",), ("export",)):
        code, written = on_terminal(*arguments, "--help", columns=columns)
        lines = seen(written)
        assert code == 0
        assert max(map(len, lines)) <= max(columns, 50)  # narrower than 50 no help gets
        options = ("--cluster-secret-file",) if not arguments else ("--address", "--json")
        for option in options:
            assert any(option in line for line in lines), option


# -- exit codes


def _damaged(folder: Path) -> Path:
    with NodeProcess(folder / "damaged.db") as node:
        run("add", "s", "-a", node.address, given=b"\n".join(b"%d" % at for at in range(5_000)))
    path = folder / "damaged.db"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    return path


async def _ghost_bundle(folder: Path) -> Path:
    with NodeProcess(folder / "source.db") as node:
        async with AsyncNode(node.address) as client:
            await client.merge("s", {b"old": pack(5, removed=False)})
        run("export", "-a", node.address, "-o", str(folder / "ghost.bundle"))
    return folder / "ghost.bundle"


def _closed_pipe(address: str) -> int:
    with subprocess.Popen(
        [LASTWORD, "watch", "--prefix", "", "--after", "0", "--json", "-a", address],
        stdout=subprocess.PIPE,
        env=environment_of(),
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        return process.wait(30)


def _interrupted(folder: Path, address: str) -> int:
    command = (LASTWORD, "watch", "s", "--json", "-a", address)
    with Process(*command, stderr=folder / "interrupted") as process:
        process.read_line()
        process.signal(signal.SIGINT)
        return process.wait()


async def test_every_documented_exit_code_is_what_commands_end_with(
    node_process: NodeProcess, tmp_path: Path
) -> None:
    ghosts = await _ghost_bundle(tmp_path)
    store = SqliteStore(
        tmp_path / "late.db", StoreOptions(wall_us, lambda: Random(7).getrandbits(63))
    )
    store.execute(NoteCollected(b"s", 1_000))
    store.close()
    at = ("-a", node_process.address)
    with NodeProcess(tmp_path / "late.db") as late:
        ends: dict[int, Callable[[], int]] = {
            0: lambda: run("sets", *at).code,
            1: lambda: run("get", "nothing-here", "a", *at).code,
            2: lambda: run("get").code,
            3: lambda: run("import", str(tmp_path / "nowhere"), *at).code,
            4: lambda: run("check", "-d", str(_damaged(tmp_path))).code,
            5: lambda: run("sets", *NOBODY).code,
            6: lambda: run("import", str(ghosts), "-a", late.address).code,
            130: lambda: _interrupted(tmp_path, node_process.address),
            141: lambda: _closed_pipe(node_process.address),
        }
        table = REFERENCE.read_text().partition("### Exit codes")[2].partition("###")[0]
        documented = {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
        assert documented == set(ends)
        assert set(EXIT_CODE.values()) <= documented
        assert {code: end() for code, end in ends.items()} == {code: code for code in ends}


# -- completion


def completed(*typed: str, address: str = "") -> list[str]:
    """Return what bash is offered behind what is typed."""
    words = " ".join(("lastword", *typed))
    environment = {
        "_LASTWORD_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(typed)),
    }
    if address:
        environment["LASTWORD_ADDRESS"] = address
    return list(filter(None, run(environment=environment).lines))


def test_a_shell_is_offered_commands_and_names_of_sets(node_process: NodeProcess) -> None:
    run("add", "offered-one", "a", "-a", node_process.address)
    assert completed("mem") == ["members"]
    assert completed("members", "offered", address=node_process.address) == ["offered-one"]
    assert completed("members", "-a", node_process.address, "offered") == ["offered-one"]
    assert completed("members", "offered", address="127.0.0.1:1") == []


def test_completion_is_set_up_for_the_shell(tmp_path: Path) -> None:
    bash = {"HOME": str(tmp_path), "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    installed = run("--install-completion", "bash", environment=bash)
    assert installed.code == 0
    assert "lastword" in (tmp_path / ".bashrc").read_text()
    assert (
        "_LASTWORD_COMPLETE" in run("--show-completion", "zsh", environment=bash).output.decode()
    )
