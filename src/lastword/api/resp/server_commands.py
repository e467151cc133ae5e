"""The commands about the node: INFO, CONFIG, TIME, WAIT."""

import asyncio
from typing import Any

from lastword.access.glob import matcher
from lastword.access.rights import Right
from lastword.api.resp import config
from lastword.api.resp.command import Command, integer, text
from lastword.api.resp.info import render
from lastword.api.resp.reader import Arguments
from lastword.api.resp.replies import Verbatim
from lastword.api.resp.session import Session
from lastword.errors import InvalidCommand

WAIT_CHECK_S = 0.02
"""How often WAIT looks at what others are known to have; that changes with their frames, a few
times a second."""


def info(session: Session, arguments: Arguments) -> Verbatim:
    """INFO [section [section ...]]."""
    sections = [word.decode("latin-1").lower() for word in arguments[1:]]
    return Verbatim(render(session.service, sections))


def time(session: Session, _: Arguments) -> list[bytes]:
    """TIME."""
    seconds, microseconds = divmod(session.service.node.store.options.wall(), 1_000_000)
    return [b"%d" % seconds, b"%d" % microseconds]


def wait(session: Session, arguments: Arguments) -> Any:
    """WAIT numreplicas timeout."""
    wanted = integer(arguments[1])
    timeout_ms = integer(arguments[2], "timeout is not an integer or out of range")
    if timeout_ms < 0:
        raise InvalidCommand("timeout is negative")
    having = _having(session)
    if having >= wanted or session.in_exec:
        return having
    return _wait(session, wanted, timeout_ms / 1_000)


async def _wait(session: Session, wanted: int, timeout_s: float) -> int:
    """Look until enough members have it, the time is over, or (0 is for ever) the client gone."""
    loop = asyncio.get_running_loop()
    end = loop.time() + timeout_s if timeout_s else float("inf")
    having = _having(session)
    while having < wanted and loop.time() < end and not session.line.is_ending:
        await asyncio.sleep(min(WAIT_CHECK_S, max(end - loop.time(), 0)))
        having = _having(session)
    return having


def _having(session: Session) -> int:
    """Return how many other members are known to have this connection's writes."""
    return session.service.node.replica.holders(session.wrote)


def config_get(session: Session, arguments: Arguments) -> dict[str, str]:
    """CONFIG GET parameter [parameter ...]."""
    known = config.parameters(session.service)
    matchers = [matcher(pattern.lower()) for pattern in arguments[2:]]
    return {
        name: value
        for name, value in known.items()
        if any(matches(name.encode()) for matches in matchers)
    }


def config_set(_: Session, arguments: Arguments) -> None:
    """CONFIG SET: refused."""
    raise InvalidCommand(
        f"CONFIG SET failed (possibly related to argument '{text(arguments[2])}') - "
        "can't set immutable config: options are given to lastword serve when it is started"
    )


_ADMIN = ("admin", "noscript", "loading", "stale")

CONFIG = {
    b"GET": Command(
        "config|get", -3, "Tells how this node is set.", "2.0.0", "server",
        "O(N), N the parameters", _ADMIN, local=config_get, needs=Right.READ,
    ),
    b"SET": Command(
        "config|set", -4, "Is refused: options are given at the start.", "2.0.0", "server",
        "O(1)", _ADMIN, local=config_set, needs=Right.ADMIN,
    ),
}  # fmt: skip

COMMANDS = (
    Command(
        "info", -1, "Tells of the node.", "1.0.0", "server", "O(1)", ("loading", "stale"),
        local=info, needs=Right.READ,
    ),
    Command(
        "config", -2, "Tells how this node is set.", "2.0.0", "server",
        "that of the subcommand", subcommands=CONFIG,
    ),
    Command(
        "time", 1, "Returns the time, in seconds and microseconds.", "2.6.0", "server", "O(1)",
        ("loading", "stale", "fast"), local=time,
    ),
    Command(
        "wait", 3, "Waits until other members have this connection's writes.", "3.0.0",
        "generic", "O(N), N the members", ("noscript",), local=wait,
    ),
)  # fmt: skip
