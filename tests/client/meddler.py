"""A proxy in front of a node, that does to each request what a test says; on threads."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

Meddling = Callable[[str, str], str]
"""Of a request's method and target: pass, cut (before it is done), lose (its answer), hang."""

HOP_BY_HOP = frozenset({"connection", "transfer-encoding", "content-length"})


class Meddler:
    """What a proxy saw; `meddle` may be set at any time."""

    def __init__(self, node: str) -> None:
        self.node = node
        self.address = ""
        self.seen: list[tuple[str, str]] = []
        self.meddle: Meddling = lambda *_: "pass"
        self.ended = Event()
        self.connections = 0

    def lose_first(self, method: str, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Lose the answer to the next request by `method`; do something before that is noticed."""
        lost: list[str] = []

        def meddle(seen: str, _: str) -> str:
            if seen != method or lost:
                return "pass"
            lost.append(seen)
            return "lose"

        self.meddle, self.meanwhile = meddle, meanwhile

    meanwhile: Callable[[], object] = staticmethod(lambda: None)

    def targets(self, method: str) -> list[str]:
        return [target for seen, target in self.seen if seen == method]


@contextmanager
def meddling(node: str) -> Iterator[Meddler]:
    """Give a proxy of the node at that address."""
    meddler = Meddler(node)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(meddler))
    server.daemon_threads = True
    meddler.address = f"127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield meddler
    finally:
        meddler.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _handler_of(meddler: Meddler) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            meddler.connections += 1
            super().setup()

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            meddler.seen.append((self.command, self.path))
            what = meddler.meddle(self.command, self.path)
            if what == "hang":
                meddler.ended.wait(30)
            if what in {"cut", "hang"}:
                return self._cut()
            answer = self._forward(body)
            if what == "lose":
                meddler.meanwhile()
                return self._cut()
            self.send_response(answer[0])
            for name, value in answer[1].items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer[2])))
            self.end_headers()
            with suppress(BrokenPipeError, ConnectionResetError):
                self.wfile.write(answer[2])
            return None

        do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = handle_any  # noqa: N815 - http.server's

        def _forward(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
            host, _, port = meddler.node.rpartition(":")
            connection = HTTPConnection(host, int(port), timeout=30)
            try:
                connection.request(self.command, self.path, body, dict(self.headers))
                found = connection.getresponse()
                read = found.read()
            finally:
                connection.close()
            kept = {k: v for k, v in found.getheaders() if k.lower() not in HOP_BY_HOP}
            return found.status, kept, read

        def _cut(self) -> None:
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            pass

    return Handler
