"""The laws of the LWW-Element-Set, against a model that knows nothing of stamps."""

from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from lastword.crdt.clock import HybridClock
from lastword.crdt.lww_set import LWWSet
from lastword.crdt.stamp import time_of
from tests.crdt.model import Model
from tests.crdt.walls import HandWall


class Operation(NamedTuple):
    element: str
    time: int
    removes: bool


ELEMENTS = st.sampled_from("abc")
OPERATIONS = st.builds(Operation, ELEMENTS, st.integers(0, 4), st.booleans())
HISTORIES = st.lists(OPERATIONS, max_size=12)


def apply(copy: LWWSet[str], operation: Operation) -> None:
    write = copy.discard if operation.removes else copy.add
    write(operation.element, operation.time)


def replayed(history: list[Operation]) -> LWWSet[str]:
    copy: LWWSet[str] = LWWSet(clock=HybridClock(HandWall()))
    for operation in history:
        apply(copy, operation)
    return copy


def modelled(history: list[Operation]) -> Model:
    model = Model()
    for element, time, removes in history:
        (model.remove if removes else model.add)(element, time)
    return model


@given(HISTORIES)
def test_members_are_those_of_the_paper(history: list[Operation]) -> None:
    assert replayed(history) == modelled(history).members()


@given(HISTORIES, HISTORIES)
def test_a_merge_is_what_both_histories_together_are(
    first: list[Operation], second: list[Operation]
) -> None:
    model = modelled(first)
    model.merge(modelled(second))

    merged = replayed(first) | replayed(second)

    assert merged == model.members()
    assert merged.same_state(replayed(first + second))


@given(HISTORIES, HISTORIES)
def test_merge_is_commutative(first: list[Operation], second: list[Operation]) -> None:
    a, b = replayed(first), replayed(second)
    assert (a | b).same_state(b | a)


@given(HISTORIES, HISTORIES, HISTORIES)
def test_merge_is_associative(
    first: list[Operation], second: list[Operation], third: list[Operation]
) -> None:
    a, b, c = replayed(first), replayed(second), replayed(third)
    assert ((a | b) | c).same_state(a | (b | c))


@given(HISTORIES, HISTORIES)
def test_merge_is_idempotent(first: list[Operation], second: list[Operation]) -> None:
    a, b = replayed(first), replayed(second)
    once = a | b
    version = once.version

    once.merge(b)
    once.merge(once)

    assert once.same_state(a | b)
    assert once.version == version


@given(HISTORIES, HISTORIES)
def test_merge_is_monotone(first: list[Operation], second: list[Operation]) -> None:
    a, b = replayed(first), replayed(second)
    merged = dict((a | b).entries())
    for element, stamp in [*a.entries(), *b.entries()]:
        assert merged[element] >= stamp


@given(HISTORIES, st.data())
def test_deltas_in_every_order_and_number_give_the_one_state(
    history: list[Operation], data: st.DataObject
) -> None:
    origin = replayed([])
    deltas = []
    for operation in history:
        since = origin.version
        apply(origin, operation)
        deltas.append(origin.delta(data.draw(st.integers(0, since), label="since")))
    repeated = data.draw(st.lists(st.sampled_from(deltas))) if deltas else []

    copy = replayed([])
    for delta in data.draw(st.permutations(deltas + repeated)):
        copy.merge(delta)

    assert copy.same_state(origin)
    assert copy == modelled(history).members()


@given(HISTORIES, st.integers(0, 12))
def test_a_delta_is_exactly_what_changed_since(history: list[Operation], at: int) -> None:
    copy = replayed(history[:at])
    before, version = dict(copy.entries()), copy.version
    for operation in history[at:]:
        apply(copy, operation)

    delta = copy.delta(version)

    assert dict(delta.entries()) == dict(set(copy.entries()) - set(before.items()))


class Replicas(RuleBasedStateMachine):
    """Three copies whose walls go their own ways, and that sometimes hear of each other."""

    @initialize()
    def start(self) -> None:
        self.walls = [HandWall() for _ in range(3)]
        self.copies: list[LWWSet[str]] = [LWWSet(clock=HybridClock(w)) for w in self.walls]
        self.models = [Model() for _ in self.copies]
        self.told: dict[tuple[int, int], int] = {}

    @rule(at=st.integers(0, 2), us=st.integers(-90_000_000, 90_000_000))
    def move_wall(self, at: int, us: int) -> None:
        self.walls[at].now_us = max(0, self.walls[at].now_us + us)

    @rule(at=st.integers(0, 2), element=ELEMENTS)
    def add(self, at: int, element: str) -> None:
        self.copies[at].add(element)
        self.models[at].add(element, self.written(at, element))
        assert element in self.copies[at]

    @rule(at=st.integers(0, 2), element=ELEMENTS)
    def discard(self, at: int, element: str) -> None:
        self.copies[at].discard(element)
        self.models[at].remove(element, self.written(at, element))
        assert element not in self.copies[at]

    @rule(to=st.integers(0, 2), source=st.integers(0, 2))
    def merge(self, to: int, source: int) -> None:
        self.copies[to].merge(self.copies[source])
        self.models[to].merge(self.models[source])

    @rule(to=st.integers(0, 2), source=st.integers(0, 2))
    def merge_delta(self, to: int, source: int) -> None:
        delta = self.copies[source].delta(self.told.get((to, source), 0))
        self.told[to, source] = self.copies[source].version
        self.copies[to].merge(delta)
        self.models[to].merge(self.models[source])

    @invariant()
    def members_are_the_models(self) -> None:
        for copy, model in zip(self.copies, self.models, strict=True):
            assert copy == model.members()
            assert len(copy) == len(list(copy))

    def teardown(self) -> None:
        first, second, third = self.copies
        assert (first | second | third).same_state(third | second | first)

    def written(self, at: int, element: str) -> int:
        stamp = self.copies[at].stamp_of(element)
        assert stamp is not None
        return time_of(stamp)


TestReplicas = Replicas.TestCase
TestReplicas.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
