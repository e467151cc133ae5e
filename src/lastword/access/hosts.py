"""By which names a node may be called: a browser's page must not reach it by a name of its own.

A page whose name its owner points at this node's address (DNS rebinding) is of the same origin to
the browser, and calls by that name. A name with a dot that this node does not know is therefore
refused. Addresses, `localhost` and names without a dot cannot be owned by a stranger.
"""

from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

from lastword.errors import ForeignHost
from lastword.limits import SHOWN_BYTES_MAX

KEPT_MAX: Final = 1_024
"""Headers that were found right; what is sent to a node is a few."""


class Hosts:
    """The names that a node goes by, beside those that anybody may call it by."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = frozenset(name.lower().removesuffix(".") for name in names)
        self._right: set[bytes] = set()

    def check(self, header: bytes) -> None:
        """Raise ForeignHost where a Host header (RFC 9110, section 7.2) names somebody else."""
        if header in self._right:
            return
        if not self._is_right(header.decode("latin-1")):
            shown = header[:SHOWN_BYTES_MAX].decode("latin-1")
            raise ForeignHost(f"this node does not go by the name {shown!r}")
        if len(self._right) < KEPT_MAX:
            self._right.add(header)

    def _is_right(self, header: str) -> bool:
        host = header.lower()
        if host.startswith("["):
            host = host[1:].partition("]")[0]
        elif host.count(":") == 1:
            host = host.partition(":")[0]
        host = host.removesuffix(".")
        return (
            "." not in host
            or host.endswith(".localhost")
            or host in self._names
            or _is_address(host)
        )


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
