"""A set in a file: it is what it was, whole, and comes together with the nodes."""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lastword import LWWSet
from lastword.client import AsyncClient, Client, Exchanged, OfflineSet
from lastword.client.offline_file import Content, read, write
from lastword.crdt.stamp import pack, time_of
from lastword.errors import (
    CorruptStore,
    DiskFailed,
    FileInUse,
    ForeignFile,
    FutureTime,
    GhostElements,
    InvalidElement,
    LastwordError,
    NewerFormat,
)
from lastword.limits import STAMP_MAX
from tests.api.living_node import NOW_US, LivingNode
from tests.stores import NoteCollected
from tools.processes import NodeProcess

OLD = NOW_US - 1_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shopping.set"


@pytest.fixture
def client(node_process: NodeProcess) -> Iterator[Client]:
    with Client(node_process.address) as found:
        yield found


@pytest.fixture
async def living(tmp_path: Path) -> AsyncIterator[LivingNode]:
    """A node that forgot removals up to OLD; what this machine's clock says is far ahead of it."""
    found = LivingNode(tmp_path / "living.db")
    await found.start()
    await found.node.commits.submit(NoteCollected(b"list", OLD), lambda _: None)
    yield found
    await found.close()


def data_of(path: Path) -> bytes:
    return path.read_bytes()


def test_what_was_done_is_there_after_the_next_opening(path: Path) -> None:
    with OfflineSet(path) as shopping:
        shopping.add("milk")
        shopping |= {"bread", "tea"}
        shopping.discard("tea")
        shopping.remove("milk")
        stamps = shopping.stamps()
    with OfflineSet(path) as shopping:
        assert shopping == {"bread"}
        assert shopping.stamps() == stamps
        assert shopping.pending == {"milk", "bread", "tea"}
        shopping -= {"bread"}
        assert not shopping


def test_each_change_is_on_the_disk_before_it_returns(path: Path) -> None:
    with OfflineSet(path) as shopping:
        for number in range(5):
            shopping.add(str(number))
            assert len(read(path).stamps) == number + 1
        with shopping.changing():
            shopping.add("a")
            shopping.clear()
            assert len(read(path).stamps) == 5
        assert len(read(path).stamps) == 6


def test_a_clock_does_not_go_back_over_an_opening(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wall = [NOW_US]
    monkeypatch.setattr("lastword.client.offline.wall_us", lambda: wall[0])
    with OfflineSet(path) as shopping:
        shopping.add("a")
        first = time_of(shopping.stamps()[b"a"])
    wall[0] -= 30_000_000
    with OfflineSet(path) as shopping:
        shopping.add("b")
        assert time_of(shopping.stamps()[b"b"]) == first + 1


def test_a_second_opening_is_refused_here_and_in_another_process(path: Path) -> None:
    code = (
        "import sys; from lastword.client import OfflineSet\n"
        "try: OfflineSet(sys.argv[1])\n"
        "except Exception as error: print(type(error).__name__, error.hint)"
    )
    with OfflineSet(path):
        with pytest.raises(FileInUse):
            OfflineSet(path)
        command = [sys.executable, "-c", code, str(path)]
        ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        assert ended.stdout.startswith("FileInUse Close it there")
    OfflineSet(path).close()


@settings(max_examples=15, deadline=None)
@given(
    st.dictionaries(
        st.binary(max_size=6) | st.text(max_size=3).map(str.encode),
        st.integers(0, STAMP_MAX),
        max_size=6,
    ),
    st.integers(0, 1 << 60),
)
def test_a_file_gives_back_what_it_was_given(stamps: dict[bytes, int], last: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.set"
        content = Content(stamps, frozenset(list(stamps)[::2]), last)
        write(path, content)
        assert read(path) == content


def test_every_cut_and_every_flipped_bit_is_refused(path: Path) -> None:
    with OfflineSet(path) as shopping:
        shopping |= {"milk", "bread"}
    whole = path.read_bytes()
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises((CorruptStore, ForeignFile)):
            OfflineSet(path)
    for at in range(len(whole)):
        for bit in (1, 32):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :])
            with pytest.raises((CorruptStore, ForeignFile, NewerFormat)) as caught:
                OfflineSet(path)
            assert caught.value.hint
    path.write_bytes(whole)
    OfflineSet(path).close()


def test_foreign_and_newer_files_are_refused_and_left_alone(path: Path) -> None:
    newer = b'{"format":"lastword-offline","version":2,"digest":""}\n{}\n'
    for data, kind in (
        (b"SQLite format 3\0", ForeignFile),
        (b"", ForeignFile),
        (newer, NewerFormat),
    ):
        path.write_bytes(data)
        with pytest.raises(kind):
            OfflineSet(path)
        assert path.read_bytes() == data


def test_a_file_that_cannot_be_written_keeps_what_it_held(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OfflineSet(path) as shopping:
        shopping.add("a")
        before = path.read_bytes()

        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr("os.fsync", full)
            with pytest.raises(DiskFailed, match="No space left"):
                shopping.add("b")
        assert path.read_bytes() == before
        shopping.save()
    with OfflineSet(path) as shopping:
        assert shopping == {"a", "b"}


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LastwordError, match="cannot be locked"):
        OfflineSet(tmp_path / "no" / "x.set")


def test_elements_are_of_one_type_and_it_is_a_set_like_any(path: Path) -> None:
    with OfflineSet(path, of=bytes) as raw:
        raw |= {b"\xff", b"a"}
        with pytest.raises(TypeError):
            raw.add("a")  # type: ignore[arg-type] # what is tested
        raw ^= {b"a", b"b"}
        raw &= {b"\xff", b"c"}
        assert raw | {b"x"} == {b"\xff", b"x"}
        assert type(raw - {b"a"}) is set
    with pytest.raises(InvalidElement):
        OfflineSet(path)
    with OfflineSet(path, of=bytes) as raw:
        assert raw.pop() == b"\xff"
        assert not raw
        with pytest.raises(KeyError):
            raw.pop()


def test_an_exchange_brings_and_takes_what_is_new(client: Client, path: Path) -> None:
    fruit = client["offline fruit"]
    fruit |= {"apple", "pear"}
    with OfflineSet(path) as local:
        assert local.exchange(fruit) == Exchanged(sent=0, received=2)
        assert local == {"apple", "pear"}
        local.remove("pear")
        local.add("fig")
        fruit.add("plum")
        fruit.discard("apple")
        assert local.exchange(fruit) == Exchanged(sent=2, received=2)
        assert local == {"fig", "plum"} == set(fruit)
        assert local.state().same_state(fruit.state())
        assert local.pending == set()
        assert local.exchange(fruit) == Exchanged(sent=0, received=0)
    with OfflineSet(path) as local:
        assert local == {"fig", "plum"}
        local.add("kiwi")
        assert local.pending == {"kiwi"}
        assert local.exchange(fruit).sent == 1


@pytest.mark.slow
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    steps=st.lists(
        st.tuples(st.integers(0, 2), st.booleans(), st.sampled_from("abc"), st.booleans()),
        max_size=12,
    )
)
def test_copies_agree_once_all_have_exchanged(
    client: Client, tmp_path: Path, steps: list[tuple[int, bool, str, bool]]
) -> None:
    """Two laptops and the node itself; each change is the last word on its element."""
    name = f"copies {os.urandom(6).hex()}"
    files = [tmp_path / f"{name} {number}" for number in range(2)]
    remote = client[name]
    with OfflineSet(files[0]) as one, OfflineSet(files[1]) as two:
        copies = [one, two]
        model: LWWSet[str] = LWWSet()
        for who, adds, element, exchanges in steps:
            place = remote if who == 2 else copies[who]
            (place.add if adds else place.discard)(element)
            model.merge(place.state())
            if exchanges and who < 2:
                copies[who].exchange(remote)
        for local in (one, two, one):
            local.exchange(remote)
        assert one.state().same_state(two.state())
        assert one.state().same_state(remote.state())
        assert set(one) == set(model)


def test_a_removal_that_the_nodes_forgot_is_not_sent_again(client: Client, path: Path) -> None:
    """A set without entries stands for one whose tombstones were collected."""
    with OfflineSet(path) as local:
        local.discard("gone")
        assert local.exchange(client["forgets"]).sent == 1
        assert local.exchange(client["forgets, elsewhere"]).sent == 0
        local.discard("gone")
        assert local.exchange(client["forgets, elsewhere"]).sent == 1


def test_what_is_not_text_on_the_nodes_is_said_and_changes_nothing(
    client: Client, path: Path
) -> None:
    client.set_of_bytes("raw").add(b"\xff")
    with OfflineSet(path) as local:
        local.add("a")
        before = data_of(path)
        with pytest.raises(InvalidElement, match="no text"):
            local.exchange(client["raw"])
        assert data_of(path) == before
        assert local == {"a"}
        assert local.pending == {"a"}
    with OfflineSet(path, of=bytes) as raw:
        assert raw.exchange(client.set_of_bytes("raw")).received == 1
        assert raw == {b"a", b"\xff"}


def test_a_set_of_text_and_one_of_bytes_do_not_mix(client: Client, path: Path) -> None:
    with OfflineSet(path) as local, pytest.raises(TypeError, match="text"):
        local.exchange(client.set_of_bytes("mixed"))  # type: ignore[arg-type] # what is tested


async def test_ghosts_are_refused_and_nothing_changes_here(living: LivingNode, path: Path) -> None:
    async with AsyncClient(living.address) as client:
        await client["list"].add("there")
        with OfflineSet(path) as local:
            local.add("ghost", at=OLD)
            local.add("fresh", at=OLD + 1)
            before, held = data_of(path), living.held()
            with pytest.raises(GhostElements) as caught:
                await local.exchange(client["list"])
            assert caught.value.elements == (b"ghost",)
            assert data_of(path) == before
            assert local == {"ghost", "fresh"}
            assert living.held() == held


async def test_ghosts_are_left_out_there_and_here(living: LivingNode, path: Path) -> None:
    async with AsyncClient(living.address) as client:
        with OfflineSet(path) as local:
            local.add("ghost", at=OLD)
            local.add("fresh", at=OLD + 1)
            done = await local.exchange(client["list"], ghosts="remove")
            assert done == Exchanged(sent=1, received=0, left_out=frozenset({"ghost"}))
            assert local == {"fresh"} == await client["list"].members()
            assert await local.exchange(client["list"]) == Exchanged(0, 0)
        with OfflineSet(path) as local:
            assert local == {"fresh"}


async def test_ghosts_are_added_at_a_new_time_there_and_here(
    living: LivingNode, path: Path
) -> None:
    async with AsyncClient(living.address) as client:
        with OfflineSet(path) as local:
            local.add("ghost", at=OLD)
            local.add("fresh", at=OLD + 1)
            done = await local.exchange(client["list"], ghosts="readd")
            assert done == Exchanged(sent=2, received=0, readded=frozenset({"ghost"}))
            assert local == {"ghost", "fresh"} == await client["list"].members()
            assert time_of(local.stamps()[b"ghost"]) > OLD
            assert await local.exchange(client["list"]) == Exchanged(0, 0)


async def test_a_clock_far_ahead_is_said_and_changes_nothing(
    living: LivingNode, path: Path
) -> None:
    async with AsyncClient(living.address) as client:
        with OfflineSet(path) as local:
            local.add("from next year")
            before = data_of(path)
            with pytest.raises(FutureTime) as caught:
                await local.exchange(client["list"])
            assert "This machine's clock was ahead" in caught.value.hint
            assert data_of(path) == before
            assert await client["list"].members() == set()


async def test_what_a_wrong_clock_wrote_is_redated_and_taken(
    living: LivingNode, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wall = [NOW_US]
    monkeypatch.setattr("lastword.client.offline.wall_us", lambda: wall[0])
    async with AsyncClient(living.address) as client:
        with OfflineSet(path) as local:
            local.add("right")
            await local.exchange(client["list"])
            local.add("fine")
            wall[0] += 10**13
            local.add("ahead")
            local.discard("right")
            with pytest.raises(FutureTime):
                await local.exchange(client["list"])
            wall[0] = NOW_US + 1_000
            local.add("ahead")
            with pytest.raises(FutureTime):
                await local.exchange(client["list"])
            assert local.redate() == 2
            assert local.redate() == 0
            assert local.pending == {"fine", "ahead", "right"}
            assert (await local.exchange(client["list"])).sent == 3
            assert local == {"fine", "ahead"} == await client["list"].members()
        with OfflineSet(path) as local:
            assert max(map(time_of, local.stamps().values())) < NOW_US + 10_000


async def test_what_is_changed_during_an_exchange_is_still_to_be_sent(
    living: LivingNode, path: Path
) -> None:
    async with AsyncClient(living.address) as client:
        with OfflineSet(path) as local:
            local.add("before", at=OLD + 1)
            exchanging = local.exchange(client["list"])
            steps = asyncio.create_task(exchanging)
            await asyncio.sleep(0)
            local.add("meanwhile", at=OLD + 2)
            assert (await steps).sent == 1
            assert local.pending == {"meanwhile"}
            assert (await local.exchange(client["list"])).sent == 1
            assert await client["list"].members() == {"before", "meanwhile"}


@pytest.mark.slow
def test_large_states_come_and_go(client: Client, path: Path) -> None:
    large: LWWSet[str] = LWWSet()
    large.merge_entries((f"{number}", pack(number, removed=False)) for number in range(20_000))
    with OfflineSet(path) as local:
        local.merge(large)
        assert local.exchange(client["large offline"]) == Exchanged(20_000, 0)
    with OfflineSet(path.with_name("other")) as other:
        assert other.exchange(client["large offline"]) == Exchanged(0, 20_000)
        assert other.state().same_state(large)
