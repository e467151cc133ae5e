"""What docs/REDIS.md promises is what there is."""

import re
from pathlib import Path

import pytest

from tests.redis.conftest import Connect
from tests.redis.replies import error
from tests.test_docs import _serve_options

TEXT = (Path(__file__).parents[2] / "docs" / "REDIS.md").read_text()
ABSENT = ("EXPIRE", "TTL", "GET", "SET", "SUBSCRIBE", "EVAL", "SAVE", "ACL", "SPUBLISH", "OBJECT")


def test_every_command_is_listed_and_every_listed_command_exists(connect: Connect) -> None:
    _, _, section = TEXT.partition("## Commands\n")
    listed = section.partition("Every other command")[0]
    names = set(re.findall(r"\b[A-Z]{3,}\b", listed)) - {"GET"}  # of CONFIG GET
    there = {name.decode().upper() for name in connect().call("COMMAND", "LIST").values}
    assert {name for name in there if "|" not in name} == names


@pytest.mark.parametrize("name", ABSENT)
def test_what_is_said_not_to_be_there_is_an_unknown_command(connect: Connect, name: str) -> None:
    said = f"ERR unknown command '{name}', with args beginning with: 'a' "
    assert connect().call(name, "a") == error(said)


def test_the_versions_stand_where_they_are_said_to_be(connect: Connect) -> None:
    connection = connect()
    assert b"lastword_version:" in connection.call("INFO", "server").value
    assert b"lastword" in connection.call("HELLO").mapping


@pytest.mark.parametrize("command", [["SADD", "s", "a"], ["SREM", "s", "b"]], ids=" ".join)
def test_a_write_that_changes_no_member_is_counted_by_watch(
    connect: Connect, command: list[str]
) -> None:
    connection = connect()
    for before in (["SADD", "s", "a"], ["WATCH", "s"], command, ["MULTI"], ["SCARD", "s"]):
        assert not connection.call(*before).is_error
    assert connection.call("EXEC").value is None


def test_every_option_that_is_named_exists() -> None:
    options = {name for names in _serve_options() for name in names}
    named = set(re.findall(r"`(--[\w-]+)", TEXT)) - {"--pipe"}  # of redis-cli
    assert named <= options
