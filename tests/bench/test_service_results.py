"""What the benchmarks of the service make of what they measured."""

from pathlib import Path

import pytest

from bench.load import Load
from bench.service import node, plot, report, results
from bench.service.goals import goals
from bench.service.measures import SADD, SISMEMBER
from bench.service.results import Part, Reading, Results, Sample

DOCS = Path(__file__).parents[2] / "docs"


def sample(
    server: str, turn: int, per_s: float, *, work: str = SADD, connections: int = 50
) -> Sample:
    return Sample(work, server, turn, connections, Load(1_000, per_s, 1.0, 2.0, 3.0, 4.0))


def part(*samples: Sample, readings: tuple[Reading, ...] = ()) -> Part:
    return Part("a machine", "a command", False, 1.0, list(samples), list(readings))


def measured() -> Results:
    """Three turns, in the second of which the machine was half as fast."""
    per_s = ((1_000.0, 400.0), (500.0, 100.0), (1_000.0, 600.0))
    rates = [
        sample(server, turn, rate)
        for turn, both in enumerate(per_s)
        for server, rate in zip(("redis-server", "lastword"), both, strict=True)
    ]
    many = [
        sample(server, 0, 10.0 * connections, work=work, connections=connections)
        for server in ("redis-server", "lastword")
        for work in (SADD, SISMEMBER)
        for connections in (1, 16)
    ]
    return Results({"rates": part(*rates), "connections": part(*many)})


def row(text: str, kept: Results) -> str:
    return next(line for line in report.markdown(kept).splitlines() if line.startswith(text))


def test_a_ratio_is_the_median_of_the_ratios_within_a_turn() -> None:
    assert "| 0.40 x redis-server | met |" in row(
        "| durable SADD of new members, 50 c", measured()
    )


def test_a_row_shows_the_median_run_and_all_runs() -> None:
    assert row("| SADD of new members | redis-server", measured()).startswith(
        "| SADD of new members | redis-server | 50 | 1 |  | 1,000 | 1.00 | 2.00 | 3.0 | 4.0 "
        "| 1,000, 500, 1,000 |"
    )


@pytest.mark.parametrize(
    ("elements", "seconds", "verdict"),
    [
        (node.LARGE, 1.9, "met"),
        (node.LARGE, 2.1, "**missed**"),
        (node.ELEMENTS, 0.1, "measured on a smaller set"),
    ],
)
def test_a_goal_is_held_against_a_set_of_its_size(
    elements: int, seconds: float, verdict: str
) -> None:
    reading = Reading(node.START, elements, 0, seconds, "s")
    kept = Results({"start": part(readings=(reading,))})
    assert row("| start of a node", kept).endswith(f"| {verdict} |")


def test_what_was_not_measured_is_not_met() -> None:
    kept = Results({"start": part()})
    assert all(goal.verdict(goal.value(kept)) == "not measured" for goal in goals())


def test_results_are_read_as_they_were_kept(tmp_path: Path) -> None:
    results.save(measured(), tmp_path / "figures" / "service.json")
    assert results.load(tmp_path / "figures" / "service.json") == measured()


def test_the_same_results_draw_the_same_figures(tmp_path: Path) -> None:
    drawn = [plot.draw(measured(), tmp_path / name) for name in ("one", "other")]
    one, other = ([path.read_bytes() for path in paths] for paths in drawn)
    assert one == other
    assert [path.name for path in drawn[0]] == ["service-connections.svg"]


def test_what_is_written_by_hand_stays(tmp_path: Path) -> None:
    document = tmp_path / "PERFORMANCE.md"
    document.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.write_part(document, measured())
    text = document.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    assert report.drawn_part(document) == report.markdown(measured())


def test_a_document_without_marks_is_left_alone(tmp_path: Path) -> None:
    document = tmp_path / "PERFORMANCE.md"
    document.write_text("by hand\n")
    with pytest.raises(ValueError, match="marks"):
        report.write_part(document, measured())
    assert document.read_text() == "by hand\n"


def test_the_documents_show_what_was_kept() -> None:
    """docs/PERFORMANCE.md and its figures are those of the results beside them."""
    kept = results.load(DOCS / "figures" / "service.json")
    assert report.drawn_part(DOCS / "PERFORMANCE.md") == report.markdown(kept)
    for name in kept.drawn():
        assert (DOCS / "figures" / f"service-{name}.svg").exists()
