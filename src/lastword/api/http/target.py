"""Where a request is aimed at: the forms of its target, and its host (RFC 9112, 3.2)."""

import re
from typing import Final

from lastword.api.listening import PORT_MAX
from lastword.errors import InvalidRequest

_HOST: Final = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+;=%-]*|\[[0-9A-Fa-f:.]+\])(?::([0-9]{0,5}))?")
_ABSOLUTE: Final = re.compile(rb"https?://([^/?]+)(.*)", re.IGNORECASE)


def locate(method: str, target: bytes) -> tuple[bytes, bytes | None]:
    """Return the path with its query, raw, and the host where the target itself names one.

    Raises InvalidRequest for a fragment, for a scheme that is not HTTP's, and for `*` but with
    OPTIONS.
    """
    if b"#" in target:
        raise InvalidRequest("a fragment ('#') in the target", hint="Write it as %23.")
    if target.startswith(b"/") or (target == b"*" and method == "OPTIONS"):
        return target, None
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        raise InvalidRequest("a target is a path that begins with '/'")
    host, rest = absolute.groups()
    return (rest if rest.startswith(b"/") else b"/" + rest), host


def check_host(host: bytes) -> None:
    """Refuse what is no host with or without a port; an empty one may stand for no name."""
    found = _HOST.fullmatch(host)
    if found is None or int(found[1] or 0) > PORT_MAX:
        raise InvalidRequest("the header Host is no host with a port")
