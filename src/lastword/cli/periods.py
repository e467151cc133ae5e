"""Long periods as people write them: `90s`, `30m`, `12h`, `7d`; a bare number is seconds."""

import re
from typing import Final

from lastword.errors import ConfigError

UNITS_S: Final = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
_FORM: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)([smhd]?)")


def period_s(option: str, text: str) -> float:
    """Return the seconds that `text` says; raise ConfigError, naming the option."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise ConfigError(f"{option} is a period such as 90s, 30m, 12h or 7d, not {text[:60]!r}")
    return float(found[1]) * UNITS_S[found[2]]


def shown(seconds: float) -> str:
    """Return a period as people read it: its largest unit, rounded down."""
    for unit in ("d", "h", "m"):
        if seconds >= UNITS_S[unit]:
            return f"{int(seconds // UNITS_S[unit])}{unit}"
    return f"{int(seconds)}s"
