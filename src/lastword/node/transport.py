"""How a node reaches others. The HTTP transport lives beside the interface that answers it."""

from typing import Protocol


class Transport(Protocol):
    """Carries frames to other nodes and their replies back."""

    async def send(self, address: str, frame: bytes) -> bytes:
        """Return the reply of the node at `address`.

        Raises Unreachable where none came in time, UnknownProtocol where the frame's version was
        refused, and bounds what it reads.
        """

    async def close(self) -> None:
        """Let go of every connection."""
