"""Mutations without a guide: what is tried where there is no atheris."""

import time
import traceback
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from tools.fuzz.target import INPUT_BYTES_MAX, Examine, Target

CHANGES_MAX: Final = 4
STRUCTURED: Final = 0.3


class Bounds(NamedTuple):
    """From which seed on, how many inputs (-1: any number), and how long in seconds (0: ever)."""

    seed: int
    runs: int = -1
    seconds: float = 0.0


def fuzz(target: Target, examine: Examine, findings: Path, bounds: Bounds) -> int:
    """Examine mutations of the seeds; keep the first that finds something, and return 1."""
    began_s = time.monotonic()
    tries = 0
    for tries, data in enumerate(_inputs(target, Random(bounds.seed)), 1):
        try:
            examine(data)
        except Exception:  # noqa: BLE001 - whatever comes out is what was found
            traceback.print_exc()
            path = findings / f"crash-{sha256(data).hexdigest()[:40]}"
            path.write_bytes(data)
            print(f"Test unit written to {path}")
            return 1
        spent_s = time.monotonic() - began_s
        if tries == bounds.runs or 0 < bounds.seconds < spent_s:
            break
    print(f"stat::number_of_executed_units: {tries}")
    return 0


def _inputs(target: Target, rng: Random) -> Iterator[bytes]:
    seeds = [*target.seeds(), b""]
    yield from seeds
    while True:
        data = rng.choice(seeds)
        for _ in range(rng.randint(1, CHANGES_MAX)):
            data = _changed(data, target, rng)
        yield data[:INPUT_BYTES_MAX]


def _changed(data: bytes, target: Target, rng: Random) -> bytes:
    if target.change is not None and rng.random() < STRUCTURED:
        return target.change(data, rng)
    at, end = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    middle = data[at:end]
    flipped = bytes(byte ^ 1 << rng.randrange(8) for byte in data[at : at + 1])
    return rng.choice(
        [
            data[:at] + data[end:],
            data[:at] + middle * rng.randint(2, 9) + data[end:],
            data[:at] + middle[::-1] + data[end:],
            data[:at] + rng.randbytes(rng.randint(1, 4)) + data[at:],
            data[:at] + flipped + data[at + 1 :],
            data[:at] + rng.choice([*target.words, b""]) + data[end:],
        ]
    )
