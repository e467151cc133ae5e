"""The commands of a connection: who speaks, in which version, and how it ends."""

from typing import Any

from lastword.access.gate import Pass
from lastword.api.resp.clients import SUBCOMMANDS, checked_name
from lastword.api.resp.command import Command, integer, text
from lastword.api.resp.info import REDIS_VERSION
from lastword.api.resp.reader import Arguments
from lastword.api.resp.replies import Status
from lastword.api.resp.session import Session
from lastword.errors import InvalidCommand, Unauthenticated

USER = b"default"
VERSIONS = (2, 3)
INDEX_LIMIT = 1 << 31


def ping(_: Session, arguments: Arguments) -> bytes | Status:
    """PING [message]."""
    if len(arguments) > 2:
        raise InvalidCommand("wrong number of arguments for 'ping' command")
    return arguments[1] if len(arguments) == 2 else Status("PONG")


def echo(_: Session, arguments: Arguments) -> bytes:
    """ECHO message."""
    return arguments[1]


def hello(session: Session, arguments: Arguments) -> dict[str, Any]:
    """HELLO [protover [AUTH username password] [SETNAME clientname]]."""
    version, name, admitted = session.version, None, session.admitted
    if len(arguments) > 1:
        message = "Protocol version is not an integer or out of range"
        version = integer(arguments[1], message)
        if version not in VERSIONS:
            raise InvalidCommand("unsupported protocol version", resp_code="NOPROTO")
    options = arguments[2:]
    while options:
        word = options[0].upper()
        if word == b"AUTH" and len(options) > 2:
            admitted = _admit(session, options[1], options[2])
            options = options[3:]
        elif word == b"SETNAME" and len(options) > 1:
            name = checked_name(options[1], "Client names")
            options = options[2:]
        else:
            raise InvalidCommand(f"Syntax error in HELLO option '{text(options[0])}'")
    if session.service.gate is not None and admitted is None:
        raise Unauthenticated(
            "HELLO must be called with the client already authenticated, otherwise the HELLO "
            "<proto> AUTH <user> <pass> option can be used to authenticate the client and select "
            "the RESP protocol version at the same time"
        )
    session.admitted = admitted
    session.version = version
    session.name = session.name if name is None else name
    return {
        "server": "redis",
        "version": REDIS_VERSION,
        "lastword": session.service.facts.version,
        "proto": version,
        "id": session.id,
        "mode": "standalone",
        "role": "master",
        "modules": [],
    }


def auth(session: Session, arguments: Arguments) -> Status:
    """AUTH [username] password: the password is a token."""
    if len(arguments) > 3:
        raise InvalidCommand("syntax error")
    if len(arguments) == 2 and session.service.gate is None:
        raise InvalidCommand(
            "AUTH <password> called without any password configured for the default user. "
            "Are you sure your configuration is correct?"
        )
    user = arguments[1] if len(arguments) == 3 else USER
    session.admitted = _admit(session, user, arguments[-1])
    return Status("OK")


def _admit(session: Session, user: bytes, token: bytes) -> Pass | None:
    """Return the pass of a token; without tokens the default user is let in. There is no other."""
    gate = session.service.gate
    refusal = InvalidCommand(
        "invalid username-password pair or user is disabled.", resp_code="WRONGPASS"
    )
    if user != USER:
        raise refusal
    if gate is None:
        return None
    try:
        return gate.admit(token, session.host)
    except Unauthenticated:
        raise refusal from None


def select(_: Session, arguments: Arguments) -> Status:
    """SELECT index: there is database 0."""
    index = integer(arguments[1])
    if not -INDEX_LIMIT <= index < INDEX_LIMIT:
        raise InvalidCommand(
            f"value is out of range, value must between -{INDEX_LIMIT} and {INDEX_LIMIT - 1}"
        )
    if index != 0:
        raise InvalidCommand("DB index is out of range")
    return Status("OK")


def quit_(session: Session, _: Arguments) -> Status:
    """QUIT."""
    session.line.close_after_reply()
    return Status("OK")


def reset(session: Session, _: Arguments) -> Status:
    """RESET."""
    session.reset()
    return Status("RESET")


_FAST = ("loading", "stale", "fast")
_DOOR = ("noscript", "loading", "stale", "fast", "no_auth", "allow_busy")
_GROUP = "connection"

COMMANDS = (
    Command(
        "ping", -1, "Answers PONG, or what it is given.", "1.0.0", _GROUP, flags=("fast",),
        local=ping,
    ),
    Command(
        "echo", 2, "Answers what it is given.", "1.0.0", _GROUP, flags=_FAST, local=echo,
    ),
    Command(
        "hello", -1, "Chooses the protocol version, and tells who serves.", "6.0.0", _GROUP,
        flags=_DOOR, local=hello,
    ),
    Command(
        "auth", -2, "Tells who asks.", "1.0.0", _GROUP, flags=_DOOR, local=auth,
    ),
    Command(
        "select", 2, "Chooses the database: there is one, 0.", "1.0.0", _GROUP, flags=_FAST,
        local=select,
    ),
    Command(
        "quit", -1, "Closes the connection.", "1.0.0", _GROUP, flags=_DOOR, local=quit_,
        at_once=True,
    ),
    Command(
        "reset", 1, "Makes the connection as new.", "6.2.0", _GROUP, flags=_DOOR, local=reset,
        at_once=True,
    ),
    Command(
        "client", -2, "Tells of and changes connections.", "2.4.0", _GROUP,
        "that of the subcommand", subcommands=SUBCOMMANDS,
    ),
)  # fmt: skip
