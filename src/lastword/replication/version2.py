"""Version 2 of the protocol: the present one without the fence.

Who speaks nothing newer cannot tell who is behind; so it is spoken only by nodes that have not
collected anything. docs/PROTOCOL.md, "Version 2".
"""

from msgspec.structs import replace

from lastword.errors import UnknownProtocol
from lastword.replication import frames
from lastword.replication.frames import Frame

VERSION = 2


def encode(frame: Frame) -> bytes:
    """Return the bytes of `frame` in this version, which never compresses what it says."""
    return bytes((VERSION,)) + frames.encode_plain(replace(frame, fence=None))[1:]


def decode(data: bytes) -> Frame:
    """Return the frame in `data` as one of the present version.

    Raises InvalidFrame for everything that is not a whole, valid frame.
    """
    compressed = data[0] & frames.COMPRESSED
    present = bytes((frames.PROTOCOL_VERSION | compressed,)) + data[1:]
    return replace(frames.decode(present), fence=None)


def check_spoken(collected: int) -> None:
    """Raise UnknownProtocol where a node that has `collected` entries in its vector is asked."""
    if collected:
        raise UnknownProtocol(
            f"protocol version {VERSION} is not spoken here any more: tombstones were collected"
        )
