"""What a node says of its last hour: what clients did, and what went between nodes."""

import json

from tests.api.living_node import LivingNode


async def test_a_node_counts_what_its_clients_do_and_what_others_bring_it_does_not(
    node: LivingNode,
) -> None:
    begun = node.node.history._take()
    await node.say("PUT", "/s", ["a", "b", "c"])
    await node.ask("DELETE", "/s/a")
    await node.plant([(b"s", b"from elsewhere", 2 * (node.wall() + 1))])
    for path in ("/s/a", "/s/b", "/s", "/s?members"):
        await node.ask("GET", path)
    ended = node.node.history._take()
    assert ended.writes - begun.writes == 4
    assert ended.reads - begun.reads == 4
    assert ended.received_bytes > begun.received_bytes
    assert ended.sent_bytes > begun.sent_bytes
    assert ended.commits[-1] - begun.commits[-1] >= 3


async def test_history_is_answered_as_json(node: LivingNode) -> None:
    answer = await node.ask("GET", "/_/history")
    said = json.loads(answer.body)
    assert (answer.status, said["intervalSeconds"]) == (200, 10.0)
    assert isinstance(said["stretches"], list)
