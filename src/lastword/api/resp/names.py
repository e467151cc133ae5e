"""Names of sets and members, as the Redis protocol may give them."""

from functools import lru_cache
from typing import Final

from lastword.api.paths import checked_set_name
from lastword.errors import InvalidElement, InvalidSetName
from lastword.limits import ELEMENT_BYTES_MAX

RESERVED: Final = b"_"
"""What the names of reserved sets begin with; they do not exist here."""


@lru_cache(4_096)  # looked at for every command; it holds names that are valid only
def checked_key(name: bytes) -> bytes:
    """Return `name` if a set can have it, everywhere else too; raise InvalidSetName if not."""
    if name.startswith(RESERVED):
        raise InvalidSetName("a set's name does not start with '_': such names are reserved")
    return checked_set_name(name)


def checked_members(members: list[bytes]) -> tuple[bytes, ...]:
    """Return `members` if they can be; raise InvalidElement if not."""
    longest = max(map(len, members))
    if longest > ELEMENT_BYTES_MAX:
        raise InvalidElement(f"a member has at most {ELEMENT_BYTES_MAX} bytes, not {longest}")
    return tuple(members)
