"""The same random commands on a real redis-server and on a node: the same replies.

`make chaos` plays more of them, by REDIS_EXAMPLES.
"""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.redis.liar import LIES, Liar, Lie
from tests.redis.machine import machine
from tests.redis.servers import RedisServer
from tools.resp_node import RespNode

EXAMPLES = int(os.environ.get("REDIS_EXAMPLES", "200"))
SECONDS_PER_EXAMPLE = 2
PLAY = settings(
    max_examples=EXAMPLES,
    stateful_step_count=30,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)

pytestmark = pytest.mark.slow


@pytest.mark.timeout(120 + SECONDS_PER_EXAMPLE * EXAMPLES)
def test_a_node_replies_as_redis_does(redis_server: RedisServer, resp_node: RespNode) -> None:
    play = machine(redis_server.resp_address, resp_node.resp_address)
    run_state_machine_as_test(play, settings=PLAY)


def test_redis_replies_as_redis_does(redis_server: RedisServer, other_redis: RedisServer) -> None:
    """The comparison asks for nothing that Redis itself does not keep."""
    play = machine(redis_server.resp_address, other_redis.resp_address)
    run_state_machine_as_test(play, settings=settings(PLAY, max_examples=50))


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_server_that_lies_is_found_out(
    redis_server: RedisServer, other_redis: RedisServer, lie: Lie
) -> None:
    few = settings(PLAY, max_examples=300, phases=[Phase.generate], database=None)
    with Liar(other_redis.resp_address, lie) as liar:
        play = machine(redis_server.resp_address, liar.resp_address)
        with pytest.raises(AssertionError):
            run_state_machine_as_test(play, settings=few)
