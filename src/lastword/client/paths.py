"""The URLs of sets and elements, exact to the byte (RFC 3986, section 2.1).

What is not unreserved is percent-encoded, and nothing is normalised afterwards: an element `..`
is asked for as `..`.
"""

from urllib.parse import quote_from_bytes

from yarl import URL

from lastword.address import checked_address
from lastword.crdt.wire import element_bytes
from lastword.errors import InvalidSetName
from lastword.limits import SET_NAME_BYTES_MAX, SHOWN_BYTES_MAX


def base_url(address: str, *, secure: bool = False) -> str:
    """Return the URL of the node at `address`, host:port; raise InvalidAddress if it is none."""
    return f"{'https' if secure else 'http'}://{checked_address(address)}"


def set_url(base: str, set_name: str) -> URL:
    """Return the URL of a set; raise InvalidSetName where a path cannot name it."""
    return URL(base + _set_path(set_name), encoded=True)


def element_url(base: str, set_name: str, element: bytes) -> URL:
    """Return the URL of an element; raise InvalidSetName or InvalidElement."""
    quoted = quote_from_bytes(element_bytes(element), safe="")
    return URL(f"{base}{_set_path(set_name)}/{quoted}", encoded=True)


def _set_path(set_name: str) -> str:
    """Return the path of a set. Whether the name is one, the node decides."""
    try:
        name = set_name.encode()
    except UnicodeEncodeError as error:
        raise InvalidSetName("the set's name has a lone surrogate, so it is no text") from error
    if not 1 <= len(name) <= SET_NAME_BYTES_MAX or b"/" in name:
        raise InvalidSetName(f"{set_name[:SHOWN_BYTES_MAX]!r} is no set's name")
    return "/" + quote_from_bytes(name, safe="")
