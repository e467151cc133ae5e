"""Rates and latencies against the number of connections."""

from bench.redis import redis_server
from bench.service import measures
from bench.service.run import SET, Run

ELEMENTS = 100_000
COUNTS = (1, 4, 16, 64, 256)


def connections(run: Run) -> None:
    """Measure every number of connections in every turn, both servers one after the other."""
    elements = run.sizes(10_000, ELEMENTS, ELEMENTS)
    with run.node(elements) as target, redis_server(run.scratch / "redis") as redis:
        measures.load_redis(redis, SET, elements)
        for server in (target, redis):
            measures.warm_up(server, elements)
        for turn in run.turns():
            for count in (4, 64) if run.quick else COUNTS:
                for server in (redis, target):
                    load = measures.sadd(run, server, "new", connections=count, pipeline=1)
                    run.keep(measures.SADD, server, turn, count, load)
                    load = measures.sismember(run, server, elements, connections=count, pipeline=1)
                    run.keep(measures.SISMEMBER, server, turn, count, load, elements=elements)
                load = measures.put(run, target, "new", connections=count)
                run.keep(measures.PUT, target, turn, count, load)
                load = measures.get(run, target, elements, connections=count)
                run.keep(measures.GET, target, turn, count, load, elements=elements)
