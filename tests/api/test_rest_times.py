"""The times that writes get, that they answer with, and that clients may give."""

import json

import pytest

from lastword.crdt.stamp import pack
from lastword.limits import MAX_SKEW_US_DEFAULT, TIME_MAX
from tests.api.http.raw_http import Answer
from tests.api.living_node import NOW_US, LivingNode

LIMIT_US = NOW_US + MAX_SKEW_US_DEFAULT
"""The greatest time that a client may give while the wall stands still."""

YEARS_AHEAD = NOW_US + 10 * 365 * 86_400 * 1_000_000


def time_of(answer: Answer) -> int:
    assert answer.status == 200, answer.body
    return int(answer.headers[b"lastword-time"])


def code_of(answer: Answer) -> object:
    return json.loads(answer.body)["error"]["code"]


# Times that the node gives.


async def test_every_write_answers_with_the_time_under_which_it_is_held(
    node: LivingNode,
) -> None:
    put = time_of(await node.ask("PUT", "/s/a"))
    deleted = time_of(await node.ask("DELETE", "/s/b"))
    listed = time_of(await node.say("PUT", "/s", ["c", "d"]))
    patched = time_of(await node.say("PATCH", "/s", {"add": ["e"], "remove": ["f"]}))
    merged = time_of(await node.say("POST", "/s", {"lwwAdded": {"g": 9, "h": 7}}))
    assert NOW_US <= put < deleted < listed < patched
    assert await node.state("s") == {
        "lwwAdded": {"a": put, "c": listed, "d": listed, "e": patched, "g": 9, "h": merged},
        "lwwRemoved": {"b": deleted, "f": patched},
    }


async def test_of_several_times_the_smallest_is_answered(node: LivingNode) -> None:
    await node.plant([(b"s", b"ahead", pack(YEARS_AHEAD, removed=True))])
    answered = time_of(await node.say("PUT", "/s", ["ahead", "a"]))
    assert (await node.state("s"))["lwwAdded"] == {"a": answered, "ahead": YEARS_AHEAD + 1}
    assert time_of(await node.say("POST", "/s", {"lwwAdded": {"x": 30, "y": 20, "z": 40}})) == 20


async def test_reads_and_refusals_answer_with_no_time(node: LivingNode) -> None:
    await node.ask("PUT", "/s/a")
    for method, path in (("GET", "/s"), ("GET", "/s/a"), ("PUT", "/s/a?time=x")):
        assert b"lastword-time" not in (await node.ask(method, path)).headers


async def test_times_rise_while_the_wall_stands_still_or_steps_back(node: LivingNode) -> None:
    times = [time_of(await node.ask("PUT", "/s/a")) for _ in range(3)]
    node.wall.now_us -= MAX_SKEW_US_DEFAULT // 2
    times += [time_of(await node.ask("DELETE", "/s/a")) for _ in range(3)]
    node.wall.now_us += 2 * MAX_SKEW_US_DEFAULT
    times.append(time_of(await node.ask("PUT", "/s/a")))
    assert times == sorted(set(times))
    assert times[-1] == node.wall.now_us
    assert (await node.ask("GET", "/s/a")).body == b"true"


async def test_times_come_after_those_that_were_merged(node: LivingNode) -> None:
    await node.say("POST", "/s", {"lwwAdded": {"a": LIMIT_US}})
    assert time_of(await node.ask("DELETE", "/s/b")) > LIMIT_US


async def test_a_write_after_a_stamp_from_the_future_is_seen(node: LivingNode) -> None:
    await node.plant(
        [
            (b"s", b"removed", pack(YEARS_AHEAD, removed=True)),
            (b"s", b"added", pack(YEARS_AHEAD, removed=False)),
        ]
    )
    assert time_of(await node.ask("PUT", "/s/removed")) == YEARS_AHEAD + 1
    assert (await node.ask("GET", "/s/removed")).body == b"true"
    assert time_of(await node.ask("DELETE", "/s/added")) >= YEARS_AHEAD
    assert (await node.ask("GET", "/s/added")).body == b"false"


async def test_a_stamp_from_the_future_does_not_carry_other_elements_along(
    node: LivingNode,
) -> None:
    await node.plant([(b"s", b"ahead", pack(YEARS_AHEAD, removed=False))])
    await node.ask("DELETE", "/s/ahead")
    assert time_of(await node.ask("PUT", "/s/a")) < LIMIT_US


async def test_nothing_can_come_after_the_greatest_time(node: LivingNode) -> None:
    await node.plant([(b"s", b"a", pack(TIME_MAX, removed=True))])
    before = node.held()
    answer = await node.say("PATCH", "/s", {"add": ["other", "a"]})
    assert (answer.status, code_of(answer)) == (400, "invalid_time")
    assert node.held() == before


# Times that clients give.


@pytest.mark.parametrize("time", [0, 1, NOW_US, LIMIT_US])
async def test_a_time_of_the_clients_own_stands(node: LivingNode, time: int) -> None:
    assert time_of(await node.ask("PUT", f"/s/a?time={time}")) == time
    assert time_of(await node.ask("DELETE", f"/s/b?time={time}")) == time
    assert time_of(await node.say("PUT", f"/s?time={time}", ["c"])) == time
    assert time_of(await node.say("PATCH", f"/s?time={time}", {"add": ["d"]})) == time
    assert await node.state("s") == {
        "lwwAdded": {"a": time, "c": time, "d": time},
        "lwwRemoved": {"b": time},
    }


async def test_an_older_time_does_not_undo_what_is_newer(node: LivingNode) -> None:
    await node.ask("PUT", "/s/a?time=10")
    assert time_of(await node.ask("DELETE", "/s/a?time=9")) == 9
    assert (await node.ask("GET", "/s/a")).body == b"true"
    await node.ask("DELETE", "/s/a?time=10")
    assert (await node.ask("GET", "/s/a")).body == b"false"
    await node.ask("PUT", "/s/a?time=10")
    assert (await node.ask("GET", "/s/a")).body == b"false"


async def test_a_patch_at_a_time_leaves_out_what_is_newer_and_does_the_rest(
    node: LivingNode,
) -> None:
    await node.say("POST", "/s", {"lwwAdded": {"a": 10}})
    await node.say("PATCH", "/s?time=5", {"add": ["b"], "remove": ["a"]})
    assert await node.state("s") == {"lwwAdded": {"a": 10, "b": 5}, "lwwRemoved": {}}


@pytest.mark.parametrize("time", [LIMIT_US + 1, YEARS_AHEAD, TIME_MAX])
async def test_a_time_too_far_ahead_is_refused_whole(node: LivingNode, time: int) -> None:
    await node.ask("PUT", "/s/held")
    before = node.held()
    many = {str(number): 5 for number in range(2_999)}
    for answer in (
        await node.ask("PUT", f"/s/a?time={time}"),
        await node.ask("DELETE", f"/s/held?time={time}"),
        await node.say("PUT", f"/s?time={time}", ["a", "b"]),
        await node.say("PATCH", f"/s?time={time}", {"add": ["a"], "remove": ["b"]}),
        await node.say("POST", "/s", {"lwwAdded": many | {"last": time}}),
        await node.say("POST", "/s", {"lwwRemoved": {"first": time} | many}),
    ):
        assert (answer.status, code_of(answer)) == (422, "future_time")
    assert node.held() == before


async def test_a_time_too_far_ahead_that_changes_nothing_is_taken(node: LivingNode) -> None:
    await node.plant([(b"s", b"a", pack(YEARS_AHEAD, removed=False))])
    before = node.held()
    for time in (LIMIT_US + 1, YEARS_AHEAD):
        assert time_of(await node.ask("PUT", f"/s/a?time={time}")) == time
        assert time_of(await node.say("POST", "/s", {"lwwAdded": {"a": time}})) == time
    assert node.held() == before


async def test_what_a_node_gave_out_it_takes_back(node: LivingNode) -> None:
    await node.plant([(b"s", b"ahead", pack(YEARS_AHEAD, removed=True))])
    await node.say("PATCH", "/s", {"add": ["a", "ahead"], "remove": ["b"]})
    state = (await node.ask("GET", "/s")).body
    before = node.held()
    assert (await node.ask("POST", "/s", state)).status == 200
    assert node.held() == before


@pytest.mark.parametrize(
    "query",
    [
        *("time=", "time=-1", "time=1.0", "time=1e3", "time=+1", "time=0x1", "time=%31"),
        *("time=NaN", "time=true", "time=1&time=1", "time=1&x=1"),
        *(f"time={TIME_MAX + 1}", "time=" + "9" * 5_000),
    ],
    ids=lambda query: query[:20],
)
async def test_what_is_no_time_is_refused(node: LivingNode, query: str) -> None:
    before = node.held()
    for answer in (
        await node.ask("PUT", f"/s/a?{query}"),
        await node.ask("DELETE", f"/s/a?{query}"),
        await node.say("PUT", f"/s?{query}", ["a"]),
        await node.say("PATCH", f"/s?{query}", {"add": ["a"]}),
    ):
        assert (answer.status, code_of(answer)) == (400, "invalid_time")
    assert node.held() == before


@pytest.mark.parametrize("time", [-1, TIME_MAX + 1, 1 << 64, 1.5, 1e3, "1", None, True, [1], {}])
async def test_a_state_with_what_is_no_time_is_refused(node: LivingNode, time: object) -> None:
    before = node.held()
    answer = await node.say("POST", "/s", {"lwwAdded": {"a": 1, "b": time}})
    assert (answer.status, code_of(answer)) == (400, "invalid_time")
    assert node.held() == before


@pytest.mark.parametrize("time", [b"9" * 5_000, b"NaN", b"Infinity", b"-Infinity", b"01", b"0x1"])
async def test_a_state_with_what_is_no_number_is_refused(node: LivingNode, time: bytes) -> None:
    before = node.held()
    answer = await node.ask("POST", "/s", b'{"lwwAdded":{"a":1,"b":%b}}' % time)
    assert answer.status == 400
    assert len(answer.body) < 1_000
    assert node.held() == before
