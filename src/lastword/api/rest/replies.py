"""The short answers: whether something is there, and that it was written."""

from collections.abc import Callable
from typing import Any, Final

from lastword.api.http.forms import JSON, Form, wanted_form
from lastword.api.http.messages import Request, Response

TRUE: Final = Response(body=b"true")
FALSE: Final = Response(body=b"false")
MISSING: Final = Response(404, b"null")


def presence(request: Request, present: bool | None) -> Response:
    """Return the answer that says whether an element is there; None for a set without entries."""
    if b"accept" in request.headers and (form := wanted_form(request)) is not JSON:
        return Response(404 if present is None else 200, form.encode(present), form.content_type)
    return MISSING if present is None else TRUE if present else FALSE


def value_of(form: Form, value: Any, *headers: tuple[bytes, bytes], status: int = 200) -> Response:
    """Return the answer that shows `value`."""
    return Response(status, form.encode(value), form.content_type, headers)


def written(time: int) -> Response:
    """Return the answer to a write: null, with the time that it got."""
    return Response(body=b"null", headers=(time_header(time),))


def written_to(request: Request) -> Callable[[int], Response]:
    """Return what makes the answer to a write out of its time, in the form that is asked for."""
    if b"accept" not in request.headers or (form := wanted_form(request)) is JSON:
        return written
    return lambda time: value_of(form, None, time_header(time))


def time_header(time: int) -> tuple[bytes, bytes]:
    """Return the header that says which time a write got."""
    return b"Lastword-Time", b"%d" % time
