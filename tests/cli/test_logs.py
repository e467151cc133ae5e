"""Log lines: readable on a terminal, JSON elsewhere, and nothing that a client can forge."""

import json
import logging
import sys

import pytest

from lastword.cli.logs import JsonFormatter, ReadableFormatter, set_up


def record(message: str, *, fault: bool = False) -> logging.LogRecord:
    error = ValueError("bad") if fault else None
    trace = (ValueError, error, None) if error else None
    made = logging.LogRecord("lastword.x", logging.WARNING, "x.py", 1, message, (), trace)
    made.created = 1_700_000_000.25
    return made


def test_a_readable_line_has_time_in_utc_level_place_and_message() -> None:
    line = ReadableFormatter().format(record("node is up"))
    assert line == "2023-11-14T22:13:20.250+00:00 warning lastword.x: node is up"


def test_json_has_the_same_facts() -> None:
    assert json.loads(JsonFormatter().format(record("node is up"))) == {
        "time": "2023-11-14T22:13:20.250+00:00",
        "level": "warning",
        "where": "lastword.x",
        "message": "node is up",
    }


@pytest.mark.parametrize("formatter", [ReadableFormatter(), JsonFormatter()])
def test_control_characters_cannot_forge_a_line(formatter: logging.Formatter) -> None:
    line = formatter.format(record("a\nb\x1b[2J"))
    assert line.isprintable()


@pytest.mark.parametrize("formatter", [ReadableFormatter(), JsonFormatter()])
def test_a_fault_comes_with_its_trace(formatter: logging.Formatter) -> None:
    assert "ValueError: bad" in formatter.format(record("fault", fault=True))


@pytest.mark.parametrize(("terminal", "kind"), [(True, ReadableFormatter), (False, JsonFormatter)])
def test_lines_are_readable_on_a_terminal_and_json_elsewhere(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, kind: type[logging.Formatter]
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    monkeypatch.setattr(logging.getLogger("lastword"), "level", logging.NOTSET)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    set_up(verbose=True)
    assert [type(handler.formatter) for handler in root.handlers] == [kind]
