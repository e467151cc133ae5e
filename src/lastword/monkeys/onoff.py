"""The on-off monkey: works on a copy while offline, brings it home, and checks what became of it.

After a node has taken our state, its own is at least ours at every element, whatever others wrote
meanwhile. So our copy, merged with what the node then gives, must equal that to the stamp. Where
it does not, the node has lost or hidden an operation: a Failure.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Final

from lastword.client.text import shown_element
from lastword.crdt.lww_set import LWWSet
from lastword.monkeys.pace import Pace
from lastword.monkeys.setting import Setting, turns
from lastword.monkeys.shown import shown_stamp

DIFFERENCES_SHOWN_MAX: Final = 10
"""Of the elements that differ, a Failure names so many: enough to look for the cause."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a round found: the size of the set, and each differing element with both stamps.

    The first of the two is what the merged copy holds, the second what the node gave.
    """

    address: str
    members: int
    differing: Mapping[bytes, tuple[int, int | None]]

    @property
    def success(self) -> bool:
        """Whether nothing differs."""
        return not self.differing

    def __str__(self) -> str:
        if self.success:
            return f"Success: {self.members} elements, the same here and on {self.address}"
        shown = [
            f"{shown_element(element)} (here {shown_stamp(ours)}, there {shown_stamp(theirs)})"
            for element, (ours, theirs) in islice(self.differing.items(), DIFFERENCES_SHOWN_MAX)
        ]
        if len(self.differing) > len(shown):
            shown.append(f"{len(self.differing) - len(shown)} more")
        return f"Failure: {self.address} differs in {', '.join(shown)}"


async def play_onoff(
    setting: Setting,
    pace: Pace,
    local: LWWSet[bytes],
    report: Callable[[Outcome], None],
    *,
    offline_ops: int,
    rounds: int | None = None,
) -> None:
    """Play `rounds`, None for no end: `offline_ops` operations on `local`, then bring it home."""
    for _ in turns(rounds):
        for _ in range(offline_ops):
            await pace.wait(setting)
            write = setting.rng.choice((local.add, local.discard))
            write(setting.random_element())
        report(await come_home(setting, local))


async def come_home(setting: Setting, local: LWWSet[bytes]) -> Outcome:
    """Give the node our state, fetch its state, merge that into `local`, and compare."""
    node, set_name = setting.node, setting.set_name
    await setting.patiently(partial(node.merge, set_name, dict(local.entries())))
    theirs = await setting.patiently(partial(node.state, set_name))
    local.merge_entries(theirs.items())
    return Outcome(node.address, len(local), differences(local, theirs))


def differences(
    local: LWWSet[bytes], theirs: Mapping[bytes, int]
) -> dict[bytes, tuple[int, int | None]]:
    """Return where a set that `theirs` was merged into is ahead of `theirs`, with both stamps."""
    return {
        element: (stamp, theirs.get(element))
        for element, stamp in local.entries()
        if stamp != theirs.get(element)
    }
