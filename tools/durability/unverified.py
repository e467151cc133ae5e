"""The same rounds with a victim that verifies no checksum: they must see what is then served."""

from typing import Final

from lastword.store.sqlite import file
from tools.durability.damaged_round import DamagedRound
from tools.durability.forked import ForkedNode, ForkedProcess, Preparation

SYSTEMS_OWN: Final = "unix"
"""SQLite's own layer between it and files, on Linux and macOS."""


class Unverified(Preparation):
    """Lets a node open its file without the layer that verifies checksums."""

    def __call__(self) -> None:
        """Let SQLite's own layer be the one that is used."""
        vars(file).update(VFS=SYSTEMS_OWN, _check_checksums=lambda *_: None)


class UnverifiedProcess(ForkedProcess):
    """A command that verifies no checksum."""

    prepare = Unverified()


class UnverifiedNode(ForkedNode):
    """A node that verifies no checksum."""

    process_type = UnverifiedProcess


class UnverifiedRound(DamagedRound):
    """A round whose victim verifies no checksum."""

    node_type = UnverifiedNode
    scrubbing_share = 0.0  # a scrub computes checksums by itself
