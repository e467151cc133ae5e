"""The paths of sets and elements, exact to the byte (RFC 3986, section 2.1).

What is not unreserved is percent-encoded, and nothing is normalised afterwards: an element `..`
is asked for as `..`.
"""

from urllib.parse import quote_from_bytes

from lastword.address import checked_address
from lastword.crdt.wire import element_bytes
from lastword.errors import InvalidSetName
from lastword.limits import SET_NAME_BYTES_MAX, SHOWN_BYTES_MAX


def base_url(address: str, *, secure: bool = False) -> str:
    """Return the URL of the node at `address`, host:port; raise InvalidAddress if it is none."""
    return f"{'https' if secure else 'http'}://{checked_address(address)}"


def element_path(set_name: str, element: bytes) -> str:
    """Return the path of an element; raise InvalidSetName or InvalidElement."""
    return f"{set_path(set_name)}/{quoted(element_bytes(element))}"


def quoted(data: bytes) -> str:
    """Return bytes as they stand in a path or a query."""
    return quote_from_bytes(data, safe="")


def set_path(set_name: str) -> str:
    """Return the path of a set; raise InvalidSetName where none can name it.

    Whether the name is one, the node decides.
    """
    try:
        name = set_name.encode()
    except UnicodeEncodeError as error:
        raise InvalidSetName("the set's name has a lone surrogate, so it is no text") from error
    if not 1 <= len(name) <= SET_NAME_BYTES_MAX or b"/" in name:
        raise InvalidSetName(f"{set_name[:SHOWN_BYTES_MAX]!r} is no set's name")
    return "/" + quoted(name)
