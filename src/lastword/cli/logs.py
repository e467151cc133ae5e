"""Logs: readable on a terminal, JSON elsewhere, times in UTC; what clients sent is escaped."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Final

MESSAGE_CHARACTERS_MAX: Final = 2_000
"""Of a message: what clients can put into one is cut before, most of it at 60 to 200 bytes."""

TRACE_LINE_CHARACTERS_MAX: Final = 500
"""Of a line of a trace; the last one may quote what a client sent."""

TRACE_LINES_MAX: Final = 200
"""Of a trace: the outermost and the innermost calls."""


class ReadableFormatter(logging.Formatter):
    """One line a record: time, level, where, what.

    A trace below it is set in, so that no line of it can be taken for a record.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and the trace below it where there is one."""
        line = f"{_time(record)} {record.levelname.lower():7} {record.name}: {_message(record)}"
        return "\n".join([line, *(f"  | {part}" for part in _trace(self, record))])


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object."""
        facts = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "where": record.name,
            "message": _message(record),
        }
        if trace := _trace(self, record):
            facts["trace"] = "\n".join(trace)
        return json.dumps(facts)


def set_up(*, verbose: bool) -> None:
    """Send logs to standard error: all of ours if `verbose`, else warnings and errors only."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(ReadableFormatter() if sys.stderr.isatty() else JsonFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("lastword").setLevel(logging.INFO if verbose else logging.WARNING)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _message(record: logging.LogRecord) -> str:
    return escaped(record.getMessage(), MESSAGE_CHARACTERS_MAX)


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> list[str]:
    """Return the lines of a fault's trace, which may quote what a client sent."""
    parts = [record.stack_info] if record.stack_info else []
    if record.exc_info:
        parts.insert(0, formatter.formatException(record.exc_info))
    # Split at \n alone: what else ends a line somewhere is escaped.
    lines = "\n".join(parts).split("\n") if parts else []
    if len(lines) > TRACE_LINES_MAX:
        half = TRACE_LINES_MAX // 2
        left_out = f"... {len(lines) - 2 * half} lines left out ..."
        lines = [*lines[:half], left_out, *lines[-half:]]
    return [escaped(line, TRACE_LINE_CHARACTERS_MAX) for line in lines]


def escaped(text: str, characters_max: int) -> str:
    """Return `text` in characters that stay on their line and show as what they are.

    Escaped are control characters, line ends of all kinds, marks that change the direction of
    what follows, and lone surrogates; a backslash is, too, wherever something is. Cut where it
    is long.
    """
    cut = text[:characters_max]
    if not cut.isprintable():
        cut = "".join(
            one if one.isprintable() and one != "\\" else one.encode("unicode_escape").decode()
            for one in cut
        )
    return cut if len(text) <= characters_max else f"{cut}... ({len(text)} characters)"
