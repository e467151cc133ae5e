"""The set `_tokens_` as a node holds it, for its gate."""

from collections.abc import Iterator
from typing import Final

from lastword.access.rights import TOKENS_SET
from lastword.crdt.stamp import is_removed
from lastword.limits import TOKENS_MAX
from lastword.node.node import Node
from lastword.replication.hashing import element_of

CHUNK: Final = 1_000


class HeldTokens:
    """What is in `_tokens_`; it is asked on the event loop."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def version(self) -> object:
        """Return the sums of the set, which are others whenever it is another."""
        totals = self._node.store.totals().get(TOKENS_SET)
        return None if totals is None else totals.sums

    def elements(self) -> Iterator[bytes]:
        """Yield the present elements, as they are now: not before `version` was asked."""
        self._node.reads.end()
        after = b""
        for _ in range(TOKENS_MAX // CHUNK):
            rows = self._node.store.entries(TOKENS_SET, after=after, limit=CHUNK)
            yield from (element_of(key) for key, stamp in rows if not is_removed(stamp))
            if len(rows) < CHUNK:
                return
            after = rows[-1][0]
