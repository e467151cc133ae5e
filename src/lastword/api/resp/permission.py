"""What a client may do by the token that it showed: looked at before each command."""

from collections.abc import Callable

from lastword.access.rights import OPEN, Right, Rights
from lastword.api.resp.command import Command
from lastword.api.resp.reader import Arguments
from lastword.api.resp.session import Session
from lastword.errors import Unauthenticated

Find = Callable[[Arguments], Command]

OPEN_FLAG = "no_auth"
"""Of commands that are done without a token, as in Redis."""


def permitted(find: Find, session: Session, arguments: Arguments) -> Command:
    """Return what `arguments` call, if the client may.

    Raises InvalidCommand, Unauthenticated or Forbidden.
    """
    command = find(arguments)
    if OPEN_FLAG not in command.flags:
        check(command, arguments, rights_of(session))
    return command


def rights_of(session: Session) -> Rights:
    """Return what the client may do now; raise Unauthenticated where it showed no token."""
    gate = session.service.gate
    if gate is None:
        return OPEN
    if session.admitted is None:
        gate.failures["missing"] += 1
        raise Unauthenticated("Authentication required.")
    return session.admitted.rights()


def check(command: Command, arguments: Arguments, rights: Rights) -> None:
    """Raise Forbidden where a command may not be done to the sets that it names."""
    rights.check_node(command.needs)
    right = Right.READ if command.write is None else Right.WRITE
    for at, name in enumerate(command.keys_of(arguments)):
        rights.check(Right.READ if at and command.reads_rest else right, name)


def readable(rights: Rights) -> Callable[[bytes], bool] | None:
    """Return what tells which sets may be listed; None where all may."""
    return None if rights.everywhere >= Right.READ else rights.may_read
