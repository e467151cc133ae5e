"""LWWSet in all its forms: JSON, msgpack, copies, pickles, a repr, and the package's own."""

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lastword
from lastword.crdt.clock import HybridClock
from lastword.crdt.lww_set import LWWSet
from lastword.crdt.stamp import time_of
from lastword.errors import InvalidElement, InvalidRequest
from lastword.limits import ELEMENT_BYTES_MAX, TIME_MAX
from lastword.wall import wall_us
from tests.crdt.walls import HandWall

START_US = 1_000_000


def made(*elements: str) -> LWWSet[str]:
    """Return a set whose clock starts at START_US and stands."""
    return LWWSet(elements, clock=HybridClock(HandWall(START_US)))


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


def state_of(elements: dict[Any, int]) -> LWWSet[Any]:
    ours: LWWSet[Any] = LWWSet(clock=HybridClock(HandWall()))
    ours.merge_entries(elements.items())
    return ours


@given(st.dictionaries(TEXTS, st.integers(0, 2 * TIME_MAX + 1)))
def test_json_gives_back_the_state_over_all_of_unicode(elements: dict[str, int]) -> None:
    ours = state_of(elements)
    assert lastword.LWWSet.from_json(ours.to_json()).same_state(ours)


@given(st.dictionaries(TEXTS | st.binary(), st.integers(0, 2 * TIME_MAX + 1)))
def test_msgpack_gives_back_the_state_and_tells_text_from_bytes(
    elements: dict[str | bytes, int],
) -> None:
    ours = state_of(elements)
    assert lastword.LWWSet.from_msgpack(ours.to_msgpack()).same_state(ours)


@pytest.mark.parametrize("element", ["\ud800", "a\udfff", "x" * (ELEMENT_BYTES_MAX + 1)])
def test_text_that_cannot_travel_is_refused_before_it_does(element: str) -> None:
    ours = made(element)
    with pytest.raises(InvalidElement):
        ours.to_json()
    with pytest.raises(InvalidElement):
        ours.to_msgpack()


def test_json_takes_text_only_and_msgpack_text_and_bytes_only() -> None:
    with pytest.raises(TypeError, match="bytes"):
        state_of({b"a": 2}).to_json()
    with pytest.raises(TypeError, match="int"):
        state_of({1: 2}).to_msgpack()


def test_json_with_elements_that_are_no_text_is_refused_with_a_way_out() -> None:
    with pytest.raises(InvalidElement) as refused:
        lastword.LWWSet.from_json(b'{"lwwAddedBase64": {"/w==": 1}}')
    assert "msgpack" in refused.value.hint


def test_what_is_no_state_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        lastword.LWWSet.from_json(b"null")
    with pytest.raises(InvalidRequest):
        lastword.LWWSet.from_msgpack(b"\xc0")


@pytest.mark.parametrize(
    "duplicate",
    [
        copy.copy,
        copy.deepcopy,
        lambda original: original.copy(),
        lambda original: pickle.loads(pickle.dumps(original)),
        lambda original: pickle.loads(pickle.dumps(original, protocol=2)),
    ],
    ids=["copy", "deepcopy", "method", "pickle", "oldest pickle"],
)
@pytest.mark.parametrize("kind", [LWWSet, lastword.LWWSet])
def test_copies_and_pickles_are_equal_in_all_and_independent(
    kind: type[LWWSet[str]], duplicate: Callable[[LWWSet[str]], LWWSet[str]]
) -> None:
    original = kind("abc", clock=HybridClock(wall_us))
    original.remove("a")
    twin = duplicate(original)
    assert type(twin) is kind
    assert twin.same_state(original)
    assert twin.version == original.version
    assert not twin.delta(original.version).entries()

    twin.add("d")
    assert set(twin.delta(original.version).entries()) == {("d", twin.stamp_of("d"))}
    assert original.stamp_of("d") is None
    assert not original.delta(original.version).entries()
    original.remove("b")
    assert original == {"c"}
    assert twin == {"b", "c", "d"}


def test_a_pickled_clock_goes_on_from_its_last_time() -> None:
    original = made("a")
    twin = pickle.loads(pickle.dumps(original))
    twin.add("b")
    assert time_of(twin.stamp_of("b")) == START_US + 1


def test_a_repr_shows_members_and_how_many_were_removed() -> None:
    ours = made("a", "b", "c")
    ours.remove("c")
    assert repr(ours) == "LWWSet({'a', 'b'}, 1 removed)"
    ours.clear()
    assert repr(ours) == "LWWSet(3 removed)"
    assert repr(made()) == "LWWSet()"


def test_a_repr_is_bounded() -> None:
    ours = made(*(f"{number}" * 1_000 for number in range(1_000)))
    assert len(repr(ours)) < 400
    assert "992 more" in repr(ours)


def test_the_packages_own_set_takes_its_time_from_the_wall() -> None:
    before_us = wall_us()
    ours = lastword.LWWSet(["a"])
    assert before_us <= time_of(ours.stamp_of("a") or 0) <= wall_us() + 1


def test_the_packages_own_set_keeps_its_type() -> None:
    ours = lastword.LWWSet(["a"])
    for result in (ours | ours, ours.delta(0), lastword.LWWSet.from_json(ours.to_json())):
        assert type(result) is lastword.LWWSet


def test_importing_the_package_brings_in_none_of_the_service() -> None:
    heavy = "{'aiohttp', 'apsw', 'asyncio', 'httptools', 'prometheus_client', 'rich', 'typer'}"
    program = f"import sys, lastword; print({heavy} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


def test_the_version_is_that_of_the_installed_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "lastword-9.8.7.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lastword\nVersion: 9.8.7\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert lastword.__version__ == "9.8.7"


def test_an_unknown_name_of_the_package_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        lastword.nothing  # type: ignore[attr-defined]  # noqa: B018  # the lookup is the test
