"""What a set must hold, by what was acknowledged to those who wrote it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Findings:
    """What was examined, and what was found to be otherwise than it must be."""

    acknowledged: int = 0
    doubtful: int = 0
    lost: list[bytes] = field(default_factory=list)
    unexpected: list[bytes] = field(default_factory=list)

    def add(self, other: "Findings") -> None:
        """Add what was found elsewhere."""
        self.acknowledged += other.acknowledged
        self.doubtful += other.doubtful
        self.lost += other.lost
        self.unexpected += other.unexpected


class Expected:
    """The elements of one writer, whom nobody else writes.

    Each was added or removed last, as acknowledged, or is in doubt: asked for, and not answered.
    """

    def __init__(self) -> None:
        self.present: dict[bytes, bool] = {}
        self.acknowledged = 0  # writes, since it was examined last
        self._doubtful: set[bytes] = set()

    def note_asked(self, elements: Sequence[bytes]) -> None:
        """Note that writes of these are on their way."""
        self._doubtful.update(elements)

    def note_answer(self, element: bytes, *, adds: bool, done: bool) -> None:
        """Note that one was acknowledged, or refused: what is refused may have been done."""
        if done:
            self._doubtful.discard(element)
            self.present[element] = adds
            self.acknowledged += 1

    def elements(self) -> list[bytes]:
        """Return all that were ever asked for."""
        return [*self.present, *(self._doubtful - self.present.keys())]

    def examine(self, contained: Callable[[Sequence[bytes]], Mapping[bytes, bool]]) -> Findings:
        """Compare with what is held; what was in doubt must from now on stay as it is found."""
        found = Findings(self.acknowledged, len(self._doubtful))
        for element, present in contained(self.elements()).items():
            must = self.present.get(element, False)
            if present is not must and element not in self._doubtful:
                (found.lost if must else found.unexpected).append(element)
            self.present[element] = present
        self.acknowledged = 0
        self._doubtful.clear()
        return found
