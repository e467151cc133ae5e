"""`GET /<set>/<element>?explain`: why an element is as it is, for every case that there is."""

import json
from typing import Any

import msgspec

from lastword.client.explanation import Explanation
from lastword.client.text import shown_time
from lastword.crdt.stamp import pack
from lastword.store.operations import Collect, Write
from tests.api.conftest import StartNode
from tests.api.living_node import NOW_US, STRANGER, STRANGER_RUN, LivingNode

SECOND_US = 1_000_000
HOUR_US = 3_600 * SECOND_US
NOW = shown_time(NOW_US)


async def explained(node: LivingNode, path: str = "/s/e") -> Any:
    answer = await node.ask("GET", f"{path}?explain")
    assert answer.status == 200, answer
    msgspec.json.decode(answer.body, type=Explanation)
    return json.loads(answer.body)


async def test_of_what_was_never_written_nothing_is_held(node: LivingNode) -> None:
    said = await explained(node)
    assert (said["state"], said["present"], said["time"], said["tie"]) == (
        "unknown",
        False,
        None,
        False,
    )
    assert said["why"] == "Nothing is held of it: no write to it has ever reached this node."


async def test_an_add_is_told_with_its_time_dot_and_taker(node: LivingNode) -> None:
    await node.ask("PUT", "/s/e")
    said = await explained(node)
    assert (said["present"], said["state"], said["time"]) == (True, "added", NOW_US)
    assert said["timeText"] == NOW
    assert said["dot"] == {"run": f"{node.store.run:016x}", "number": node.store.log_end}
    assert said["takenBy"] == {"address": None, "thisNode": True}
    assert said["learned"] == {"from": NOW_US, "to": NOW_US + 100_000}
    assert said["element"] == "e"
    assert said["why"] == (
        f"It is in the set: the latest write that is known is the add of {NOW}, "
        "taken by this node."
    )


async def test_a_removed_one_is_told_with_the_add_that_it_replaced(node: LivingNode) -> None:
    await node.ask("PUT", "/s/e")
    node.wall.now_us += 5 * SECOND_US
    await node.ask("DELETE", "/s/e")
    said = await explained(node)
    (lost,) = said["superseded"]
    assert (lost["state"], lost["time"], lost["at"]) == ("added", NOW_US, NOW_US + 5 * SECOND_US)
    assert lost["takenBy"]["thisNode"]
    assert (said["present"], said["tie"]) == (False, False)
    assert said["why"] == (
        "It is not in the set: the latest write that is known is the remove of "
        f"{shown_time(NOW_US + 5 * SECOND_US)}, taken by this node; it took the place of an add "
        f"of {NOW}, taken by this node, 5.000 s before."
    )


async def test_an_add_that_vanished_is_told_with_what_it_lost_against(node: LivingNode) -> None:
    """The remove is of a node whose clock was an hour ahead; the add came here after it."""
    ahead = NOW_US + HOUR_US
    await node.plant([(b"s", b"e", pack(ahead, removed=True))])
    await node.ask("PUT", f"/s/e?time={NOW_US}")
    said = await explained(node)
    (lost,) = said["refused"]
    assert (lost["state"], lost["time"], lost["dot"], lost["takenBy"]) == (
        "added",
        NOW_US,
        None,
        None,
    )
    assert said["takenBy"] == {"address": STRANGER, "thisNode": False}
    assert said["dot"]["run"] == f"{STRANGER_RUN:016x}"
    assert said["ahead"] == HOUR_US
    assert said["why"] == (
        "It is not in the set: the latest write that is known is the remove of "
        f"{shown_time(ahead)}, taken by {STRANGER}; an add of {NOW}, given by a client with a "
        f"time of its own, arrived at {NOW} and changed nothing, since its time is 60 min before "
        "that; its time was 60 min ahead of this node's clock when it came, so whoever gave it "
        "has a clock that was ahead, and for another 60 min what is written elsewhere loses "
        "against it (lastword doctor --add or --remove settles it)."
    )
    node.wall.now_us += 2 * HOUR_US
    later = await explained(node)
    assert later["ahead"] == 0
    assert "has a clock that was ahead." in later["why"]


async def test_the_tie_rule_is_named_where_it_decided(node: LivingNode) -> None:
    await node.ask("DELETE", f"/s/e?time={NOW_US}")
    assert (await explained(node))["tie"] is None
    await node.plant([(b"s", b"other", pack(NOW_US, removed=False))])
    await node.ask("PUT", f"/s/e?time={NOW_US}")
    said = await explained(node)
    assert (said["present"], said["tie"]) == (False, True)
    assert "an add has the very same time" in said["why"]
    assert said["why"].endswith("at equal times the remove wins.")


async def test_a_forgotten_tombstone_is_told_from_what_never_was(node: LivingNode) -> None:
    await node.ask("PUT", "/s/kept")
    removed = node.wall.now_us = NOW_US + SECOND_US
    await node.ask("DELETE", "/s/e")
    store = node.store
    store.execute(Collect(dict(store.seen), 0, store.log_end, 10))
    said = await explained(node)
    assert (said["state"], said["collectedTime"]) == ("unknown", removed)
    assert "the tombstone was forgotten at" in said["why"]
    never = await explained(node, "/s/never")
    assert never["why"] == (
        "Nothing is held of it: either no write to it ever reached this node, or it was removed, "
        f"at {shown_time(removed)} or before, and the tombstone is forgotten by now."
    )


async def test_members_are_told_with_whether_they_are_known_to_have_it(
    start_node: StartNode,
) -> None:
    node = await start_node()
    store = node.store
    store.execute(Write(b"_peers_", add=(b"gone.invalid:1", STRANGER.encode())))
    await node.plant([(b"s", b"e", pack(NOW_US, removed=False))])
    said = {at["address"]: at for at in (await explained(node))["members"]}
    assert said["gone.invalid:1"] == {"address": "gone.invalid:1", "has": False, "heard": None}
    assert said[STRANGER]["has"]
    assert 0 <= said[STRANGER]["heard"] < 60 * SECOND_US
    await node.ask("PUT", "/s/e")
    (stranger,) = [at for at in (await explained(node))["members"] if at["address"] == STRANGER]
    assert not stranger["has"]


async def test_an_element_that_is_no_text_stands_in_base64(node: LivingNode) -> None:
    await node.ask("PUT", "/s/%ff")
    said = await explained(node, "/s/%ff")
    assert (said["elementBase64"], "element" in said) == ("/w==", False)


async def test_nothing_else_is_asked_in_the_same_query(node: LivingNode) -> None:
    for query in ("explain=1", "explain&time=1", "Explain", "explain&explain"):
        answer = await node.ask("GET", f"/s/e?{query}")
        assert (answer.status, json.loads(answer.body)["error"]["code"]) == (
            400,
            "invalid_request",
        )
    packed = await node.ask("GET", "/s/e?explain", headers={"Accept": "application/msgpack"})
    assert msgspec.msgpack.decode(packed.body)["state"] == "unknown"
