"""How far one member and this node are behind each other, as far as this node was told.

Two facts carry it. What a member tells of its log, with every frame that speaks, says whether this
node has all that it has. The vector that it last reported says whether it has all that this node
has. A time is never told as smaller than it is: it reaches back to a moment at which one was known
to have everything that the other had. It promises nothing beyond what was said.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from lastword.replication.vectors import GrowingVector, Vector, covers_all


@dataclass(slots=True)
class Lag:
    """What is known of one member; times are monotonic microseconds, None for never.

    `told_us` is when it last told of its log, and `unread` how many numbers of that this node had
    not read then. `level_us` is when this node last had all that it had, `theirs_us` the other way
    round. `equal` is what the last comparison found that could tell, `compared_us` when it was.
    """

    told_us: int | None = None
    unread: int = 0
    is_level: bool = False
    level_us: int | None = None
    theirs_us: int | None = None
    equal: bool | None = None
    compared_us: int | None = None
    nonce: int = 0
    root: int = 0
    _target: Vector | None = None
    _target_us: int = 0

    def tell(self, *, is_level: bool, unread: int, now_us: int) -> None:
        """Note how the member's log is, and whether this node has all that it stands for."""
        self.told_us = now_us
        self.is_level = is_level
        self.unread = 0 if is_level else unread
        if is_level:
            self.level_us = now_us

    def report(self, reported: Vector, own: GrowingVector, now_us: int, *, all_of: bool) -> None:
        """Note what the member covers of `own`; `all_of` says that it is known to be everything.

        While it is not, it is asked of one vector of this node's after the other when that was
        covered, so that with writes without a pause the time still follows.
        """
        if all_of or not lacking(reported, own):
            self.theirs_us, self._target = now_us, None
            return
        if self._target is not None and covers_all(reported, self._target):
            self.theirs_us, self._target = self._target_us, None
        if self._target is None:
            self._target, self._target_us = dict(own), now_us

    def compare(self, *, equal: bool, now_us: int) -> None:
        """Note what a comparison of all that both hold has found."""
        self.equal, self.compared_us = equal, now_us

    def forget(self) -> None:
        """Know nothing any more: this node holds another file."""
        self.told_us = self.level_us = self.theirs_us = self.compared_us = None
        self.is_level, self.equal, self._target = False, None, None


def lacking(reported: Mapping[int, int], own: Vector) -> int:
    """Return how many numbers of all runs `own` covers and `reported` does not.

    It is 0 only where nothing is lacking, and else no less than the writes that are: a run's
    numbers count what it took in from others, too. O(runs).
    """
    held = reported.get
    return sum(max(0, number - held(run, 0)) for run, number in list(own.items()))
