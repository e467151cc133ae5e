"""What a simulated run is like: its size, its load, its faults. Times are virtual microseconds."""

from dataclasses import dataclass

SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class SimulationSettings:
    """One run. Chances are per message or per second, delays uniform in their range."""

    nodes: int = 3
    writes: int = 600
    sets: int = 3
    elements: int = 40
    duration_us: int = 400 * SECOND_US
    settle_us: int = 600 * SECOND_US
    interval_us: int = SECOND_US
    full_interval_us: int = 45 * SECOND_US
    orphan_us: int = 30 * SECOND_US
    page_rows: int = 5
    loss: float = 0.1
    duplicate: float = 0.05
    delay_us: tuple[int, int] = (1_000, 400_000)
    flush_us: tuple[int, int] = (100, 20_000)
    timeout_us: int = 2 * SECOND_US
    skew_us: int = SECOND_US // 2
    crashes_per_s: float = 0.02
    wiped: float = 0.1
    down_us: tuple[int, int] = (SECOND_US, 20 * SECOND_US)
    long_down_us: tuple[int, int] = (150 * SECOND_US, 250 * SECOND_US)
    partitions_per_s: float = 0.02
    partition_us: tuple[int, int] = (5 * SECOND_US, 60 * SECOND_US)


@dataclass(slots=True)
class Met:
    """How often a run met each fault, and each branch of the protocol that matters."""

    writes: int = 0
    messages: int = 0
    lost: int = 0
    duplicated: int = 0
    delayed: int = 0
    cut: int = 0
    partitions: int = 0
    crashes: int = 0
    wiped: int = 0
    unflushed_lost: int = 0
    walks_from_start: int = 0
    walks_broken_off: int = 0
    dots_renewed: int = 0
    dots_adopted: int = 0
    pages_refused: int = 0
    comparisons_equal: int = 0
