"""A file whose trees have several pages, an older state of it, and what is done to its pages."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from lastword.errors import CorruptStore
from lastword.store.operations import Write
from lastword.store.sqlite.scrub import Scrub
from lastword.store.sqlite.store import SqliteStore
from tests.stores import S, SqliteStores, checksummed, numbered

PAGE = 4_096
SMALL = [b"small%d" % index for index in range(120)]
ELEMENTS = numbered(6_000, b"an element of some length ")

Harm = Callable[["Harmed"], None]


@dataclass(slots=True)
class Harmed:
    """A file's content, its older content, and the pages of one tree."""

    content: bytearray
    older: bytes
    pages: list[int]

    def page(self, number: int) -> slice:
        return slice((number - 1) * PAGE, number * PAGE)


def flip(at: Harmed) -> None:
    at.content[at.page(at.pages[len(at.pages) // 2]).start + PAGE // 2] ^= 16


def zero(at: Harmed) -> None:
    at.content[at.page(at.pages[len(at.pages) // 2])] = bytes(PAGE)


def swap(at: Harmed) -> None:
    one, two = at.page(at.pages[0]), at.page(at.pages[-1])
    at.content[one], at.content[two] = at.content[two], at.content[one]


def bring_back(at: Harmed) -> None:
    """Let the first page that changed since then be as it was."""
    for number in at.pages:
        where = at.page(number)
        if number <= len(at.older) // PAGE and at.older[where] != at.content[where]:
            at.content[where] = at.older[where]
            return
    raise AssertionError("none of the pages has an older state")


HARMS: dict[str, Harm] = {"flip": flip, "zero": zero, "swap": swap, "old": bring_back}


def filled(files: SqliteStores) -> tuple[bytes, bytes]:
    """Return the content of a file as it was before some of its writes, and as it is."""
    store = files.open("filled")
    for name in SMALL:
        store.execute(Write(name, add=(b"a", b"b"), remove=(b"gone",)))
    for start in range(0, len(ELEMENTS), 1_000):
        store.execute(Write(S, add=tuple(ELEMENTS[start : start + 1_000])))
    store.execute(Write(S, remove=tuple(ELEMENTS[::3])))
    files.close("filled")
    older = files.path("filled").read_bytes()
    store = files.open("filled")
    files.wall.now_us += 120_000_000
    store.execute(Write(S, add=tuple(ELEMENTS[::2])))
    for name in SMALL[::2]:
        store.execute(Write(name, remove=(b"a",), add=(b"c",)))
    files.close("filled")
    return older, files.path("filled").read_bytes()


def trees(path: Path) -> dict[str, list[int]]:
    """Return the pages of each tree, the leaves apart from what is above them."""
    with closing(checksummed(path)) as connection:
        found: dict[str, list[int]] = {}
        for name, kind, number in connection.execute(
            "SELECT name, pagetype, pageno FROM dbstat ORDER BY pageno"
        ):
            found.setdefault(f"{name} {kind}", []).append(number)
        return found


def truth(store: SqliteStore) -> dict[tuple[bytes, bytes], bool | None]:
    """Return of elements whether they are present."""
    wanted = [(S, element) for element in ELEMENTS[::7]]
    wanted += [(name, element) for name in SMALL for element in (b"a", b"b", b"c", b"gone")]
    return {name: store.contains(*name) for name in wanted}


def served(
    store: SqliteStore, wanted: dict[tuple[bytes, bytes], bool | None]
) -> Iterator[tuple[tuple[bytes, bytes], bool | None]]:
    """Yield what is answered of elements; what is refused is left out."""
    for name in wanted:
        try:
            yield name, store.contains(*name)
        except CorruptStore:
            continue


def scrub(store: SqliteStore) -> Scrub:
    """Scrub all of a store."""
    scrubbing = Scrub(store)
    while not scrubbing.is_over:
        scrubbing.step()
    return scrubbing
