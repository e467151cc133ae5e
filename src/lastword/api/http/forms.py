"""The forms of a body, JSON and msgpack, and which one a client asks for (RFC 9110, section 12).

msgpack goes to who names it in `Accept` and does not want JSON more; everybody else gets JSON,
also where `Accept` names neither: an answer that can be looked at helps more than a 406, and the
RFC leaves the choice (12.4.1).
"""

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec

from lastword.api.http.messages import Request

MSGPACK_NAMES: Final = (
    b"application/msgpack",
    b"application/vnd.msgpack",
    b"application/x-msgpack",
)
"""The first is the one in use, the second the registered one, the third what both were before."""

NDJSON_NAMES: Final = ("application/x-ndjson", "application/ndjson", "application/jsonl")
"""JSON by lines: the first is the one in use."""

_RANGES_OF_JSON: Final = (b"application/json", b"application/*", b"*/*")
_WEIGHT: Final = re.compile(rb"[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")


class Form(NamedTuple):
    """How a value becomes a body, and what that is called."""

    content_type: bytes
    encode: Callable[[Any], bytes]

    @property
    def is_msgpack(self) -> bool:
        """Whether bodies are msgpack."""
        return self is not JSON


JSON: Final = Form(b"application/json", msgspec.json.encode)
_MSGPACK: Final = {name: Form(name, msgspec.msgpack.encode) for name in MSGPACK_NAMES}


def wanted_form(request: Request) -> Form:
    """Return the form in which `request` is to be answered."""
    accept = request.headers.get(b"accept")
    if accept is None or accept == b"*/*" or b"msgpack" not in accept.lower():
        return JSON
    weights = media_weights(accept.lower())
    name = max(MSGPACK_NAMES, key=lambda named: weights.get(named, 0.0))
    wanted = weights.get(name, 0.0)
    json = next((weights[named] for named in _RANGES_OF_JSON if named in weights), 0.0)
    return _MSGPACK[name] if 0.0 < wanted >= json else JSON


def media_weights(accept: bytes) -> dict[bytes, float]:
    """Return the weight of each media range; one that cannot be read counts as 0."""
    weights: dict[bytes, float] = {}
    for part in accept.split(b","):
        media, *parameters = (piece.strip() for piece in part.split(b";"))
        weights[media] = _weight(parameters)
    return weights


def _weight(parameters: list[bytes]) -> float:
    for parameter in parameters:
        if parameter.startswith(b"q="):
            found = _WEIGHT.fullmatch(parameter)
            return float(found[1]) if found else 0.0
    return 1.0
