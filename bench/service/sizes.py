"""Rates against the size of the set.

Every turn begins with a new copy of each set. PUT of elements that are there leaves it as large as
it was; new ones make a small set many times larger meanwhile.
"""

from bench import bodies
from bench.connections import whole_http
from bench.harness import NodeUnderTest, Server
from bench.redis import redis_server
from bench.service import measures
from bench.service.run import Run

SIZES = (1_000, 10_000, 100_000, 1_000_000)
LARGE = 10_000_000
REDIS_CONNECTIONS, HTTP_CONNECTIONS, BULK_CONNECTIONS = 50, 64, 8
PATCHED, PATCH_EACH = 100_000, 1_000
PATCH = "PATCH of 1,000 new elements"


def sizes(run: Run) -> None:
    """Measure every size in every turn."""
    counts = SIZES[:2] if run.quick else (*SIZES, LARGE) if run.large else SIZES
    with redis_server(run.scratch / "redis") as redis:
        for elements in counts:
            measures.load_redis(redis, _redis_set(elements), elements)
        for turn in run.turns():
            for elements in counts:
                with run.node(elements) as target:
                    measures.warm_up(target, elements)
                    _over_http(run, turn, target, elements)
                    _over_resp(run, turn, target, elements, "bench")
                    _bulk(run, turn, target, elements)
                _over_resp(run, turn, redis, elements, _redis_set(elements))


def _redis_set(elements: int) -> str:
    return f"bench-{elements}"


def _over_http(run: Run, turn: int, target: NodeUnderTest, elements: int) -> None:
    load = measures.get(run, target, elements, connections=HTTP_CONNECTIONS)
    run.keep(measures.GET, target, turn, HTTP_CONNECTIONS, load, elements=elements)
    load = measures.put_held(run, target, elements, connections=HTTP_CONNECTIONS)
    run.keep(measures.PUT_HELD, target, turn, HTTP_CONNECTIONS, load, elements=elements)
    load = measures.put(run, target, "bench", connections=HTTP_CONNECTIONS)
    run.keep(measures.PUT, target, turn, HTTP_CONNECTIONS, load, elements=elements)


def _over_resp(run: Run, turn: int, server: Server, elements: int, set_name: str) -> None:
    load = measures.sismember(
        run, server, elements, set_name, connections=REDIS_CONNECTIONS, pipeline=1
    )
    run.keep(measures.SISMEMBER, server, turn, REDIS_CONNECTIONS, load, elements=elements)
    load = measures.sadd(run, server, set_name, connections=REDIS_CONNECTIONS, pipeline=1)
    run.keep(measures.SADD, server, turn, REDIS_CONNECTIONS, load, elements=elements)


def _bulk(run: Run, turn: int, target: NodeUnderTest, elements: int) -> None:
    load = measures.bulk(
        run,
        target,
        target.port,
        whole_http,
        bodies.patch,
        elements=20_000 if run.quick else PATCHED,
        each=PATCH_EACH,
        connections=BULK_CONNECTIONS,
    )
    run.keep(PATCH, target, turn, BULK_CONNECTIONS, load, elements=elements)
