"""`GET /<set>?watch`, `GET /_/watch`: what is told, in which form, and what is refused."""

import asyncio
import json
from typing import Any

import pytest

from lastword.node.watch_limits import WatchLimits
from tests.api.conftest import StartNode
from tests.api.http.raw_http import until
from tests.api.living_node import LIMITS, LivingNode
from tests.api.test_rest_refusals import refuse
from tests.api.watch_reader import WatchReader, parsed, told


async def test_a_watch_says_where_it_begins_and_then_what_changes(node: LivingNode) -> None:
    await node.ask("PUT", "/s/old")
    watch = await WatchReader.open(node, "/s?watch")
    opened = await watch.next()
    assert opened == {"event": "open", "cursor": f"{node.store.run:x}-{node.store.log_end:x}"}
    answer = await node.ask("PUT", "/s/a")
    event = await watch.next()
    assert event == {
        "event": "add",
        "set": "s",
        "element": "a",
        "time": int(answer.headers[b"lastword-time"]),
        "cursor": f"{node.store.run:x}-{node.store.log_end:x}",
    }
    await node.ask("DELETE", "/s/a")
    assert told(await watch.next()) == ("remove", "s", "a")


async def test_other_sets_are_not_told_of(node: LivingNode) -> None:
    watch = await WatchReader.open(node, "/s?watch")
    await watch.next()
    await node.ask("PUT", "/t/a")
    await node.ask("PUT", "/ss/a")
    await node.ask("PUT", "/s/a")
    assert told(await watch.next()) == ("add", "s", "a")


async def test_elements_that_are_no_text_come_in_base64(node: LivingNode) -> None:
    watch = await WatchReader.open(node, "/s?watch")
    await watch.next()
    await node.ask("PUT", "/s/%FF")
    event = await watch.next()
    assert (event["elementBase64"], "element" in event) == ("/w==", False)


async def test_many_sets_are_watched_by_prefix_in_the_logs_order(node: LivingNode) -> None:
    watch = await WatchReader.open(node, "/_/watch?prefix=a%20")
    await watch.next()
    lines = [{"set": name, "add": ["x"]} for name in ("a 1", "b", "a 2", "a", "a 1")]
    lines[-1]["add"] = ["y"]
    body = "\n".join(map(json.dumps, lines)).encode()
    assert (await node.ask("POST", "/_/bulk", body)).status == 200
    assert [told(event) for event in await watch.some(3)] == [
        ("add", "a 1", "x"),
        ("add", "a 2", "x"),
        ("add", "a 1", "y"),
    ]


async def test_without_a_prefix_all_sets_are_watched_but_none_that_is_reserved(
    node: LivingNode,
) -> None:
    watch = await WatchReader.open(node, "/_/watch")
    await watch.next()
    await node.ask("PUT", "/_peers_/a:1")
    await node.ask("PUT", "/s/a")
    assert told(await watch.next()) == ("add", "s", "a")


@pytest.mark.parametrize("path", ["/_peers_?watch", "/_/watch?prefix=_peers_"])
async def test_members_are_watched_by_their_sets_own_name(node: LivingNode, path: str) -> None:
    watch = await WatchReader.open(node, path)
    await watch.next()
    await node.ask("PUT", "/s/a")
    await node.ask("PUT", "/_peers_/a:1")
    assert told(await watch.next()) == ("add", "_peers_", "a:1")


async def test_from_zero_the_newest_state_of_every_element_comes_first(node: LivingNode) -> None:
    await node.say("PUT", "/s", ["a", "b"])
    await node.ask("DELETE", "/s/a")
    await node.ask("PUT", "/t/x")
    watch = await WatchReader.open(node, "/s?watch&after=0")
    assert parsed((await watch.next())["cursor"])[1] == 0
    assert [told(event) for event in await watch.some(2)] == [
        ("add", "s", "b"),
        ("remove", "s", "a"),
    ]
    await node.ask("PUT", "/s/c")
    assert told(await watch.next()) == ("add", "s", "c")


@pytest.mark.parametrize("by_header", [True, False])
async def test_a_watch_goes_on_behind_a_cursor(node: LivingNode, by_header: bool) -> None:
    watch = await WatchReader.open(node, "/s?watch")
    await watch.next()
    await node.ask("PUT", "/s/a")
    cursor = (await watch.next())["cursor"]
    watch.client.close()
    await until(lambda: len(node.node.watchers) == 0)
    await node.ask("PUT", "/s/b")
    again = (
        await WatchReader.open(node, "/s?watch", {"Last-Event-ID": cursor})
        if by_header
        else await WatchReader.open(node, f"/s?watch&after={cursor}")
    )
    assert await again.next() == {"event": "open", "cursor": cursor}
    assert told(await again.next()) == ("add", "s", "b")


async def test_a_browser_that_connects_again_goes_on_and_not_back_to_its_query(
    node: LivingNode,
) -> None:
    """It sends the query that it began by, and the id of the last event that it had."""
    await node.ask("PUT", "/s/a")
    watch = await WatchReader.open(node, "/s?watch&after=0")
    cursor = (await watch.some(2))[-1]["cursor"]
    again = await WatchReader.open(node, "/s?watch&after=0", {"Last-Event-ID": cursor})
    await again.next()
    await node.ask("PUT", "/s/b")
    assert told(await again.next()) == ("add", "s", "b")


async def test_a_cursor_of_another_file_is_told_to_read_anew(
    node: LivingNode, start_node: StartNode
) -> None:
    await node.ask("PUT", "/s/a")
    other = await start_node()
    await other.ask("PUT", "/s/b")
    cursor = f"{node.store.run:x}-1"
    watch = await WatchReader.open(other, f"/s?watch&after={cursor}")
    here = f"{other.store.run:x}-{other.store.log_end:x}"
    assert await watch.some(2) == [
        {"event": "open", "cursor": cursor},
        {"event": "reset", "reason": "other_file", "cursor": here},
    ]
    await other.ask("PUT", "/s/c")
    assert told(await watch.next()) == ("add", "s", "c")


async def test_a_cursor_ahead_of_the_log_is_of_a_later_state_of_the_file(node: LivingNode) -> None:
    await node.ask("PUT", "/s/a")
    watch = await WatchReader.open(node, f"/s?watch&after={node.store.run:x}-ff")
    assert [event["event"] for event in await watch.some(2)] == ["open", "reset"]


async def test_a_collection_is_told_and_who_was_away_reads_anew(node: LivingNode) -> None:
    watch = await WatchReader.open(node, "/s?watch")
    await watch.next()
    await node.say("PUT", "/s", ["a", "b"])
    cursor = (await watch.some(2))[-1]["cursor"]
    await node.ask("DELETE", "/s/a")
    await watch.next()
    await asyncio.to_thread(collect_all, node)
    event = await watch.next()
    assert told(event) == ("collect", "s", "a")
    late = await WatchReader.open(node, f"/s?watch&after={cursor}")
    watch.client.close()
    assert (await late.next())["event"] == "open"
    # The feed still has the remove, so this one misses nothing.
    assert told(await late.next()) == ("remove", "s", "a")
    late.client.close()
    await until(lambda: len(node.node.watchers) == 0)
    away = await WatchReader.open(node, f"/s?watch&after={cursor}")
    assert [event["event"] for event in await away.some(2)] == ["open", "reset"]
    assert away.cursor == f"{node.store.run:x}-{node.store.log_end:x}"


def collect_all(node: LivingNode) -> None:
    node.store.collect(dict(node.store.seen), 0, node.store.log_end, 1_000)


async def test_events_for_a_browser_have_kind_id_and_data(node: LivingNode) -> None:
    client = await node.client(node.request("GET", "/s?watch"))
    head = await client.read_answer(to_head=True)
    assert head.headers[b"content-type"] == b"text/event-stream"
    assert head.headers[b"cache-control"] == b"no-store"
    opened = await client.read_chunk()
    cursor = f"{node.store.run:x}-{node.store.log_end:x}".encode()
    data = b'{"event":"open","cursor":"%b"}' % cursor
    assert opened == b"event: open\nid: %b\ndata: %b\n\n" % (cursor, data)
    await node.ask("PUT", "/s/a%0Ab")
    lines = (await client.read_chunk()).split(b"\n")
    assert [line.partition(b":")[0] for line in lines] == [b"event", b"id", b"data", b"", b""]
    assert json.loads(lines[2].partition(b": ")[2])["element"] == "a\nb"


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", b"text/event-stream"),
        ("*/*", b"text/event-stream"),
        ("text/event-stream", b"text/event-stream"),
        ("application/msgpack", b"text/event-stream"),
        ("application/json", b"text/event-stream"),
        ("application/x-ndjson", b"application/x-ndjson"),
        ("application/jsonl;q=0.5, */*;q=0.1", b"application/x-ndjson"),
        ("application/x-ndjson;q=0.5, text/event-stream", b"text/event-stream"),
        ("application/x-ndjson;q=0", b"text/event-stream"),
    ],
)
async def test_ndjson_comes_where_it_is_named_and_not_wanted_less(
    node: LivingNode, accept: str, kind: bytes
) -> None:
    client = await node.client(node.request("GET", "/s?watch", headers={"Accept": accept}))
    assert (await client.read_answer(to_head=True)).headers[b"content-type"] == kind


@pytest.mark.parametrize("path", ["/s?watch", "/_/watch"])
async def test_head_answers_and_does_not_watch(node: LivingNode, path: str) -> None:
    answer = await node.ask("HEAD", path, headers={"If-None-Match": "*"})
    assert (answer.status, answer.headers[b"content-type"]) == (200, b"text/event-stream")
    assert len(node.node.watchers) == 0


@pytest.mark.parametrize(
    "path",
    [
        "/s?watch=1",
        "/s?watch&limit=3",
        "/s?watch&watch",
        "/s?watch&after=x",
        "/s?watch&after=",
        "/s?watch&after=1",
        "/s?watch&after=0-0-0",
        "/s?watch&after=12345678123456781-0",
        "/s?watch&members",
        "/_/watch?prefix=%",
        "/_/watch?set=s",
        "/_/watch?prefix=" + "x" * 256,
    ],
)
async def test_a_watch_that_cannot_be_meant_so_is_refused(node: LivingNode, path: str) -> None:
    assert (await refuse(node, "GET", path)).status == 400
    assert len(node.node.watchers) == 0


async def test_tokens_are_not_watched(start_node: StartNode) -> None:
    node = await start_node(LIMITS, WatchLimits(beat_s=0.05, sweep_s=0.01))
    assert (await refuse(node, "GET", "/_tokens_?watch")).status == 403
    watch = await WatchReader.open(node, "/_/watch?prefix=_tokens_&after=0")
    await node.plant([(b"_tokens_", b"x", 1 << 52)])
    events = [await watch.next()]
    while parsed(events[-1]["cursor"])[1] < node.store.log_end:
        events.append(await watch.next())
    assert {event["event"] for event in events} == {"open", "beat"}


async def test_one_watcher_too_many_is_told_so_and_counted(start_node: StartNode) -> None:
    node = await start_node(LIMITS, WatchLimits(watchers_max=2))
    watches = [await WatchReader.open(node, "/s?watch") for _ in range(2)]
    answer = await node.ask("GET", "/s?watch")
    assert answer.status == 503
    assert json.loads(answer.body)["error"]["code"] == "unavailable"
    assert node.node.watchers.refused == 1
    watches[0].client.close()
    await until(lambda: len(node.node.watchers) == 1)
    await WatchReader.open(node, "/s?watch")


async def test_what_is_told_is_counted(node: LivingNode) -> None:
    watches = [await WatchReader.open(node, "/s?watch&after=77-1") for _ in range(3)]
    for watch in watches:
        await watch.until("reset")
    await node.say("PUT", "/s", ["a", "b"])
    for watch in watches:
        await watch.some(2)
    text = (await node.ask("GET", "/_/metrics")).body.decode()
    assert "lastword_watchers 3.0\n" in text
    assert "lastword_watch_events_total 6.0\n" in text
    assert 'lastword_watch_resets_total{reason="other_file"} 3.0\n' in text
    assert 'lastword_watch_resets_total{reason="slow"} 0.0\n' in text
    assert "lastword_watchers_refused_total 0.0\n" in text


async def test_a_silent_stream_beats_with_the_cursor_of_what_others_did(
    start_node: StartNode,
) -> None:
    node = await start_node(LIMITS, WatchLimits(beat_s=0.05, sweep_s=0.01))
    watch = await WatchReader.open(node, "/s?watch")
    await watch.next()
    await node.ask("PUT", "/t/a")
    here = f"{node.store.run:x}-{node.store.log_end:x}"
    events: list[dict[str, Any]] = [await watch.next()]
    while events[-1]["cursor"] != here:
        events.append(await watch.next())
    assert {event["event"] for event in events} == {"beat"}
    await node.ask("PUT", "/s/b")
    found = await watch.until("add")
    assert told(found[-1]) == ("add", "s", "b")


async def test_a_beat_is_no_event_for_a_browser_and_gives_it_an_id(start_node: StartNode) -> None:
    node = await start_node(LIMITS, WatchLimits(beat_s=0.05, sweep_s=0.01))
    client = await node.client(node.request("GET", "/s?watch"))
    await client.read_answer(to_head=True)
    await client.read_chunk()
    cursor = f"{node.store.run:x}-{node.store.log_end:x}".encode()
    assert await client.read_chunk() == b": beat\nid: %b\n\n" % cursor


async def test_streams_end_in_order_when_the_node_stops(node: LivingNode) -> None:
    watches = [await WatchReader.open(node, path) for path in ("/s?watch", "/_/watch")]
    for watch in watches:
        await watch.next()
    await node.server.close(drain_s=60)
    for watch in watches:
        with pytest.raises(EOFError, match="the stream ended"):
            await watch.next()
        assert await watch.client.read_rest() == b""


async def test_a_write_by_another_node_is_told_like_any_other(node: LivingNode) -> None:
    watch = await WatchReader.open(node, "/s?watch")
    await watch.next()
    await node.plant([(b"s", b"x", 2 << 50)])
    assert told(await watch.next()) == ("add", "s", "x")
