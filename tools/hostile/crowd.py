"""A crowd of slow clients against two real nodes, one of them over TLS, and a probe beside."""

import asyncio
import resource
import ssl
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import redis
from tools.hostile.probe import Probe
from tools.hostile.slow import BIG_SET, KINDS, SMALL_SET, let_go
from tools.resp_node import RespNode

_FILES: Final = 8_192


@dataclass(frozen=True, slots=True)
class Seen:
    """Seconds until each connection was closed, by kind, and the probe that was served beside."""

    closed_s: dict[str, list[float]]
    probe: Probe

    @property
    def last_s(self) -> float:
        """When the last connection was closed."""
        return max(max(times) for times in self.closed_s.values())

    def said(self) -> list[str]:
        """Return the figures in lines."""
        lines = [
            f"{kind}: {len(times)} connections, closed after {min(times):.1f} to "
            f"{max(times):.1f} s"
            for kind, times in self.closed_s.items()
        ]
        return [*lines, f"the last one after {self.last_s:.1f} s", self.probe.said()]


def slow_crowd(
    folder: Path, count: int, certificate: tuple[Path, Path], tls: ssl.SSLContext
) -> Seen:
    """Send `count` slow clients of all kinds, all at once; return when the last was let go."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, _FILES), hard))
    cert, key = map(str, certificate)
    with ExitStack() as stack:
        plain = stack.enter_context(RespNode(folder / "plain.db"))
        secret = RespNode(folder / "tls.db", "--tls-cert", cert, "--tls-key", key)
        stack.enter_context(secret)
        _fill(plain)
        ports = {
            "http": _port(plain.address),
            "redis": _port(plain.resp_address),
            "https": _port(secret.address),
            "rediss": _port(secret.resp_address),
        }
        with Probe(plain.address, plain.process.pid) as probe:
            closed_s = asyncio.run(_crowd(count, ports, tls))
    return Seen(closed_s, probe)


async def _crowd(count: int, ports: dict[str, int], tls: ssl.SSLContext) -> dict[str, list[float]]:
    kinds = [KINDS[number % len(KINDS)] for number in range(count)]
    times = await asyncio.gather(*(let_go(kind, ports[kind.port], tls) for kind in kinds))
    closed_s: dict[str, list[float]] = defaultdict(list)
    for kind, time_s in zip(kinds, times, strict=True):
        closed_s[kind.name].append(time_s)
    return dict(closed_s)


def _fill(node: RespNode) -> None:
    """Make a set whose state no kernel's buffers hold, and one that is answered at once."""
    host, _, port = node.resp_address.rpartition(":")
    with redis.Redis(host=host, port=int(port)) as client:
        client.sadd(BIG_SET, *(f"{n:0400}" for n in range(5_000)))
        client.sadd(SMALL_SET, *(f"{n:0400}" for n in range(400)))


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])
