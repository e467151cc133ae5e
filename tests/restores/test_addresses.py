"""One node under several addresses, at once or one after the other."""

from pathlib import Path

import pytest

from tests.calls import call
from tests.node.test_cluster import free_ports
from tests.restores.cluster import Cluster, await_members, await_metric, await_rounds
from tests.restores.shown import (
    await_removed,
    await_state,
    expect_equal,
    metric,
    put,
    ready,
    remove,
    tombstones,
)
from tools.processes import NodeProcess

pytestmark = pytest.mark.slow


def by_name(node: NodeProcess) -> str:
    """Return another address that leads to a node."""
    return node.address.replace("127.0.0.1", "localhost")


def test_a_node_that_is_listed_twice_is_no_trouble(cluster: Cluster, tmp_path: Path) -> None:
    nodes = first, second = cluster.start(), cluster.start()
    for node in nodes:
        call(node.address, "PUT", f"/_peers_/{first.address}")
    twice = by_name(first)
    assert call(second.address, "PUT", f"/_peers_/{twice}").status == 200
    await_members([first, second], [first, second], twice)
    put(first, "a", "b")
    await_state([first, second], {"a", "b"})
    remove(second, "b")
    await_state([first, second], {"a"})
    cluster.collect(first, second)
    assert all(member["blocksSince"] is None for member in tombstones(second)["members"])

    first.restart()
    put(first, "c")
    await_state([first, second], {"a", "c"})
    await_rounds(first)
    await_members([first, second], [first, second], twice)
    call(second.address, "DELETE", f"/_peers_/{twice}")
    await_members([first, second], [first, second])
    first.restart()
    second.restart()
    remove(first, "c")
    await_state([first, second], {"a"})
    cluster.collect(first, second)
    await_members([first, second], [first, second])
    expect_equal(tmp_path, [first, second])


@pytest.mark.parametrize("other", ["name", "port"])
def test_a_renamed_node_leaves_its_old_address(
    cluster: Cluster, tmp_path: Path, other: str
) -> None:
    nodes = first, second, renamed = cluster.three()
    kept = {f"old{number}" for number in range(200)}
    put(renamed, *kept)
    put(first, "gone")
    await_state(nodes, kept | {"gone"})
    received = metric(first, "entries_received_total")

    renamed.stop()
    port = int(renamed.address.rpartition(":")[2]) if other == "name" else free_ports(1)[0]
    address = f"{'localhost' if other == 'name' else '127.0.0.1'}:{port}"
    again = cluster.start("--advertise", address, database=renamed.database, port=port)
    remove(second, "gone")

    now = [first, second, again]
    await_members(now, [first, second], address)
    assert ready(again)["address"] == address
    await_state(now, kept)
    cluster.collect(*now)
    # It reads on where it had read to, and nobody is sent again what he has.
    assert metric(again, "walks_from_start_total") == 0
    assert metric(first, "entries_received_total") < received + len(kept) / 2
    expect_equal(tmp_path, now)


def test_contact_points_at_every_start_list_nobody_twice_and_nobody_who_was_deleted(
    cluster: Cluster, tmp_path: Path
) -> None:
    ports = free_ports(3)
    told = [option for port in ports for option in ("-i", f"localhost:{port}")]
    nodes = [cluster.start(*told, port=port) for port in ports]
    listed = {f"localhost:{port}" for port in ports}
    await_members(nodes, [], *listed)
    gone, stay = nodes[2], nodes[:2]
    remove(gone, "first")  # with a collection all know that there is one who may
    await_removed(nodes, {"first"})
    cluster.collect(*nodes)
    gone.stop()
    listed.discard(f"localhost:{ports[2]}")
    call(stay[0].address, "DELETE", f"/_peers_/localhost:{ports[2]}")
    await_members(stay, [], *listed)

    for _ in range(2):
        for node in stay:
            node.restart()
        for node in stay:
            await_metric(node, "sends_failed_total", 1)  # it was told of the third one, and called
            await_rounds(node)
            assert ready(node)["address"] in listed
        await_members(stay, [], *listed)
    put(stay[0], "a")
    await_state(stay, {"a"})
    remove(stay[1], "a")
    await_state(stay, set())
    cluster.collect(*stay)
    expect_equal(tmp_path, stay)
