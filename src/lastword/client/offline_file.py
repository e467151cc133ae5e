"""The file of an offline set: one line that says what it is, and one with all that it holds.

It promises that the file is the old one or the new one, whole, whatever happens while it is
written; and that a file with a wrong byte anywhere is refused.
"""

import os
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from lastword.client.lists import named_lists
from lastword.client.lock import sync_folder
from lastword.crdt.wire import JsonState, element_bytes, element_of_base64, json_maps, stamps_of
from lastword.errors import (
    CorruptStore,
    DiskFailed,
    FileUnusable,
    ForeignFile,
    LastwordError,
    NewerFormat,
)

FORMAT: Final = "lastword-offline"
VERSION: Final = 1
DIGEST_BYTES: Final = 16

_HINT: Final = (
    "Keep the file for study, and begin with a new one: an exchange fills it with what the nodes "
    "have. What was only in this file is in none of them."
)


class Content(NamedTuple):
    """What a file holds: stamps, elements that changed since the last exchange, and the clock."""

    stamps: Mapping[bytes, int] = {}
    pending: frozenset[bytes] = frozenset()
    last: int = 0


class _Head(msgspec.Struct):
    format: str
    version: int
    digest: str


class _Body(JsonState, frozen=True, kw_only=True, rename="camel"):
    last: int
    pending: tuple[str, ...] = ()
    pending_base64: tuple[str, ...] = ()


_head: Final = msgspec.json.Decoder(_Head)
_body: Final = msgspec.json.Decoder(_Body)


def read(path: Path) -> Content:
    """Return what the file at `path` holds, nothing where there is none.

    Raises ForeignFile, NewerFormat, CorruptStore, FileUnusable.
    """
    try:
        first, _, rest = path.read_bytes().partition(b"\n")
    except FileNotFoundError:
        return Content()
    except OSError as error:
        raise FileUnusable(f"{path} cannot be read: {error.strerror}") from error
    _check_head(path, first, rest)
    try:
        return _content(_body.decode(rest))
    except (msgspec.DecodeError, LastwordError) as error:
        raise CorruptStore(f"{path} does not hold a set: {error}", hint=_HINT) from error


def _check_head(path: Path, first: bytes, rest: bytes) -> None:
    try:
        head = _head.decode(first)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        head = None
    if head is None or head.format != FORMAT:
        raise ForeignFile(
            f"{path} is no file of an offline set, or its first line is damaged",
            hint="Give a path where no file is yet, or a file that an OfflineSet made.",
        )
    if head.version > VERSION:
        raise NewerFormat(f"{path} is of version {head.version}, and this reads {VERSION}")
    if head.version < 1 or head.digest != _digest(rest):
        raise CorruptStore(f"{path} is damaged: its digest is not that of its bytes", hint=_HINT)


def _content(body: _Body) -> Content:
    pending = [*map(element_bytes, body.pending)]
    pending += map(element_of_base64, body.pending_base64)
    return Content(stamps_of(body), frozenset(pending), body.last)


def write(path: Path, content: Content) -> None:
    """Let the file at `path` hold `content`, on the disk; raise DiskFailed where it cannot."""
    body = msgspec.json.encode(
        {
            "last": content.last,
            **named_lists("pending", content.pending),
            **json_maps(content.stamps.items()),
        }
    )
    body += b"\n"
    head = msgspec.json.encode(_Head(FORMAT, VERSION, _digest(body)))
    new = path.with_name(f"{path.name}-new")
    try:
        with new.open("wb") as file:
            file.write(head + b"\n" + body)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise DiskFailed(
            f"{path} cannot be written: {error.strerror}",
            hint="Make room or mend the disk; the next change, or save(), writes all of it.",
        ) from error


def _digest(data: bytes) -> str:
    return blake2b(data, digest_size=DIGEST_BYTES).hexdigest()
