"""What is asked of the service, and what of it was measured."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from bench.service import bulk, latency, measures, node, sizes
from bench.service.measures import GET, PUT, SADD, SISMEMBER
from bench.service.rates import CACHED, UNCACHED
from bench.service.results import Results, Sample

Value = Callable[[Results], float | None]
"""Takes a goal's value out of results; None where it was not measured."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound, and the value that it is held against; without one it is only reported."""

    text: str
    bound: float | None
    unit: str
    value: Value
    at_most: bool = False

    def is_met(self, value: float) -> bool:
        """Say whether a value is within the bound, if there is one."""
        if self.bound is None:
            return True
        return value <= self.bound if self.at_most else value >= self.bound


def goals() -> list[Goal]:
    """Return all goals, in the order of the table."""
    return [*_singles(), *_bulks(), *_others()]


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
        Goal(f"{work}, into a set of 1M", 80_000, "elements per s", _per_s("bulk", work))
        for work in (*bulk.HTTP_FORMS, bulk.SADD_MANY)
    ]


def _others() -> list[Goal]:
    half, beside = "durable PUT at half of the saturated rate, p99", "reads beside a scan, p99"
    growth = "growth of a durable PUT's cost, smallest set to largest"
    return [
        Goal("start of a node", 2, "s", _reading("start", node.START), at_most=True),
        Goal("full copy to an empty node", 30, "s", _reading("copying", node.COPY), at_most=True),
        Goal(half, 10, "ms", _p99_ms("latency", latency.HALF), at_most=True),
        Goal(beside, 20, "ms", _p99_ms("scan", latency.READ_BESIDE_SCAN), at_most=True),
        Goal(f"{growth}, elements there", 1.5, "x", _growth(measures.PUT_HELD), at_most=True),
        Goal(f"{growth}, new elements", 1.5, "x", _growth(PUT), at_most=True),
        Goal("growth of bulk writes' cost", None, "x", _growth(sizes.PATCH)),
    ]


def _to_redis(work: str, server: str, redis_work: str, pipeline: int = 1) -> Value:
    """Return the ratio of rates within a turn, to what redis-server does of `redis_work`."""

    def over(one: Sample) -> bool:
        return (one.work, one.server, one.pipeline) == (work, server, pipeline)

    def under(one: Sample) -> bool:
        return (one.work, one.server, one.pipeline) == (redis_work, "redis-server", pipeline)

    return lambda results: results.ratio("rates", over, under)


def _per_s(part: str, work: str) -> Value:
    def value(results: Results) -> float | None:
        rates = [one.load.per_s for one in results.samples(part, work, CACHED)]
        return statistics.median(rates) if rates else None

    return value


def _p99_ms(part: str, work: str) -> Value:
    def value(results: Results) -> float | None:
        p99s = [one.load.p99_ms for one in results.samples(part, work, CACHED)]
        return statistics.median(p99s) if p99s else None

    return value


def _growth(work: str) -> Value:
    """Return how many times more an operation costs in the largest set than in the smallest."""

    def value(results: Results) -> float | None:
        rates: dict[int, list[float]] = {}
        for one in results.samples("sizes", work, CACHED):
            rates.setdefault(one.elements, []).append(one.load.per_s)
        if not rates:
            return None
        return statistics.median(rates[min(rates)]) / statistics.median(rates[max(rates)])

    return value


def _reading(part: str, what: str) -> Value:
    return lambda results: results.value(part, what)
