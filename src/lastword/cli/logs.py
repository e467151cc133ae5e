"""Logs: readable on a terminal, JSON elsewhere, times in UTC; what clients sent is escaped."""

import json
import logging
import sys
from datetime import UTC, datetime


class ReadableFormatter(logging.Formatter):
    """One line a record: time, level, where, what."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and the trace below it where there is one."""
        line = f"{_time(record)} {record.levelname.lower():7} {record.name}: {_message(record)}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


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
        if record.exc_info:
            facts["trace"] = self.formatException(record.exc_info)
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
    """Return the message with control characters escaped, so that a client cannot forge lines."""
    text = record.getMessage()
    return text if text.isprintable() else text.encode("unicode_escape").decode()
