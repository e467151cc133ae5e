"""The access log: a line for every request, where logging is on."""

import logging
import time
from collections.abc import Awaitable

from lastword.api.http.messages import Handler, Request, Response
from lastword.errors import LastwordError, http_status

logger = logging.getLogger(__name__)

PEER_PATH = b"/_/peer"
"""Calls of other nodes come several times a second and say nothing; they have their metrics."""


def logged(handler: Handler) -> Handler:
    """Return `handler` with a log line for each request: method, path, status, milliseconds."""

    def handle(request: Request) -> Response | Awaitable[Response]:
        if request.path == PEER_PATH:
            return handler(request)
        began = time.perf_counter()
        try:
            answer = handler(request)
        except LastwordError as error:
            _log(request, http_status(error), began)
            raise
        if isinstance(answer, Response):
            _log(request, answer.status, began)
            return answer
        return _logged_answer(request, answer, began)

    return handle


async def _logged_answer(request: Request, answer: Awaitable[Response], began: float) -> Response:
    try:
        response = await answer
    except LastwordError as error:
        _log(request, http_status(error), began)
        raise
    _log(request, response.status, began)
    return response


def _log(request: Request, status: int, began: float) -> None:
    took_ms = (time.perf_counter() - began) * 1e3
    path = request.path[:200].decode("ascii", "backslashreplace")
    logger.info("%s %s %d %.1f ms", request.method, path, status, took_ms)
