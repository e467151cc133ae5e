"""Backups over REST: the node makes one, and sends it."""

import asyncio
from typing import BinaryIO, Final

import msgspec

from lastword.access.rights import Need
from lastword.api.http.messages import Request, Response
from lastword.api.rest.checks import check_no_body
from lastword.api.rest.queries import check_no_query
from lastword.api.rest.routes import Body, Call, Given, Route
from lastword.errors import Unavailable
from lastword.node.node import Node
from lastword.store.sqlite.backup import back_up

FILE_TYPE: Final = "application/vnd.sqlite3"

SIZE_HEADER: Final = "Lastword-Bytes"
"""How long the file is, which a streamed body does not say by itself."""

PART_BYTES: Final = 1 << 20
"""Read and sent at once."""


class BackingUp(msgspec.Struct):
    """How far a backup is: pages copied so far, and of how many."""

    done: int
    pages: int


class Backups:
    """Makes backups, one at a time."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.under_way: BackingUp | None = None

    async def make(self, request: Request) -> Response:
        """Answer with a backup, when it is made; raise Unavailable while another one is."""
        check_no_query(request)
        check_no_body(request)
        if self.under_way is not None:
            raise Unavailable("a backup is being made already", hint="Wait for its end.")
        self.under_way = progress = BackingUp(0, 0)
        wanted = True

        def told(done: int, pages: int) -> None:
            progress.done, progress.pages = done, pages
            if not wanted:
                raise Unavailable("whoever wanted the backup has gone")

        try:
            file = await self._node.read(lambda: back_up(self._node.store, told))
        except asyncio.CancelledError:
            wanted = False
            raise
        finally:
            self.under_way = None
        size = file.seek(0, 2)
        file.seek(0)
        sized = (SIZE_HEADER.encode(), b"%d" % size)
        return Response(200, _Sent(self._node, file), FILE_TYPE.encode(), (sized,))


class _Sent:
    """A file on its way, read beside the loop a part at a time."""

    def __init__(self, node: Node, file: BinaryIO) -> None:
        self._node = node
        self._file = file

    def __aiter__(self) -> "_Sent":
        return self

    async def __anext__(self) -> bytes:
        part = await self._node.read(lambda: self._file.read(PART_BYTES))
        if not part:
            raise StopAsyncIteration
        return part

    async def aclose(self) -> None:
        """Let go of the file, which frees its space."""
        self._file.close()


def backup_route(backups: Backups) -> Route:
    """Return the call that makes one, in the table's form."""
    file = Body("a file of SQLite, to start a node on", {FILE_TYPE: bytes})
    made = Given(200, "all that the node's file holds at one moment", file, (SIZE_HEADER,))
    call = Call(
        backups.make, "make a backup of the node's file, and send it", (made,), Need.ADMIN_NODE
    )
    return Route("/_/backup", {"POST": call})
