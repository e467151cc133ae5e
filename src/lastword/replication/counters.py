"""What a replica did since its start; every name is a metric."""

from dataclasses import dataclass

from lastword.replication.entries import Applied


@dataclass(slots=True)
class Counters:
    """Counts since the replica's start."""

    rounds: int = 0
    walks_begun: int = 0
    walks_finished: int = 0
    walks_from_start: int = 0
    pages_applied: int = 0
    pages_refused: int = 0
    vectors_asked: int = 0
    vectors_whole: int = 0
    entries_sent: int = 0
    entries_received: int = 0
    entries_changed: int = 0
    dots_adopted: int = 0
    dots_renewed: int = 0
    comparisons_begun: int = 0
    comparisons_equal: int = 0
    comparisons_unequal: int = 0
    comparison_steps: int = 0
    comparison_passes: int = 0
    repairs: int = 0
    future_entries: int = 0
    sets_distrusted: int = 0
    sends_failed: int = 0
    runs_begun_again: int = 0
    tombstones_collected: int = 0
    copies_begun: int = 0
    copies_finished: int = 0
    copied_entries: int = 0
    refused_entries: int = 0
    exchanges_fenced: int = 0
    members_lapsed: int = 0

    def note(self, applied: Applied) -> None:
        """Count what applying entries did."""
        self.entries_received += applied.received
        self.entries_changed += applied.changed
        self.dots_adopted += applied.adopted
        self.repairs += applied.repairs
        self.future_entries += applied.future
