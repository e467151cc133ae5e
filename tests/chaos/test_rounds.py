"""Faults are what their names say, and a seed names a run."""

from itertools import combinations
from random import Random

import pytest

from tools.chaos.campaign import kinds, unmet
from tools.chaos.faults import MAKERS, Cut
from tools.chaos.rounds import SIZES, Round, Seen, plan
from tools.wires import Loopback

NAMES = "abcde"
SEEDS = range(20)


def cut(kind: str, seed: int, names: str = NAMES) -> Cut:
    fault = MAKERS[kind](names, Random(seed))
    assert isinstance(fault, Cut)
    return fault


def seen_by(fault: Cut, name: str) -> set[str]:
    """Return which nodes a node hears and is heard by, itself among them."""
    return {
        other for other in NAMES if not {(name, other), (other, name)}.intersection(fault.links)
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_halves_see_nothing_of_each_other(seed: int) -> None:
    fault = cut("halves", seed)
    sides = {frozenset(seen_by(fault, name)) for name in NAMES}
    assert sorted(map(len, sides)) == [2, 3]
    assert frozenset[str]().union(*sides) == set(NAMES)


@pytest.mark.parametrize("seed", SEEDS)
def test_in_a_ring_each_sees_most_and_no_two_the_same(seed: int) -> None:
    fault = cut("ring", seed)
    views = [seen_by(fault, name) for name in NAMES]
    assert all(2 * len(view) > len(NAMES) for view in views)
    assert all(one != other for one, other in combinations(views, 2))


@pytest.mark.parametrize("seed", SEEDS)
def test_one_alone_sees_nobody_and_all_others_each_other(seed: int) -> None:
    fault = cut("alone", seed)
    views = sorted(len(seen_by(fault, name)) for name in NAMES)
    assert views == [1, 4, 4, 4, 4]


@pytest.mark.parametrize("seed", SEEDS)
def test_one_way_leaves_the_other_way(seed: int) -> None:
    fault = cut("one way", seed)
    assert len(fault.links) == len(NAMES) - 1
    assert not {(receiver, sender) for sender, receiver in fault.links} & {*fault.links}


@pytest.mark.parametrize("seed", SEEDS)
def test_faults_of_one_round_are_of_different_groups(seed: int) -> None:
    planned = plan(NAMES, Random(seed), list(MAKERS))
    assert len(planned) in SIZES
    assert len({one.fault.group for one in planned}) == len(planned)
    assert planned[0].starts_s == 0.0


def test_a_seed_names_a_plan() -> None:
    assert plan(NAMES, Random(1), list(MAKERS)) == plan(NAMES, Random(1), list(MAKERS))
    assert plan(NAMES, Random(1), list(MAKERS)) != plan(NAMES, Random(2), list(MAKERS))


def test_every_kind_of_fault_comes_up() -> None:
    rng = Random(0)
    found = {one.kind for _ in range(100) for one in plan(NAMES, rng, list(MAKERS))}
    assert found == set(MAKERS)


def test_packets_are_not_lost_where_they_cannot_be() -> None:
    assert set(MAKERS) - set(kinds(Loopback(Random(0)))) == {"loss"}


def test_a_round_that_shows_nothing_is_a_finding() -> None:
    well = Seen("halves", "ab / cde", 1.0, 2.0, 40, ())
    stuck = Seen("alone", "a alone", 1.0, 2.0, 40, ("a",))
    assert unmet(Round((well,), 2, 0.5)) == []
    assert unmet(Round((stuck,), 2, 0.5)) == ["a took no write from 1.0 s on: a alone"]
    assert unmet(Round((well,), 2, None)) == ["no agreement within 60 s after ab / cde"]
