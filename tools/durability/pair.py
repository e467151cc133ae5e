"""Two nodes' files that rounds begin with: a sound member, and a victim that holds more.

They are made once, by the store itself on a wall that is moved by a step for each commit, so that
a seed makes the same pages again; only ports differ, and what SQLite draws by lot for its logs.
The victim's file is kept as several moments had it, each of which a crash can leave:

- `whole`: closed in order, so that there is no log;
- `logged`: with a log of its last third, none of it copied back;
- `half`: the first part of that log is copied back, as a reader's snapshot lets a checkpoint;
- `copied`: all of it is copied back, and the log is not begun anew yet;
- `older`: the file after its first third, without a log;
- `earlier`: the file after its first third, with the log of a part of the second.
"""

import shutil
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random
from typing import Final

import apsw
import msgspec

from lastword.replication.entries import Page
from lastword.store.base import StoreOptions
from lastword.store.operations import PEERS_SET, Write
from lastword.store.sqlite.file import connect
from lastword.store.sqlite.store import SqliteStore
from tools.durability.history import Commit, History, Name, Stamps

START_US: Final = 1_790_000_000_000_000
"""Where the wall begins: in the past of whoever starts a node on the files."""
STEP_US: Final = 50_000

SETS: Final = {"crowd": 1_300, "club": 620, "team": 180, "texts": 60} | {
    f"pair-{number}": 2 for number in range(10)
}
"""How many elements are added to each. Sets of more than 512 have sums of stretches."""

OWN_COMMITS: Final = 120
"""The last so many commits only the victim has."""
BATCH_MAX: Final = 12
REMOVED_SHARE: Final = 0.15
PADDING_BYTES_MAX: Final = 40
TEXT_BYTES_MAX: Final = 9_000
PORTS: Final = (20_000, 30_000)
"""Below those that systems give to clients."""


class Pair(msgspec.Struct, frozen=True):
    """The files of both in a folder, where they serve, and what they acknowledged."""

    folder: str
    member_port: int
    victim_port: int
    commits: list[Commit]
    member: dict[Name, int]

    @property
    def addresses(self) -> frozenset[bytes]:
        """What both list."""
        return frozenset(b"127.0.0.1:%d" % at for at in (self.member_port, self.victim_port))

    def history(self) -> History:
        """Return what the victim acknowledged."""
        return History(self.commits)

    def member_file(self) -> Path:
        """Return the file of the member."""
        return Path(self.folder) / "member.db"

    def victim_file(self, moment: str) -> Path:
        """Return the victim's file as it was at a moment; its log is beside it."""
        return Path(self.folder) / f"{moment}.db"


def made_pair(folder: Path, seed: int) -> Pair:
    """Return the pair of a folder, made there if there is none."""
    kept = folder / "pair.msgpack"
    if not kept.exists():
        folder.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(msgspec.msgpack.encode(_Making(folder, seed).pair()))
    return msgspec.msgpack.decode(kept.read_bytes(), type=Pair)


class _Making:
    def __init__(self, folder: Path, seed: int) -> None:
        self._folder = folder
        self._rng = Random(seed)
        self._now_us = START_US
        self._history = History()
        with _free_port() as member, _free_port() as victim:
            self._ports = (member, victim)
        self._addresses = [f"127.0.0.1:{port}" for port in self._ports]
        self._work = self._written()

    def pair(self) -> Pair:
        """Make all files."""
        member = SqliteStore(self._folder / "member.db", self._options())
        with closing(member):
            self._first_and_second(member)
            self._third(member)
            held = {name: stamp for name, stamp in _held(member).items() if name[0] in SETS}
        return Pair(str(self._folder), *self._ports, self._history.commits, held)

    def _first_and_second(self, member: SqliteStore) -> None:
        total = sum(SETS.values())
        with closing(self._victim()) as victim:
            member.execute(Write(PEERS_SET, add=tuple(at.encode() for at in self._addresses)))
            self._write(victim, member, total // 3)
        self._keep("older")
        with closing(self._victim()) as victim:
            self._write(victim, member, total // 6)
            self._keep("earlier")
            self._write(victim, member, total // 6)

    def _third(self, member: SqliteStore) -> None:
        with closing(self._victim()) as victim:
            self._write(victim, member, sum(SETS.values()) // 6)
            path = victim.path
            with closing(connect(path)) as reader, closing(connect(path)) as copying:
                reader.execute("BEGIN; SELECT count(*) FROM facts").fetchall()
                self._write(victim, member)
                for _ in range(OWN_COMMITS):
                    self._change(victim, self._rewritten())
                self._keep("logged")
                copying.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
                self._keep("half")
                reader.execute("COMMIT")
                copying.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
                self._keep("copied")
        self._keep("whole")

    def _write(
        self, victim: SqliteStore, member: SqliteStore, elements: int | None = None
    ) -> None:
        """Let both write so many of the elements that there are, or all, and agree."""
        while elements is None or elements > 0:
            write = next(self._work, None)
            if write is None:
                break
            elements = None if elements is None else elements - len(write.add)
            if self._rng.random() < 0.2:
                member.execute(write)
            else:
                self._change(victim, write)
            if self._rng.random() < 0.1:
                self._change(victim, self._rewritten())
        for page in _pages(victim, member, self._addresses[0]):
            self._note(victim, [(at.set_name, at.element) for at in page.entries])
        for _ in _pages(member, victim, self._addresses[1]):
            pass

    def _change(self, victim: SqliteStore, write: Write) -> None:
        victim.execute(write)
        self._note(victim, [(write.set_name, at) for at in write.add + write.remove])

    def _note(self, victim: SqliteStore, names: list[tuple[bytes, bytes]]) -> None:
        """Note what the victim's last commit changed."""
        stamps = {}
        for set_name, element in names:
            stamp = victim.stamp_of(set_name, element)
            name = (set_name.decode(), element)
            if name[0] in SETS and stamp is not None and stamp != self._history.newest.get(name):
                stamps[name] = stamp
        if stamps:
            self._history.add(Commit(stamps))

    def _written(self) -> Iterator[Write]:
        """Yield writes that add all elements once, in an order drawn by lot."""
        rng = self._rng
        elements = {name: [_element(rng, name, at) for at in range(SETS[name])] for name in SETS}
        while elements:
            set_name = rng.choices([*elements], [len(at) for at in elements.values()])[0]
            size = 1 if rng.random() < 0.5 else rng.randint(2, BATCH_MAX)
            some, elements[set_name] = elements[set_name][:size], elements[set_name][size:]
            if not elements[set_name]:
                del elements[set_name]
            yield Write(set_name.encode(), add=tuple(some))

    def _rewritten(self) -> Write:
        """Return a write that removes an element, adds one that was removed, or adds a new one."""
        rng, known = self._rng, self._history.newest
        set_name, element = rng.choice([*known])
        if rng.random() < 0.4:
            new = _element(rng, set_name, rng.randrange(10_000, 100_000))
            return Write(set_name.encode(), add=(new,))
        if known[set_name, element] & 1:
            return Write(set_name.encode(), add=(element,))
        return Write(set_name.encode(), remove=(element,))

    def _victim(self) -> SqliteStore:
        return SqliteStore(self._folder / "victim.db", self._options())

    def _options(self) -> StoreOptions:
        return StoreOptions(wall=self._wall, new_run=lambda: self._rng.getrandbits(63))

    def _wall(self) -> int:
        self._now_us += STEP_US
        return self._now_us

    def _keep(self, moment: str) -> None:
        """Copy the victim's file, and its log where there is one, as a kill would leave them."""
        copy_file(self._folder / "victim.db", self._folder / f"{moment}.db")


def copy_file(source: Path, target: Path) -> None:
    """Copy a node's file with its log, if it has one."""
    for suffix in ("", "-wal"):
        part = source.with_name(source.name + suffix)
        if part.exists():
            shutil.copyfile(part, target.with_name(target.name + suffix))


def _element(rng: Random, set_name: str, number: int) -> bytes:
    if set_name == "texts":
        length = rng.randrange(100, TEXT_BYTES_MAX)
        return (b"%d " % number).ljust(length, b".")
    return f"é/{number}{'x' * rng.randrange(PADDING_BYTES_MAX)}".encode()


def _pages(taker: SqliteStore, giver: SqliteStore, address: str) -> Iterator[Page]:
    """Let one take in all that the other has and it lacks; yield each page once it did."""
    page: Page | None = None
    while page is None or page.seen is None:
        page = giver.page(
            taker.cursor(address),
            for_run=taker.run,
            seen=dict(taker.seen),
            vouched=dict(giver.seen),
        )
        applied = taker.apply(page, address)
        assert applied is not None
        yield page


def _held(store: SqliteStore) -> Stamps:
    return {(name.decode(), key[8:]): row.stamp for (name, key), row in store.all_rows()}


@contextmanager
def _free_port() -> Iterator[int]:
    """Give a port that nobody listens on, held within the block."""
    lot = Random()  # not of the seed: the same ports would collide in two campaigns at once
    while True:
        with socket.socket() as held:
            port = lot.randrange(*PORTS)
            try:
                held.bind(("127.0.0.1", port))
            except OSError:
                continue
            yield port
            return
