"""What watching may cost a node, in numbers, bytes and seconds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WatchLimits:
    """Every limit of watching, each with the reason for its default."""

    watchers_max: int = 2_000
    """Streams at once. Each takes some 20 KB while its reader keeps up, and the buffers of its
    connection, 64 KiB here and more in the kernel, while not. More are refused."""

    held_events: int = 16_384
    """Events of the last commits that are in memory while anybody watches: a second of writes at
    the rate that a node takes. More spares reads of the log, and takes about 400 bytes each."""

    held_bytes: int = 8 << 20
    """And bytes of their elements."""

    late_numbers: int = 1_000_000
    """How many log numbers a reader that did not keep up may be behind. Up to there it gets what
    it missed from the log, a state for each element; further behind it is told to read the set
    anew, for its news would only grow older."""

    part_bytes: int = 64 << 10
    """What is encoded and sent to one watcher in its turn, about."""

    page_rows: int = 500
    """Rows of the log that are taken and sent at once: some milliseconds beside the loop."""

    looked_at: int = 5_000
    """Rows of the log that are passed over at once for those that are wanted: a millisecond."""

    reads_max: int = 2
    """Reads of the log at once, as many as there are threads for it: other reads wait for no more
    than these, also where a thousand watchers come back together."""

    encoded_bytes: int = 8 << 20
    """Encoded events that are kept for others who watch the same."""

    turns: int = 16
    """Watchers that are served in one turn of the event loop: a megabyte, a millisecond. Others
    wait for their turn, and requests are answered between two."""

    beat_s: float = 15.0
    """After so long without anything a stream says that it is alive, and how far it is. Proxies
    close connections that are silent for a minute."""

    sweep_s: float = 1.0
    """One timer looks at all watchers this often, so a beat may be late by as much."""
