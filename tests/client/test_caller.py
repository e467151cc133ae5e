"""What a call does, step by step, on a clock that is moved by hand and without a network."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from lastword.client.answers import Answer
from lastword.client.caller import IN_DOUBT, NOT_DONE, Caller, Patience, Pause, Steps, Try
from lastword.client.nodes import REST_S, REST_S_MAX, Nodes
from lastword.client.requests import Broken, Outcome, Request
from lastword.errors import ClockOff, FutureTime, InvalidAddress, LastwordError, Unreachable

WRITE = Request("PATCH", "/s", body=b"{...}", writes=True, gets_time=True)
READ = Request("GET", "/s/e")
REFUSED = Broken("connection refused", arrived=False)
LOST = Broken("it closed the connection", arrived=True)


class World:
    """A clock, and a caller on it; `asked` are the requests that it made."""

    def __init__(self, *addresses: str, sticky: bool = True, **patience: Any) -> None:
        self.now_s = 100.0
        self.asked: list[tuple[str, str]] = []
        self.paused: list[float] = []
        nodes = Nodes(addresses or ("a:1", "b:2"), now_s=self.now, rng=Random(1), sticky=sticky)
        self.nodes = nodes
        self.caller = Caller(nodes, Patience(**patience), now_s=self.now, rng=Random(2))

    def now(self) -> float:
        return self.now_s

    def run(self, steps: Steps[Any], answer: Callable[[Try], Outcome]) -> Any:
        outcome: Outcome | None = None
        try:
            while True:
                step = steps.send(outcome)
                if isinstance(step, Pause):
                    self.paused.append(step.seconds)
                    self.now_s += step.seconds
                    outcome = None
                else:
                    self.asked.append((step.address, step.request.target))
                    outcome = answer(step)
        except StopIteration as done:
            return done.value

    def write(self, *outcomes: Outcome, takes_s: float = 1.0) -> Any:
        """Write; what each try comes to, after `takes_s`."""
        return self.follow(self.caller.write(WRITE), *outcomes, takes_s=takes_s)

    def follow(self, steps: Steps[Any], *outcomes: Outcome, takes_s: float = 1.0) -> Any:
        left = list(outcomes)

        def answer(_: Try) -> Outcome:
            self.now_s += takes_s
            return left.pop(0)

        result = self.run(steps, answer)
        assert left == []
        return result


def written(time: int) -> Answer:
    return Answer("a:1", 200, {"Lastword-Time": str(time)}, b"null")


def error(code: str, status: int, address: str = "a:1") -> Answer:
    body = b'{"error": {"code": "%b", "message": "no", "hint": "do"}}' % code.encode()
    return Answer(address, status, {}, body)


def test_a_write_that_nobody_may_have_taken_is_repeated_as_it_is() -> None:
    for outcome in (REFUSED, error("unavailable", 503), error("clock_off", 503)):
        world = World()
        assert world.write(outcome, written(7)) == 7
        assert world.asked == [("a:1", "/s"), ("b:2", "/s")]


@pytest.mark.parametrize("lost", [LOST, error("internal", 500), error("disk_failed", 507)])
def test_a_write_in_doubt_is_repeated_at_the_time_at_which_it_was_first_sent(
    lost: Outcome,
) -> None:
    world = World()
    node_then = 5_000_000_000
    first = node_then + 1_500_000  # a second after the write was sent, and half of one under way
    second = node_then + 2_000_000
    world.write(lost, written(first), written(second), written(node_then))
    assert world.asked[:3] == [("a:1", "/s"), ("b:2", "/s"), ("b:2", "/s")]
    assert world.asked[3:] == [("b:2", f"/s?time={node_then}")]


def test_the_time_is_fixed_by_the_first_repetition_and_the_same_for_all_further_ones() -> None:
    world = World("a:1", "b:2", "c:3")
    told = (written(2_000_000), written(3_000_000))
    world.write(LOST, *told, LOST, error("internal", 500), written(1_000_000))
    assert [target for _, target in world.asked][-3:] == ["/s?time=1000000"] * 3
    assert [address for address, _ in world.asked] == ["a:1", *["b:2"] * 3, "c:3", "a:1"]


def test_what_was_refused_before_does_not_count_for_the_time() -> None:
    world = World("a:1", "b:2", "c:3")
    world.write(REFUSED, LOST, written(9_000_000), written(10_000_000), written(8_000_000))
    assert world.asked[-1] == ("c:3", "/s?time=8000000")


def test_a_repetition_comes_after_all_that_the_client_was_told_before_the_call() -> None:
    world = World()
    world.write(written(5_000_000))
    assert world.caller.told == 5_000_000
    world.write(LOST, written(5_500_000), written(6_500_000), written(5_000_001))
    assert world.asked[-1] == ("b:2", "/s?time=5000001")


def test_a_node_that_does_not_tell_its_time_is_passed_over() -> None:
    world = World("a:1", "b:2", "c:3")
    world.write(LOST, REFUSED, written(3_000_000), written(4_000_000), written(1_000_000))
    assert world.asked[2:] == [("c:3", "/s"), ("c:3", "/s"), ("c:3", "/s?time=1000000")]


def test_a_write_with_a_time_and_a_read_are_repeated_as_they_are() -> None:
    for request in (WRITE.at(5), READ):
        world = World()
        world.follow(world.caller.call(request, Answer.time), LOST, written(5))
        assert world.asked == [("a:1", request.target), ("b:2", request.target)]


def test_a_refusal_that_is_the_callers_fault_is_raised_at_once() -> None:
    world = World()
    with pytest.raises(FutureTime) as caught:
        world.write(error("future_time", 422))
    assert not hasattr(caught.value, "__notes__")
    with pytest.raises(FutureTime) as caught:
        world.write(LOST, written(3_000_000), written(4_000_000), error("future_time", 422))
    assert "may have been done" in caught.value.__notes__[0]


def test_the_error_at_the_end_names_each_node_and_what_it_said() -> None:
    world = World(retries=0)
    with pytest.raises(Unreachable) as caught:
        world.write(REFUSED, error("clock_off", 503, "b:2"))
    assert str(caught.value) == (
        f"a:1 does not answer: connection refused; b:2 refused: no. {NOT_DONE}"
    )
    with pytest.raises(Unreachable, match=IN_DOUBT):
        world.write(LOST, REFUSED)


def test_one_node_that_refuses_says_so_itself() -> None:
    world = World("a:1", retries=1)
    with pytest.raises(ClockOff, match="a:1 refused: no"):
        world.write(error("clock_off", 503), error("clock_off", 503))
    assert len(world.paused) == 1


def test_retries_are_bounded_and_their_pauses_grow_by_chance() -> None:
    world = World("a:1", retries=6)
    with pytest.raises(LastwordError):
        world.write(*[REFUSED] * 7, takes_s=0.0)
    assert len(world.paused) == 6
    for number, seconds in enumerate(world.paused):
        most = min(0.2 * 2**number, 2.0)
        assert most / 2 <= seconds <= most


def test_a_call_ends_in_its_time() -> None:
    world = World(timeout_s=5.0, try_timeout_s=2.0, retries=100)
    limits: list[float] = []

    def hang(step: Try) -> Outcome:
        limits.append(step.timeout_s)
        world.now_s += step.timeout_s
        return LOST

    with pytest.raises(Unreachable):
        world.run(world.caller.call(READ, Answer.presence), hang)
    assert world.now_s == pytest.approx(105.0)
    assert max(limits) == 2.0


def test_a_client_stays_with_the_node_that_answered_last() -> None:
    world = World("a:1", "b:2", "c:3")
    world.write(REFUSED, written(1))
    world.now_s += 10 * REST_S_MAX
    world.write(written(2))
    assert [address for address, _ in world.asked] == ["a:1", "b:2", "b:2"]


def test_a_client_that_is_not_sticky_asks_in_turn() -> None:
    world = World("a:1", "b:2", sticky=False)
    for time in range(4):
        world.write(written(time))
    assert [address for address, _ in world.asked] == ["a:1", "b:2", "a:1", "b:2"]


def test_a_node_that_failed_rests_longer_each_time_and_is_asked_last() -> None:
    world = World("a:1", "b:2", "c:3")
    for number in range(12):
        world.nodes.failed("a:1")
        due_s = min(REST_S * 2**number, REST_S_MAX)
        assert world.nodes.order() == ["b:2", "c:3", "a:1"]
        world.now_s += due_s
        assert world.nodes.order() == ["a:1", "b:2", "c:3"]
    world.nodes.answered("a:1")
    world.nodes.failed("a:1")
    world.now_s += REST_S
    assert world.nodes.order()[0] == "a:1"


def test_the_order_is_the_given_one_or_one_of_chance_and_has_each_address_once() -> None:
    addresses = [f"n{number}:1" for number in range(20)]
    given = Nodes([*addresses, *addresses], now_s=lambda: 0.0, rng=Random(3))
    assert given.order() == addresses
    shuffled = Nodes(addresses, now_s=lambda: 0.0, rng=Random(3), shuffled=True).order()
    assert shuffled != addresses
    assert sorted(shuffled) == sorted(addresses)


@pytest.mark.parametrize("addresses", [(), ("a",), tuple(f"n{n}:1" for n in range(101))])
def test_too_few_or_too_many_addresses_or_none_are_refused(addresses: tuple[str, ...]) -> None:
    with pytest.raises(InvalidAddress):
        Nodes(addresses, now_s=lambda: 0.0, rng=Random(3))
