"""`lastword serve`: one node, put together, run, and stopped in order."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
from dataclasses import dataclass
from importlib.metadata import version
from secrets import randbits

import typer
import uvloop

from lastword.access.gate import Gate
from lastword.access.hosts import Hosts
from lastword.access.tls import NodeTls
from lastword.api.access_log import logged
from lastword.api.http.limits import HttpLimits
from lastword.api.http.messages import Handler, Request, Response
from lastword.api.http.server import HttpServer
from lastword.api.resp.limits import RespLimits
from lastword.api.resp.server import RespServer
from lastword.api.resp.service import Facts
from lastword.api.rest import Answer, Rest
from lastword.api.transport import HttpTransport
from lastword.cli import guarding, logs, options, proving
from lastword.cli.files_limit import fitted
from lastword.cli.hangup import Hangup
from lastword.cli.limit_options import with_limits
from lastword.cli.periods import period_s
from lastword.cli.shared_files import warn_where_shared
from lastword.config import NodeConfig
from lastword.errors import CorruptStore, Unavailable
from lastword.node.jobs import Faults
from lastword.node.node import Node
from lastword.replication.membership import Identity
from lastword.replication.settings import ReplicaSettings
from lastword.store.base import StoreOptions
from lastword.store.damage import REBUILD_HINT
from lastword.store.sqlite.store import SqliteStore
from lastword.wall import wall_us

logger = logging.getLogger(__name__)

OTHERS_MAY_NOTHING = 0o077
"""Of the node's file, and of all that is made beside it: who may read it needs no token."""

DRAIN_S = 10.0
"""How long requests in flight may take once the node is told to stop."""

LIVE_PATH = b"/_/live"
"""Answered while the node is starting, too: its event loop turns."""

_DEFAULTS = NodeConfig()
_HTTP, _REDIS = HttpLimits(), RespLimits()


@with_limits
def serve(  # noqa: PLR0917 - the options of the command; nobody calls it by position
    port: options.Port = _DEFAULTS.port,
    database: options.Database = _DEFAULTS.database,
    initial_peers: options.InitialPeers = None,
    logging_on: options.Logging = False,
    replication_delay: options.ReplicationDelay = _DEFAULTS.replication_delay_s,
    full_replication_delay: options.FullReplicationDelay = _DEFAULTS.full_replication_delay_s,
    grace: options.Grace = "7d",
    collect_every: options.CollectEvery = "1h",
    lapse_after: options.LapseAfter = "30d",
    scrub_every: options.ScrubEvery = "7d",
    host: options.Host = _DEFAULTS.host,
    advertise: options.Advertise = None,
    insecure: options.Insecure = False,
    cluster_secret_file: options.ClusterSecretFile = None,
    admin_token_file: options.AdminTokenFile = None,
    allow_host: options.AllowHost = None,
    tls_cert: options.TlsCert = None,
    tls_key: options.TlsKey = None,
    tls_ca: options.TlsCa = None,
    walks: options.Walks = True,
    cache_mb: options.CacheMb = _DEFAULTS.cache_mb,
    redis_port: options.RedisPort = None,
    allow_flush: options.AllowFlush = False,
    http: HttpLimits = _HTTP,
    redis: RespLimits = _REDIS,
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
        grace_s=period_s("--grace", grace),
        collect_every_s=period_s("--collect-every", collect_every),
        lapse_after_s=period_s("--lapse-after", lapse_after),
        scrub_every_s=period_s("--scrub-every", scrub_every),
        insecure=insecure,
        walks=walks,
        cache_mb=cache_mb,
        redis_port=redis_port,
        allow_flush=allow_flush,
        cluster_secret_file=cluster_secret_file,
        admin_token_file=admin_token_file,
        allow_hosts=tuple(allow_host or ()),
        tls_cert=tls_cert,
        tls_key=tls_key,
        tls_ca=tls_ca,
    )
    config.check()
    if config.tokens_travel_open():
        logger.warning(
            "tokens, and all else, travel as they are for whoever is on the way: give --tls-cert"
        )
    os.umask(os.umask(OTHERS_MAY_NOTHING) | OTHERS_MAY_NOTHING)
    http, redis = fitted(http, None if redis_port is None else redis)
    uvloop.run(run_node(config, Limits(http, redis)))


@dataclass(frozen=True, slots=True)
class Limits:
    """What clients may take, by protocol."""

    http: HttpLimits = _HTTP
    redis: RespLimits = _REDIS


_LIMITS = Limits()


async def run_node(config: NodeConfig, limits: Limits = _LIMITS) -> None:
    """Open the file, listen, serve until a signal comes, and close all in order."""
    store_options = StoreOptions(
        wall=wall_us, new_run=lambda: randbits(63), cache_bytes=config.cache_mb * 1_000_000
    )
    try:
        store = SqliteStore(config.database, store_options)
    except CorruptStore as error:
        raise error.reworded(str(error), hint=REBUILD_HINT) from error
    gc.freeze()  # a full collection would go over all modules and the ledger: 30 ms at the least
    try:
        await _serve(config, limits, store, _stop_signal())
    finally:
        store.close()


async def _serve(
    config: NodeConfig, limits: Limits, store: SqliteStore, stop: asyncio.Event
) -> None:
    """Listen first, since a node's own address may depend on the port; then let it replicate."""
    faults = Faults()
    front = _Front()
    hangup = Hangup()
    proof = proving.proof_of(config.cluster_secret_file, hangup)
    tls = _tls(config, hangup)
    server = await HttpServer.start(
        front,
        host=config.host,
        port=config.port,
        limits=limits.http,
        on_fault=lambda error: faults.note("a request", error),
        tls=None if tls is None else tls.server,
    )
    resp: RespServer | None = None
    try:
        transport = HttpTransport(proof=proof, tls=None if tls is None else lambda: tls.client)
        node = _node(config, store, server.port, faults, transport)
        gate = guarding.gate_of(config.admin_token_file, config.cluster_secret_file, node, hangup)
        doors = {"http": server.door}
        rest = Rest(
            node,
            version("lastword"),
            proof=proof,
            gate=gate,
            hosts=Hosts(config.host_names()),
            secure=tls is not None,
            doors=doors,
            exposure=config.exposure(),
        )
        front.handler = logged(rest) if logger.isEnabledFor(logging.INFO) else rest
        if config.redis_port is not None:
            resp = await _start_resp(config, config.redis_port, limits, node, tls=tls, gate=gate)
            doors["redis"] = resp.door
        running = asyncio.create_task(node.run())
        _announce(config, server.port, store)
        if resp is not None:
            typer.echo(f"lastword speaks RESP at {_host(config)}:{resp.port}")
        await asyncio.wait(
            {running, asyncio.ensure_future(stop.wait())}, return_when=asyncio.FIRST_COMPLETED
        )
        node.is_stopping = True
        await asyncio.gather(*(one.close(DRAIN_S) for one in (server, resp) if one is not None))
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
    finally:
        for one in (server, resp):
            if one is not None:
                await one.close(0)


def _tls(config: NodeConfig, hangup: Hangup) -> NodeTls | None:
    """Return the node's TLS, if it speaks that; SIGHUP reads its files anew."""
    if config.tls_cert is None or config.tls_key is None:
        return None
    key = config.tls_key
    tls = NodeTls(config.tls_cert, key, config.tls_ca)
    warn_where_shared(key)

    def reread() -> None:
        tls.reread()
        warn_where_shared(key)

    hangup.add("the certificate", reread)
    return tls


async def _start_resp(
    config: NodeConfig,
    port: int,
    limits: Limits,
    node: Node,
    *,
    tls: NodeTls | None,
    gate: Gate | None,
) -> RespServer:
    return await RespServer.start(
        node,
        host=config.host,
        port=port,
        facts=Facts(version("lastword"), str(config.database), allow_flush=config.allow_flush),
        on_fault=lambda error: node.faults.note("a command", error),
        limits=limits.redis,
        handshake_s=limits.http.handshake_s,
        tls=None if tls is None else tls.server,
        gate=gate,
    )


def _node(
    config: NodeConfig,
    store: SqliteStore,
    port: int,
    faults: Faults,
    transport: HttpTransport,
) -> Node:
    return Node(
        store,
        transport,
        Identity(
            default=config.default_address(port),
            advertise=config.advertise,
            contacts=config.initial_peers,
        ),
        settings=ReplicaSettings(
            full_interval_us=int(config.full_replication_delay_s * 1e6),
            grace_us=int(config.grace_s * 1e6),
            collect_interval_us=int(config.collect_every_s * 1e6),
            lapse_us=int(config.lapse_after_s * 1e6),
            walks=config.walks,
        ),
        interval_s=config.replication_delay_s,
        scrub_every_s=config.scrub_every_s,
        faults=faults,
    )


class _Front:
    """Answers requests by the node's interface, once there is a node."""

    handler: Handler | None = None

    def __call__(self, request: Request) -> Answer:
        if self.handler is None:
            if request.path == LIVE_PATH:
                return Response(body=b'{"live":true}\n')
            raise Unavailable("the node is starting")
        return self.handler(request)


def _announce(config: NodeConfig, port: int, store: SqliteStore) -> None:
    """Say in one line what listens where, on which file, with how many sets."""
    sets = sum(not name.startswith(b"_") for name in store.totals())
    scheme = "http" if config.tls_cert is None else "https"
    typer.echo(
        f"lastword {version('lastword')} serves {scheme}://{_host(config)}:{port} "
        f"on {config.database} ({sets} sets)"
    )


def _host(config: NodeConfig) -> str:
    return f"[{config.host}]" if ":" in config.host else config.host


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
