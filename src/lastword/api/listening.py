"""Listening on an address, with errors that say why one cannot be had."""

import asyncio
import errno
import os
import socket
import ssl
import sys
from collections.abc import Callable
from typing import Final

from lastword.errors import ConfigError

BACKLOG: Final = 1_024
"""Connections that the kernel keeps until they are accepted: a burst of clients that all
reconnect at once. The kernel may hold fewer (net.core.somaxconn)."""

PORT_MAX: Final = 65_535

HANDSHAKE_S: Final = 10.0
"""For a TLS handshake, which takes two round trips. Less frees connections of clients that begin
none; more waits for links that lose packets."""

FAREWELL_S: Final = 2.0
"""For a client to answer that a TLS connection ends; then it is cut off."""


UNSENT_BYTES: Final = 128 << 10
"""What the kernel holds of a connection beside what is on its way. Without it that is up to 4 MB
for each client that does not read, which nobody counts; more would not make a fast one faster."""

_NOTSENT_LOWAT: Final[int | None] = getattr(
    socket, "TCP_NOTSENT_LOWAT", 25 if sys.platform == "linux" else None
)

KEEPALIVE_S_MAX: Final = 32_767
"""The longest pause that Linux takes."""


async def listen(
    factory: Callable[[], asyncio.Protocol],
    host: str,
    port: int,
    *,
    option: str,
    tls: ssl.SSLContext | None = None,
    handshake_s: float = HANDSHAKE_S,
) -> asyncio.Server:
    """Listen on `host` and `port`, which `option` chose; 0 picks a free port.

    With `tls` it speaks TLS; a handshake may take `handshake_s`.
    Raises ConfigError where the address cannot be had.
    """
    if not 0 <= port <= PORT_MAX:  # uvloop would take it modulo 65536
        raise _cannot_listen(host, port, option, f"a port is a number from 0 to {PORT_MAX}")
    loop = asyncio.get_running_loop()
    try:
        server = await loop.create_server(
            factory,
            host,
            port,
            backlog=BACKLOG,
            ssl=tls,
            ssl_handshake_timeout=None if tls is None else handshake_s,
            ssl_shutdown_timeout=None if tls is None else FAREWELL_S,
        )
    except OSError as fault:
        raise _cannot_listen(host, port, option, _reason(fault)) from fault
    if _NOTSENT_LOWAT is not None:
        for listener in server.sockets:  # connections have it from there
            listener.setsockopt(socket.IPPROTO_TCP, _NOTSENT_LOWAT, UNSENT_BYTES)
    return server


def host_of(transport: asyncio.BaseTransport) -> str:
    """Return the address that a connection came from, empty where it is not known."""
    name = transport.get_extra_info("peername")
    return str(name[0]) if isinstance(name, tuple) else ""


def keep_alive(transport: asyncio.BaseTransport, quiet_s: float) -> None:
    """Let the kernel find out whether a client that was quiet for `quiet_s` is still there.

    One that is not, and said nothing, is found after another third of it, and three seconds at
    the least. 0 never asks.
    """
    connection = transport.get_extra_info("socket")
    if connection is None or not quiet_s:
        return
    pause_s = min(max(1, int(quiet_s / 9)), KEEPALIVE_S_MAX)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    idle = getattr(socket, "TCP_KEEPIDLE", None)
    if idle is None:
        idle = getattr(socket, "TCP_KEEPALIVE")  # noqa: B009 - macOS alone names it so
    for option, value in (
        (idle, min(max(1, int(quiet_s)), KEEPALIVE_S_MAX)),
        (socket.TCP_KEEPINTVL, pause_s),
        (socket.TCP_KEEPCNT, 3),
    ):
        connection.setsockopt(socket.IPPROTO_TCP, option, value)


def _cannot_listen(host: str, port: int, option: str, reason: str) -> ConfigError:
    return ConfigError(
        f"cannot listen on {host}:{port}: {reason}",
        hint=f"Give this node another --host or {option}, or stop what has the address.",
    )


def _reason(fault: OSError) -> str:
    if fault.errno == errno.EADDRINUSE:
        return "another program listens there"
    if fault.errno is not None and fault.errno > 0:
        return os.strerror(fault.errno)
    return fault.strerror or str(fault)  # from the resolver, whose numbers are negative
