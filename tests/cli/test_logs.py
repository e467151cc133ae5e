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


HOSTILE = {
    "a line": "a\n2023-11-14T22:13:20.250+00:00 warning lastword.x: forged",
    "a return": "a\rforged",
    "other line ends": "a\x0b\x0c\x1c\x85\u2028\u2029b",
    "the terminal": "\x1b[2J\x1b]0;title\x07\x9b31m",
    "the direction": "\u202eabc\u2066\u2069\u200f",
    "invisible": "\u200b\ufeff\u00ad\U000e0041",
    "control bytes": "".join(map(chr, [*range(32), 127])),
    "half a pair": "\udcff\ud800",
    "long": "x" * 100_000,
    "long and escaped": "\n" * 100_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("formatter", [ReadableFormatter(), JsonFormatter()])
def test_what_a_client_sent_stays_on_its_line(formatter: logging.Formatter, text: str) -> None:
    line = formatter.format(record(text))
    assert line.isprintable()
    assert line.isascii() or isinstance(formatter, ReadableFormatter)
    assert len(line) < 25_000
    line.encode()


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_trace_with_what_a_client_sent_forges_no_line(text: str) -> None:
    made = record("a fault")
    error = ValueError(text)
    made.exc_info = (ValueError, error, None)
    first, *trace = ReadableFormatter().format(made).split("\n")
    assert first.endswith("lastword.x: a fault")
    assert trace
    assert all(line.startswith("  | ") and line.isprintable() for line in trace)
    assert sum(map(len, trace)) < 110_000
    facts = json.loads(JsonFormatter().format(made))
    assert [f"  | {line}" for line in facts["trace"].split("\n")] == trace


def test_what_was_escaped_cannot_be_taken_for_what_was_not() -> None:
    line = ReadableFormatter().format(record("a\\nb\nc"))
    assert line.endswith("a\\\\nb\\nc")


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
