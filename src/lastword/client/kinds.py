"""What a set's elements are to its user: text, or bytes. On a node they are bytes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeGuard, TypeVar

from lastword.crdt.wire import element_bytes
from lastword.errors import InvalidElement
from lastword.limits import SHOWN_BYTES_MAX

E = TypeVar("E", bound=str | bytes)


@dataclass(frozen=True, slots=True)
class Kind(Generic[E]):
    """Makes bytes of elements, and elements of bytes."""

    type: type[E]
    decode: Callable[[bytes], E]

    def is_one(self, element: object) -> TypeGuard[E]:
        """Return whether such a set can have it; one of another type is in no such set."""
        if not isinstance(element, self.type):
            return False
        try:
            element_bytes(element)
        except InvalidElement:
            return False
        return True

    def encode(self, element: object) -> bytes:
        """Return an element's bytes; raise TypeError or InvalidElement where it is none."""
        if not isinstance(element, self.type):
            wanted = "text" if self.type is str else "bytes"
            raise TypeError(f"an element of this set is {wanted}, not {type(element).__name__}")
        return element_bytes(element)


def _text(element: bytes) -> str:
    try:
        return element.decode()
    except UnicodeDecodeError as error:
        raise InvalidElement(
            f"the set has the element {element[:SHOWN_BYTES_MAX]!r}, which is no text",
            hint="client.set_of_bytes(name) is the same set with elements of any bytes.",
        ) from error


TEXT: Final[Kind[str]] = Kind(str, _text)
BYTES: Final[Kind[bytes]] = Kind(bytes, bytes)
