"""Both clients with real nodes: failover, tokens, TLS, threads, processes, and their end."""

import asyncio
import gc
import json
import multiprocessing
import subprocess
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from lastword.client import AsyncClient, Client
from lastword.errors import (
    ConfigError,
    Forbidden,
    InvalidAddress,
    Unauthenticated,
    Unreachable,
)
from tests.access.calls import ADMIN, Nodes
from tests.access.certificates import made
from tests.client.liars import answering
from tests.client.meddler import meddling
from tests.eventually import eventually
from tools.processes import NodeProcess

NOBODY = "127.0.0.1:1"


@pytest.fixture
def client(node_process: NodeProcess) -> Iterator[Client]:
    with Client(node_process.address) as found:
        yield found


async def test_the_asynchronous_set_does_as_the_blocking_one(node_process: NodeProcess) -> None:
    async with AsyncClient(node_process.address) as client:
        fruit = client["async fruit"]
        await fruit.update({"apple", "pear"}, ["plum"])
        await fruit.discard("pear")
        assert await fruit.members() == {"apple", "plum"} == {one async for one in fruit}
        assert (await fruit.length(), await fruit.contains("apple")) == (2, True)
        assert await fruit.contains_each(["plum", "pear", 5]) == [True, False, False]
        assert await fruit.intersection({"plum", "fig"}) == {"plum"}
        assert (
            await fruit.issubset({"apple", "plum", "fig"}),
            await fruit.issuperset({"fig"}),
        ) == (
            True,
            False,
        )
        assert await fruit.isdisjoint({"fig"})
        await fruit.symmetric_difference_update({"apple", "fig"})
        await fruit.intersection_update({"fig", "plum", "x"})
        await fruit.difference_update({"plum"})
        assert [one async for one in fruit.starting_with("f")] == ["fig"]
        with pytest.raises(KeyError):
            await fruit.remove("plum")
        await fruit.remove("fig")
        copy = await fruit.state()
        copy.add("kiwi")
        await fruit.merge(copy)
        assert await fruit.pop() == "kiwi"
        await fruit.add("last")
        await fruit.clear()
        assert await fruit.length() == 0
        assert "async fruit" in {listed.name async for listed in client.sets()}
        raw = client.set_of_bytes("async raw")
        await raw.add(b"\xff")
        assert await raw.members() == {b"\xff"}
        assert repr(raw) == "AsyncRemoteSet('async raw')"


async def test_many_calls_at_once_all_get_their_own_answers(node_process: NodeProcess) -> None:
    async with AsyncClient(node_process.address) as client:
        many = client["many"]
        await asyncio.gather(*(many.add(str(number)) for number in range(0, 200, 2)))
        there = await asyncio.gather(*(many.contains(str(number)) for number in range(200)))
    assert there == [number % 2 == 0 for number in range(200)]


def test_threads_share_a_client(client: Client) -> None:
    shared = client["threads"]

    def work(number: int) -> bool:
        shared.add(str(number))
        return str(number) in shared and str(-number - 1) not in shared

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(work, range(300)))
    assert len(shared) == 300


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # since 3.12, of any thread
def test_a_forked_process_makes_connections_of_its_own(client: Client) -> None:
    forked = client["forked"]
    forked.add("before")
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=lambda: forked.add("child")) for _ in range(3)]
    for child in children:
        child.start()
    for number in range(50):
        forked.add(str(number))
        assert str(number) in forked
    for child in children:
        child.join(30)
        assert child.exitcode == 0
    assert {"before", "child"} <= set(forked)


async def test_the_blocking_client_works_within_a_running_loop(client: Client) -> None:
    client["loop"].add("a")
    assert set(client["loop"]) == {"a"}


def test_connections_are_kept_and_reused(node_process: NodeProcess) -> None:
    with meddling(node_process.address) as meddler, Client(meddler.address) as client:
        for number in range(20):
            client["reuse"].add(str(number))
            assert str(number) in client["reuse"]
        assert meddler.connections == 1
        assert len(meddler.seen) == 40


@pytest.mark.slow
def test_a_client_goes_on_with_another_node_when_one_dies(tmp_path: Path) -> None:
    with (
        NodeProcess(tmp_path / "a.db", "-r", "0.05") as one,
        NodeProcess(tmp_path / "b.db", "-r", "0.05", "-i", one.address) as two,
        Client(NOBODY, one.address, two.address) as client,
        Client(two.address) as other,
    ):
        client["dies"].add("a")
        eventually(lambda: "a" in other["dies"], "the write is on the second node")
        one.kill()
        assert set(client["dies"]) == {"a"}
        client["dies"] |= {"b", "c"}
        assert set(other["dies"]) == {"a", "b", "c"}
        two.kill()
        client.caller.patience = type(client.caller.patience)(retries=0)
        with pytest.raises(Unreachable, match="Nothing was done") as caught:
            client["dies"].add("d")
        for address in (NOBODY, one.address, two.address):
            assert f"{address} does not answer: connection refused" in str(caught.value)


@pytest.mark.slow
def test_a_node_that_is_starting_is_waited_for(tmp_path: Path) -> None:
    with NodeProcess(tmp_path / "a.db") as node, Client(node.address, retries=50) as client:
        client["starts"].add("a")
        node.stop()
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(lambda: client["starts"].add("b"))
            node.start()
            waiting.result(30)
        assert set(client["starts"]) == {"a", "b"}


@pytest.mark.slow
def test_a_token_is_shown_and_what_it_does_not_grant_is_refused(tmp_path: Path) -> None:
    with ExitStack() as stack:
        nodes = Nodes(tmp_path, stack)
        node = nodes.first()
        token, record = nodes.record([["write", "team-*"], ["read", "log"]])
        node.put_record(record)
        client = stack.enter_context(Client(node.address, token=token))
        team = client["team-red"]
        team |= {"ann", "bob"}
        assert (len(team), set(team), team & {"ann"}) == (2, {"ann", "bob"}, {"ann"})
        assert len(client["log"]) == 0
        assert client["log"].contains_each(["a"]) == [False]
        for refused in (
            lambda: client["log"].add("a"),
            lambda: len(client["other"]),
            lambda: client["other"].contains_each(["a"]),
            lambda: set(client["_tokens_"]),
        ):
            with pytest.raises(Forbidden):
                refused()
        assert token not in repr(client) + repr(vars(client.caller))
        for wrong in (None, "wrong" * 10):
            with Client(node.address, token=wrong) as stranger, pytest.raises(Unauthenticated):
                stranger["team-red"].add("eve")
        with Client(node.address, token=ADMIN) as admin:
            assert len(admin["_tokens_"]) == 1


@pytest.mark.slow
async def test_tls_is_spoken_by_both_and_a_strange_certificate_is_not_believed(
    tmp_path: Path,
) -> None:
    folders = [tmp_path / name for name in ("ours", "theirs")]
    ours, theirs = (made(folder) for folder in folders)
    cert, key = ours.folder / "127.0.0.1.pem", ours.folder / "127.0.0.1.key"
    with NodeProcess(
        tmp_path / "a.db", "--tls-cert", str(cert), "--tls-key", str(key), "--tls-ca", str(ours.ca)
    ) as node:
        with Client(node.address, tls_ca=ours.ca) as client:
            client["tls"] |= {"a", "b"}
            assert set(client["tls"]) == {"a", "b"}
        async with AsyncClient(node.address, tls=ours.client()) as again:
            assert await again["tls"].members() == {"a", "b"}
            async with AsyncClient(node.address, tls_ca=theirs.ca, retries=0) as stranger:
                with pytest.raises(Unreachable, match="certificate is not believed"):
                    await stranger["tls"].length()
        with (
            Client(node.address, tls_ca=theirs.ca, retries=0) as stranger_too,
            pytest.raises(Unreachable, match="certificate is not believed"),
        ):
            len(stranger_too["tls"])
        with Client(node.address, retries=0) as plain, pytest.raises(Unreachable, match="TLS"):
            len(plain["tls"])
    with pytest.raises(ConfigError):
        Client(NOBODY, tls_ca=tmp_path / "no.pem")


@pytest.mark.slow
async def test_liars_get_nothing_through_but_errors_of_ours() -> None:
    bodies = (
        *(b"", b"true", b"null", b"<html>", b"[" * 10_000, b'{"present": "x", "tombstones": 0}'),
        *(b'{"present": [true, true]}', b'{"members": ["a"], "after": ""}'),
        b'{"members": [], "membersBase64": ["!"], "after": null}',
    )

    def ask(address: str) -> None:
        with Client(address, retries=0, timeout_s=0.2) as client:
            one = client["s"]
            for call in (
                lambda: len(one),
                lambda: set(one),
                lambda: one.contains_each(["a"]),
                one.state,
                lambda: one.add("a"),
                lambda: list(client.sets()),
                lambda: next(one.watch()),
            ):
                with pytest.raises(Unreachable):
                    call()

    for body in bodies:
        async with answering(body) as address:
            await asyncio.to_thread(ask, address)


def test_a_closed_client_says_so_and_may_be_closed_again(node_process: NodeProcess) -> None:
    client = Client(node_process.address)
    client["closed"].add("a")
    client.close()
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        client["closed"].add("b")


async def test_an_asynchronous_client_is_used_within_its_context(
    node_process: NodeProcess,
) -> None:
    client = AsyncClient(node_process.address)
    with pytest.raises(RuntimeError, match="async with"):
        await client["closed"].length()
    async with client:
        await client["closed"].length()
    await client.close()
    async with client:
        await client["closed"].length()


def test_a_client_that_was_not_closed_warns_once(node_process: NodeProcess) -> None:
    client = Client(node_process.address)
    client["warns"].add("a")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del client
        gc.collect()
    assert [warning.category for warning in caught] == [ResourceWarning]


async def test_an_asynchronous_client_that_was_not_closed_warns_once(
    node_process: NodeProcess,
) -> None:
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # aiohttp tells it, too
    client = await AsyncClient(node_process.address).__aenter__()
    await client["warns"].add("a")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del client
        gc.collect()
        await asyncio.sleep(0)
    assert [warning.category for warning in caught] == [ResourceWarning]


def test_what_is_no_address_is_refused() -> None:
    for addresses in ((), ("a",), ("http://a:1",)):
        with pytest.raises(InvalidAddress):
            Client(*addresses)


def test_the_client_imports_without_the_servers_parts() -> None:
    """The blocking one and the file without an event loop as well."""
    code = (
        "import json, sys\n"
        "import lastword.client\n"
        "from lastword.client import Client, OfflineSet\n"
        "blocking = set(sys.modules)\n"
        "from lastword.client import AsyncClient\n"
        "rooms = {name.split('.')[1] for name in sys.modules if name.startswith('lastword.')}\n"
        "print(json.dumps([sorted(rooms), sorted(blocking), sorted(sys.modules)]))"
    )
    ended = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
    rooms, blocking, both = map(set, json.loads(ended.stdout))
    assert rooms <= {"errors", "limits", "address", "crdt", "wall", "client"}
    servers = {"apsw", "uvloop", "httptools", "typer", "rich", "hiredis", "prometheus_client"}
    assert not servers & both
    assert not {"asyncio", "aiohttp"} & blocking
