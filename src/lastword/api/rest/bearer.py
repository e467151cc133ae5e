"""The token of a request: `Authorization: Bearer TOKEN` (RFC 6750, section 2.1)."""

from typing import Final

from lastword.access.gate import Gate, Pass
from lastword.access.rights import Rights
from lastword.api.http.messages import Request
from lastword.errors import Unauthenticated

_SCHEME: Final = b"bearer"


def rights_of(gate: Gate, request: Request) -> Rights:
    """Return what the request's token grants; raise Unauthenticated or TooManyFailures."""
    return pass_of(gate, request).rights()


def pass_of(gate: Gate, request: Request) -> Pass:
    """Return the pass of who sent a request; raise Unauthenticated or TooManyFailures."""
    scheme, _, token = request.headers.get(b"authorization", b"").partition(b" ")
    token = token.strip(b" ")
    if scheme.lower() != _SCHEME or not token:
        gate.failures["missing"] += 1
        raise Unauthenticated("this node wants a token")
    return gate.admit(token, request.client)
