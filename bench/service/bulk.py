"""Elements in bulk: all that are new, into a set of a million, each way that there is."""

from bench import bodies
from bench.bodies import Form
from bench.connections import whole_http, whole_resp
from bench.redis import redis_server
from bench.service import measures
from bench.service.run import SET, Run

ELEMENTS = 1_000_000
WRITTEN = 200_000
CONNECTIONS = 8

HTTP_FORMS: dict[str, tuple[Form, int]] = {
    "PATCH of 1,000": (bodies.patch, 1_000),
    "NDJSON, 1,000 lines": (bodies.ndjson, 1_000),
    "merge of 1,000": (bodies.merge, 1_000),
}
"""Ways over HTTP, and how many elements go in a request."""

SADD_MANY, SADD_EACH = "SADD of 100", 100


def bulk(run: Run) -> None:
    """Measure every way in every turn, each into a new copy of the set."""
    elements, written = run.sizes(10_000, ELEMENTS, ELEMENTS), 20_000 if run.quick else WRITTEN
    for turn in run.turns():
        for work, (form, each) in HTTP_FORMS.items():
            with run.node(elements) as target:
                load = measures.bulk(
                    run,
                    target,
                    target.port,
                    whole_http,
                    form,
                    elements=written,
                    each=each,
                    connections=CONNECTIONS,
                )
                run.keep(work, target, turn, CONNECTIONS, load, elements=elements)
        _sadd(run, turn, elements, written)


def _sadd(run: Run, turn: int, elements: int, written: int) -> None:
    with run.node(elements) as target, redis_server(run.scratch / f"redis-{turn}") as redis:
        measures.load_redis(redis, SET, elements)
        for server in (redis, target):
            load = measures.bulk(
                run,
                server,
                server.redis_port,
                whole_resp,
                bodies.sadd,
                elements=written,
                each=SADD_EACH,
                connections=CONNECTIONS,
            )
            run.keep(SADD_MANY, server, turn, CONNECTIONS, load, elements=elements)
