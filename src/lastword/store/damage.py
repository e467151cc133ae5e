"""What of a store is damaged: the one register that answers, logs, metrics and the replica ask.

Of rows that do not add up to their sums nobody knows which side is wrong, and a page that cannot
be read cannot be mended. So neither is patched: what is named here is not served, nothing of the
store is given to others, and the whole file is replaced by a copy of a member
(`replication/renewal.py`). docs/decisions/damage.md says why.
"""

import logging
from collections.abc import Callable, Mapping
from threading import Lock
from types import MappingProxyType
from typing import NamedTuple

from lastword.errors import CorruptStore
from lastword.limits import SHOWN_BYTES_MAX

logger = logging.getLogger(__name__)

PLACES_MAX = 1_000
"""Of what cannot be read so much is named: of a file that is gone in whole that is enough."""

REBUILD_HINT = (
    "lastword rebuild -d FILE keeps the file, saves what can be read of it, and makes way for a "
    "new one."
)
"""Where no node can start on a file."""


def place_of(what: bytes | str) -> str:
    """Return in words what was being read; a set is given by its name."""
    if isinstance(what, str):
        return what
    return f"a part of set {what[:SHOWN_BYTES_MAX].decode(errors='replace')!r}"


class Distrusted(NamedTuple):
    """What a file keeps of its damage, so that a start knows of it.

    `sets` that do not add up, with how; `facts` of the file itself that cannot be true.
    """

    sets: Mapping[bytes, str] = MappingProxyType({})
    facts: tuple[str, ...] = ()


MISSHAPEN = "a part of it does not hold together"
"""Of a set where a page matches its checksum and is not what it should be: whatever else is read
there may be wrong as well. Around a page that does not match, what can be read is right."""

LOGGED_PLACES = 20
"""After so many lines of the log it is clear that it is not one page."""


class Damage:
    """What is damaged, as far as it was met. Any thread may ask, and note.

    `places` are what could not be read: pages by their numbers where these are known, and what was
    being read where not. `reads` counts the readings that failed by it.
    """

    def __init__(self, kept: Distrusted | None = None) -> None:
        kept = kept or Distrusted()
        self.sets: Mapping[bytes, str] = dict(kept.sets)
        self.facts: tuple[str, ...] = tuple(kept.facts)
        self.places: frozenset[int | str] = frozenset()
        self.reads = 0
        self._noting = Lock()

    def __getstate__(self) -> tuple[Distrusted, frozenset[int | str], int]:
        """Let it be pickled, as simulated disks are."""
        return self.kept, self.places, self.reads

    def __setstate__(self, state: tuple[Distrusted, frozenset[int | str], int]) -> None:
        """Be what was pickled."""
        kept, self.places, self.reads = state
        self.sets, self.facts = dict(kept.sets), tuple(kept.facts)
        self._noting = Lock()

    def __bool__(self) -> bool:
        """Say whether anything is damaged."""
        return bool(self.sets or self.facts or self.places)

    @property
    def pages(self) -> int:
        """How many pages cannot be read: those that were counted, and one at least."""
        numbered = sum(isinstance(place, int) for place in self.places)
        return max(numbered, int(bool(self.places)))

    @property
    def kept(self) -> Distrusted:
        """What a file keeps of this."""
        return Distrusted(dict(self.sets), self.facts)

    def check(self, set_name: bytes) -> None:
        """Raise CorruptStore for a set that is not served."""
        if set_name in self.sets:
            self.reads += 1
            shown = set_name[:SHOWN_BYTES_MAX].decode(errors="replace")
            raise CorruptStore(f"set {shown!r} is damaged here: {self.sets[set_name]}")

    def sound(self, wants: Callable[[bytes], bool]) -> Callable[[bytes], bool]:
        """Return what wants the same sets; it raises CorruptStore where that is a damaged one."""
        if not self.sets:
            return wants

        def wanted(set_name: bytes) -> bool:
            if not wants(set_name):
                return False
            self.check(set_name)
            return True

        return wanted

    def check_absent(self, set_name: bytes) -> None:
        """Raise CorruptStore for a set that is not known, where what the file says may lack it."""
        self.check(set_name)
        if self.facts:
            self.reads += 1
            shown = set_name[:SHOWN_BYTES_MAX].decode(errors="replace")
            raise CorruptStore(f"set {shown!r} may be missing here: {self.facts[0]}")

    def check_nothing(self) -> None:
        """Raise CorruptStore where anything is noted."""
        for what in (*self.facts, *map(str, self.places)):
            raise CorruptStore(f"the file is damaged: {what}")
        for set_name in self.sets:
            self.check(set_name)

    def distrust(self, set_name: bytes, why: str) -> bool:
        """Serve a set no longer; return whether that is new."""
        with self._noting:
            if set_name in self.sets:
                return False
            self.sets = {**self.sets, set_name: why}
        logger.error("set %r is damaged and is not served: %s", set_name, why)
        return True

    def note_fact(self, what: str) -> bool:
        """Note of the file itself what cannot be true; return whether that is new."""
        with self._noting:
            if what in self.facts or len(self.facts) >= PLACES_MAX:
                return False
            self.facts = (*self.facts, what)
        logger.error("the file is damaged: %s", what)
        return True

    def note_place(self, place: int | str) -> bool:
        """Note a page by its number, or what was being read; return whether that is new."""
        with self._noting:
            if place in self.places or len(self.places) >= PLACES_MAX:
                return False
            self.places |= {place}
        self._log_place(f"page {place}" if isinstance(place, int) else place)
        return True

    def _log_place(self, where: str) -> None:
        if len(self.places) < LOGGED_PLACES:
            logger.error("the file is damaged: %s cannot be read", where)
        elif len(self.places) == LOGGED_PLACES:
            logger.error("the file is damaged: %s, and more that is not logged", where)

    def note_read(self, place: str) -> None:
        """Count a reading that failed, and note what was being read."""
        self.reads += 1
        self.note_place(place)

    def take(self, kept: Distrusted) -> None:
        """Know of what a file keeps; what is known already stays."""
        with self._noting:
            self.sets = {**kept.sets, **self.sets}
            self.facts = tuple(dict.fromkeys((*self.facts, *kept.facts)))

    def copy(self) -> "Damage":
        """Return a register that later notes in this one leave alone."""
        twin = Damage(self.kept)
        twin.places, twin.reads = self.places, self.reads
        return twin
