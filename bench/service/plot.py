"""The plots of what was measured, as SVG: the same results give the same files."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

from bench.service import sizes
from bench.service.measures import GET, PUT, PUT_HELD, SADD, SISMEMBER
from bench.service.results import Results, Sample

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STYLE: Any = {
    "svg.hashsalt": "lastword",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
_LINES: dict[tuple[str, str], tuple[str, str]] = {
    (SISMEMBER, "redis-server"): ("#c43d3d", "s--"),
    (SADD, "redis-server"): ("#d98a1f", "s--"),
    (SISMEMBER, "lastword"): ("#2563ab", "o-"),
    (GET, "lastword"): ("#5b9bd8", "o-"),
    (SADD, "lastword"): ("#1e7f4f", "o-"),
    (PUT, "lastword"): ("#6fbf8f", "o-"),
    (PUT_HELD, "lastword"): ("#6fbf8f", "o:"),
    (sizes.PATCH, "lastword"): ("#8a5cb8", "o-"),
}
"""The color and the marks of each work on each server."""

Measure = Callable[[Sample], float]


def draw(results: Results, folder: Path) -> list[Path]:
    """Draw every figure that there are results for; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"service-{name}.svg" for name in results.drawn()]
    for name, path in zip(results.drawn(), paths, strict=True):
        with mpl.rc_context(_STYLE):
            figure = _FIGURES[name](list(results.medians(name).values()))
            figure.savefig(path, metadata={"Date": None})
    return paths


def _connections(samples: Sequence[Sample]) -> Figure:
    """Draw rates, medians and 99th percentiles against connections."""
    figure = Figure(figsize=(11, 3.8), layout="constrained")
    panels: list[tuple[str, Measure]] = [
        ("per s", lambda one: one.load.per_s),
        ("p50, ms", lambda one: one.load.p50_ms),
        ("p99, ms", lambda one: one.load.p99_ms),
    ]
    for axes, (label, measure) in zip(figure.subplots(1, 3), panels, strict=True):
        _lines(axes, samples, lambda one: one.connections, measure)
        axes.set_xlabel("connections")
        axes.set_ylabel(label)
    _legend(figure)
    return figure


def _sizes(samples: Sequence[Sample]) -> Figure:
    """Draw rates of single operations and of bulk writes against the size of the set."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    axes = figure.subplots()
    _lines(axes, samples, lambda one: one.elements, lambda one: one.load.per_s)
    axes.set_xlabel("elements in the set")
    axes.set_ylabel("per s")
    _legend(figure)
    return figure


def _lines(axes: "Axes", samples: Sequence[Sample], across: Measure, up: Measure) -> None:
    places = sorted({across(one) for one in samples})
    for (work, server), (color, marks) in _LINES.items():
        points = sorted(
            (across(one), up(one)) for one in samples if (one.work, one.server) == (work, server)
        )
        if points:
            label = f"{work}, {server}"
            axes.plot(*zip(*points, strict=True), marks, color=color, label=label, markersize=4)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(places, [f"{place:,.0f}" for place in places])
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.minorticks_off()
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)


def _legend(figure: Figure) -> None:
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)


_FIGURES = {"connections": _connections, "sizes": _sizes}
"""What draws each part."""
