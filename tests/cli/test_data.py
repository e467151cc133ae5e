"""Sets are read and written by commands, with a real node, piped and on a terminal."""

import subprocess

import pytest

from tests.cli.documented import holds
from tests.cli.running import environment_of, on_terminal, run, seen
from tools.processes import LASTWORD, NodeProcess

pytestmark = pytest.mark.slow  # every test starts processes

STRANGE = [
    b"plain",
    b"a b",
    b"back\\slash",
    b"\xff\x1b[31mred",
    "\u202eright".encode(),
    b"\t",
    b"",
]
SHOWN = ["plain", "a b", "back\\\\slash", "\\xff\\x1b[31mred", "\\u202eright", "\\t", ""]


def test_what_is_added_is_there_and_what_is_removed_is_not(node_process: NodeProcess) -> None:
    at = ("-a", node_process.address)
    added = run("add", "fruit", "apple", "fig", "--json", *at)
    holds("lastword add", added.objects)
    assert (added.code, added.objects[0]["added"]) == (0, 2)
    assert run("get", "fruit", "apple", *at).lines == ["true"]
    removed = run("remove", "fruit", "apple", "--json", *at)
    holds("lastword remove", removed.objects)
    assert (removed.code, removed.objects[0]["removed"]) == (0, 1)
    gone = run("get", "fruit", "apple", "--json", *at)
    holds("lastword get", gone.objects)
    assert (gone.code, gone.objects) == (
        1,
        [{"set": "fruit", "element": "apple", "present": False}],
    )
    state = run("get", "fruit", *at)
    assert {(line.split("\t")[0], line.split("\t")[2]) for line in state.lines} == {
        ("added", "fig"),
        ("removed", "apple"),
    }
    whole = run("get", "fruit", "--json", *at)
    holds("lastword get without an element", whole.objects)
    assert {(one["element"], one["present"]) for one in whole.objects} == {
        ("fig", True),
        ("apple", False),
    }
    assert run("get", "never-written", *at).code == 1


def test_any_bytes_go_in_and_come_out_as_they_are(node_process: NodeProcess) -> None:
    at = ("-a", node_process.address)
    assert run("add", "strange", "-0", *at, given=b"\0".join([*STRANGE, b""])).code == 0
    escaped = run("members", "strange", *at)
    assert sorted(escaped.lines) == sorted(SHOWN)
    raw = run("members", "strange", "-0", *at)
    assert sorted(raw.output.split(b"\0")[:-1]) == sorted(STRANGE)
    coded = run("members", "strange", "--base64", *at).output
    assert run("add", "copy", "--base64", *at, given=coded).code == 0
    copied = run("members", "copy", "-0", *at)
    assert sorted(copied.output.split(b"\0")[:-1]) == sorted(STRANGE)
    told = run("members", "strange", "--json", *at)
    holds("lastword members", told.objects)
    assert {"elementBase64": "/xtbMzFtcmVk"} in told.objects
    assert run("get", "strange", b"\xff\x1b[31mred", *at).code == 0
    assert run("get", "strange", "/xtbMzFtcmVk", "--base64", *at).code == 0


def test_nothing_of_an_element_reaches_a_terminal_raw(node_process: NodeProcess) -> None:
    at = ("-a", node_process.address)
    run("add", "hostile", "-0", *at, given=b"\0".join([*STRANGE, b""]))
    for arguments in (("members", "hostile"), ("get", "hostile")):
        code, written = on_terminal(*arguments, *at)
        assert code == 0
        assert "\x1b[31mred" not in written
        assert "\u202e" not in written
        assert "\\xff\\x1b[31mred" in written
    code, written = on_terminal("members", "hostile", "-0", *at)
    assert code == 2
    assert "not for a terminal" in written


def test_a_large_input_goes_in_bulks_and_comes_out_by_pages(node_process: NodeProcess) -> None:
    at = ("-a", node_process.address)
    numbers = [b"n%d" % number for number in range(25_000)]
    assert "25,000 elements" in run("add", "many", *at, given=b"\n".join(numbers)).lines[0]
    assert run("members", "many", "--count", *at).lines == ["25000"]
    counted = run("members", "many", "--count", "--json", *at)
    holds("lastword members --count", counted.objects)
    assert sorted(run("members", "many", *at).output.split()) == sorted(numbers)
    prefixed = run("members", "many", "--prefix", "n2499", *at).lines
    assert len(prefixed) == len([one for one in numbers if one.startswith(b"n2499")])
    assert len(run("members", "many", "--limit", "7", *at).lines) == 7
    part = b"\n".join([*numbers[:12_000], b"x" * 70_000])
    broken = run("remove", "many", *at, given=part)
    assert broken.code == 2
    assert "10,000 elements before are removed" in broken.errors


def test_whoever_stops_reading_ends_it_quietly(node_process: NodeProcess) -> None:
    numbers = b"\n".join(b"%d" % number * 20 for number in range(20_000))
    run("add", "long", "-a", node_process.address, given=numbers)
    with subprocess.Popen(
        [LASTWORD, "members", "long", "-a", node_process.address],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment_of(),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.wait(30) == 141
        assert process.stderr.read() == b""


def test_without_elements_or_input_it_says_what_to_do(node_process: NodeProcess) -> None:
    at = ("-a", node_process.address)
    code, written = on_terminal("add", "fruit", *at)
    assert code == 2
    assert "no element is named. Name some behind the set, or pipe them in" in " ".join(
        seen(written)
    )
    closed = subprocess.run(
        ["/bin/sh", "-c", '"$@" <&-', "sh", LASTWORD, "add", "fruit", *at],
        capture_output=True,
        check=False,
        env=environment_of(),
    )
    assert closed.returncode == 2
    assert b"no element is named" in closed.stderr
    assert run("add", "fruit", "--json", *at).objects == [
        {"set": "fruit", "time": None, "added": 0}
    ]


def test_a_time_of_ones_own_is_a_number_or_a_date(node_process: NodeProcess) -> None:
    at = ("-a", node_process.address)
    dated = run("add", "dated", "a", "--time", "2020-01-01", "--json", *at).objects[0]
    assert dated["time"] == 1_577_836_800_000_000
    numbered = run("add", "dated", "b", "--time", "5", "--json", *at).objects[0]
    assert numbered["time"] == 5
    assert run("add", "dated", "c", "--time", "soon", *at).code == 2
    assert run("add", "dated", "c", "--ghosts", "readd", *at).code == 2
    assert run("add", "dated", "c", "--time", "9999-01-01", *at).code == 1


def test_sets_are_lines_with_tabs_and_a_table_on_a_terminal(node_process: NodeProcess) -> None:
    at = ("-a", node_process.address)
    run("add", "listed-one", "a", "b", *at)
    run("remove", "listed-one", "b", *at)
    assert run("sets", "--prefix", "listed", *at).lines == ["listed-one\t1\t1"]
    told = run("sets", "--prefix", "listed", "--json", *at)
    holds("lastword sets", told.objects)
    assert told.objects == [{"name": "listed-one", "present": 1, "tombstones": 1}]
    for columns in (80, 40):
        code, written = on_terminal("sets", "--prefix", "listed", *at, columns=columns)
        assert code == 0
        assert "\x1b[1m" in written
        assert all(len(line) <= columns for line in seen(written))
        assert "│ listed-one │       1 │          1 │" in written
    _, plain = on_terminal("sets", "--prefix", "listed", *at, environment={"NO_COLOR": "1"})
    assert not [code for code in plain.split("\x1b[")[1:] if code.startswith("3")]


def test_another_node_is_asked_where_one_does_not_answer(node_process: NodeProcess) -> None:
    both = ("-a", "127.0.0.1:1", "-a", node_process.address)
    assert run("add", "over", "a", *both).code == 0
    assert run("get", "over", *both).code == 0
    spelled = f"127.0.0.1:1 {node_process.address}"
    assert run("members", "over", environment={"LASTWORD_ADDRESS": spelled}).lines == ["a"]
