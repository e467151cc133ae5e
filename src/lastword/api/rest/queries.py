"""Queries: which parameters a call takes, and what their values may be."""

import re
from typing import Final

from lastword.api.http.messages import Request
from lastword.api.paths import percent_decoded
from lastword.api.rest.paging import Span, position_of_cursor
from lastword.errors import InvalidRequest, InvalidTime
from lastword.limits import LISTED_DEFAULT, LISTED_MAX, TIME_MAX

_TIME: Final = re.compile(rb"time=([0-9]{1,19})")
_NUMBER: Final = re.compile(rb"[0-9]{1,9}")


def check_no_query(request: Request) -> None:
    """Refuse any query."""
    if request.query:
        raise InvalidRequest(
            "this call does not take that query",
            hint="Writes take ?time=, in microseconds since 1970, GET /<set> takes ?members and "
            "what goes with it; docs/REFERENCE.md has each call's.",
        )


def time_of_query(request: Request) -> int | None:
    """Return the time in `?time=`, in microseconds since 1970."""
    if not request.query:
        return None
    if not request.query.startswith(b"time="):
        check_no_query(request)
    found = _TIME.fullmatch(request.query)
    if found is None or int(found[1]) > TIME_MAX:
        raise InvalidTime("?time= takes one whole number of microseconds since 1970")
    return int(found[1])


def members_span(request: Request) -> Span:
    """Return what `?members&prefix=&after=&limit=` asks for."""
    values = _values(request, "members", "prefix", "after", "limit")
    if values.get("members") != b"":
        raise InvalidRequest(
            "the query of a set begins with ?members, which has no value",
            hint="GET /<set>?members&limit=100 lists members; GET /<set> is the whole state.",
        )
    return _span(values)


def sets_span(request: Request) -> Span:
    """Return what `?prefix=&after=&limit=` asks for."""
    return _span(_values(request, "prefix", "after", "limit"))


def number_after(request: Request) -> int:
    """Return the log number in `?after=`, 0 where there is none."""
    after = _values(request, "after").get("after")
    return 0 if after is None else position_of_cursor(after)


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


def _values(request: Request, *known: str) -> dict[str, bytes]:
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
