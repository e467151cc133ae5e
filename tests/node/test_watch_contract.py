"""The contract of watching, over any sequence of writes, merges, collections and reconnections.

A client that applies what it is told, and reads the set anew at a reset, always comes to hold the
node's set; cursors never go back; what it was not told of, it was told to read anew.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from lastword.crdt.stamp import pack
from lastword.replication.entries import Entry
from lastword.store.base import BaseStore
from lastword.store.operations import Write, WriteInTurn
from tests.node.watching import NARROW, Client, Hall, of_prefix, of_set
from tests.stores import HOUR_US, START_US, SqliteStores, next_page

NAMES = st.sampled_from([b"s", b"s2", b"t"])
ELEMENTS = st.lists(st.sampled_from([b"%d" % at for at in range(6)]), max_size=6, unique=True)
MEMORY = Path("/dev/shm")
CLIENTS = st.sampled_from(range(4))


class Watching(RuleBasedStateMachine):
    """One watched store, another that it hears from, and clients of every kind."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
        self.stores = SqliteStores(Path(self._folder.name))
        self.hall = Hall(NARROW)
        self.hall.open(self.stores.open("a"))
        self.other = self.stores.open("b")
        selections = [of_set(b"s"), of_prefix(b"s"), of_prefix(b""), of_set(b"t")]
        self.clients = [Client(self.hall, selection) for selection in selections]
        self.has_backup = False

    @property
    def store(self) -> BaseStore:
        return self.hall.store

    def teardown(self) -> None:
        try:
            for client in self.clients:
                client.settle()
        finally:
            self.hall.close()
            self.stores.finish()
            self._folder.cleanup()

    @rule(name=NAMES, add=ELEMENTS, remove=ELEMENTS)
    def write(self, name: bytes, add: list[bytes], remove: list[bytes]) -> None:
        self._write(self.store, name, add, remove)

    @rule(name=NAMES, add=ELEMENTS, remove=ELEMENTS)
    def write_elsewhere(self, name: bytes, add: list[bytes], remove: list[bytes]) -> None:
        self._write(self.other, name, add, remove)

    def _write(self, store: BaseStore, name: bytes, add: list[bytes], remove: list[bytes]) -> None:
        self.stores.wall.now_us += 1_000
        kept = tuple(element for element in add if element not in remove)
        store.execute(Write(name, kept, tuple(remove)))

    @rule(elements=st.lists(st.sampled_from([b"0", b"1", b"2"]), min_size=2, max_size=5))
    def write_in_turn(self, elements: list[bytes]) -> None:
        """Some twice, in one commit."""
        writes = [
            Write(b"s", (element,)) if turn % 2 else Write(b"s", (), (element,))
            for turn, element in enumerate(elements)
        ]
        self.store.execute(WriteInTurn(tuple(writes)))

    @rule(number=st.integers(1, 40))
    def write_much(self, number: int) -> None:
        """More than the feed holds, in one commit."""
        elements = tuple(b"%d" % at for at in range(number))
        self.store.execute(Write(b"s", elements))

    @rule(pages=st.integers(1, 3))
    def hear_from_another(self, pages: int) -> None:
        taker = self.store
        for _ in range(pages):
            page = next_page(taker, self.other, "b:1")
            taker.apply(page, "b:1", taker.collected.state.hash)

    @rule(element=st.sampled_from([b"0", b"1"]), run=st.integers(5, 6), number=st.integers(1, 9))
    def take_another_dot(self, element: bytes, run: int, number: int) -> None:
        """Of one stamp under several dots the row changes, and no state."""
        entry = Entry(b"s", element, pack(START_US + 1, removed=False), run, number)
        self.store.apply_entries((entry,), self.store.collected.state.hash)

    @rule()
    def give_new_dots(self) -> None:
        self.stores.wall.now_us += HOUR_US
        self.store.redot(age_us=HOUR_US // 2)

    @rule(limit=st.integers(1, 20))
    def collect(self, limit: int) -> None:
        self.store.collect(dict(self.store.seen), 0, self.store.log_end, limit)

    @rule(at=CLIENTS, turns=st.integers(1, 12))
    def read(self, at: int, turns: int) -> None:
        self.clients[at].pull(turns)

    @rule(at=CLIENTS)
    def read_all(self, at: int) -> None:
        self.clients[at].settle()

    @rule(at=CLIENTS, lines=st.integers(0, 3))
    def lose_the_connection_within_a_part(self, at: int, lines: int) -> None:
        client = self.clients[at]
        for _ in range(8):
            part = client.turn()
            if part is not None:
                client.apply(part, lines)
                break
        client.disconnect()

    @rule(at=CLIENTS)
    def begin_again_with_nothing(self, at: int) -> None:
        client = self.clients[at]
        client.disconnect()
        self.clients[at] = Client(self.hall, client._selection)

    @rule()
    def start_again(self) -> None:
        self._stop()
        self.hall.open(self.stores.reopen("a"))

    @rule()
    def keep_a_backup(self) -> None:
        self.stores.snapshot("a", "backup")
        self.has_backup = True

    @precondition(lambda self: self.has_backup)
    @rule()
    def restore_the_backup(self) -> None:
        self._stop()
        self.stores.close("a")
        self.stores.restore("backup", "a")
        self.hall.open(self.stores.open("a"))

    @rule(at=CLIENTS, number=st.integers(9, 12))
    def lose_a_remove(self, at: int, number: int) -> None:
        """A client is away while what it has is removed, collected, and gone from the feed."""
        self.clients[at].settle()
        self._write(self.store, b"s", [], [b"0", b"1"])
        self.collect(20)
        self.write_much(number)

    @rule()
    def begin_afresh(self) -> None:
        """Let a copy of the other store take the place of the file, while clients watch."""
        store = self.hall.store
        copy = store.begin_copy()
        while (applied := copy.apply(next_page(copy, self.other, "b:1"), "b:1")) is not None:
            if applied.finished:
                break
        store.take_over({}, 0, 0)

    def _stop(self) -> None:
        for client in self.clients:
            client.disconnect()
        self.hall.watchers.close()
        self.hall.turn()


TestWatching = Watching.TestCase
TestWatching.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
