"""A wall clock that is moved by hand."""

from dataclasses import dataclass


@dataclass
class HandWall:
    now_us: int = 1_000_000

    def __call__(self) -> int:
        return self.now_us
