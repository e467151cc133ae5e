"""What a connection of a Redis client waits for, and how long."""

from enum import Enum, auto
from math import inf
from typing import Final

from lastword.api.resp.limits import RespLimits

LINGER_S: Final = 2.0
"""How long a client that was refused may take to close its side."""


class Wait(Enum):
    """What a connection waits for."""

    COMMAND = auto()
    """The client's first command, or the rest of one."""

    IDLE = auto()
    """The client's next command."""

    ANSWER = auto()
    """The node: however long it takes."""

    WRITE = auto()
    """The client to take what was answered."""

    END = auto()
    """The client's end, after an error that refused."""


def limit_s(wait: Wait, limits: RespLimits) -> float:
    """Return how long that may last without progress."""
    match wait:
        case Wait.END:
            return LINGER_S
        case Wait.WRITE:
            return limits.write_s
        case Wait.COMMAND:
            return limits.command_s
        case Wait.IDLE:
            return limits.idle_s or inf
        case Wait.ANSWER:
            return inf
