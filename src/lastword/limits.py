"""Every limit of the package, with its unit last in the name and the reason for its value."""

from typing import Final

TIME_MAX: Final = (1 << 61) - 1
"""Microseconds since 1970. One bit of a stamp says removed, and a stamp stays below 2^62, so
that sums and SQLite's signed 64-bit integers never overflow."""

STAMP_MAX: Final = (TIME_MAX << 1) | 1
"""The greatest stamp: TIME_MAX, removed."""

MAX_SKEW_US_DEFAULT: Final = 60_000_000
"""How far ahead of the wall a time may be. Clocks that NTP keeps differ by milliseconds; a minute
lets a badly kept machine serve, and bounds how long a wrong time can win."""

ELEMENT_BYTES_MAX: Final = 65_536
"""An element is a member, not a document; rows and frames stay small."""

SET_NAME_BYTES_MAX: Final = 255
"""As a file's name on most systems, so that a set can always be exported under its name."""

BODY_BYTES_MAX: Final = 64 << 20
"""A request's body is held whole before anything of it is applied. 64 MiB of JSON is about a
million elements."""

TARGET_BYTES_MAX: Final = 32 << 10
"""The path and query of a request, percent-encoded. Longer elements go by PATCH."""

HEADERS_BYTES_MAX: Final = 64 << 10
"""All headers of a request together with its first line."""

PATCH_ELEMENTS_MAX: Final = 10_000
"""Elements of one atomic request: what one transaction holds without making others wait."""

MERGE_SLICE_ELEMENTS: Final = 1_000
"""A merged state is applied in transactions of so many elements, so that a large one does not
hold up small writes; a merge can be repeated, so it need not be atomic."""

LISTED_MAX: Final = 10_000
"""Members, or sets, of one page of a listing."""

LISTED_DEFAULT: Final = 1_000
"""Members, or sets, of a page that no limit is named for: some tens of kilobytes."""

LISTED_BYTES_MAX: Final = 1 << 20
"""The elements' bytes of one page of a listing, whatever its limit; one element always goes."""

LOOKED_AT_MAX: Final = 10_000
"""Entries looked at for one page of a listing, listed or not: some tens of milliseconds."""

BULK_LINES: Final = 1_000
"""Lines of a bulk request that are applied at once: one commit, a hundredth of a second."""

BULK_PACKED_LINES_MAX: Final = 1_000_000
"""Lines of a bulk request in msgpack, which are told apart before the first is applied: that takes
about 80 bytes for each. NDJSON is read line by line, and has no such limit."""

POSITIONS_MAX: Final = 1_000
"""Places in a set that are looked at for one request: some tens of milliseconds on a cold file."""

PAGE_BYTES_MAX: Final = 256 << 10
"""The elements' bytes of one page of a walk: large enough to make the round trip cheap, small
enough for hundreds at once. One element may always travel."""

PAGE_ROWS_MAX: Final = 2_000
"""Rows looked at for one page, sent or left out: bounds the time of a reply."""

FRAME_BYTES_MAX: Final = 64 << 20
"""A frame from another node. A page is far smaller; the vectors of a very old cluster are not."""

COMPARE_BYTES_MAX: Final = 256 << 10
"""One step of a comparison, entries included, beside what goes over with the last claim."""

COMPARE_ROWS_MAX: Final = 10_000
"""Rows read for one step of a comparison: a tenth of a second at the most, in which the node's
replica does nothing else."""

CLAIMS_MAX: Final = 4_096
"""Claims of one step of a comparison; the rest wait at the initiator."""

TOKENS_MAX: Final = 10_000
"""Tokens of a cluster, with those that were revoked and are not collected yet: a node reads them
on its loop whenever one changes. It would leave out more, by chance; so no more are taken."""

PEERS_MAX: Final = 1_000
"""Listed addresses: more are refused at the door; lastword is built for about 50."""

ADDRESS_BYTES_MAX: Final = 255
"""host:port; a DNS name has at most 253 bytes, and replication refuses longer addresses."""

SHOWN_BYTES_MAX: Final = 60
"""Of anything from outside, an error shows so many bytes and no more."""

GHOSTS_TOLD_MAX: Final = 100
"""Elements that a refusal lists: enough to see what they are."""

GHOSTS_TOLD_BYTES_MAX: Final = 8 << 10
"""And their bytes, so that no answer but a state grows over 64 KiB: JSON may write six for one."""

REDOT_ROWS_MAX: Final = 2_000
"""Rows looked at, in one go, for dots that nobody covers."""

WRITES_PENDING_MAX: Final = 100_000
"""Operations that wait for the writer; more are refused rather than held."""

GROUP_ROWS_MAX: Final = 5_000
"""Rows of one group commit: a group takes a tenth of a second at the most."""

CACHE_BYTES_DEFAULT: Final = 256_000_000
"""Half holds sets that are read often: a million short elements. Half holds pages of the file."""

BRIEF_ROWS_MAX: Final = 500
"""Rows of a group that may begin on the event loop: it holds that up for a few milliseconds."""
