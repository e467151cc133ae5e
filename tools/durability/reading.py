"""Everything that a node holds, read from it over REST and the Redis protocol."""

import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, quote_from_bytes

import hiredis
import httptools
import msgspec

from lastword.crdt.wire import decode_json
from lastword.errors import LastwordError
from tools.durability.history import Answer, Name, stamped

PATIENCE_S: Final = 30.0
ASKED_AT_ONCE: Final = 64
"""Questions that are sent before the first answer is read; the node answers them in order."""
MEMBERS_LIMIT: Final = 500
RECEIVED_BYTES: Final = 1 << 16

BODY_BYTES_MAX: Final = 4 << 20
"""No answer is so long, but that of a tree whose pages lead back into itself."""

PAGES_MAX: Final = 20
"""No set has so many pages, so more do not come to an end; that is counted as a wrong answer."""

ENDLESS: Final = b"(pages without an end)"
UNREADABLE: Final = b"(a state that is none)"
NOT_ANSWERED: Final = "no answer"


@dataclass(slots=True)
class Reading:
    """What was answered, and how often what was refused or not answered, by code."""

    answers: list[Answer] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Reading") -> None:
        """Add what was read elsewhere."""
        self.answers += other.answers
        self.refusals += other.refusals


class _Told(msgspec.Struct):
    code: str


class _Refusal(msgspec.Struct):
    error: _Told


class _Members(msgspec.Struct):
    members: list[str]
    after: str | None = None


class Reply(msgspec.Struct, frozen=True):
    """An answer of a node: its status, 0 where none came, and its body."""

    status: int
    body: bytes

    @property
    def refusal(self) -> str | None:
        """What it refuses by, if it does: 404 is an answer."""
        if self.status in {200, 404}:
            return None
        if not self.status:
            return NOT_ANSWERED
        with suppress(msgspec.DecodeError):
            return msgspec.json.decode(self.body, type=_Refusal).error.code
        return str(self.status)


class Pipeline:
    """Asks a node many questions on one connection, and another one where that is closed."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._where = (host, int(port))

    def get(self, paths: Sequence[str]) -> Iterator[Reply]:
        """Yield the answer to each of `paths`, in order."""
        rest = list(paths)
        while rest:
            replies = self._some(rest[:ASKED_AT_ONCE])
            yield from replies
            rest = rest[len(replies) :]

    def _some(self, paths: Sequence[str]) -> list[Reply]:
        """Return the answers up to the first that does not come, and that one."""
        received = _Received()
        parser = httptools.HttpResponseParser(received)
        asked = "".join(f"GET {path} HTTP/1.1\r\nHost: {self._where[0]}\r\n\r\n" for path in paths)
        try:
            with socket.create_connection(self._where, PATIENCE_S) as connection:
                connection.sendall(asked.encode())
                while len(received.replies) < len(paths):
                    part = connection.recv(RECEIVED_BYTES)
                    if not part:
                        raise ConnectionResetError
                    received.feed(parser, part)
        except (OSError, httptools.HttpParserError):
            received.replies.append(Reply(0, b""))
        return received.replies


class _Received:
    """Gathers the answers on one connection, as the parser calls."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self._body = b""
        self._status = 0
        self._parser: httptools.HttpResponseParser | None = None

    def feed(self, parser: httptools.HttpResponseParser, part: bytes) -> None:
        """Take in what came."""
        self._parser = parser
        parser.feed_data(part)

    def on_headers_complete(self) -> None:
        """Note the status."""
        assert self._parser is not None
        self._status = self._parser.get_status_code()

    def on_body(self, part: bytes) -> None:
        """Note a part of the body; one that does not come to an end is no answer."""
        self._body += part
        if len(self._body) > BODY_BYTES_MAX:
            raise ConnectionResetError

    def on_message_complete(self) -> None:
        """Note an answer that is whole."""
        self.replies.append(Reply(self._status, self._body))
        self._body = b""


def read_all(address: str, names: Sequence[Name]) -> Reading:
    """Ask for each element, for all members of each set, and for each whole state."""
    pipeline = Pipeline(address)
    reading = _elements(pipeline, names)
    of_set: dict[str, list[bytes]] = {}
    for set_name, element in names:
        of_set.setdefault(set_name, []).append(element)
    for set_name, elements in of_set.items():
        reading.add(_members(pipeline, set_name, elements))
        reading.add(_state(pipeline, set_name, elements))
    return reading


def states(address: str, set_names: Sequence[str]) -> dict[Name, int]:
    """Return all that a node holds of some sets; raise AssertionError where it refuses."""
    held: dict[Name, int] = {}
    for set_name, reply in zip(
        set_names, Pipeline(address).get([f"/{quote(name)}" for name in set_names]), strict=True
    ):
        assert reply.refusal is None, f"{set_name}: {reply.status} {reply.body[:200]!r}"
        if reply.status == 200:
            held |= {(set_name, at): stamp for at, stamp in decode_json(reply.body).items()}
    return held


def _elements(pipeline: Pipeline, names: Sequence[Name]) -> Reading:
    reading = Reading()
    paths = [f"/{quote(name)}/{quote_from_bytes(element, safe='')}" for name, element in names]
    for name, reply in zip(names, pipeline.get(paths), strict=True):
        if reply.refusal is None:
            reading.answers.append(Answer(name, reply.body == b"true"))
        else:
            reading.refusals[reply.refusal] += 1
    return reading


def _members(pipeline: Pipeline, set_name: str, elements: Sequence[bytes]) -> Reading:
    """Read a set by pages: what is listed is present, and what is not, is not."""
    reading, listed, pages = Reading(), set[bytes](), 0
    path: str | None = f"/{quote(set_name)}?members&limit={MEMBERS_LIMIT}"
    first = path
    while path is not None:
        (reply,) = pipeline.get([path])
        if reply.refusal is not None:
            reading.refusals[reply.refusal] += 1
            reading.answers += [Answer((set_name, at), present=True) for at in listed]
            return reading
        page = _Members([])
        if reply.status == 200:
            page = msgspec.json.decode(reply.body, type=_Members)
        listed |= {member.encode() for member in page.members}
        path = None if page.after is None else f"{first}&after={quote(page.after, safe='')}"
        pages += 1
        if pages > PAGES_MAX:  # such as of a tree that leads back into itself
            reading.answers.append(stamped((set_name, ENDLESS), -1))
            return reading
    reading.answers += [
        Answer((set_name, at), at in listed) for at in sorted(listed.union(elements))
    ]
    return reading


def _state(pipeline: Pipeline, set_name: str, elements: Sequence[bytes]) -> Reading:
    reading = Reading()
    (reply,) = pipeline.get([f"/{quote(set_name)}"])
    if reply.refusal is not None:
        reading.refusals[reply.refusal] += 1
        return reading
    try:
        held = decode_json(reply.body) if reply.status == 200 else {}
    except LastwordError:  # such as a time that is none: no moment has that
        held = {UNREADABLE: -1}
    for element in sorted(held.keys() | set(elements)):
        reading.answers.append(stamped((set_name, element), held.get(element)))
    return reading


def read_by_resp(address: str, names: Sequence[Name]) -> Reading:
    """Ask for some elements by SMISMEMBER, set by set, and for their sets by SMEMBERS."""
    reading = Reading()
    of_set: dict[str, list[bytes]] = {}
    for set_name, element in names:
        of_set.setdefault(set_name, []).append(element)
    host, _, port = address.rpartition(":")
    for set_name, elements in of_set.items():
        try:
            with socket.create_connection((host, int(port)), PATIENCE_S) as connection:
                known, members = _replies(connection, set_name, elements)
        except OSError:
            reading.refusals[NOT_ANSWERED] += 1
            continue
        for reply in (known, members):
            if isinstance(reply, hiredis.ReplyError):
                reading.refusals[str(reply).split(" ", 1)[0]] += 1
        if isinstance(known, list):
            reading.answers += [
                Answer((set_name, element), present == 1)
                for element, present in zip(elements, known, strict=True)
            ]
        if isinstance(members, list):
            reading.answers += [Answer((set_name, at), at in members) for at in elements]
            reading.answers += [Answer((set_name, at), present=True) for at in members]
    return reading


def _replies(
    connection: socket.socket, set_name: str, elements: Sequence[bytes]
) -> tuple[object, object]:
    reader, replies = hiredis.Reader(), list[object]()
    connection.sendall(_packed("SMISMEMBER", set_name, *elements) + _packed("SMEMBERS", set_name))
    while len(replies) < 2:
        part = connection.recv(RECEIVED_BYTES)
        if not part:
            raise ConnectionResetError
        reader.feed(part)
        while (reply := reader.gets()) is not False:
            replies.append(reply)
    return replies[0], replies[1]


def _packed(*words: str | bytes) -> bytes:
    packed: bytes = hiredis.pack_command(words)  # type: ignore[arg-type] # the stub has one word
    return packed
