"""What a node measures of itself, in the Prometheus text format."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from platform import python_version
from typing import Protocol

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from lastword.node.member_metrics import by_member
from lastword.node.node import Node
from lastword.node.place import Reason
from lastword.node.readiness import unready
from lastword.replication.fence import Standing
from lastword.replication.frames import PROTOCOL_VERSION
from lastword.replication.status import MemberLag
from lastword.store.sqlite.room import room_of

_HELP = {
    "rounds": "rounds of replication begun",
    "walks_begun": "walks over other nodes' logs begun",
    "walks_finished": "walks that reached the end of a log",
    "walks_from_start": "pages that began at the start of a log: first contacts, and files that "
    "went back",
    "pages_applied": "pages of walks applied",
    "pages_refused": "pages that did not follow the cursor, dropped: repeated or overtaken ones",
    "vectors_asked": "pages held back to ask for runs of a vector that was not known",
    "vectors_whole": "vectors that travelled whole: first contacts and restarts",
    "entries_sent": "entries sent to other nodes",
    "entries_received": "entries received from other nodes",
    "entries_changed": "received entries that were newer than what was held",
    "dots_adopted": "rows that took another dot of the same stamp",
    "dots_renewed": "rows that got a new dot because nobody covered theirs",
    "comparisons_begun": "comparisons of everything with other nodes begun",
    "comparisons_equal": "comparisons that ended with both sides equal",
    "comparisons_unequal": "comparisons that ended otherwise: normal under writes, else look at "
    "the disk",
    "comparison_steps": "messages of comparisons sent as their initiator: one each where nothing "
    "differs",
    "comparison_passes": "passes of comparisons that found a difference",
    "repairs": "entries that were lacking here although their dots were covered: look at the disk",
    "future_entries": "entries taken from members whose times were more than a minute ahead of "
    "this clock; lastword doctor lists them",
    "sets_distrusted": "sets that a comparison found not to add up to their sums: look at disks",
    "sends_failed": "frames that no reply came to",
    "tombstones_collected": "tombstones that went for good",
    "copies_begun": "copies of another node begun, since this one was behind it",
    "copies_finished": "copies that took the place of this node's file",
    "copied_entries": "entries that copies brought",
    "refused_entries": "entries that a copy refused, since they may be of something long removed: "
    "look at the file",
    "exchanges_fenced": "pages and comparisons dropped since one of the two nodes is behind",
    "members_lapsed": "members unlisted after a long silence",
    "runs_begun_again": "runs begun because this one was seen further than its own log",
}


class Doorway(Protocol):
    """The connections of one port, as they are counted."""

    dropped: Counter[str]
    held_bytes: int

    @property
    def inside(self) -> int:
        """How many connections there are."""


class NodeMetrics:
    """The metrics of one node."""

    content_type = b"text/plain; version=0.0.4; charset=utf-8"

    def __init__(
        self,
        node: Node,
        version: str,
        *,
        unproven: Mapping[str, int],
        refused_tokens: Mapping[str, int],
        doors: Mapping[str, Doorway],
    ) -> None:
        self._doors = doors
        self._node = node
        self._unproven = unproven
        self._refused_tokens = refused_tokens
        self._version = version
        self._lags: Sequence[MemberLag] = ()
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def render(self, lags: Sequence[MemberLag]) -> bytes:
        """Return all metrics in the text format; `lags` are of the members."""
        self._lags = lags
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Yield every metric as it is now."""
        node = self._node
        for name, value in asdict(node.replica.counters).items():
            yield CounterMetricFamily(f"lastword_{name}", _HELP[name], value)
        yield CounterMetricFamily(
            "lastword_reads",
            "what clients looked up: elements, and sets as a whole",
            node.reads.count,
        )
        yield CounterMetricFamily(
            "lastword_replication_sent_bytes",
            "bytes of messages to other nodes",
            node.sent_bytes,
        )
        yield CounterMetricFamily(
            "lastword_replication_received_bytes",
            "bytes of messages of other nodes",
            node.received_bytes,
        )
        yield CounterMetricFamily("lastword_commits", "transactions committed", node.store.commits)
        faults = CounterMetricFamily(
            "lastword_faults",
            "faults in the node's own work, by where; the log has traces",
            labels=["where"],
        )
        for where, count in node.faults.counts.items():
            faults.add_metric([where], count)
        yield faults
        unproven = CounterMetricFamily(
            "lastword_unproven_frames",
            "frames refused since they do not prove that their sender is one of the cluster, by "
            "reason: unsigned, malformed, forged, misdirected, expired, replayed",
            labels=["reason"],
        )
        for reason, count in self._unproven.items():
            unproven.add_metric([reason], count)
        yield unproven
        refused = CounterMetricFamily(
            "lastword_refused_tokens",
            "calls refused since they show no token that is known, by reason: missing, wrong, "
            "throttled",
            labels=["reason"],
        )
        for reason, count in self._refused_tokens.items():
            refused.add_metric([reason], count)
        yield refused
        yield HistogramMetricFamily(
            "lastword_commit_seconds",
            "seconds that a commit took, its sync included",
            buckets=node.store.writer.took.cumulative(),
            sum_value=node.store.writer.took.sum_s,
        )
        yield from self._connections()
        yield from self._watching()
        yield from self._damage()
        yield from self._gauges()
        yield from by_member(self._lags)
        yield from self._condition()

    def _condition(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "lastword_ready",
            "1 while clients are to be sent here, 0 where not; GET /_/ready says why",
            not any(unready(self._node)),
        )
        room = room_of(self._node.store.path)
        yield GaugeMetricFamily("lastword_file_bytes", "bytes of the file", room.file_bytes)
        yield GaugeMetricFamily(
            "lastword_log_bytes", "bytes of its write-ahead log", room.log_bytes
        )
        yield GaugeMetricFamily(
            "lastword_free_bytes", "bytes that are free where the file is", room.free_bytes
        )
        build = GaugeMetricFamily(
            "lastword_build_info",
            "1, by version of lastword, version of Python, and version of the protocol",
            labels=["version", "python", "protocol"],
        )
        build.add_metric([self._version, python_version(), str(PROTOCOL_VERSION)], 1)
        yield build

    def _connections(self) -> Iterator[Metric]:
        dropped = CounterMetricFamily(
            "lastword_dropped_connections",
            "connections refused or given up, by protocol (http, redis) and reason: connections, "
            "flood (cut off without a word), address, held (too many, or too much held), fresh "
            "(no first request), head, body, command (not whole in time), idle, write (did not "
            "read), and the codes of errors that end a connection, such as invalid_request",
            labels=["protocol", "reason"],
        )
        inside = GaugeMetricFamily(
            "lastword_connections",
            "connections that there are, by protocol",
            labels=["protocol"],
        )
        held = GaugeMetricFamily(
            "lastword_held_request_bytes",
            "bytes of large requests and replies that wait, by protocol",
            labels=["protocol"],
        )
        for protocol, door in self._doors.items():
            for reason, count in door.dropped.items():
                dropped.add_metric([protocol, reason], count)
            inside.add_metric([protocol], door.inside)
            held.add_metric([protocol], door.held_bytes)
        yield from (dropped, inside, held)

    def _watching(self) -> Iterator[Metric]:
        watchers = self._node.watchers
        yield GaugeMetricFamily("lastword_watchers", "streams of changes", len(watchers))
        yield CounterMetricFamily(
            "lastword_watch_events", "changes told, to each watcher", watchers.events
        )
        yield CounterMetricFamily(
            "lastword_watchers_refused", "watchers refused, one too many", watchers.refused
        )
        resets = CounterMetricFamily(
            "lastword_watch_resets",
            "watchers told to read anew, by reason: collected, other_file, slow, damaged",
            labels=["reason"],
        )
        for reason in Reason:
            resets.add_metric([reason.value], watchers.resets[reason])
        yield resets

    def _damage(self) -> Iterator[Metric]:
        store, scrubbing = self._node.store, self._node.scrubbing
        for name, what, count in (
            (
                "corrupt_reads",
                "readings that failed since what they need is damaged",
                store.damage.reads,
            ),
            ("scrubbed_rows", "rows that scrubs went over", scrubbing.rows),
            ("scrubbed_pages", "pages that scrubs went over", scrubbing.pages),
            ("scrubs", "scrubs that ended", scrubbing.scrubs),
        ):
            yield CounterMetricFamily(f"lastword_{name}", what, count)
        for name, what, value in (
            ("damaged_pages", "pages of the file that cannot be read", store.damage.pages),
            (
                "damaged_sets",
                "sets that do not add up, and are not served",
                len(store.damage.sets),
            ),
            (
                "log_frames_unread",
                "of the log at the start, lost behind one that was torn",
                store.log_frames_unread,
            ),
        ):
            yield GaugeMetricFamily(f"lastword_{name}", what, value)

    def _gauges(self) -> Iterator[Metric]:
        store = self._node.store
        totals = list(store.totals().values())
        yield GaugeMetricFamily("lastword_sets", "sets that hold an entry", len(totals))
        yield GaugeMetricFamily(
            "lastword_elements", "elements present in all sets", sum(t.present for t in totals)
        )
        yield GaugeMetricFamily(
            "lastword_tombstones", "tombstones held in all sets", sum(t.tombstones for t in totals)
        )
        yield from self._collection()
        yield GaugeMetricFamily("lastword_log_end", "greatest log number given", store.log_end)
        yield GaugeMetricFamily("lastword_members", "listed addresses", len(store.members()))
        yield from self._clock_gauges()
        yield GaugeMetricFamily(
            "lastword_held_sets", "sets that are held whole in memory", len(store.cache)
        )
        yield GaugeMetricFamily(
            "lastword_held_bytes", "bytes that they take, about", store.cache.size
        )

    def _clock_gauges(self) -> Iterator[Metric]:
        verdict = self._node.replica.verdict
        skews = GaugeMetricFamily(
            "lastword_skew_seconds",
            "seconds that the clock of a member, by member, is ahead of this node's",
            labels=["member"],
        )
        for peer in verdict.peers:
            skews.add_metric([peer.address], peer.skew_us / 1e6)
        yield skews
        yield GaugeMetricFamily(
            "lastword_clock_off_seconds",
            "seconds that this node's clock is ahead of the median",
            verdict.off_us / 1e6,
        )
        yield GaugeMetricFamily(
            "lastword_clock_refuses_writes",
            "1 while clients' writes are refused for this node's clock",
            verdict.refuses,
        )

    def _collection(self) -> Iterator[Metric]:
        status = self._node.notices.status
        yield GaugeMetricFamily(
            "lastword_tombstones_held_back",
            "tombstones older than the grace period that the last round could not collect",
            status.held_back,
        )
        since = GaugeMetricFamily(
            "lastword_blocked_since_seconds",
            "since when a member, by member, holds collection back, as seconds since 1970",
            labels=["member"],
        )
        standings = GaugeMetricFamily(
            "lastword_standings",
            "other members, by standing: how this node stands to them",
            labels=["standing"],
        )
        counts = Counter(member.standing for member in status.members)
        for standing in Standing:
            standings.add_metric([standing.value], counts[standing])
        for member in status.members:
            if member.blocks_since_us is not None:
                since.add_metric([member.address], member.blocks_since_us / 1e6)
        yield since
        yield standings
        yield GaugeMetricFamily(
            "lastword_copying", "1 while another node is copied", int(status.source is not None)
        )
