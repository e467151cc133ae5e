"""What a scrub finds, and that nothing wrong is served after it, whatever was done to the file."""

from collections.abc import Iterator

import pytest

from lastword.errors import CorruptStore
from lastword.store.operations import Write
from lastword.store.sqlite.scrub import Scrub
from tests.store.damaged_files import (
    ELEMENTS,
    HARMS,
    SMALL,
    Harm,
    Harmed,
    filled,
    flip,
    scrub,
    served,
    trees,
    truth,
    zero,
)
from tests.stores import SqliteStores, add, checksummed

TREES = {
    "entries leaf": "flip zero swap old",
    "entries internal": "flip zero",
    "entries_by_arrived leaf": "flip zero swap old",
    "entries_by_arrived internal": "flip zero",
    "tombstones leaf": "flip zero swap old",
    "tombstones internal": "flip zero",
    "buckets leaf": "flip zero old",
    "sets leaf": "flip zero swap old",
    "runs leaf": "flip zero old",
    "facts leaf": "flip zero old",
    "marks leaf": "flip zero",
}
CASES = [(tree, harm) for tree, harms in TREES.items() for harm in harms.split()]


class Filled:
    """A filled file, made once."""

    def __init__(self, files: SqliteStores) -> None:
        self.older, self.content = filled(files)
        self.trees = trees(files.path("filled"))
        self.truth = truth(files.open("filled"))
        files.close("filled")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    files = SqliteStores(tmp_path_factory.mktemp("filled"))
    files._rng.seed(1)  # no run is another's
    yield Filled(files)
    files.finish()


def harm(files: SqliteStores, whole: Filled, tree: str, how: Harm) -> None:
    at = Harmed(bytearray(whole.content), whole.older, whole.trees[tree])
    how(at)
    assert at.content != whole.content
    files.path().write_bytes(at.content)


def test_a_scrub_of_a_sound_file_goes_over_all_of_it_and_finds_nothing(
    files: SqliteStores, whole: Filled
) -> None:
    files.path().write_bytes(whole.content)
    store = files.open()
    add(store, *ELEMENTS[:5])

    done = scrub(store)

    assert (done.is_whole, done.found, store.is_damaged) == (True, 0, False)
    assert done.rows == store.entries_held
    assert done.pages == len(files.path().read_bytes()) // 4_096


@pytest.mark.parametrize(("tree", "how"), CASES, ids=[f"{how} {tree}" for tree, how in CASES])
def test_after_a_scrub_nothing_wrong_is_served(
    files: SqliteStores, whole: Filled, tree: str, how: str
) -> None:
    harm(files, whole, tree, HARMS[how])
    try:
        store = files.open()
    except CorruptStore:
        return  # it does not start: nothing is served
    is_known = store.is_damaged

    done = scrub(store)

    assert is_known or done.found, "nothing was found"
    answered = dict(served(store, whole.truth))
    assert answered == {name: whole.truth[name] for name in answered}
    if tree in {"entries leaf", "buckets leaf", "tombstones leaf"}:
        assert any(name[0] in SMALL for name in answered), "no neighbour is served"
    files.abandon()


def test_a_page_that_is_not_used_is_found_by_its_checksum(
    files: SqliteStores, whole: Filled
) -> None:
    files.path().write_bytes(whole.content)
    with checksummed(files.path()) as connection:
        connection.execute("CREATE TABLE more AS SELECT * FROM entries")
        connection.execute("DROP TABLE more")
        count = connection.execute("PRAGMA page_count").get
        assert connection.execute("PRAGMA freelist_count").get
    connection.close()
    at = Harmed(bytearray(files.path().read_bytes()), b"", [count])
    flip(at)
    files.path().write_bytes(at.content)
    store = files.open()

    assert scrub(store).found == 1

    assert store.damage.places == {count}
    files.abandon()


def test_a_scrub_names_the_pages_and_the_sets(files: SqliteStores, whole: Filled) -> None:
    harm(files, whole, "entries leaf", flip)
    store = files.open()

    scrub(store)

    pages = whole.trees["entries leaf"]
    assert pages[len(pages) // 2] in store.damage.places
    assert store.damage.pages == 1
    files.abandon()


def test_pages_of_zeros_match_their_checksums_and_are_found_by_the_tree(
    files: SqliteStores, whole: Filled
) -> None:
    harm(files, whole, "entries leaf", zero)
    store = files.open()

    scrub(store)

    assert not any(isinstance(place, int) for place in store.damage.places)
    assert store.damage.places or store.damage.sets
    files.abandon()


@pytest.mark.parametrize("kept", [0.3, 0.7, 0.9])
def test_a_file_that_was_cut_is_found(files: SqliteStores, whole: Filled, kept: float) -> None:
    files.path().write_bytes(whole.content[: int(len(whole.content) * kept)])
    try:
        store = files.open()
    except CorruptStore:
        return

    assert scrub(store).found or store.is_damaged

    answered = dict(served(store, whole.truth))
    assert answered == {name: whole.truth[name] for name in answered}
    files.abandon()


BEHIND_THE_BACK = {
    "a stamp raised": f"UPDATE entries SET stamp = stamp + 2000 WHERE arrived = {len(SMALL)}",
    "a row gone": f"DELETE FROM entries WHERE arrived = {len(SMALL)}",
    "a row added": "INSERT INTO entries SELECT set_id, CAST(key || 'x' AS BLOB), stamp, run_id,"
    f" number, 1 FROM entries WHERE arrived = {len(SMALL)}",
    "a key out of place": "UPDATE entries SET key = CAST(x'00' || substr(key, 2) AS BLOB)"
    f" WHERE arrived = {len(SMALL)}",
    "a set's number": f"UPDATE entries SET set_id = 9999 WHERE arrived = {len(SMALL)}",
    "a run's number": f"UPDATE entries SET run_id = 9999 WHERE arrived = {len(SMALL)}",
    "a small set's sum": "UPDATE sets SET sum_first = sum_first + 1 WHERE name = x'736d616c6c33'",
}


@pytest.mark.parametrize("statement", BEHIND_THE_BACK.values(), ids=BEHIND_THE_BACK.keys())
def test_what_changed_behind_the_stores_back_is_found_though_every_page_is_sound(
    files: SqliteStores, whole: Filled, statement: str
) -> None:
    files.path().write_bytes(whole.content)
    with checksummed(files.path()) as connection:
        connection.execute(statement)
        assert connection.changes() == 1
    connection.close()
    store = files.open()
    assert not store.is_damaged

    done = scrub(store)

    assert done.found
    answered = dict(served(store, whole.truth))
    assert answered == {name: whole.truth[name] for name in answered}
    assert len(answered) > len(whole.truth) // 2
    files.abandon()


def test_facts_that_changed_behind_the_stores_back_are_found(files: SqliteStores) -> None:
    store = files.open()
    add(store, b"a")
    with checksummed(files.path()) as connection:
        connection.execute("UPDATE facts SET value = 0 WHERE name = 'log_end'")
    connection.close()

    scrub(store)

    assert store.damage.facts == ("it says otherwise of itself than it did",)
    files.abandon()


def test_old_facts_are_found_at_the_start_and_no_log_number_is_given_twice(
    files: SqliteStores, whole: Filled
) -> None:
    harm(files, whole, "facts leaf", HARMS["old"])

    store = files.open()

    assert "a row has log number" in store.damage.facts[0]
    add(store, b"new")
    files.abandon()
    store = files.open()
    arrived = [row.arrived for _, row in store.all_rows()]
    assert len(set(arrived)) == len(arrived)
    assert store.is_damaged, "it is forgotten by the next start"
    files.abandon()


def test_a_scrub_finds_nothing_where_others_write_meanwhile(
    files: SqliteStores, whole: Filled
) -> None:
    files.path().write_bytes(whole.content)
    store, number = files.open(), 0
    done = Scrub(store)
    while not done.is_over:
        done.step()
        add(store, b"new %d" % number, *ELEMENTS[number : number + 40])
        store.execute(Write(b"gone soon", add=(b"a",)))
        number += 1

    assert number > 10
    assert (done.is_whole, done.found) == (True, 0)


def test_a_scrub_is_over_where_another_file_takes_the_place(
    files: SqliteStores,
) -> None:
    store = files.open()
    add(store, b"a")
    done = Scrub(store)
    done.step()
    store.begin_copy()
    store.take_over({}, 0, 0)

    done.step()

    assert done.is_over
    assert not done.is_whole


def test_a_page_that_is_in_use_and_listed_as_free_is_found(
    files: SqliteStores, whole: Filled
) -> None:
    """An old list of free pages is sound by itself; a write would take a page that is in use."""
    files.path().write_bytes(whole.content)
    with checksummed(files.path()) as connection:
        connection.execute("CREATE TABLE more AS SELECT * FROM entries")
    connection.close()
    before = files.path().read_bytes()
    with checksummed(files.path()) as connection:
        connection.execute("DROP TABLE more")
        connection.execute("PRAGMA incremental_vacuum")
        connection.execute("CREATE TABLE less AS SELECT * FROM sets")
        connection.execute("DROP TABLE less")
    connection.close()
    content = bytearray(files.path().read_bytes())
    first = int.from_bytes(content[32:36]) - 1
    place = slice(first * 4_096, (first + 1) * 4_096)
    content[place] = before[place]
    files.path().write_bytes(content)
    store = files.open()

    assert scrub(store).found

    assert "the pages' order does not hold" in store.damage.facts[0]
    files.abandon()
