"""The one tree of errors, and the one table of how each is answered.

    LastwordError
    ├── CallerError             the caller's request is at fault, and nothing was done
    │   ├── InvalidRequest      the bytes, the JSON or its shape
    │   ├── InvalidTime         a time that is no time
    │   ├── FutureTime          a time too far ahead of this node's clock
    │   ├── GhostElements       old adds of what may have been removed long ago
    │   ├── Conflict            what is asked for does not fit how things stand here
    │   ├── InvalidElement      an element that is too long or cannot be named so
    │   ├── InvalidSetName      a set's name that is empty, reserved, too long or not UTF-8
    │   ├── InvalidAddress      a member's address that is not host:port
    │   ├── UnknownPath         nothing lives there
    │   ├── MethodNotAllowed    something lives there, and does not take that verb
    │   ├── UnknownMediaType    a body in a form that is not spoken here
    │   ├── BodyTooLarge        more than the limit of a body
    │   ├── TargetTooLong       more than the limit of a path with its query
    │   ├── HeadersTooLarge     more than the limit of a request's headers
    │   ├── RequestTimeout      the request did not arrive whole in time
    │   ├── ForeignOrigin       a browser's page from elsewhere wants to write
    │   ├── ForeignHost         a call by a name that this node does not go by
    │   ├── Unauthenticated     no token, or one that is not known
    │   ├── Forbidden           the token does not grant that
    │   ├── TooManyFailures     too many wrong tokens from one address
    │   ├── InvalidCommand      a command of the Redis protocol that is not one, or not so
    │   └── CommandTooLarge     more than one transaction or one reply may hold
    ├── PeerError               another node is at fault, and nothing was applied
    │   ├── InvalidFrame        bytes that are not a frame of the protocol
    │   ├── Unproven            a message that does not prove that its sender is one of the cluster
    │   └── UnknownProtocol     a protocol version that this node does not speak
    ├── StoreError              the disk or the file is at fault
    │   ├── FileInUse           another process has the file
    │   ├── ForeignFile         the file is not one of ours
    │   ├── NewerFormat         the file is of a later version of the program
    │   ├── FileUnusable        it cannot be opened, read or written
    │   ├── DiskFailed          a write or a read failed while running
    │   ├── CorruptStore        an invariant of the file does not hold
    │   └── InvalidBundle       a file that is no bundle, or not a whole one
    ├── ConfigError             an option or a combination of options is wrong
    ├── Unavailable             the node cannot serve this now; nothing was done
    │   └── ClockOff            its clock is wrong, so it takes no writes of clients
    └── Unreachable             a node that was called did not answer

Every error has a `code` (stable, for programs), a message (for people) and a `hint` (what to do).
`certain` is true where the operation certainly did not happen. One tree and one table in one file:
so it is longer than others.
"""

from collections.abc import Sequence
from typing import ClassVar, Self


class LastwordError(Exception):
    """The base of all errors of this package.

    `code` is stable and for programs; `hint` says what to do about it.
    """

    code: ClassVar[str] = "internal"
    hint_default: ClassVar[str] = "This is a fault in lastword; its log has the trace."
    certain: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = self.hint_default if hint is None else hint

    def reworded(self, message: str, *, hint: str | None = None) -> Self:
        """Return this error with another message; it keeps whatever else it says."""
        twin = type(self).__new__(type(self), message)
        twin.__dict__.update(self.__dict__)
        twin.hint = self.hint if hint is None else hint
        return twin


class CallerError(LastwordError):
    """The caller's request is at fault, and nothing was done."""

    code = "invalid_request"
    hint_default = "docs/REFERENCE.md has every call; GET / names the paths."
    certain = True


class InvalidRequest(CallerError):
    """The request's bytes, its JSON, or the shape of its JSON."""


class InvalidTime(CallerError):
    """A time that is not a whole number of microseconds in range."""

    code = "invalid_time"
    hint_default = "A time is a whole number of microseconds since 1970."


class FutureTime(CallerError):
    """A time further ahead of this node's clock than it may be."""

    code = "future_time"
    hint_default = "Check the clock that gave this time, and that it counts microseconds."


class GhostElements(CallerError):
    """Adds with old times, of elements that are not in the set and may have been removed long ago.

    `elements` lists them; there are so many `more`.
    """

    code = "ghosts"
    hint_default = "?ghosts=remove leaves them out, ?ghosts=readd adds them at a new time."

    def __init__(
        self,
        message: str,
        *,
        elements: Sequence[bytes] = (),
        more: int = 0,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.elements = tuple(elements)
        self.more = more


class Conflict(CallerError):
    """What is asked for does not fit how things stand on this node."""

    code = "conflict"
    hint_default = "lastword tombstones shows how this node stands to its members."


class InvalidElement(CallerError):
    """An element over its limit."""

    code = "invalid_element"
    hint_default = "An element has at most 65536 bytes."


class InvalidSetName(CallerError):
    """A set's name that is empty, reserved, over its limit, or not UTF-8."""

    code = "invalid_set_name"
    hint_default = "A name is 1 to 255 bytes of UTF-8, has no '/', and does not start with '_'."


class InvalidAddress(CallerError):
    """A member's address that is not host:port."""

    code = "invalid_address"
    hint_default = "An address is host:port, such as localhost:3000 or [::1]:3000."


class UnknownPath(CallerError):
    """Nothing lives at that path."""

    code = "unknown_path"


class MethodNotAllowed(CallerError):
    """The path exists and does not take that method."""

    code = "method_not_allowed"
    hint_default = "The Allow header lists the methods that this path takes."

    def __init__(self, message: str, *, allow: tuple[str, ...], hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.allow = allow


class UnknownMediaType(CallerError):
    """The body is said to be in a form that is not spoken here."""

    code = "unknown_media_type"
    hint_default = "Bodies are application/json or application/msgpack."


class BodyTooLarge(CallerError):
    """More than the limit of a body."""

    code = "body_too_large"
    hint_default = "Send less at a time: merging and adding in parts gives the same set."


class TargetTooLong(CallerError):
    """More than the limit of a path with its query."""

    code = "target_too_long"
    hint_default = "An element too long for a path goes by PATCH /<set>."


class HeadersTooLarge(CallerError):
    """More than the limit of a request's headers."""

    code = "headers_too_large"
    hint_default = "Send fewer or shorter headers."


class RequestTimeout(CallerError):
    """The request did not arrive whole in time."""

    code = "request_timeout"
    hint_default = "Send the request again, faster or in smaller parts."


class ForeignOrigin(CallerError):
    """A browser's page from elsewhere wants to write."""

    code = "foreign_origin"
    hint_default = "Writes from a browser are taken from this node's own pages only."


class ForeignHost(CallerError):
    """A call by a name that this node does not go by."""

    code = "foreign_host"
    hint_default = "Call it by its address, or start it with --allow-host NAME."


class Unauthenticated(CallerError):
    """No token was shown, or one that is not known."""

    code = "unauthenticated"
    hint_default = (
        "Send Authorization: Bearer TOKEN, or AUTH TOKEN; commands: lastword --token-file FILE. "
        "lastword token create makes one."
    )


class Forbidden(CallerError):
    """The token that was shown does not grant that."""

    code = "forbidden"
    hint_default = "lastword token list shows what each token grants; docs/TOKENS.md has more."


class TooManyFailures(CallerError):
    """Too many wrong tokens came from one address; it has to wait for `retry_s` seconds."""

    code = "too_many_failures"
    hint_default = "Wait, and look at which token is sent."

    def __init__(self, message: str, *, retry_s: float = 1.0, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_s = retry_s


class InvalidCommand(CallerError):
    """A command of the Redis protocol that is none, or that cannot be done so.

    `resp_code` is the first word of its answer, where that is not ERR.
    """

    code = "invalid_command"
    hint_default = "docs/REFERENCE.md lists the commands; COMMAND DOCS says how each is called."

    def __init__(self, message: str, *, resp_code: str = "ERR") -> None:
        super().__init__(message)
        self.resp_code = resp_code


class CommandTooLarge(CallerError):
    """More than one transaction or one reply may hold."""

    code = "command_too_large"
    hint_default = "Do it in parts."


class PeerError(LastwordError):
    """Another node is at fault, and nothing was applied."""

    code = "peer"
    hint_default = "Check which version of lastword the other node runs."
    certain = True


class InvalidFrame(PeerError):
    """Bytes that are not a frame of the protocol."""

    code = "invalid_frame"


class Unproven(PeerError):
    """A message, or a reply, that does not prove that its sender knows the cluster's secret.

    `reason` is one word, for counting.
    """

    code = "unproven"
    hint_default = (
        "Start all nodes with the same --cluster-secret-file, and set their clocks right (NTP)."
    )

    def __init__(self, message: str, reason: str = "unsigned") -> None:
        super().__init__(message)
        self.reason = reason


class UnknownProtocol(PeerError):
    """A version of the protocol that this node does not speak."""

    code = "unknown_protocol"
    hint_default = "Bring the older of the two nodes up to date."


class StoreError(LastwordError):
    """The disk or the file is at fault."""

    code = "store"
    hint_default = "Look at the disk and at the file's permissions."


class FileInUse(StoreError):
    """Another process has the file open."""

    code = "file_in_use"
    hint_default = "One process per file: stop the other one, or give this one -d FILE."
    certain = True


class ForeignFile(StoreError):
    """The file is not a store of lastword."""

    code = "foreign_file"
    hint_default = "Give a path where no file is yet, or a file that lastword made."
    certain = True


class NewerFormat(StoreError):
    """The file is of a format that this version does not know."""

    code = "newer_format"
    hint_default = "Run the version of lastword that wrote this file, or a later one."
    certain = True


class FileUnusable(StoreError):
    """The file cannot be opened, read or written."""

    code = "file_unusable"
    certain = True


class DiskFailed(StoreError):
    """A write or a read failed while running."""

    code = "disk_failed"


class CorruptStore(StoreError):
    """An invariant of the file does not hold."""

    code = "corrupt_store"
    hint_default = "Ask another node: this one makes its file anew from a member."


class InvalidBundle(StoreError):
    """The file is no bundle, or is not whole; nothing of it was merged."""

    code = "invalid_bundle"
    hint_default = "Give a file that lastword export wrote, whole; docs/BUNDLES.md has the format."
    certain = True


class ConfigError(LastwordError):
    """An option, or a combination of options, is wrong."""

    code = "config"
    hint_default = "lastword serve --help explains every option."
    certain = True


class Unavailable(LastwordError):
    """The node cannot serve this now, and nothing was done."""

    code = "unavailable"
    hint_default = "Try again, or ask another node."
    certain = True


class ClockOff(Unavailable):
    """The node's clock is too far off those of the others for it to take writes of clients."""

    code = "clock_off"
    hint_default = (
        "Write to another node, and set this one's clock right (NTP): it then takes writes again "
        "by itself. lastword doctor shows every clock. Reads go on."
    )


class Unreachable(LastwordError):
    """A node that was called did not answer, or not as a node does."""

    code = "unreachable"
    hint_default = "Is a node serving at that address? lastword serve starts one."


HTTP_STATUS: dict[type[LastwordError], int] = {
    InvalidRequest: 400,
    InvalidTime: 400,
    FutureTime: 422,
    GhostElements: 409,
    Conflict: 409,
    InvalidElement: 400,
    InvalidSetName: 400,
    InvalidAddress: 400,
    UnknownPath: 404,
    MethodNotAllowed: 405,
    BodyTooLarge: 413,
    UnknownMediaType: 415,
    TargetTooLong: 414,
    HeadersTooLarge: 431,
    RequestTimeout: 408,
    ForeignOrigin: 403,
    ForeignHost: 421,
    Unauthenticated: 401,
    Forbidden: 403,
    TooManyFailures: 429,
    InvalidCommand: 400,
    CommandTooLarge: 400,
    InvalidFrame: 400,
    Unproven: 403,
    UnknownProtocol: 400,
    DiskFailed: 507,
    CorruptStore: 503,
    Unavailable: 503,
    ClockOff: 503,
}
"""The HTTP status of each error; an error that is not listed is a 500."""

RESP_CODE: dict[type[LastwordError], str] = {
    DiskFailed: "MISCONF",
    CorruptStore: "MISCONF",
    Unavailable: "TRYAGAIN",
    ClockOff: "MISCONF",
    Unauthenticated: "NOAUTH",
    Forbidden: "NOPERM",
}
"""The first word of a RESP error, as clients know it; an error that is not listed is an ERR."""

EXIT_CODE: dict[type[LastwordError], int] = {
    ConfigError: 2,
    InvalidAddress: 2,
    FileInUse: 3,
    ForeignFile: 3,
    NewerFormat: 3,
    InvalidBundle: 3,
    FileUnusable: 3,
    CorruptStore: 4,
    Unreachable: 5,
    GhostElements: 6,
}
"""The exit code of a command that ends by each error; one that is not listed is 1."""


def http_status(error: LastwordError) -> int:
    """Return the HTTP status that answers `error`."""
    return HTTP_STATUS.get(type(error), 500)


def resp_code(error: LastwordError) -> str:
    """Return the first word of the RESP error that answers `error`."""
    if isinstance(error, InvalidCommand):
        return error.resp_code
    return RESP_CODE.get(type(error), "ERR")


def exit_code(error: LastwordError) -> int:
    """Return the exit code of a command that ends by `error`."""
    return EXIT_CODE.get(type(error), 1)
