"""CLIENT: what connections are, and what is to become of them."""

from collections.abc import Iterable

from lastword.access.rights import Right
from lastword.api.resp.command import Command, by_subcommand, integer, text
from lastword.api.resp.reader import Arguments
from lastword.api.resp.replies import Raw, Status, Verbatim
from lastword.api.resp.session import Session
from lastword.errors import InvalidCommand

TYPES = (b"NORMAL", b"MASTER", b"REPLICA", b"SLAVE", b"PUBSUB")
"""Kinds of clients in Redis; here all are normal."""


def checked_name(name: bytes, what: str) -> bytes:
    """Return `name` if a client may be called so: printable ASCII without spaces."""
    if any(not 33 <= byte <= 126 for byte in name):
        raise InvalidCommand(f"{what} cannot contain spaces, newlines or special characters.")
    return name


def client_id(session: Session, _: Arguments) -> int:
    """CLIENT ID."""
    return session.id


def setname(session: Session, arguments: Arguments) -> Status:
    """CLIENT SETNAME name."""
    session.name = checked_name(arguments[2], "Client names")
    return Status("OK")


def getname(session: Session, _: Arguments) -> bytes | None:
    """CLIENT GETNAME."""
    return session.name or None


def setinfo(session: Session, arguments: Arguments) -> Status:
    """CLIENT SETINFO LIB-NAME name | LIB-VER version."""
    match arguments[2].lower():
        case b"lib-name":
            session.library = checked_name(arguments[3], "lib-name")
        case b"lib-ver":
            session.library_version = checked_name(arguments[3], "lib-ver")
        case _:
            raise InvalidCommand(f"Unrecognized option '{text(arguments[2])}'")
    return Status("OK")


def info(session: Session, _: Arguments) -> Verbatim:
    """CLIENT INFO."""
    return Verbatim(_line(session))


def list_(session: Session, arguments: Arguments) -> Verbatim:
    """CLIENT LIST [TYPE type] [ID id [id ...]]."""
    sessions: Iterable[Session] = session.roster.sessions
    options = arguments[2:]
    if len(options) == 2 and options[0].upper() == b"TYPE":
        if options[1].upper() not in TYPES:
            raise InvalidCommand(f"Unknown client type '{text(options[1])}'")
        sessions = sessions if options[1].upper() == b"NORMAL" else []
    elif len(options) > 1 and options[0].upper() == b"ID":
        ids = {_client_id(word, "Invalid client ID") for word in options[1:]}
        sessions = [one for one in sessions if one.id in ids]
    elif options:
        raise InvalidCommand("syntax error")
    return Verbatim(b"".join(map(_line, sessions)))


def kill(session: Session, arguments: Arguments) -> Status | int:
    """CLIENT KILL addr | ID id | ADDR addr | LADDR addr | SKIPME yes/no, alone or together."""
    options = arguments[2:]
    sessions = session.roster.sessions
    if len(options) == 1:
        found = [one for one in sessions if one.peer.encode() == options[0]]
        if not found:
            raise InvalidCommand("No such client")
        _end(session, found)
        return Status("OK")
    if len(options) % 2:
        raise InvalidCommand("syntax error")
    skip_me = True
    for word, value in zip(options[::2], options[1::2], strict=True):
        match word.upper():
            case b"ID":
                wanted = _client_id(value, "client-id should be greater than 0")
                sessions = [one for one in sessions if one.id == wanted]
            case b"ADDR":
                sessions = [one for one in sessions if one.peer.encode() == value]
            case b"LADDR":
                sessions = [one for one in sessions if one.here.encode() == value]
            case b"SKIPME" if value.lower() in {b"yes", b"no"}:
                skip_me = value.lower() == b"yes"
            case _:
                raise InvalidCommand("syntax error")
    found = [one for one in sessions if one is not session or not skip_me]
    _end(session, found)
    return len(found)


def reply(session: Session, arguments: Arguments) -> Status | Raw:
    """CLIENT REPLY ON | OFF | SKIP."""
    match arguments[2].upper():
        case b"ON":
            session.muted = "on"
            return Status("OK")
        case b"OFF":
            session.muted = "off"
        case b"SKIP":
            session.muted = "off" if session.muted == "off" else "skip next"
        case _:
            raise InvalidCommand("syntax error")
    return Raw()


def _client_id(word: bytes, message: str) -> int:
    wanted = integer(word, message)
    if wanted <= 0:
        raise InvalidCommand(message)
    return wanted


def _end(session: Session, found: list[Session]) -> None:
    for one in found:
        if one is session:
            one.line.close_after_reply()
        else:
            one.line.abort()


def _line(session: Session) -> bytes:
    now = session.service.now()
    held, unsent = session.line.held_bytes()
    queued = -1 if session.queue is None else len(session.queue)
    flags = "x" if session.queue is not None else "N"
    facts = (
        f"id={session.id} addr={session.peer} laddr={session.here} fd=-1 "
        f"name={text(session.name)} age={now - session.began_s:.0f} "
        f"idle={now - session.active_s:.0f} flags={flags} db=0 sub=0 psub=0 ssub=0 "
        f"multi={queued} watch={len(session.watched)} qbuf={held} obl=0 oll=0 omem={unsent} "
        f"events=r cmd={session.last_command} user=default redir=-1 resp={session.version} "
        f"lib-name={text(session.library)} lib-ver={text(session.library_version)}\n"
    )
    return facts.encode("utf-8", "surrogateescape")


_GROUP = "connection"
_FLAGS = ("noscript", "loading", "stale")

SUBCOMMANDS = by_subcommand(
    Command(
        "client|id", 2, "Returns the connection's number.", "5.0.0", _GROUP,
        flags=_FLAGS, local=client_id,
    ),
    Command(
        "client|setname", 3, "Names the connection.", "2.6.9", _GROUP, flags=_FLAGS,
        local=setname,
    ),
    Command(
        "client|getname", 2, "Returns the connection's name.", "2.6.9", _GROUP, flags=_FLAGS,
        local=getname,
    ),
    Command(
        "client|setinfo", 4, "Notes which library the client uses.", "7.2.0", _GROUP,
        flags=_FLAGS, local=setinfo,
    ),
    Command(
        "client|info", 2, "Tells of this connection.", "6.2.0", _GROUP, flags=_FLAGS,
        local=info,
    ),
    Command(
        "client|list", -2, "Tells of all connections.", "2.4.0", _GROUP, "O(N), N clients",
        _FLAGS, local=list_, needs=Right.ADMIN,
    ),
    Command(
        "client|kill", -3, "Cuts connections off.", "2.4.0", _GROUP, "O(N), N clients",
        _FLAGS, local=kill, needs=Right.ADMIN,
    ),
    Command(
        "client|reply", 3, "Turns replies off and on.", "3.2.0", _GROUP, flags=_FLAGS,
        local=reply,
    ),
)  # fmt: skip
