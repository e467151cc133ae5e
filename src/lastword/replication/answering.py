"""Answering claims: which parts differ, what they hold here, what is to be sent and wanted.

Both sides of a comparison answer each other's claims by this. An answer is bounded; what was not
answered is said, and the initiator comes back to it.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from lastword.limits import CLAIMS_MAX, COMPARE_BYTES_MAX, COMPARE_ROWS_MAX
from lastword.replication.claims import (
    DIRECTORY,
    FINGERPRINT_BYTES,
    SET_ITEM,
    STEP_MAX,
    Children,
    Claim,
    Listing,
    Range,
    Want,
    size_of,
)
from lastword.replication.digests import Digests, Salt
from lastword.replication.entries import ENTRY_BYTES, Entry, Held, SetDigest
from lastword.replication.hashing import POSITION_BYTES, Sums, element_of

LIST_MAX = 16
"""Entries that are listed one by one; more are summed up by parts."""

FEW_CLAIMS = 8
FAR_STEP = 4
NEAR_STEP = 2
"""Bits that a range is divided by: where few differ, further, to save messages; where many do, by
what costs the fewest bytes. Measured: 2.7 times the floor at 300 differences of 300,000, where
steps of 3 take 3.2; half as many items a list, or steps that stop short, cost more."""

LIST_SETS_MAX = 4
"""Sets that are listed one by one, by ten bytes each instead of two."""

OPEN_MAX = 64
"""Entries or sets that are matched against another's list; more are summed up first."""


class Answer:
    """The answer to a message of claims, as it grows: claims, and entries for the other side."""

    def __init__(self, digests: Digests, salt: Salt, asked: int) -> None:
        self.claims: list[Claim] = []
        self.entries: list[Entry] = []
        self._digests = digests
        self._salt = salt
        self._wanted_step = FAR_STEP if asked <= FEW_CLAIMS else NEAR_STEP
        self._bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether what is left has to wait for the next step."""
        return (
            self._bytes >= COMPARE_BYTES_MAX
            or len(self.claims) + (2 << STEP_MAX) > CLAIMS_MAX
            or self._digests.read >= COMPARE_ROWS_MAX
        )

    def open(self) -> None:
        """Claim what is held in all: the beginning of a pass."""
        self._describe(DIRECTORY, len(self._digests.sets(DIRECTORY)))

    def carry(self, claim: Claim) -> None:
        """Take along a claim that an earlier answer had no room for."""
        self._claim(claim)

    def answer_all(self, claims: Sequence[Claim], after: bytes | None) -> tuple[int, bytes | None]:
        """Answer claims in their order, the first one after key `after`.

        Returns how many were answered whole, and up to which key the next one was.
        """
        for index, claim in enumerate(claims):
            if self.is_full:
                return index, after
            after = self._answer(claim, after)
            if after is not None:
                return index, after
        return len(claims), None

    def _answer(self, claim: Claim, after: bytes | None) -> bytes | None:
        """Answer one claim; return the key reached where it is not answered whole."""
        match claim:
            case Children():
                self._answer_children(claim)
                return None
            case Listing(at) if at.set_position is None:
                return self._answer_directory(claim, after)
            case Listing():
                return self._answer_list(claim, after)
            case Want():
                return self._answer_want(claim, after)

    def _answer_children(self, claim: Children) -> None:
        """Describe the children that differ; where many do, go on faster."""
        parts = self._digests.parts(claim.range, claim.step)
        theirs = _fingerprints(claim.items)
        differing = [
            index
            for index, part in enumerate(parts)
            if self._salt.short(part.sums) != theirs[index]
        ]
        is_dense = len(parts) >= 8 and len(differing) > 0.3 * len(parts)
        for index in differing:
            child = claim.range.child(claim.step, index)
            self._describe(child, parts[index].size, STEP_MAX if is_dense else None)

    def _describe(self, at: Range, count: int, wanted_step: int | None = None) -> None:
        """Claim what a range holds: each item where there are few, else its parts."""
        if count <= (LIST_SETS_MAX if at.set_position is None else LIST_MAX):
            self._claim(Listing(at, self._items(at)))
            return
        wanted = STEP_MAX if at.bits == 0 else wanted_step or self._wanted_step
        self._claim_parts(at, self._digests.best_step(at, count, wanted))

    def _claim_parts(self, at: Range, step: int) -> None:
        parts = self._digests.parts(at, step)
        self._claim(Children(at, step, b"".join(self._salt.short(part.sums) for part in parts)))

    def _items(self, at: Range) -> bytes:
        if at.set_position is None:
            return b"".join(
                SET_ITEM.pack(found.position, self._number(found))
                for found in self._digests.sets(at)
            )
        return b"".join(self._salt.short(sums) for _, sums in self._digests.listed(at))

    def _number(self, found: SetDigest) -> int:
        return int.from_bytes(self._salt.short(found.sums), "little")

    # -- lists

    def _answer_directory(self, claim: Listing, after: bytes | None) -> bytes | None:
        """Open every set that only one side has, or whose fingerprints differ."""
        theirs = dict(SET_ITEM.iter_unpack(claim.items))
        ours = {found.position: found for found in self._digests.sets(claim.range)}
        if theirs and len(ours) > OPEN_MAX:
            self._describe(claim.range, len(ours))
            return None
        done = -1 if after is None else int.from_bytes(after)
        for position in sorted(theirs.keys() | ours.keys()):
            if position <= done:
                continue
            if self.is_full:
                return done.to_bytes(POSITION_BYTES)
            self._open_set(position, ours.get(position), theirs.get(position))
            done = position
        return None

    def _open_set(self, position: int, ours: SetDigest | None, theirs: int | None) -> None:
        at = Range(position)
        if ours is None:
            self._claim(Listing(at))
        elif theirs is None:
            # What does not fit, or is much, waits until the other side asks for it.
            if ours.entries > LIST_MAX or self._send_all(at, None) is not None:
                self._claim_parts(at, 0)
        elif theirs != self._number(ours):
            self._describe(at, ours.entries)

    def _answer_list(self, claim: Listing, after: bytes | None) -> bytes | None:
        """Send what the list lacks, and want what only the list has."""
        if not claim.items:
            return self._send_all(claim.range, after)
        at, theirs = claim.range, Counter(_fingerprints(claim.items))
        if self._digests.count(at) > OPEN_MAX:
            self._describe(at, OPEN_MAX + 1)
            return None
        lacking = []
        for row, sums in self._digests.listed(at):
            short = self._salt.short(sums)
            theirs[short] -= 1
            if theirs[short] < 0 and (after is None or row.key > after):
                lacking.append((row, sums))
        left = self._send(at, lacking)
        if left is None and (wanted := +theirs):
            self._claim(Want(at, b"".join(sorted(wanted.elements()))))
        return left

    def _answer_want(self, claim: Want, after: bytes | None) -> bytes | None:
        wanted = set(_fingerprints(claim.items))
        return self._send(claim.range, self._digests.rows(claim.range, above=after), wanted)

    def _send_all(self, at: Range, after: bytes | None) -> bytes | None:
        return self._send(at, self._digests.rows(at, above=after))

    def _send(
        self, at: Range, rows: Iterable[tuple[Held, Sums]], wanted: set[bytes] | None = None
    ) -> bytes | None:
        """Send rows, of `wanted` fingerprints if not all; return the last one's key if full."""
        named = self._digests.set_named(at)
        if named is None:
            return None
        self._bytes += len(named.name)
        for row, sums in rows:
            if wanted is None or self._salt.short(sums) in wanted:
                element = element_of(row.key)
                self.entries.append(Entry(named.name, element, row.stamp, row.run, row.number))
                self._bytes += len(element) + ENTRY_BYTES
            if self.is_full:
                return row.key
        return None

    def _claim(self, claim: Claim) -> None:
        self.claims.append(claim)
        self._bytes += size_of(claim)


def _fingerprints(items: bytes) -> list[bytes]:
    return [
        items[start : start + FINGERPRINT_BYTES]
        for start in range(0, len(items), FINGERPRINT_BYTES)
    ]
