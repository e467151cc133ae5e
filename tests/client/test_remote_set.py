"""A remote set beside a set of Python's: whatever is done to both, both are the same."""

import operator
from collections.abc import Callable, Iterator, MutableSet
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lastword import LWWSet
from lastword.client import Client, RemoteSet
from lastword.crdt.stamp import pack
from lastword.errors import (
    FutureTime,
    InvalidElement,
    InvalidSetName,
    InvalidTime,
    UnknownPath,
)
from lastword.limits import ELEMENT_BYTES_MAX, PATCH_ELEMENTS_MAX, TIME_MAX
from tools.processes import NodeProcess

NAMES = count()
ELEMENTS = st.sampled_from(["", "a", "b", "c", "a/b", "é", "😀", "\0", "%", "."])
OTHERS = st.sets(ELEMENTS, max_size=6)
FEW = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="package")
def client(node_process: NodeProcess) -> Iterator[Client]:
    with Client(node_process.address) as found:
        yield found


def new(client: Client, elements: set[str] = frozenset()) -> RemoteSet[str]:  # type: ignore[assignment]
    made = client[f"set {next(NAMES)}"]
    made |= elements
    return made


OPERATIONS: list[Callable[[MutableSet[str], str, set[str]], Any]] = [
    lambda one, element, _: one.add(element),
    lambda one, element, _: one.discard(element),
    lambda one, element, _: one.remove(element),
    lambda one, *_: one.clear(),
    lambda one, _, others: one.__ior__(others),
    lambda one, _, others: one.__isub__(others),
    lambda one, _, others: one.__iand__(others),
    lambda one, _, others: one.__ixor__(others),
]
QUESTIONS: list[Callable[[Any, str, set[str]], Any]] = [
    lambda one, element, _: element in one,
    lambda one, *_: len(one),
    lambda one, *_: sorted(one),
    lambda one, *_: bool(one),
    *(
        lambda one, _, others, ask=ask: ask(one, others)
        for ask in (
            *(operator.and_, operator.or_, operator.sub, operator.xor),
            *(operator.eq, operator.ne, operator.le, operator.lt, operator.ge, operator.gt),
        )
    ),
    *(
        lambda one, _, others, ask=ask: ask(others, one)
        for ask in (
            *(operator.and_, operator.or_, operator.sub, operator.xor),
            *(operator.eq, operator.ne, operator.le, operator.lt, operator.ge, operator.gt),
        )
    ),
    lambda one, _, others: one.isdisjoint(others),
]


def outcome(of: Callable[[], Any]) -> Any:
    """Return what comes of it: sets in place are nothing, and errors are their type."""
    try:
        result = of()
    except KeyError as error:
        return type(error), error.args
    return None if isinstance(result, MutableSet) and not isinstance(result, set) else result


@FEW
@given(
    start=OTHERS,
    steps=st.lists(st.tuples(st.sampled_from(OPERATIONS), ELEMENTS, OTHERS), max_size=6),
)
def test_operations_do_what_they_do_to_a_set(
    client: Client, start: set[str], steps: list[tuple[Any, str, set[str]]]
) -> None:
    ours, model = new(client, start), set(start)
    for operation, element, others in steps:
        did = outcome(lambda: operation(ours, element, others))  # noqa: B023 - called at once
        expected = outcome(lambda: operation(model, element, others))  # noqa: B023
        assert did == (None if isinstance(expected, set) else expected)
        assert set(ours) == model


@FEW
@given(start=OTHERS, element=ELEMENTS, others=OTHERS)
def test_questions_are_answered_as_by_a_set(
    client: Client, start: set[str], element: str, others: set[str]
) -> None:
    ours = new(client, start)
    for ask in QUESTIONS:
        assert ask(ours, element, others) == ask(set(start), element, others)
    result = ours | others
    assert type(result) is set


@FEW
@given(start=OTHERS)
def test_pop_takes_each_element_once(client: Client, start: set[str]) -> None:
    ours = new(client, start)
    taken = [ours.pop() for _ in start]
    assert sorted(taken) == sorted(start)
    with pytest.raises(KeyError):
        ours.pop()


def test_another_remote_set_is_an_operand_like_any(client: Client) -> None:
    one, two = new(client, {"a", "b"}), new(client, {"b", "c"})
    assert (one & two, one | two, one - two, one ^ two) == ({"b"}, {*"abc"}, {"a"}, {*"ac"})
    assert one != two
    assert not one <= two
    assert not one.isdisjoint(two)
    one &= two
    one |= two
    assert one == two
    one -= one
    assert len(one) == 0


def test_what_is_not_text_is_in_no_set_of_text_and_cannot_be_added(client: Client) -> None:
    one = new(client, {"a"})
    for alien in (5, b"a", None, ("a",), "\ud800", "x" * (ELEMENT_BYTES_MAX + 1)):
        assert alien not in one
        assert one.contains_each([alien, "a"]) == [False, True]
        one.difference_update([alien])
    for alien in (5, b"a", None):
        with pytest.raises(TypeError, match="is text"):
            one.add(alien)  # type: ignore[arg-type]
    for element in ("\ud800", "x" * (ELEMENT_BYTES_MAX + 1)):
        with pytest.raises(InvalidElement):
            one.add(element)
    assert one == {"a"}
    assert one != {"a", 5}


def test_a_set_of_bytes_has_elements_of_any_bytes(client: Client) -> None:
    name = f"set {next(NAMES)}"
    raw = client.set_of_bytes(name)
    raw |= {b"\xff", b"", b"a"}
    raw.add(b"\xfe")
    assert raw == {b"\xff", b"", b"a", b"\xfe"}
    alien: object = "a"
    assert (b"\xff" in raw, b"b" in raw, alien in raw) == (True, False, False)
    assert raw.contains_each([b"a", b"\xfe", b"\xfd", b"a"]) == [True, True, False, True]
    assert "a" in client[name]
    with pytest.raises(InvalidElement, match="no text") as caught:
        set(client[name])
    assert "set_of_bytes" in caught.value.hint
    raw -= {b"\xff", b"\xfe"}
    assert set(client[name]) == {"", "a"}


def test_the_longest_elements_come_and_go(client: Client) -> None:
    one = new(client)
    elements = {letter * ELEMENT_BYTES_MAX for letter in "ab\0"} | {"é" * (ELEMENT_BYTES_MAX // 2)}
    for element in elements:
        one.add(element)
    assert all(element in one for element in elements)
    assert set(one) == elements
    one.clear()
    assert one.state().same_state(one.state())
    assert not one


@pytest.mark.slow
def test_more_than_a_bulk_and_a_page_go_in_several(client: Client) -> None:
    elements = {f"{number}é" for number in range(2 * PATCH_ELEMENTS_MAX + 1)}
    one = new(client, elements)
    assert len(one) == len(elements)
    assert set(one) == elements
    assert one == elements
    assert one <= elements
    assert one & elements == elements
    one -= {element for element in elements if element.startswith("1")}
    assert set(one.starting_with("2")) == {at for at in elements if at.startswith("2")}
    assert not set(one.starting_with("1"))
    one.clear()
    assert len(one) == 0


def test_iterating_goes_on_while_the_set_changes(client: Client) -> None:
    stays = {f"stays {number}" for number in range(5_000)}
    goes = {f"goes {number}" for number in range(5_000)}
    one, met = new(client, stays | goes), []
    for number, element in enumerate(one):
        met.append(element)
        if number == 10:
            one -= goes
            one |= {f"new {number}" for number in range(5_000)}
    assert len(met) == len(set(met))
    assert stays <= set(met)


def test_a_time_of_the_callers_own_is_its_last_word(client: Client) -> None:
    one = new(client)
    one.add("a", at=1_000)
    one.discard("a", at=999)
    assert "a" in one
    one.discard("a", at=1_000)
    assert "a" not in one
    assert one.state().stamp_of("a") == pack(1_000, removed=True)
    with pytest.raises(FutureTime):
        one.add("a", at=TIME_MAX)
    for wrong in (-1, TIME_MAX + 1, 1.5):
        with pytest.raises(InvalidTime):
            one.add("a", at=wrong)  # type: ignore[arg-type]


def test_a_state_goes_to_the_library_and_back(client: Client) -> None:
    one, two = new(client, {"a", "b"}), new(client)
    one.discard("b")
    copy = one.state()
    assert isinstance(copy, LWWSet)
    copy.add("c")
    two.merge(copy)
    assert two.state().same_state(copy)
    two |= one.state()
    assert two == {"a", "c"}
    two.merge(LWWSet())


@pytest.mark.slow
def test_a_large_state_is_merged_in_several_requests(client: Client) -> None:
    large: LWWSet[str] = LWWSet()
    large.merge_entries((f"{number}", pack(number, removed=False)) for number in range(51_000))
    one = new(client)
    one.merge(large)
    assert len(one) == 51_000
    assert one.state().same_state(large)


def test_sets_are_listed_with_their_counts(client: Client) -> None:
    for number in range(3):
        client[f"listed/{number}".replace("/", "-")].update({"a", "b"})
    client["listed-0"].discard("a")
    found = {at.name: (at.present, at.tombstones) for at in client.sets("listed-")}
    assert found == {"listed-0": (1, 1), "listed-1": (2, 0), "listed-2": (2, 0)}
    assert {"listed-0", "listed-1"} <= {at.name for at in client.sets()}


def test_a_set_is_changed_in_place_under_its_name_and_not_assigned(client: Client) -> None:
    client["in place"] |= {"a", "b"}
    client["in place"] -= {"a"}
    assert client["in place"] == {"b"}
    with pytest.raises(TypeError):
        client["in place"] = {"c"}  # type: ignore[assignment] # what is tested
    with pytest.raises(TypeError, match="cannot stand for"):
        client["in place"] = client["another"]
    assert client["in place"] == {"b"}


def test_names_that_no_set_has_are_refused_here_or_there(client: Client) -> None:
    for name in ("", "a/b", "é" * 128, "\ud800"):
        with pytest.raises(InvalidSetName):
            client[name]
    with pytest.raises(UnknownPath, match="reserved"):
        client["_mine"].add("a")
    assert set(client["_peers_"]) <= {at for at in client["_peers_"]}  # noqa: C416 - read twice


def test_a_set_that_nobody_wrote_to_is_empty(client: Client) -> None:
    one = client["nobody wrote to it"]
    assert (len(one), set(one), "a" in one, one == set()) == (0, set(), False, True)
    assert one.contains_each(["a"]) == [False]
    assert len(one.state().entries()) == 0
    one.clear()


def test_it_is_no_element_of_sets_and_shows_its_name(client: Client) -> None:
    with pytest.raises(TypeError):
        hash(client["fruit"])
    assert repr(client["fruit"]) == "RemoteSet('fruit')"
    assert isinstance(client["fruit"], MutableSet)
    with pytest.raises(TypeError):
        client["fruit"] & 5  # type: ignore[operator] # what is tested
