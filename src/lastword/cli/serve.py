"""`lastword serve`: one node, put together, run, and stopped in order."""

import asyncio
import contextlib
import logging
import os
import signal
from importlib.metadata import version
from secrets import randbits

import typer
import uvloop

from lastword.api.access_log import logged
from lastword.api.http.messages import Handler, Request
from lastword.api.http.server import HttpServer
from lastword.api.rest import Answer, Rest
from lastword.api.transport import HttpTransport
from lastword.cli import logs, options
from lastword.config import NodeConfig
from lastword.errors import Unavailable
from lastword.node.jobs import Faults
from lastword.node.node import Node
from lastword.replication.membership import Identity
from lastword.replication.settings import ReplicaSettings
from lastword.store.base import StoreOptions
from lastword.store.sqlite.store import SqliteStore
from lastword.wall import wall_us

logger = logging.getLogger(__name__)

DRAIN_S = 10.0
"""How long requests in flight may take once the node is told to stop."""

_DEFAULTS = NodeConfig()


def serve(  # noqa: PLR0917 - the options of the command; nobody calls it by position
    port: options.Port = _DEFAULTS.port,
    database: options.Database = _DEFAULTS.database,
    initial_peers: options.InitialPeers = None,
    logging_on: options.Logging = False,
    replication_delay: options.ReplicationDelay = _DEFAULTS.replication_delay_s,
    full_replication_delay: options.FullReplicationDelay = _DEFAULTS.full_replication_delay_s,
    host: options.Host = _DEFAULTS.host,
    advertise: options.Advertise = None,
    insecure: options.Insecure = False,
    walks: options.Walks = True,
    config_file: options.Config = None,
) -> None:
    """Run one node until it is told to stop (SIGTERM, SIGINT); a second signal ends it at once."""
    del config_file  # its options are the others' defaults by now
    logs.set_up(verbose=logging_on)
    config = NodeConfig(
        host=host,
        port=port,
        database=database,
        initial_peers=tuple(initial_peers or ()),
        advertise=advertise,
        replication_delay_s=replication_delay,
        full_replication_delay_s=full_replication_delay,
        insecure=insecure,
        walks=walks,
    )
    config.check()
    uvloop.run(run_node(config))


async def run_node(config: NodeConfig) -> None:
    """Open the file, listen, serve until a signal comes, and close all in order."""
    store_options = StoreOptions(wall=wall_us, new_run=lambda: randbits(63))
    store = SqliteStore(config.database, store_options)
    try:
        await _serve(config, store, _stop_signal())
    finally:
        store.close()


async def _serve(config: NodeConfig, store: SqliteStore, stop: asyncio.Event) -> None:
    """Listen first, since a node's own address may depend on the port; then let it replicate."""
    faults = Faults()
    front = _Front()
    server = await HttpServer.start(
        front,
        host=config.host,
        port=config.port,
        on_fault=lambda error: faults.note("a request", error),
    )
    try:
        node = _node(config, store, server.port, faults)
        rest = Rest(node, version("lastword"))
        front.handler = logged(rest) if logger.isEnabledFor(logging.INFO) else rest
        running = asyncio.create_task(node.run())
        _announce(config, server.port, store)
        await asyncio.wait(
            {running, asyncio.ensure_future(stop.wait())}, return_when=asyncio.FIRST_COMPLETED
        )
        await server.close(DRAIN_S)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
    finally:
        await server.close(0)


def _node(config: NodeConfig, store: SqliteStore, port: int, faults: Faults) -> Node:
    return Node(
        store,
        HttpTransport(),
        Identity(
            default=config.default_address(port),
            advertise=config.advertise,
            contacts=config.initial_peers,
        ),
        settings=ReplicaSettings(
            full_interval_us=int(config.full_replication_delay_s * 1e6), walks=config.walks
        ),
        interval_s=config.replication_delay_s,
        faults=faults,
    )


class _Front:
    """Answers requests by the node's interface, once there is a node."""

    handler: Handler | None = None

    def __call__(self, request: Request) -> Answer:
        if self.handler is None:
            raise Unavailable("the node is starting")
        return self.handler(request)


def _announce(config: NodeConfig, port: int, store: SqliteStore) -> None:
    """Say in one line what listens where, on which file, with how many sets."""
    host = f"[{config.host}]" if ":" in config.host else config.host
    sets = sum(not name.startswith(b"_") for name in store.totals())
    typer.echo(
        f"lastword {version('lastword')} serves http://{host}:{port} "
        f"on {config.database} ({sets} sets)"
    )


def _stop_signal() -> asyncio.Event:
    """Return an event that the first SIGTERM or SIGINT sets; the second ends the process."""
    stop = asyncio.Event()

    def on_signal(number: int) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)
    return stop
