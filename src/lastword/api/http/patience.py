"""How long the server waits for a client, judged at the ticks of one timer.

A connection is at any time in one phase, with a figure of its progress. As long as neither changes
from tick to tick, a clock runs. So a request costs no timer and no look at the clock.
"""

from enum import Enum, auto

from lastword.api.http.limits import HttpLimits


class Phase(Enum):
    """What a connection waits for."""

    FRESH = auto()
    """The client's first request: a connection is made for one."""

    IDLE = auto()
    """The client's next request."""

    HEAD = auto()
    """The rest of a request's headers."""

    BODY = auto()
    """The rest of a request's body."""

    SERVE = auto()
    """The handler: however long it takes."""

    WRITE = auto()
    """The client to take what was answered."""

    LINGER = auto()
    """The client's end, after an answer that refused."""


class Patience:
    """The clocks of one connection; `now` is in seconds, of any monotonic clock."""

    __slots__ = ("_limits", "_message", "_message_since", "_seen", "_since")

    def __init__(self, limits: HttpLimits) -> None:
        self._limits = limits
        self._seen: tuple[Phase, int, int] | None = None
        self._since = self._message_since = 0.0
        self._message = 0

    def is_over(self, now: float, phase: Phase, *, message: int, progress: int) -> bool:
        """Tell whether the connection has stood still for too long.

        `message` is the number of the request that is arriving; `progress` is any figure that
        changes while the phase gets on.
        """
        if phase is Phase.BODY and self._is_late(now, message):
            return True
        # While answers wait to be taken, further requests are no progress.
        seen = (phase, 0 if phase is Phase.WRITE else message, progress)
        if self._seen != seen:
            self._seen = seen
            self._since = now
            return False
        return now - self._since > self._limit_s(phase)

    def _is_late(self, now: float, message: int) -> bool:
        if self._message != message:
            self._message = message
            self._message_since = now
        return now - self._message_since > self._limits.body_s

    def _limit_s(self, phase: Phase) -> float:
        limits = self._limits
        match phase:
            case Phase.IDLE:
                return limits.idle_s
            case Phase.FRESH | Phase.HEAD:
                return limits.header_s
            case Phase.BODY:
                return limits.read_s
            case Phase.WRITE:
                return limits.write_s
            case Phase.LINGER:
                return limits.linger_s
            case Phase.SERVE:
                return float("inf")
