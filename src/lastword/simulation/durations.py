"""Durations as people write them: `500us`, `5ms`, `2s`, `1.5m`, and ranges `5ms..200ms`."""

import re
from typing import Final, NamedTuple

UNITS_US: Final = {"us": 1, "ms": 1_000, "s": 1_000_000, "m": 60_000_000}
DURATION_US_MAX: Final = 24 * 3_600_000_000
"""A day: a run of more rounds than that would not end."""

_FORM: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)(us|ms|s|m)")


class Range(NamedTuple):
    """A shortest and a longest duration, in microseconds."""

    low_us: int
    high_us: int


def duration_us(text: str) -> int:
    """Return the microseconds that `text` says; raise ValueError, saying what it should be."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a duration; write 500us, 5ms, 2s or 1.5m")
    microseconds = round(float(found[1]) * UNITS_US[found[2]])
    if microseconds > DURATION_US_MAX:
        raise ValueError(f"{text!r} is more than a day")
    return microseconds


def range_us(text: str) -> Range:
    """Return the bounds that `text` says, as in `5ms..200ms`; one duration is both of them."""
    low, dots, high = text.partition("..")
    bounds = Range(duration_us(low), duration_us(high if dots else low))
    if bounds.low_us > bounds.high_us:
        raise ValueError(f"{text!r} ends before it begins")
    return bounds


def shown(microseconds: float) -> str:
    """Return a duration as people read it, to three digits, in `us`, `ms` or `s`."""
    unit = next((unit for unit in ("s", "ms") if microseconds >= UNITS_US[unit]), "us")
    value = microseconds / UNITS_US[unit]
    return f"{value:.0f} {unit}" if value >= 1_000 else f"{value:.3g} {unit}"
