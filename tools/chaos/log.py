"""The log of a run, in Markdown: what was done, what it took, and the figures at the end."""

import os
import platform
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import TextIO

from tools.chaos.rounds import Round

HEADINGS = ("#", "at s", "fault", "what", "lasted s", "writes", "apart", "converged s")
SEVERAL = "several at once"


class Log:
    """Writes rows to all of its files as they come, so that a run that dies leaves them."""

    def __init__(self, files: Sequence[TextIO]) -> None:
        self._files = files
        self._faults = 0

    def begin(self, facts: Iterable[tuple[str, str]]) -> None:
        """Write what the run is, and the head of the table of faults."""
        self._write("# A run of chaos", "", *(f"- {name}: {value}" for name, value in facts), "")
        self._write("## Faults", "", *_head(HEADINGS))

    def add(self, played: Round) -> None:
        """Write the faults of a round; the last to end carries what came after it."""
        for fault in played.faults:
            self._faults += 1
            after: tuple[object, ...] = ("", "")
            if fault is played.faults[-1]:
                after = (played.apart, _seconds(played.converged_s))
            self._write(
                _row(
                    self._faults,
                    f"{fault.began_s:.1f}",
                    fault.kind,
                    fault.detail,
                    f"{fault.ended_s - fault.began_s:.1f}",
                    fault.writes,
                    *after,
                )
            )

    def conclude(self, rounds: Sequence[Round], verdict: Iterable[str]) -> None:
        """Write the figures and the verdict."""
        head = _head(("fault", "faults", "measured", "median s", "p99 s", "max s"))
        self._write("", "## Time to converge after healing", "")
        self._write(
            "Where one fault was alone in its round, by its kind; all others together.", "", *head
        )
        self._write(*figures(rounds))
        self._write("", "## Verdict", "", *(f"- {line}" for line in verdict))

    def _write(self, *lines: str) -> None:
        for file in self._files:
            file.writelines(f"{line}\n" for line in lines)
            file.flush()


def figures(rounds: Sequence[Round]) -> list[str]:
    """Return a row for each kind of fault, one for rounds of several, and one for all."""
    counts = Counter(fault.kind for played in rounds for fault in played.faults)
    times: defaultdict[str, list[float]] = defaultdict(list)
    for played in rounds:
        if played.converged_s is not None:
            times[_kind_of(played)].append(played.converged_s)
    rows = [_figures_of(kind, counts[kind], times[kind]) for kind in sorted(counts)]
    every = [took_s for kind in times.values() for took_s in kind]
    return [
        *rows,
        _figures_of(SEVERAL, "", times[SEVERAL]),
        _figures_of("all", counts.total(), every),
    ]


def _kind_of(played: Round) -> str:
    return played.faults[0].kind if len(played.faults) == 1 else SEVERAL


def facts_of_machine() -> list[tuple[str, str]]:
    """Return what the figures depend on: the code and the machine."""
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return [
        ("commit", _commit()),
        ("machine", f"{platform.platform()}, {os.cpu_count()} cores, {memory_gb:.0f} GB"),
        ("Python", platform.python_version()),
    ]


def _commit() -> str:
    """Return the commit that is checked out, and whether files differ from it."""
    described = subprocess.run(
        ("git", "describe", "--always", "--abbrev=12", "--dirty"),
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip() or "unknown"


def _figures_of(kind: str, count: object, times: Sequence[float]) -> str:
    if not times:
        return _row(kind, count, 0, "", "", "")
    p99 = quantiles(times, n=100, method="inclusive")[-1] if len(times) > 1 else times[0]
    shown = [_seconds(one) for one in (median(times), p99, max(times))]
    return _row(kind, count, len(times), *shown)


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f}"


def _head(names: Sequence[str]) -> list[str]:
    return [_row(*names), _row(*("---" for _ in names))]


def _row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"
