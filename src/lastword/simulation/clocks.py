"""Anytime: a clock that is certainly wrong takes no writes of clients, and a right one does.

It is judged from outside, by the true clocks and by whom a node has heard since its start; not
by what the frames said. Near the bounds, and just after some clock stepped, it says nothing.
"""

from collections.abc import Iterable

from lastword.limits import MAX_SKEW_US_DEFAULT
from lastword.simulation.violated import Violated

TOLERANCE_US = 12_000_000
"""A sample is wrong by half its round trip; messages of a campaign take 8 s each at the most."""

STALE_US = 250_000_000
"""Less than a sample's age, so that whoever was heard since certainly has a voice."""


UNDER_WAY_US = 20_000_000
"""After a step, answers from before it may still arrive for so long."""


class Clocks:
    """How far each clock is off, whom each node heard and when, and whom it knew at its tick."""

    def __init__(self, nodes: int) -> None:
        self._off_us = [0] * nodes
        self._stepped_us = 0
        self._heard: list[dict[int, int]] = [{} for _ in range(nodes)]
        self._known: list[dict[int, int]] = [{} for _ in range(nodes)]

    def stepped(self, node: int, off_us: int, now_us: int) -> None:
        """Take note that a clock is off by `off_us` from now on."""
        self._off_us[node] = off_us
        self._stepped_us = now_us

    def heard(self, node: int, other: int, now_us: int) -> None:
        """Take note that `node` has an answer of `other`."""
        self._heard[node][other] = now_us

    def ticked(self, node: int, members: Iterable[str]) -> None:
        """Take note of which members `node` had heard when it judged its clock.

        What was heard of one who is not listed is forgotten there, also where it is listed again.
        """
        heard = self._heard[node]
        listed = {int(address[1:].partition(":")[0]) for address in members}
        known = {other: heard[other] for other in listed & heard.keys() - {node}}
        self._known[node], self._heard[node] = known, dict(known)

    def stopped(self, node: int) -> None:
        """Take note that all that a node had heard is gone."""
        self._heard[node], self._known[node] = {}, {}

    def judge(self, node: int, now_us: int, *, taken: bool) -> None:
        """Check that a write was rightly taken, or rightly refused."""
        known = self._known[node]
        certain_us = self._stepped_us + UNDER_WAY_US, now_us - STALE_US
        if not known or min(known.values()) <= max(certain_us):
            return
        apart_us = [self._off_us[node] - self._off_us[other] for other in known]
        voices = len(apart_us) + 1
        limit_us = MAX_SKEW_US_DEFAULT + (TOLERANCE_US if taken else -TOLERANCE_US)
        far = [sum(at > limit_us for at in apart_us), sum(at < -limit_us for at in apart_us)]
        if (max(far) * 2 > voices) == taken:
            said = "took" if taken else "refused"
            raise Violated("clocks", f"node {node} {said} a write; others are off by {apart_us}")
