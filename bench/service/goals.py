"""What is asked of the service, and what of it was measured."""

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from bench.service import bulk, latency, measures, node, sizes
from bench.service.measures import GET, PUT, SADD, SISMEMBER
from bench.service.rates import CACHED, UNCACHED
from bench.service.results import Results, Sample


class Found(NamedTuple):
    """A measured value, and the elements of the set that it was measured with; 0 is any."""

    value: float
    elements: int = 0


Value = Callable[[Results], Found | None]
"""Takes a goal's value out of results; None where it was not measured."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound, and the value that it is held against; without one it is only reported."""

    text: str
    bound: float | None
    unit: str
    value: Value
    at_most: bool = False
    elements: int = 0

    def verdict(self, found: Found | None) -> str:
        """Say in a word or two what came of it."""
        if found is None:
            return "not measured"
        if self.bound is None:
            return "reported"
        if found.elements < self.elements:
            return "measured on a smaller set"
        met = found.value <= self.bound if self.at_most else found.value >= self.bound
        return "met" if met else "**missed**"


def goals() -> list[Goal]:
    """Return all goals, in the order of the table."""
    return [*_singles(), *_bulks(), *_others(), *_memory()]


def _singles() -> list[Goal]:
    x = "x redis-server"
    cached, uncached = "set in memory", "set not in memory"
    sadd, read = "durable SADD of new members, 50 connections", "SISMEMBER, 50 connections"
    put, get = "durable PUT over HTTP, 64 connections", "GET of an element over HTTP"
    deep = "pipelines of 16"
    return [
        Goal(sadd, 0.38, x, _to_redis(SADD, CACHED, SADD)),
        Goal(f"{sadd}, {deep}", 0.15, x, _to_redis(SADD, CACHED, SADD, 16)),
        Goal(f"{read}, {cached}", 0.8, x, _to_redis(SISMEMBER, CACHED, SISMEMBER)),
        Goal(f"{read}, {deep}, {cached}", 0.5, x, _to_redis(SISMEMBER, CACHED, SISMEMBER, 16)),
        Goal(f"{read}, {uncached}", 0.4, x, _to_redis(SISMEMBER, UNCACHED, SISMEMBER)),
        Goal(f"{read}, {deep}, {uncached}", 0.3, x, _to_redis(SISMEMBER, UNCACHED, SISMEMBER, 16)),
        Goal(put, 28_000, "per s", _per_s("rates", PUT)),
        Goal(put, 0.33, "x Redis' SADD", _to_redis(PUT, CACHED, SADD)),
        Goal(f"{get}, {cached}", 0.8, "x Redis' SISMEMBER", _to_redis(GET, CACHED, SISMEMBER)),
        Goal(f"{get}, {uncached}", 0.5, "x Redis' SISMEMBER", _to_redis(GET, UNCACHED, SISMEMBER)),
    ]


def _bulks() -> list[Goal]:
    return [
        Goal(work, 80_000, "elements per s", _per_s("bulk", work), elements=1_000_000)
        for work in (*bulk.HTTP_FORMS, bulk.SADD_MANY)
    ]


def _others() -> list[Goal]:
    growth = "growth of the cost from the smallest set to the largest"
    held, new, many = (_growth(work) for work in (measures.PUT_HELD, PUT, sizes.PATCH))
    start, copy = _reading("start", node.START), _reading("copying", node.COPY)
    half, beside = _p99_ms("latency", latency.HALF), _p99_ms("scan", latency.READ_BESIDE_SCAN)
    return [
        Goal("start of a node", 2, "s", start, at_most=True, elements=node.LARGE),
        Goal(node.COPY, 30, "s", copy, at_most=True, elements=node.ELEMENTS),
        Goal("durable PUT at half of the saturated rate, p99", 10, "ms", half, at_most=True),
        Goal(
            "reads beside a scan, p99",
            20,
            "ms",
            beside,
            at_most=True,
            elements=latency.SCANNED_LARGE,
        ),
        Goal(f"PUT, elements there: {growth}", 1.5, "x", held, at_most=True, elements=sizes.LARGE),
        Goal(f"PUT, new elements: {growth}", 1.5, "x", new, at_most=True, elements=sizes.LARGE),
        Goal(f"PATCH of 1,000: {growth}", None, "x", many, at_most=True),
    ]


def _memory() -> list[Goal]:
    """Return what the bound of the caches comes to; it is set by who runs the node."""
    names = [node.memory_name(cache_mb, "at the most") for cache_mb in node.CACHES_MB]
    return [Goal(name, None, "MB", _reading("memory", name), at_most=True) for name in names]


def _to_redis(work: str, server: str, redis_work: str, pipeline: int = 1) -> Value:
    """Return the ratio of rates within a turn, to what redis-server does of `redis_work`."""

    def over(one: Sample) -> bool:
        return (one.work, one.server, one.pipeline) == (work, server, pipeline)

    def under(one: Sample) -> bool:
        return (one.work, one.server, one.pipeline) == (redis_work, "redis-server", pipeline)

    def value(results: Results) -> Found | None:
        ratio = results.ratio("rates", over, under)
        return None if ratio is None else Found(ratio)

    return value


def _per_s(part: str, work: str) -> Value:
    return lambda results: _median(
        (one.load.per_s, one.elements) for one in results.samples(part, work, CACHED)
    )


def _p99_ms(part: str, work: str) -> Value:
    return lambda results: _median(
        (one.load.p99_ms, one.elements) for one in results.samples(part, work, CACHED)
    )


def _reading(part: str, what: str) -> Value:
    return lambda results: _median(
        (one.value, one.elements) for one in results.readings(part, what)
    )


def _growth(work: str) -> Value:
    """Return how many times more an operation costs in the largest set than in the smallest."""

    def value(results: Results) -> Found | None:
        rates: dict[int, list[float]] = {}
        for one in results.samples("sizes", work, CACHED):
            rates.setdefault(one.elements, []).append(one.load.per_s)
        if not rates:
            return None
        few, many = (statistics.median(rates[size]) for size in (min(rates), max(rates)))
        return Found(few / many, max(rates))

    return value


def _median(pairs: Iterable[tuple[float, int]]) -> Found | None:
    """Return the median of values with the size that they were measured at."""
    found = list(pairs)
    if not found:
        return None
    return Found(statistics.median(value for value, _ in found), found[0][1])
