"""The end of a check: wait until all nodes are there and agree, then judge what they hold."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from lastword.errors import LastwordError
from lastword.monkeys.checker import Checker, Ledger
from lastword.monkeys.history import Stamp
from lastword.monkeys.model import Violation

LOOK_S: Final = 0.5
"""Between two looks at what the nodes hold."""

SHOWN_MAX: Final = 10
"""Of violations, so many are shown to people; the log has every operation."""

States = Mapping[str, Mapping[bytes, Stamp]]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a check came to: what is wrong, and who could not be judged."""

    acknowledged: int
    unknown: int
    elements: int
    addresses: tuple[str, ...]
    violations: tuple[Violation, ...]
    absent: tuple[str, ...]

    @classmethod
    def of(cls, ledger: Ledger, addresses: Iterable[str], absent: Iterable[str]) -> "Judgement":
        """Return what a ledger came to, of all that were to be examined and those who were not."""
        return cls(
            ledger.acknowledged(),
            ledger.unknown(),
            ledger.elements,
            tuple(addresses),
            tuple(ledger.violations),
            tuple(absent),
        )

    @property
    def is_violated(self) -> bool:
        """Whether a promise was broken."""
        return bool(self.violations)

    @property
    def is_proven(self) -> bool:
        """Whether every node was examined, and nothing is wrong."""
        return not self.violations and not self.absent

    def lines(self) -> list[str]:
        """Return it as people read it; the violation with the shortest history comes first."""
        shown = sorted(self.violations, key=lambda at: len(at.history))[:SHOWN_MAX]
        lines = [str(violation) for violation in shown]
        if len(self.violations) > len(shown):
            lines.append(f"... and {len(self.violations) - len(shown)} more")
        return [*lines, self._verdict()]

    def _verdict(self) -> str:
        told = (
            f"{self.acknowledged:,} acknowledged writes to {self.elements:,} elements, "
            f"{self.unknown:,} without an answer"
        )
        if self.violations:
            return f"VIOLATED: {len(self.violations)} times; {told}"
        if self.absent:
            away = ", ".join(self.absent)
            return f"not judged: {away} did not answer at the end; nothing wrong was found; {told}"
        return f"proven: {len(self.addresses)} nodes agree, and nothing is missing; {told}"


async def judge(checker: Checker, *, settle_s: float) -> tuple[Judgement, States]:
    """Wait for all nodes, at most `settle_s`, until they hold the same; judge what they hold.

    Returns that too.
    """
    deadline_us = checker.setting.now_us() + int(settle_s * 1_000_000)
    while True:
        states = await _states(checker)
        absent = [at.address for at in checker.nodes if at.address not in states]
        agree = len({frozenset(state.items()) for state in states.values()}) == 1
        if (agree and not absent) or checker.setting.now_us() >= deadline_us:
            break
        await checker.setting.sleep(LOOK_S)
    checker.ledger.judge(states)
    addresses = [at.address for at in checker.nodes]
    return Judgement.of(checker.ledger, addresses, absent), states


async def _states(checker: Checker) -> States:
    """Return what each node that answers holds."""
    found: dict[str, Mapping[bytes, Stamp]] = {}
    for driven in checker.nodes:
        try:
            state = await driven.node.state(checker.setting.set_name)
        except LastwordError:
            continue
        found[driven.address] = {at: (stamp >> 1, bool(stamp & 1)) for at, stamp in state.items()}
    return found
