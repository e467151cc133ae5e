"""Writes whose answers are lost: they are repeated, and undo nothing that came after them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lastword.client import AsyncClient, Client
from lastword.crdt.stamp import time_of
from lastword.errors import Unreachable
from tests.client.meddler import Meddler, meddling
from tools.processes import NodeProcess


@pytest.fixture
def rival(node_process: NodeProcess) -> Iterator[Client]:
    """Somebody else, who reaches the node directly."""
    with Client(node_process.address) as client:
        yield client


@pytest.fixture
def meddler(node_process: NodeProcess) -> Iterator[Meddler]:
    with meddling(node_process.address) as found:
        yield found


@pytest.fixture
def client(meddler: Meddler) -> Iterator[Client]:
    with Client(meddler.address) as found:
        yield found


def later(rival: Client, does: Callable[[], object]) -> Callable[[], None]:
    """Return what does something once the node's clock is well past the present.

    A repetition's time is too late by what it takes to ask the node for it.
    """

    def meanwhile() -> None:
        rival["clock"].add("begins")
        begun = rival.caller.told
        while rival.caller.told < begun + 300_000:
            rival["clock"].add("goes on")
        does()

    return meanwhile


def test_an_add_whose_answer_is_lost_is_done_once_and_for_all(
    client: Client, rival: Client, meddler: Meddler
) -> None:
    meddler.lose_first("PATCH")
    client["once"].add("a")
    assert set(rival["once"]) == {"a"}
    *readings, repeated = meddler.targets("PATCH")[1:]
    assert readings == ["/once"] * 2
    assert repeated.startswith("/once?time=")


def test_a_repeated_add_does_not_undo_a_removal_that_came_after_it(
    client: Client, rival: Client, meddler: Meddler
) -> None:
    meddler.lose_first("PATCH", meanwhile=later(rival, lambda: rival["undo"].discard("a")))
    client["undo"].add("a")
    assert "a" not in rival["undo"]
    client["undo"].add("a")
    assert "a" in rival["undo"]


def test_a_repeated_removal_does_not_undo_an_add_that_came_after_it(
    client: Client, rival: Client, meddler: Meddler
) -> None:
    client["redo"].add("a")
    meddler.lose_first("PATCH", meanwhile=later(rival, lambda: rival["redo"].add("a")))
    client["redo"] -= {"a", "b"}
    assert set(rival["redo"]) == {"a"}


def test_a_repeated_write_comes_after_what_its_client_had_seen(
    client: Client, rival: Client, meddler: Meddler
) -> None:
    """The first try never came through, so that only the repetition can do it."""
    for number in range(5):
        element = str(number)
        rival["after"].add(element)
        assert element in client["after"]
        cut = iter(["cut"])
        meddler.meddle = lambda method, _, cut=cut: (  # type: ignore[misc]
            next(cut, "pass") if method == "PATCH" else "pass"
        )
        client["after"].discard(element)
        assert element not in rival["after"]


def test_the_time_of_a_repetition_is_that_of_the_first_try(
    client: Client, rival: Client, meddler: Meddler
) -> None:
    times: list[int] = []

    def mark() -> None:
        rival["mark"].add("now")
        times.append(time_of(rival["mark"].state().stamp_of("now") or 0))

    meddler.lose_first("PATCH", meanwhile=later(rival, mark))
    client["first"].add("a")
    repeated = int(meddler.targets("PATCH")[-1].partition("=")[2])
    assert repeated < times[0]
    assert time_of(rival["first"].state().stamp_of("a") or 0) <= times[0]


def test_a_connection_that_was_kept_is_no_reason_to_repeat_at_a_new_time(
    client: Client, rival: Client, meddler: Meddler
) -> None:
    client["kept"].add("warm")
    meddler.lose_first("PATCH", meanwhile=later(rival, lambda: rival["kept"].discard("a")))
    client["kept"].add("a")
    assert set(rival["kept"]) == {"warm"}


async def test_the_asynchronous_client_does_the_same_on_a_kept_connection(
    rival: Client, meddler: Meddler
) -> None:
    async with AsyncClient(meddler.address) as client:
        await client["async kept"].add("warm")
        meddler.lose_first(
            "PATCH", meanwhile=later(rival, lambda: rival["async kept"].discard("a"))
        )
        await client["async kept"].add("a")
        assert set(rival["async kept"]) == {"warm"}
    assert len(meddler.targets("PATCH")) == 5


def test_a_node_that_hangs_is_left_for_another_in_time(
    node_process: NodeProcess, meddler: Meddler, rival: Client
) -> None:
    meddler.meddle = lambda *_: "hang"
    addresses = (meddler.address, node_process.address)
    with Client(*addresses, try_timeout_s=0.2) as client:
        client["hang"].add("a")
        assert "a" in rival["hang"]
        before = len(meddler.seen)
        assert "a" in client["hang"]
        assert len(meddler.seen) == before


def test_a_write_that_nobody_answered_says_that_it_may_have_been_done(
    meddler: Meddler, rival: Client
) -> None:
    meddler.meddle = lambda *_: "lose"
    with (
        Client(meddler.address, retries=1) as client,
        pytest.raises(Unreachable, match="may have been done") as caught,
    ):
        client["lost"].add("a")
    assert meddler.address in str(caught.value)
    assert "a" in rival["lost"]


def test_a_large_bulk_is_whole_after_answers_were_lost(
    client: Client, rival: Client, meddler: Meddler
) -> None:
    lost = iter(["lose", "pass", "pass", "cut", "pass", "pass", "lose"])
    meddler.meddle = lambda *_: next(lost, "pass")
    elements = {f"element {number}" for number in range(25_000)}
    client["bulk"] |= elements
    assert rival["bulk"] == elements


Write = Callable[[Client], object]


@pytest.fixture(scope="module")
def two_nodes(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[NodeProcess, NodeProcess]]:
    folder: Path = tmp_path_factory.mktemp("two")
    with (
        NodeProcess(folder / "a.db", "-r", "0.05") as one,
        NodeProcess(folder / "b.db", "-r", "0.05", "-i", one.address) as two,
    ):
        yield one, two


@pytest.mark.slow
def test_a_write_goes_on_at_another_node_and_undoes_nothing_there(
    two_nodes: tuple[NodeProcess, NodeProcess],
) -> None:
    """The first node takes the add and is gone; meanwhile it was removed at the second."""
    one, two = two_nodes
    with meddling(one.address) as first, Client(two.address) as rival:
        gone: list[str] = []

        def meddle(method: str, _: str) -> str:
            if method == "PATCH" and not gone:
                return "lose"
            return "cut" if gone else "pass"

        def meanwhile() -> None:
            later(rival, lambda: rival["moved"].discard("a"))()
            gone.append("first")

        first.meddle, first.meanwhile = meddle, meanwhile
        with Client(first.address, two.address) as client:
            client["moved"].add("a")
            assert "a" not in client["moved"]
