"""What the viewer shows: safe, bounded, in order."""

import io
from collections.abc import Iterable

from rich.console import Console

from lastword.crdt.lww_set import LWWSet
from lastword.crdt.stamp import pack
from lastword.limits import TIME_MAX
from lastword.monkeys.shown import shown_members, shown_stamp, shown_time
from lastword.monkeys.viewer import set_line, set_table
from tests.monkeys.settings import new_set

HOSTILE = [
    b"\x1b[31mred",
    b"\x1b]0;title\x07",
    b"[bold]x[/bold]",
    b"\r\n\x00",
    b"\xff\x9b",
    b":cat:",
]


def set_of(elements: Iterable[bytes], at: int = 1_700_000_000_123_456) -> LWWSet[bytes]:
    made = new_set()
    for element in elements:
        made.add(element, at)
    return made


def drawn(local: LWWSet[bytes], title: str = "s", rows_max: int = 100) -> str:
    out = io.StringIO()
    Console(file=out, force_terminal=True, color_system=None, width=100).print(
        set_table(local, title, rows_max=rows_max)
    )
    return out.getvalue()


def test_escape_sequences_and_markup_are_shown_as_text() -> None:
    line = set_line(set_of(HOSTILE), 0)
    table = drawn(set_of(HOSTILE), title="[red]t")
    assert line.isprintable()
    for text in (line, table):
        assert r"'\x1b[31mred'" in text
        assert r"'\x1b]0;title\x07'" in text
        assert "[bold]x[/bold]" in text
        assert r"'\r\n\x00'" in text
        assert r"b'\xff\x9b'" in text
        assert ":cat:" in text
    assert "[red]t" in table
    assert "\x1b]" not in table


def test_a_line_has_time_count_and_members_numbers_first() -> None:
    elements = (b"b", b"10", b"9", b"a", b"")
    assert set_line(set_of(elements), 1_000) == (
        "1970-01-01T00:00:00.001Z  5 elements: 9 10 '' a b"
    )
    assert set_line(set_of([b"a"]), 0) == "1970-01-01T00:00:00.000Z  1 element: a"
    assert set_line(new_set(), 0) == "1970-01-01T00:00:00.000Z  0 elements"


def test_large_sets_and_long_elements_are_shown_in_part() -> None:
    local = set_of([b"%d" % number for number in range(5_000)] + [b"x" * 60_000])
    assert len(set_line(local, 0)) < 300
    assert set_line(local, 0).endswith(" more")
    assert shown_members(set_of([b"y" * 60_000]), chars_max=5) == "y" * 60 + "…"
    table = drawn(local, rows_max=10)
    assert len(table.splitlines()) < 20
    assert "... 4992 more" in table


def test_all_rows_are_shown_where_they_fit() -> None:
    assert "more" not in drawn(set_of([b"a", b"b"]), rows_max=2)


def test_times_are_in_utc_and_absurd_ones_are_shown_too() -> None:
    assert shown_time(1_700_000_000_123_456) == "2023-11-14T22:13:20.123Z"
    assert shown_time(TIME_MAX) == f"{TIME_MAX} us"
    assert shown_stamp(None) == "unknown"
    assert shown_stamp(pack(0, removed=True)) == "removed 1970-01-01T00:00:00.000Z"
