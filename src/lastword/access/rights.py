"""What a token lets its bearer do: a right, for all sets whose names match a pattern.

A right includes those before it. Reserved sets (`_peers_`, `_tokens_`) take an admin, for reading
as well. What is about a node as a whole takes a right for the pattern `*`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from functools import cached_property
from typing import Final

from lastword.access.glob import matcher
from lastword.errors import Forbidden
from lastword.limits import SHOWN_BYTES_MAX

RESERVED: Final = b"_"
"""What the names of reserved sets begin with."""

TOKENS_SET: Final = b"_tokens_"
"""Has the records of tokens (token.py)."""

EVERY_SET: Final = "*"


class Right(IntEnum):
    """What may be done; a greater one includes the lesser."""

    NONE = 0
    READ = 1
    WRITE = 2
    ADMIN = 3


class Need(Enum):
    """What a call takes: nothing, or a right for its set, for the node, or for each set in it."""

    NOTHING = (Right.NONE, False)
    READ = (Right.READ, False)
    WRITE = (Right.WRITE, False)
    READ_NODE = (Right.READ, True)
    ADMIN_NODE = (Right.ADMIN, True)
    EACH = (Right.NONE, True)

    @property
    def right(self) -> Right:
        """The right that it takes."""
        return self.value[0]


@dataclass(frozen=True)
class Grant:
    """A right for the sets whose names match a pattern, as KEYS of Redis matches."""

    right: Right
    pattern: str

    @cached_property
    def _matches(self) -> Callable[[bytes], bool]:
        return matcher(self.pattern.encode())

    def allows(self, right: Right, set_name: bytes) -> bool:
        """Return whether it lets its bearer do that to a set."""
        return right <= self.right and self._matches(set_name)


@dataclass(frozen=True)
class Rights:
    """All that a bearer may do; with `everything` that is all there is.

    Without `tokens` no tokens are checked, and so none are shown or taken.
    """

    grants: tuple[Grant, ...] = ()
    everything: bool = False
    tokens: bool = True
    everywhere: Right = field(init=False)

    def __post_init__(self) -> None:
        wide = [grant.right for grant in self.grants if grant.pattern == EVERY_SET]
        everywhere = Right.ADMIN if self.everything else max(wide, default=Right.NONE)
        object.__setattr__(self, "everywhere", everywhere)

    def allows(self, right: Right, set_name: bytes) -> bool:
        """Return whether they let their bearer do that to a set."""
        if self.everything:
            return True
        if set_name.startswith(RESERVED):
            right = Right.ADMIN
        return any(grant.allows(right, set_name) for grant in self.grants)

    def may_read(self, set_name: bytes) -> bool:
        """Return whether a set may be read, and so be listed."""
        shown = self.tokens or set_name != TOKENS_SET
        return shown and self.allows(Right.READ, set_name)

    def check(self, right: Right, set_name: bytes) -> None:
        """Raise Forbidden where something may not be done to a set."""
        if not self.tokens and set_name == TOKENS_SET:
            raise Forbidden(
                "this node checks no tokens, so it shows and takes none",
                hint="Start it with --admin-token-file.",
            )
        if not self.allows(right, set_name):
            wanted = Right.ADMIN if set_name.startswith(RESERVED) else right
            shown = set_name[:SHOWN_BYTES_MAX].decode(errors="replace")
            raise Forbidden(f"this token has not the right {wanted.name.lower()} for {shown!r}")

    def check_node(self, right: Right) -> None:
        """Raise Forbidden where something about the whole node may not be done."""
        if self.everywhere < right:
            raise Forbidden(
                f"this token has not the right {right.name.lower()} for all sets ({EVERY_SET})"
            )


EVERYTHING: Final = Rights(everything=True)
"""Of an admin token that a node was started with."""

OPEN: Final = Rights(everything=True, tokens=False)
"""Of everybody, on a node that checks no tokens."""
