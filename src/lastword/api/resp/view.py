"""What reading commands read: the store as it is, or a transaction as it stands.

Each command is written once, over this; so it answers the same within MULTI and outside.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from lastword.api.resp.names import RESERVED
from lastword.crdt.stamp import is_removed
from lastword.errors import CommandTooLarge
from lastword.replication.hashing import element_of, set_position
from lastword.store.base import BaseStore
from lastword.store.ledger import NO_TOTALS, Totals
from lastword.store.transaction import Transaction

CHUNK_ROWS = 5_000
"""Rows that are read at once."""

ROWS_ATOMIC_MAX = 100_000
"""Rows that one transaction looks at, or changes, for one client: about a second, in which nobody
else's write is done."""

BYTES_ATOMIC_MAX = 64 << 20
"""And how many bytes their members have, since all of them are held at once."""

KeyStamp = tuple[bytes, int]
Listed = Callable[[bytes], bool]


class View(Protocol):
    """Sets as they are in one snapshot. A set exists if a member is present."""

    def totals(self, set_name: bytes) -> Totals:
        """Return what a set adds up to."""

    def contains_each(self, set_name: bytes, elements: Sequence[bytes]) -> list[bool]:
        """Return for each element whether it is present."""

    def chunks(self, set_name: bytes) -> Iterator[list[bytes]]:
        """Yield all present elements, some at a time. O(entries)."""

    def rows(
        self, set_name: bytes, low: bytes, high: bytes | None, limit: int
    ) -> Sequence[KeyStamp]:
        """Return up to `limit` rows of `low <= key < high` by key; None is above all keys."""

    def names_held(self) -> int:
        """Return how many names there are, also of sets that do not exist any more."""

    def names(self) -> list[bytes]:
        """Return the names of all sets that exist. O(sets)."""

    def names_between(self, low: int, high: int) -> list[bytes]:
        """Return the names of the sets that exist at `low <= position < high`."""

    def spend(self, rows: int, size: int = 0) -> None:
        """Note what is read; a view that is limited raises CommandTooLarge beyond its limit."""


def _all(_: bytes) -> bool:
    return True


def exists(totals: Mapping[bytes, Totals], name: bytes) -> bool:
    """Return whether a set is there for a client of this protocol."""
    return totals[name].present > 0 and not name.startswith(RESERVED)


class StoreView:
    """The store, of whatever snapshot the calling thread has; `listed` says which names are."""

    def __init__(self, store: BaseStore, listed: Listed | None = None) -> None:
        self._store = store
        self._listed = listed or _all

    def totals(self, set_name: bytes) -> Totals:
        """Return what a set adds up to."""
        self._store.damage.check(set_name)
        totals = self._store.totals().get(set_name)
        if totals is None:
            self._store.damage.check_absent(set_name)
        return totals or NO_TOTALS

    def contains_each(self, set_name: bytes, elements: Sequence[bytes]) -> list[bool]:
        """Return for each element whether it is present."""
        return self._store.contains_each(set_name, elements)

    def chunks(self, set_name: bytes) -> Iterator[list[bytes]]:
        """Yield all present elements, some at a time."""
        after = b""
        while rows := self._store.entries(set_name, after=after, limit=CHUNK_ROWS):
            yield [element_of(key) for key, stamp in rows if not is_removed(stamp)]
            after = rows[-1][0]
            if len(rows) < CHUNK_ROWS:
                break

    def rows(self, set_name: bytes, low: bytes, high: bytes | None, limit: int) -> list[KeyStamp]:
        """Return up to `limit` rows of `low <= key < high` by key; None is above all keys."""
        found = self._store.rows_between(set_name, low, high, limit)
        return [(held.key, held.stamp) for held in found]

    def names_held(self) -> int:
        """Return how many names there are, also of sets that do not exist any more."""
        return len(self._store.totals())

    def names(self) -> list[bytes]:
        """Return the names of all sets that exist."""
        totals = self._store.totals()
        listed = self._listed
        return [name for name in list(totals) if exists(totals, name) and listed(name)]

    def names_between(self, low: int, high: int) -> list[bytes]:
        """Return the names of the sets that exist at `low <= position < high`."""
        totals = self._store.totals()
        found = self._store.sets_between(low, high)
        return [at.name for at in found if exists(totals, at.name) and self._listed(at.name)]

    def spend(self, rows: int, size: int = 0) -> None:
        """Allow it: whoever reads the store holds up nobody."""


class TransactionView:
    """A transaction as it stands. It reads `rows_max` rows in all, and then raises.

    `listed` says which names are.
    """

    def __init__(
        self,
        transaction: Transaction,
        rows_max: int = ROWS_ATOMIC_MAX,
        listed: Listed | None = None,
    ) -> None:
        self._transaction = transaction
        self._listed = listed or _all
        self._rows_max = self._rows_left = rows_max
        self._bytes_left = BYTES_ATOMIC_MAX

    def totals(self, set_name: bytes) -> Totals:
        """Return what a set adds up to."""
        self._transaction.check_sound(set_name)
        return self._transaction.totals(set_name)

    def contains_each(self, set_name: bytes, elements: Sequence[bytes]) -> list[bool]:
        """Return for each element whether it is present."""
        self.spend(len(elements))
        transaction = self._transaction
        transaction.check_sound(set_name)
        transaction.load((set_name, element) for element in elements)
        place, row = transaction.place, transaction.row
        held = [row(set_name, place(set_name, element).key) for element in elements]
        return [at is not None and not is_removed(at.stamp) for at in held]

    def members(self, set_name: bytes) -> list[bytes]:
        """Return all present elements; raise CommandTooLarge where they are too many."""
        self.spend(self.totals(set_name).entries)
        members = []
        for member in self._transaction.members(set_name):
            self.spend(0, len(member))
            members.append(member)
        return members

    def chunks(self, set_name: bytes) -> Iterator[list[bytes]]:
        """Yield all present elements."""
        yield self.members(set_name)

    def rows(self, set_name: bytes, low: bytes, high: bytes | None, limit: int) -> list[KeyStamp]:
        """Return up to `limit` rows of `low <= key < high` by key; None is above all keys."""
        self._transaction.check_sound(set_name)
        rows = self._transaction.rows_between(set_name, low, high, limit)
        self.spend(len(rows), sum(len(key) for key, _ in rows))
        return rows

    def names_held(self) -> int:
        """Return how many names there are, also of sets that do not exist any more."""
        return len(self._transaction.ledger.totals)

    def names(self) -> list[bytes]:
        """Return the names of all sets that exist."""
        transaction = self._transaction
        names = dict.fromkeys(transaction.ledger.totals)
        names.update((name, None) for name, _ in transaction.changes.rows)
        self.spend(len(names))
        return [
            name
            for name in names
            if not name.startswith(RESERVED)
            and transaction.totals(name).present
            and self._listed(name)
        ]

    def names_between(self, low: int, high: int) -> list[bytes]:
        """Return the names of the sets that exist at `low <= position < high`."""
        key = self._transaction.ledger.digest_key
        return [name for name in self.names() if low <= set_position(name, key) < high]

    def spend(self, rows: int, size: int = 0) -> None:
        """Note what is read; raise CommandTooLarge where it is too much for one transaction."""
        self._rows_left -= rows
        self._bytes_left -= size
        if self._rows_left < 0:
            raise CommandTooLarge(f"this needs more than {self._rows_max} rows in one transaction")
        if self._bytes_left < 0:
            raise CommandTooLarge(
                f"this needs more than {BYTES_ATOMIC_MAX} bytes in one transaction"
            )
