"""What INFO tells, in Redis' sections and names, with figures of this node only."""

import os
import platform
import resource
import sys
from collections.abc import Callable

from lastword.api.resp.service import Service
from lastword.api.resp.view import StoreView

REDIS_VERSION = "7.0.15"
"""The version of Redis whose commands these are; clients decide by it what they may ask."""

Figures = dict[str, object]
DEFAULT = {"default", "all", "everything"}


def render(service: Service, asked: list[str]) -> bytes:
    """Return the sections that were asked for; all where none or `default` was."""
    wanted = [
        name
        for name in SECTIONS
        if not asked or name.lower() in asked or not DEFAULT.isdisjoint(asked)
    ]
    return b"\r\n".join(_section(name, SECTIONS[name](service)) for name in wanted)


def _section(name: str, figures: Figures) -> bytes:
    lines = [f"# {name}", *(f"{key}:{value}" for key, value in figures.items())]
    return "".join(line + "\r\n" for line in lines).encode()


def _server(service: Service) -> Figures:
    up_s = int(service.now() - service.began_s)
    return {
        "redis_version": REDIS_VERSION,
        "lastword_version": service.facts.version,
        "redis_mode": "standalone",
        "os": f"{platform.system()} {platform.release()} {platform.machine()}",
        "arch_bits": sys.maxsize.bit_length() + 1,
        "process_id": os.getpid(),
        "run_id": f"{service.node.store.run:040x}",
        "tcp_port": service.port,
        "server_time_usec": service.node.store.options.wall(),
        "uptime_in_seconds": up_s,
        "uptime_in_days": up_s // 86_400,
    }


def _clients(service: Service) -> Figures:
    return {
        "connected_clients": service.counted.clients,
        "maxclients": service.limits.clients_max,
        "blocked_clients": 0,
    }


def _memory(_: Service) -> Figures:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "used_memory_peak": peak if sys.platform == "darwin" else peak * 1024,
        "maxmemory": 0,
        "maxmemory_policy": "noeviction",
    }


def _persistence(_: Service) -> Figures:
    return {"loading": 0, "aof_enabled": 1}


def _stats(service: Service) -> Figures:
    counted = service.counted
    return {
        "total_connections_received": counted.connections,
        "total_commands_processed": counted.commands,
        "total_net_input_bytes": counted.bytes_in,
        "total_net_output_bytes": counted.bytes_out,
        "rejected_connections": counted.refused,
        "total_error_replies": counted.errors,
    }


def _replication(service: Service) -> Figures:
    node = service.node
    return {
        "role": "master",
        "connected_slaves": node.replica.holders(0),
        "master_replid": f"{node.store.run:040x}",
        "master_repl_offset": node.store.log_end,
        "lastword_members": len(node.store.members()),
    }


def _cpu(_: Service) -> Figures:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "used_cpu_sys": f"{used.ru_stime:.6f}",
        "used_cpu_user": f"{used.ru_utime:.6f}",
    }


def _cluster(_: Service) -> Figures:
    return {"cluster_enabled": 0}


def _keyspace(service: Service) -> Figures:
    names = StoreView(service.node.store).names()
    return {"db0": f"keys={len(names)},expires=0,avg_ttl=0"} if names else {}


SECTIONS: dict[str, Callable[[Service], Figures]] = {
    "Server": _server,
    "Clients": _clients,
    "Memory": _memory,
    "Persistence": _persistence,
    "Stats": _stats,
    "Replication": _replication,
    "CPU": _cpu,
    "Cluster": _cluster,
    "Keyspace": _keyspace,
}
