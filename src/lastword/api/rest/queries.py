"""Queries: which parameters a call takes, and what their values may be."""

import re
from typing import Final

from lastword.api.http.messages import Request
from lastword.api.paths import percent_decoded
from lastword.api.rest.paging import Span, position_of_cursor
from lastword.errors import InvalidRequest, InvalidTime
from lastword.limits import LISTED_DEFAULT, LISTED_MAX, TIME_MAX
from lastword.store.ghosts import Ghosts

_TIME: Final = re.compile(rb"time=([0-9]{1,19})")
_GHOSTS: Final = {choice.value.encode(): choice for choice in (Ghosts.REMOVE, Ghosts.READD)}
_NUMBER: Final = re.compile(rb"[0-9]{1,9}")
_PERIOD: Final = re.compile(rb"([0-9]{1,6}(?:\.[0-9]{1,3})?)(ms|s|m|h|)")
_UNITS_S: Final = {b"ms": 0.001, b"": 1, b"s": 1, b"m": 60, b"h": 3_600}

MAX_LAG_S_DEFAULT: Final = 2.0
"""Ten rounds of replication: in a cluster under load members are some tenths of a second apart."""

MAX_LAG_S_LEAST: Final = 0.001
MAX_LAG_S_MAX: Final = 86_400.0

NUMBER_MAX: Final = (1 << 63) - 1
"""Of the log: SQLite's greatest integer."""


Timing = tuple[int | None, Ghosts]
"""A time of the caller's own, and what becomes of ghosts."""


def check_no_query(request: Request) -> None:
    """Refuse any query."""
    if request.query:
        raise InvalidRequest(
            "this call does not take that query",
            hint="Writes take ?time=, in microseconds since 1970, adds &ghosts= behind it, merges "
            "?ghosts=, GET /<set> ?members and what goes with it, GET /<set>/<element> ?explain; "
            "docs/REFERENCE.md has all.",
        )


def check_explain(request: Request) -> None:
    """Refuse any query but `?explain`."""
    if request.query not in {b"explain", b"explain="}:
        check_no_query(request)


def timing_of_query(request: Request) -> Timing:
    """Return what `?time=&ghosts=` says: a time, and what becomes of ghosts."""
    if not request.query:
        return None, Ghosts.REFUSE
    time, separator, ghosts = request.query.partition(b"&ghosts=")
    if not separator and time.startswith(b"ghosts="):
        ghosts, separator, time = time.removeprefix(b"ghosts=").partition(b"&")
        return _time(request, time) if separator else None, _ghosts(ghosts)
    return _time(request, time), _ghosts(ghosts) if separator else Ghosts.REFUSE


def time_of_query(request: Request) -> int | None:
    """Return the time in `?time=`, in microseconds since 1970."""
    return _time(request, request.query) if request.query else None


def ghosts_of_query(request: Request) -> Ghosts:
    """Return what `?ghosts=` says becomes of ghosts."""
    if request.query and not request.query.startswith(b"ghosts="):
        check_no_query(request)
    return _ghosts(request.query[len(b"ghosts=") :]) if request.query else Ghosts.REFUSE


def _ghosts(value: bytes) -> Ghosts:
    choice = _GHOSTS.get(value)
    if choice is None:
        raise InvalidRequest(
            "ghosts is remove or readd",
            hint="?ghosts=remove leaves them out, ?ghosts=readd adds them at a new time.",
        )
    return choice


def _time(request: Request, query: bytes) -> int:
    if not query.startswith(b"time="):
        check_no_query(request)
    found = _TIME.fullmatch(query)
    if found is None or int(found[1]) > TIME_MAX:
        raise InvalidTime("?time= takes one whole number of microseconds since 1970")
    return int(found[1])


def members_span(request: Request) -> Span:
    """Return what `?members&prefix=&after=&limit=` asks for."""
    values = values_of(request, "members", "prefix", "after", "limit")
    if values.get("members") != b"":
        raise InvalidRequest(
            "the query of a set begins with ?members, which has no value, or is ?count",
            hint="GET /<set>?members&limit=100 lists members; GET /<set> is the whole state.",
        )
    return _span(values)


def sets_span(request: Request) -> Span:
    """Return what `?prefix=&after=&limit=` asks for."""
    return _span(values_of(request, "prefix", "after", "limit"))


def number_after(request: Request) -> int:
    """Return the log number in `?after=`, 0 where there is none.

    A cursor has room for more than there are numbers: behind the last one there is nothing.
    """
    after = values_of(request, "after").get("after")
    return 0 if after is None else min(position_of_cursor(after), NUMBER_MAX)


def max_lag_s(request: Request) -> float:
    """Return the seconds in `?max_lag=`: `500ms`, `2s`, `1m`; a bare number is seconds."""
    value = values_of(request, "max_lag").get("max_lag")
    if value is None:
        return MAX_LAG_S_DEFAULT
    found = _PERIOD.fullmatch(value)
    lag_s = float(found[1]) * _UNITS_S[found[2]] if found else 0.0
    if not MAX_LAG_S_LEAST <= lag_s <= MAX_LAG_S_MAX:
        raise InvalidRequest(
            "max_lag is a period from 1ms to 24h, such as 500ms, 2s or 1m",
            hint=f"Without it, it is {MAX_LAG_S_DEFAULT:g}s.",
        )
    return lag_s


def _span(values: dict[str, bytes]) -> Span:
    after = values.get("after")
    return Span(
        prefix=values.get("prefix", b""),
        after=None if after is None else position_of_cursor(after),
        limit=_limit(values.get("limit")),
    )


def _limit(value: bytes | None) -> int:
    if value is None:
        return LISTED_DEFAULT
    limit = int(value) if _NUMBER.fullmatch(value) else 0
    if not 1 <= limit <= LISTED_MAX:
        raise InvalidRequest(
            f"limit is a whole number from 1 to {LISTED_MAX}",
            hint="Ask for the next page by the after that a page ends with.",
        )
    return limit


def values_of(request: Request, *known: str) -> dict[str, bytes]:
    """Return the parameters of a query, each known and there once, percent-decoded."""
    values: dict[str, bytes] = {}
    for part in request.query.split(b"&") if request.query else ():
        raw_name, _, value = part.partition(b"=")
        name = raw_name.decode("ascii", "replace")
        if name not in known or name in values:
            raise InvalidRequest(
                f"this call takes {', '.join(known)}, each at most once, in its query"
            )
        values[name] = percent_decoded(value)
    return values
