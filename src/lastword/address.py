"""Addresses of members: host:port, with IPv6 hosts in brackets (RFC 3986, section 3.2.2)."""

import re
from ipaddress import AddressValueError, IPv6Address

from lastword.errors import InvalidAddress
from lastword.limits import ADDRESS_BYTES_MAX, SHOWN_BYTES_MAX

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\.?")
_PORT = re.compile(r"[0-9]{1,5}")


def checked_address(text: str) -> str:
    """Return `text` if it is a host:port that can be called; raise InvalidAddress if not."""
    host, _, port = text.rpartition(":")
    if len(text) <= ADDRESS_BYTES_MAX and _is_host(host) and _is_port(port):
        return text
    raise InvalidAddress(f"{text[:SHOWN_BYTES_MAX]!r} is not host:port")


def is_address(text: str) -> bool:
    """Return whether `text` is a host:port that can be called."""
    try:
        checked_address(text)
    except InvalidAddress:
        return False
    return True


def _is_host(host: str) -> bool:
    if host.startswith("[") and host.endswith("]"):
        try:
            IPv6Address(host[1:-1])
        except AddressValueError:
            return False
        return True
    return _HOST.fullmatch(host) is not None


def _is_port(port: str) -> bool:
    return _PORT.fullmatch(port) is not None and 1 <= int(port) <= 65_535
