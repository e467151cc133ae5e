"""The LWW-Element-Set as the paper writes it: two grow-only maps of what was ever said.

Shapiro et al. 2011, specification of section 3.3.3: an element is a member if some add of it is
later than every remove of it. "Later" leaves ties open; here remove wins them.
"""

from dataclasses import dataclass, field
from typing import Self


@dataclass
class Model:
    added: dict[str, set[int]] = field(default_factory=dict)
    removed: dict[str, set[int]] = field(default_factory=dict)

    def add(self, element: str, time: int) -> None:
        self.added.setdefault(element, set()).add(time)

    def remove(self, element: str, time: int) -> None:
        self.removed.setdefault(element, set()).add(time)

    def merge(self, other: Self) -> None:
        for mine, theirs in ((self.added, other.added), (self.removed, other.removed)):
            for element, times in theirs.items():
                mine[element] = mine.get(element, set()) | times

    def members(self) -> set[str]:
        return {element for element in self.added if self._contains(element)}

    def _contains(self, element: str) -> bool:
        removes = self.removed.get(element, set())
        return any(all(remove < add for remove in removes) for add in self.added[element])
