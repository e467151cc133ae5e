"""Single operations: a node over RESP and HTTP, with and without its cache, and redis-server."""

from bench.harness import NodeUnderTest, Server
from bench.redis import redis_server
from bench.service import measures
from bench.service.run import SET, Run

ELEMENTS = 1_000_000
REDIS_CONNECTIONS = 50
HTTP_CONNECTIONS = 64
PIPELINES = (1, 16)
CACHED, UNCACHED = "lastword", "lastword --cache-mb 0"


def rates(run: Run) -> None:
    """Measure everything on all three servers in every turn."""
    elements = run.sizes(10_000, ELEMENTS, ELEMENTS)
    with (
        run.node(elements) as cached,
        run.node(elements, "--cache-mb", "0") as uncached,
        redis_server(run.scratch / "redis") as redis,
    ):
        measures.load_redis(redis, SET, elements)
        for server in (cached, uncached, redis):
            measures.warm_up(server, elements)
        for turn in run.turns():
            for pipeline in PIPELINES:
                for server in (redis, cached):
                    _sadd(run, turn, server, pipeline)
                for server in (redis, cached, uncached):
                    _sismember(run, turn, server, pipeline, elements=elements)
            _put(run, turn, cached)
            for target in (cached, uncached):
                _get(run, turn, target, elements)


def _sadd(run: Run, turn: int, server: Server, pipeline: int) -> None:
    many = REDIS_CONNECTIONS
    new = f"new-{turn}-{pipeline}"
    load = measures.sadd(run, server, new, connections=many, pipeline=pipeline)
    run.keep(measures.SADD, server, turn, many, load, pipeline=pipeline)


def _sismember(run: Run, turn: int, server: Server, pipeline: int, *, elements: int) -> None:
    many = REDIS_CONNECTIONS
    load = measures.sismember(run, server, elements, connections=many, pipeline=pipeline)
    run.keep(measures.SISMEMBER, server, turn, many, load, pipeline=pipeline, elements=elements)


def _put(run: Run, turn: int, target: NodeUnderTest) -> None:
    load = measures.put(run, target, f"put-{turn}", connections=HTTP_CONNECTIONS)
    run.keep(measures.PUT, target, turn, HTTP_CONNECTIONS, load)


def _get(run: Run, turn: int, target: NodeUnderTest, elements: int) -> None:
    load = measures.get(run, target, elements, connections=HTTP_CONNECTIONS)
    run.keep(measures.GET, target, turn, HTTP_CONNECTIONS, load, elements=elements)
