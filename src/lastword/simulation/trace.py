"""The hash of all that happened in a run, by which two runs are known to be the same."""

from hashlib import blake2b
from struct import Struct

_HEAD = Struct("<cqiiI").pack


class Trace:
    """BLAKE2b over every delivered message and every fault, in the order of virtual time."""

    def __init__(self) -> None:
        self._hash = blake2b(digest_size=16)

    def note(self, kind: bytes, now_us: int, source: int, target: int, data: bytes = b"") -> None:
        """Add what happened: its kind (one byte), when, from which node to which, its bytes."""
        self._hash.update(_HEAD(kind, now_us, source, target, len(data)))
        self._hash.update(data)

    def hexdigest(self) -> str:
        """Return the hash so far."""
        return self._hash.hexdigest()
