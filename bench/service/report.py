"""The tables of what was measured, as Markdown: the same results give the same text."""

import statistics
from collections.abc import Iterable, Iterator
from pathlib import Path

from bench.service.goals import Found, Goal, goals
from bench.service.results import Part, Reading, Results, Sample

BEGIN = "<!-- drawn by python -m bench.service --draw: what is written here by hand is lost -->"
END = "<!-- end of what is drawn -->"
NOTHING = "Nothing was measured yet."

TITLES = {
    "rates": "Single operations",
    "bulk": "Elements in bulk",
    "latency": "Latency at half of the saturated rate",
    "scan": "Reads beside a scan",
    "start": "Start",
    "memory": "Memory",
    "copying": "A full copy",
    "connections": "Number of connections",
    "sizes": "Size of the set",
}
"""The works in the order of their sections."""

_HEAD = (
    "| work | server | connections | pipeline | elements in the set | per s | p50 ms | p99 ms "
    "| server us | generator us | runs, per s |"
)
_RULE = "| --- | --- " + "| ---: " * 8 + "| --- |"


def write_part(document: Path, results: Results) -> None:
    """Put what is drawn into a document, between its two marks; make it where there is none."""
    text = document.read_text() if document.exists() else f"{BEGIN}\n{END}\n"
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{document} lacks the marks of the part that is drawn")
    document.write_text(f"{before}{BEGIN}\n\n{markdown(results)}\n{END}{after}")


def drawn_part(document: Path) -> str:
    """Return what stands between the two marks of a document."""
    return document.read_text().partition(BEGIN)[2].partition(END)[0].strip("\n") + "\n"


def markdown(results: Results) -> str:
    """Return all tables, and the images."""
    if not results.parts:
        return f"{NOTHING}\n"
    sections = [_goals(results), *map(_image, results.drawn())]
    for name, title in TITLES.items():
        if name in results.parts:
            sections.append("\n".join(_section(title, results.parts[name], results, name)) + "\n")
    return "\n".join(sections)


def _image(name: str) -> str:
    return f"![{TITLES[name]}](figures/service-{name}.svg)\n"


def _goals(results: Results) -> str:
    lines = ["| goal | asked | measured | |", "| --- | ---: | ---: | --- |"]
    return "\n".join([*lines, *(_goal(goal, goal.value(results)) for goal in goals())]) + "\n"


def _goal(goal: Goal, found: Found | None) -> str:
    measured = "" if found is None else f"{number(found.value)} {goal.unit}"
    if found and found.elements:
        measured += f", {found.elements:,} elements"
    return f"| {goal.text} | {_asked(goal)} | {measured} | {goal.verdict(found)} |"


def _asked(goal: Goal) -> str:
    if goal.bound is None:
        return "-"
    size = f", {goal.elements:,} elements" if goal.elements else ""
    return f"{'at most ' if goal.at_most else ''}{number(goal.bound)} {goal.unit}{size}"


def _section(title: str, part: Part, results: Results, name: str) -> Iterator[str]:
    yield f"### {title}"
    yield ""
    yield f"`{part.command}`, {part.took_s:.0f} s. {part.machine}."
    if part.quick:
        yield "A quick run: it shows that all runs, and its figures say nothing."
    if part.samples:
        yield ""
        yield _HEAD
        yield _RULE
        for sample in results.medians(name).values():
            yield _row(sample, results.turns(name, sample))
    if part.readings:
        yield ""
        yield from _readings(part.readings)


def _row(sample: Sample, turns: list[float]) -> str:
    load = sample.load
    elements = f"{sample.elements:,}" if sample.elements else ""
    runs = ", ".join(map(number, turns))
    return (
        f"| {sample.work} | {sample.server} | {sample.connections} | {sample.pipeline} "
        f"| {elements} | {number(load.per_s)} | {load.p50_ms:.2f} | {load.p99_ms:.2f} "
        f"| {load.server_us:.1f} | {load.generator_us:.1f} | {runs} |"
    )


def _readings(readings: Iterable[Reading]) -> Iterator[str]:
    groups: dict[tuple[str, int, str], list[float]] = {}
    for one in readings:
        groups.setdefault((one.what, one.elements, one.unit), []).append(one.value)
    yield "| what | elements in the set | median | runs |"
    yield "| --- | ---: | ---: | --- |"
    for (what, elements, unit), values in groups.items():
        runs = ", ".join(map(number, values))
        yield f"| {what} | {elements:,} | {number(statistics.median(values))} {unit} | {runs} |"


def number(value: float) -> str:
    """Return a number with about three digits that say something."""
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
