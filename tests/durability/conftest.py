"""A small disk that is full soon."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.durability.small_disk import BYTES, SmallDisk


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A filesystem of its own, in memory; needs root, as mounting does."""
    place = tmp_path / "small"
    place.mkdir()
    mounting = ("mount", "-t", "tmpfs", "-o", f"size={BYTES}", "tmpfs", str(place))
    mounted = subprocess.run(mounting, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"nothing can be mounted: {mounted.stderr.strip()}")
    try:
        yield SmallDisk(place)
    finally:
        subprocess.run(("umount", "--lazy", str(place)), check=True)
