"""`lastword serve --config FILE`: options from a file, which the others win over."""

from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from lastword.cli.main import app
from tests.calls import call, members
from tests.cli.test_serve import (
    PEER,
    announced,
    await_call_of,
    expect_one_line,
    free_port,
    serve,
)
from tests.eventually import eventually


def write(tmp_path: Path, text: str) -> None:
    (tmp_path / "node.toml").write_text(text)


def test_every_option_may_stand_in_a_file(tmp_path: Path) -> None:
    port = free_port()
    write(
        tmp_path,
        f"""
        # a comment
        port = {port}
        database = "x.db"
        initial-peers = ["{PEER}", "127.0.0.1:2"]
        logging = true
        replication-delay = 0.1
        full-replication-delay = 60
        host = "127.0.0.1"
        advertise = "node.example:3000"
        insecure = false
        walks = true
        """,
    )
    with serve(tmp_path, "--config", "node.toml") as process:
        address, file = announced(process)
        assert (address, file) == (f"127.0.0.1:{port}", "x.db")
        eventually(lambda: members(address) == {"node.example:3000"}, "the address is listed")
        for peer in (PEER, "127.0.0.1:2"):
            await_call_of(peer, process)


def test_the_line_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    write(tmp_path, 'port = 1\ndatabase = "file.db"\nadvertise = "file.example:1"')
    env = {
        "LASTWORD_CONFIG": "node.toml",
        "LASTWORD_DATABASE": "environment.db",
        "LASTWORD_PORT": "2",
    }
    with serve(tmp_path, "-p", "0", env=env) as process:
        address, file = announced(process)
        assert file == "environment.db"
        assert call(address, "GET", "/_/ready").status == 200
        eventually(lambda: members(address) == {"file.example:1"}, "the file's address is listed")


def test_the_line_may_name_another_file_than_the_environment(tmp_path: Path) -> None:
    write(tmp_path, 'database = "right.db"')
    (tmp_path / "wrong.toml").write_text("no = 1")
    env = {"LASTWORD_CONFIG": "wrong.toml"}
    with serve(tmp_path, "-p", "0", "--config", "node.toml", env=env) as process:
        assert announced(process)[1] == "right.db"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prot = 1", "node.toml has prot, which is no option"),
        ("dbfile = 'x.db'", "has dbfile, which is no option"),
        ("replication_delay = 1", "has replication_delay, which is no option"),
        ("config = 'other.toml'", "has config, which is no option"),
        ("help = true", "has help, which is no option"),
        ("[serve]\nport = 1", "has serve, which is no option"),
        ("port = '3000'", "port is a whole number, not '3000'"),
        ("port = 3000.0", "port is a whole number, not 3000.0"),
        ("port = true", "port is a whole number"),
        ("port = []", "port is a whole number"),
        ("insecure = 1", "insecure is true or false, not 1"),
        ("insecure = 'yes'", "insecure is true or false"),
        ("replication-delay = '5'", "replication-delay is a number"),
        ("replication-delay = false", "replication-delay is a number"),
        ("database = 3", "database is text"),
        ("advertise = ['a:1']", "advertise is text"),
        ("initial-peers = 'a:1'", "initial-peers is a list, each of it text"),
        ("initial-peers = ['a:1', 2]", "initial-peers is a list, each of it text"),
        ("host = 1979-05-27", "host is text"),
        ("port = 1\nport = 2", "node.toml is not TOML"),
        ("port = ", "node.toml is not TOML"),
        ("port: 3000", "node.toml is not TOML"),
        ("x = " + "[" * 100_000, "node.toml is not TOML"),
        ("#" * (2 << 20), "node.toml has more than"),
        ("port = 70000", "port 70000 is not between"),
        ("initial-peers = ['a']", "'a' is not host:port"),
        ("replication-delay = nan", "--replication-delay"),
        ('"a\\nb" = 1', "has a?b, which is no option"),
    ],
    ids=lambda value: value[:25],
)
def test_a_file_that_cannot_be_meant_so_is_one_clear_line(
    tmp_path: Path, text: str, said: str
) -> None:
    write(tmp_path, text)
    process = serve(tmp_path, "--config", "node.toml")
    expect_one_line(process, said, code=2)
    assert not (tmp_path / "lastword.db").exists()


def test_a_file_that_cannot_be_read_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b"host = '\xe9'")
    for path, said in (
        ("nothing.toml", "nothing.toml cannot be read: no such file"),
        (".", "cannot be read: is a directory"),
        ("latin.toml", "latin.toml is not TOML"),
        ("x" * 300, "cannot be read: file name too long"),
    ):
        expect_one_line(serve(tmp_path, "--config", path), said, code=2)
        (tmp_path / "stderr").unlink()


def test_a_file_takes_what_the_command_takes_and_nothing_else(tmp_path: Path) -> None:
    """An option that is added to the command may stand in a file without another list."""
    command: Any = get_command(app)
    names = {
        next(name for name in option.opts if name.startswith("--"))[2:]
        for option in command.commands["serve"].params
    }
    write(tmp_path, "unknown = 1")
    with serve(tmp_path, "--config", "node.toml") as process:
        assert process.wait() == 2
        hint = process.errors().split("There are: ")[1].strip().rstrip(".")
    assert set(hint.split(", ")) == names - {"config", "help"}
