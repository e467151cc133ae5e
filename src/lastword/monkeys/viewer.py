"""The viewer: fetches a set, merges it into a copy of its own, and shows that, again and again."""

from collections.abc import Callable
from functools import partial

from rich.table import Table
from rich.text import Text

from lastword.client.text import shown_element
from lastword.crdt.lww_set import LWWSet
from lastword.crdt.stamp import time_of
from lastword.monkeys.setting import Setting, turns
from lastword.monkeys.shown import first_members, shown_count, shown_members, shown_time


async def play_viewer(
    setting: Setting,
    local: LWWSet[bytes],
    show: Callable[[LWWSet[bytes]], None],
    *,
    interval_s: float,
    updates: int | None = None,
) -> None:
    """Fetch and show `updates` times, None for no end, with `interval_s` between them."""
    for turn in turns(updates):
        if turn:
            await setting.sleep(interval_s)
        state = await setting.patiently(partial(setting.node.state, setting.set_name))
        local.merge_entries(state.items())
        show(local)


def set_line(local: LWWSet[bytes], at_us: int) -> str:
    """Return a set as one line: the time, how many elements, and the first of them."""
    members = f": {shown_members(local)}" if local else ""
    return f"{shown_time(at_us)}  {shown_count(local)}{members}"


def set_table(local: LWWSet[bytes], title: str, *, rows_max: int) -> Table:
    """Return a set as a table of at most `rows_max` elements, each with its time."""
    table = Table(title=Text(title), caption=shown_count(local), min_width=40)
    table.add_column("element", no_wrap=True)
    table.add_column("added", no_wrap=True)
    shown = first_members(local, rows_max if len(local) <= rows_max else rows_max - 1)
    for element in shown:
        stamp = local.stamp_of(element) or 0
        table.add_row(Text(shown_element(element)), shown_time(time_of(stamp)))
    if len(local) > len(shown):
        table.add_row(f"... {len(local) - len(shown)} more", "")
    return table
