"""The servers and connections that the tests of RESP share."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.redis.both import Both
from tests.redis.connection import Connection
from tests.redis.servers import REDIS_SERVER, RedisServer, skip_without
from tools.files import check_file
from tools.resp_node import RespNode

Connect = Callable[..., Connection]


@pytest.fixture(scope="package")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """The redis-server that says what is right."""
    skip_without(REDIS_SERVER)
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="package")
def other_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A second one."""
    skip_without(REDIS_SERVER)
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="package")
def resp_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RespNode]:
    """A node whose sets may be flushed; its file is verified at the end."""
    with RespNode(tmp_path_factory.mktemp("node") / "a.db", "--allow-flush") as node:
        yield node
    check_file(node.database)


@pytest.fixture
def connect(resp_node: RespNode) -> Iterator[Connect]:
    """Make connections to the node, which holds no set at first."""
    with ExitStack() as stack:

        def connection(address: str = resp_node.resp_address, **options: int) -> Connection:
            return stack.enter_context(Connection(address, **options))

        assert not connection().call("FLUSHALL").is_error
        yield connection


@pytest.fixture
def both(redis_server: RedisServer, resp_node: RespNode) -> Both:
    """The real server and the node."""
    return Both(redis_server.resp_address, resp_node.resp_address)
