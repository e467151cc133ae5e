"""One measurement each, on whatever server: load it, and see that the load did what it says."""

from bench import bodies
from bench.bodies import Form
from bench.connections import Whole, whole_resp
from bench.harness import NodeUnderTest, Server
from bench.load import (
    RANDOM_VALUES,
    Load,
    new_elements,
    prepared,
    random_elements,
    redis_benchmark,
    wrk,
)
from bench.service.checks import (
    cardinality,
    expect_all_new,
    expect_elements,
    expect_members,
    expect_new,
)
from bench.service.run import SET, Run

SADD = "SADD of new members"
SISMEMBER = "SISMEMBER"
PUT = "PUT of new elements"
PUT_HELD = "PUT of elements that are there"
GET = "GET of an element"

NEW = "__prefix____rand_int__"
"""A new element. Its prefix is another one for each call of redis-benchmark, whose random numbers
begin with the second and its process: those of two calls in a row may be the same."""

HELD = "00000000__rand_int__"
"""An element that files hold, as redis-benchmark fills it in."""

TRIAL_REQUESTS = 5_000
"""Sent first to redis-benchmark's server: it warms up, and says how many make up the seconds."""

WARM_UP_REQUESTS = 100_000

LOAD_STEP, LOAD_BATCH = 1_000_000, 100
"""Elements that are prepared for redis-server at once, and those of one SADD."""


def sadd(run: Run, server: Server, set_name: str, *, connections: int, pipeline: int) -> Load:
    """Measure SADD of members that are not in the set yet."""
    before = cardinality(server, set_name)
    sent, load = _timed_by_trial(
        run,
        server,
        "SADD",
        set_name,
        NEW,
        connections=connections,
        pipeline=pipeline,
        values=RANDOM_VALUES,
    )
    # In its last pipelines redis-benchmark sends more than it was told, and does not count them.
    expect_new(server, set_name, before, sent, in_flight=2 * connections * pipeline)
    return load


def sismember(
    run: Run,
    server: Server,
    elements: int,
    set_name: str = SET,
    *,
    connections: int,
    pipeline: int,
) -> Load:
    """Measure SISMEMBER of members of a set that holds so many, at random."""
    expect_members(server, set_name, elements)
    _, load = _timed_by_trial(
        run,
        server,
        "SISMEMBER",
        set_name,
        HELD,
        connections=connections,
        pipeline=pipeline,
        values=elements,
    )
    return load


def warm_up(server: Server, elements: int) -> None:
    """Read all over SET for a while, so that what is kept of sets that are read is kept."""
    redis_benchmark(
        server,
        "SISMEMBER",
        SET,
        HELD,
        connections=16,
        pipeline=16,
        requests=WARM_UP_REQUESTS,
        values=elements,
    )


def put(run: Run, target: NodeUnderTest, set_name: str, *, connections: int) -> Load:
    """Measure PUT of elements that are not in the set yet."""
    before = cardinality(target, set_name)
    script = new_elements("PUT", set_name, run.fresh_prefix())
    load = wrk(target, script, connections=connections, seconds=run.seconds)
    expect_all_new(target, set_name, before, load.count, in_flight=connections)
    return load


def put_held(run: Run, target: NodeUnderTest, elements: int, *, connections: int) -> Load:
    """Measure PUT of elements of SET, which holds so many, at random: they get new times."""
    script = random_elements("PUT", SET, elements)
    return wrk(target, script, connections=connections, seconds=run.seconds)


def get(run: Run, target: NodeUnderTest, elements: int, *, connections: int) -> Load:
    """Measure GET of elements of SET, which holds so many, at random."""
    expect_elements(target, SET, elements)
    script = random_elements("GET", SET, elements)
    return wrk(target, script, connections=connections, seconds=run.seconds)


def bulk(
    run: Run,
    server: Server,
    port: int,
    whole: Whole,
    form: Form,
    *,
    elements: int,
    each: int,
    connections: int,
) -> Load:
    """Measure requests that add `each` new elements to SET; so many elements in all."""
    before = cardinality(server, SET)
    batches = bodies.batches(run.fresh_prefix(), range(elements), each)
    requests = [form(SET, batch) for batch in batches]
    load = prepared(server, port, whole, requests, connections=connections, each=each)
    expect_all_new(server, SET, before, elements)
    return load


def load_redis(server: Server, set_name: str, elements: int) -> None:
    """Add the elements that files hold to a set of redis-server."""
    whole = range(elements)
    for start in range(0, elements, LOAD_STEP):
        batches = bodies.batches("00000000", whole[start : start + LOAD_STEP], LOAD_BATCH)
        requests = [bodies.sadd(set_name, batch) for batch in batches]
        prepared(server, server.redis_port, whole_resp, requests, connections=4, each=LOAD_BATCH)
    expect_members(server, set_name, elements)


def _timed_by_trial(
    run: Run,
    server: Server,
    *words: str,
    connections: int,
    pipeline: int,
    values: int,
) -> tuple[int, Load]:
    """Run for about the seconds of a run; return how many commands were sent, and the load."""

    def send(requests: int) -> Load:
        prefix = run.fresh_prefix()
        return redis_benchmark(
            server,
            *(word.replace("__prefix__", prefix) for word in words),
            connections=connections,
            pipeline=pipeline,
            requests=requests,
            values=values,
        )

    trial = send(min(TRIAL_REQUESTS, 500 * connections) * (4 if pipeline > 1 else 1))
    load = send(max(int(trial.per_s * run.seconds), connections * pipeline))
    return trial.count + load.count, load
