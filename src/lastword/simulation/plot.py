"""A run as a picture: how many writes are where, and what was done to the cluster meanwhile.

matplotlib is loaded only here, and only when something is drawn: it is the extra `plot`.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lastword.simulation.faults import Crash, Cut, Disk
from lastword.simulation.outcome import Outcome

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SUFFIXES = (".svg", ".png")

_BLUE, _RED, _ORANGE, _GREY = "#2563ab", "#c43d3d", "#d98a1f", "#8a8f98"
_MARKS = {
    Disk.KEPT: ("v", _GREY, "crash"),
    Disk.WIPED: ("X", _RED, "crash, disk wiped"),
    Disk.ROLLED_BACK: ("<", _ORANGE, "crash, disk rolled back"),
    Disk.RAISED: ("D", _RED, "crash, stamps raised"),
    Disk.ROTTEN: ("P", _RED, "crash, rows lost"),
}
_STYLE: Any = {
    "svg.hashsalt": "lastword",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def draw(outcome: Outcome, seed: int, path: Path) -> None:
    """Draw a run into `path`; the same run gives the same file."""
    import matplotlib as mpl  # noqa: PLC0415 - an extra, and slow to load
    from matplotlib.figure import Figure  # noqa: PLC0415

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(9, 5), layout="constrained")
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(5, 2))
        _draw_share(top, outcome)
        _draw_faults(top, outcome)
        _draw_lacking(bottom, outcome)
        figure.suptitle(
            f"seed {seed}: {outcome.settings.nodes} nodes, {outcome.met['writes']:,} writes",
            fontsize=10,
        )
        metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
        figure.savefig(path, dpi=150, metadata=metadata)


def _draw_share(axes: "Axes", outcome: Outcome) -> None:
    """Draw the share of all writes that were acknowledged, and that nodes hold on average."""
    samples = outcome.samples
    whole = max(1, samples[-1].pairs)
    times_s = [sample.at_us / 1e6 for sample in samples]
    given = [100 * sample.pairs / whole for sample in samples]
    held = [100 * (sample.pairs - sample.missing) / whole for sample in samples]
    axes.plot(times_s, given, color=_GREY, linewidth=1.2, label="acknowledged")
    axes.plot(times_s, held, color=_BLUE, linewidth=1.6, label="held, mean of all nodes")
    axes.fill_between(times_s, held, given, color=_BLUE, alpha=0.12, linewidth=0)
    complete_s = outcome.complete_us / 1e6
    axes.axvline(complete_s, color=_BLUE, linestyle="--", linewidth=1)
    axes.annotate(
        f"all everywhere: {complete_s:.1f} s",
        (complete_s, 0.04),
        xycoords=("data", "axes fraction"),
        xytext=(-5, 0),
        textcoords="offset points",
        ha="right",
        color=_BLUE,
    )
    axes.set_ylabel("writes, %")


def _draw_faults(axes: "Axes", outcome: Outcome) -> None:
    """Draw cuts as bands and crashes as marks on top; the legend has each kind once."""
    low, high = axes.get_ylim()
    mark_y = high + 0.06 * (high - low)
    for fault in outcome.faults.values():
        if isinstance(fault, Cut):
            axes.axvspan(
                fault.at_us / 1e6,
                min(fault.end_us, outcome.settings.duration_us) / 1e6,
                color=_ORANGE,
                alpha=0.15,
                linewidth=0,
                label="cut one way" if fault.one_way else "cut in two",
            )
        elif isinstance(fault, Crash):
            marker, color, label = _MARKS[fault.disk]
            axes.plot(fault.at_us / 1e6, mark_y, marker, color=color, markersize=6, label=label)
    handles, labels = axes.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    axes.legend(
        once.values(),
        once.keys(),
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        frameon=False,
        ncols=4,
        fontsize=8,
    )


def _draw_lacking(axes: "Axes", outcome: Outcome) -> None:
    """Draw how many writes a node lacks, on average."""
    nodes = outcome.settings.nodes
    axes.fill_between(
        [sample.at_us / 1e6 for sample in outcome.samples],
        [sample.missing / nodes for sample in outcome.samples],
        color=_BLUE,
        alpha=0.35,
        linewidth=0,
    )
    axes.set_ylim(bottom=0)
    axes.set_ylabel("writes that\na node lacks")
    axes.set_xlabel("virtual time, s")
