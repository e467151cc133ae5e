"""What is saved of a file on which no node can start, and that it is kept as it was."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lastword.crdt.bundle import BundleReader
from lastword.errors import FileInUse, ForeignFile
from lastword.store.sqlite.rescue import Rescued, rescue
from tests.store.damaged_files import PAGE, filled, trees
from tests.stores import START_US, SqliteStores, checksummed, stamps

Held = dict[tuple[bytes, bytes], int]


class Filled:
    """A filled file, what it holds, and its pages; made once."""

    def __init__(self, files: SqliteStores) -> None:
        _, self.content = filled(files)
        self.trees = trees(files.path("filled"))
        self.held = stamps(files.open("filled"))
        files.close("filled")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    files = SqliteStores(tmp_path_factory.mktemp("filled"))
    yield Filled(files)
    files.finish()


def read(bundle: Path | None) -> Held:
    if bundle is None:
        return {}
    with bundle.open("rb") as lines:
        return {
            (part.set_name.encode(), element): stamp
            for part in BundleReader(lines)
            for element, stamp in part.stamps.items()
        }


def rescued_of(path: Path, content: bytes) -> Rescued:
    path.write_bytes(content)
    done = rescue(path, START_US)
    assert not path.exists()
    assert done.kept.read_bytes() == content
    assert done.kept.name == f"{path.name}-damaged-20231114T221320Z"
    return done


def flipped(content: bytes, *places: int) -> bytes:
    changed = bytearray(content)
    for place in places:
        changed[place] ^= 1
    return bytes(changed)


HEADERS: dict[str, Callable[[bytes], bytes]] = {
    "sound": lambda content: content,
    "the magic": lambda content: flipped(content, 3),
    "the application": lambda content: flipped(content, 68),
    "the format": lambda content: flipped(content, 60),
    "the page size": lambda content: flipped(content, 17),
    "the reserved bytes": lambda content: flipped(content, 20),
    "several": lambda content: flipped(content, 3, 68, 63),
}


@pytest.mark.parametrize("change", HEADERS.values(), ids=HEADERS.keys())
def test_all_is_saved_of_a_file_whose_header_is_damaged(
    tmp_path: Path, whole: Filled, change: Callable[[bytes], bytes]
) -> None:
    done = rescued_of(tmp_path / "a.db", change(whole.content))

    assert done.doubtful is None
    assert read(done.sound) == whole.held
    assert done.sound_elements == len(whole.held)
    assert not list(tmp_path.glob("*-lastword-rescue*"))


def test_around_a_page_that_cannot_be_read_all_else_is_saved_and_is_doubtful_beside_it(
    tmp_path: Path, whole: Filled
) -> None:
    pages = whole.trees["entries leaf"]
    place = (pages[len(pages) // 2] - 1) * PAGE + 2_000

    done = rescued_of(tmp_path / "a.db", flipped(whole.content, place))

    sound, doubtful = read(done.sound), read(done.doubtful)
    assert not sound.keys() & doubtful.keys()
    assert (sound | doubtful).items() <= whole.held.items()
    assert len(sound) > 0.9 * len(whole.held)
    assert 0 < len(whole.held) - len(sound | doubtful) < 200
    assert done.unreadable


def test_without_what_the_file_says_of_itself_its_sets_still_add_up(
    tmp_path: Path, whole: Filled
) -> None:
    (page,) = whole.trees["facts leaf"]

    done = rescued_of(tmp_path / "a.db", flipped(whole.content, (page - 1) * PAGE + 4_000))

    assert read(done.sound) == whole.held


def test_what_does_not_add_up_is_kept_apart(tmp_path: Path, whole: Filled) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(whole.content)
    with checksummed(path) as connection:
        connection.execute("UPDATE entries SET stamp = stamp + 2000 WHERE arrived = 5000")
        assert connection.changes() == 1
    connection.close()

    done = rescued_of(path, path.read_bytes())

    sound, doubtful = read(done.sound), read(done.doubtful)
    assert sound.items() <= whole.held.items()
    assert sum(whole.held[name] != stamp for name, stamp in doubtful.items()) == 1
    assert len(sound) + len(doubtful) == len(whole.held)
    assert len(doubtful) < 200


def test_of_a_file_that_was_cut_what_is_left_is_saved(tmp_path: Path, whole: Filled) -> None:
    size = len(whole.content) * 9 // 10

    done = rescued_of(tmp_path / "a.db", whole.content[:size])

    found = read(done.sound) | read(done.doubtful)
    assert found.items() <= whole.held.items()
    assert len(found) > len(whole.held) // 2


def test_of_zeros_nothing_is_saved(tmp_path: Path) -> None:
    done = rescued_of(tmp_path / "a.db", bytes(10 * PAGE))
    assert (done.sound, done.doubtful) == (None, None)


def test_a_file_of_others_and_one_in_use_stay_where_they_are(
    tmp_path: Path, files: SqliteStores
) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("mine" * 100)
    with pytest.raises(ForeignFile):
        rescue(mine, START_US)
    assert mine.exists()
    files.open()
    with pytest.raises(FileInUse):
        rescue(files.path(), START_US)
    assert files.path().exists()
