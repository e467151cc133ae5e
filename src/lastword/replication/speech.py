"""Frames as bytes, in the version that each side speaks. What carries them knows nothing else."""

from lastword.errors import UnknownProtocol
from lastword.replication import frames, version2
from lastword.replication.replica import Replica, Send


def utter(replica: Replica, send: Send) -> bytes:
    """Return the bytes of a frame, in the version that its receiver speaks."""
    if replica.version_for(send.address) == version2.VERSION:
        return version2.encode(send.frame)
    return frames.encode(send.frame)


def respond(replica: Replica, data: bytes, now_us: int) -> bytes:
    """Return the reply to another node's frame, in the frame's own version.

    Raises InvalidFrame, or UnknownProtocol for a version that is not spoken here.
    """
    version = frames.version_of(data)
    if version > replica.settings.version:
        raise UnknownProtocol(f"protocol version {version} is not spoken here")
    if version == version2.VERSION:
        version2.check_spoken(len(replica.state.collected))
        return version2.encode(replica.receive(version2.decode(data), now_us, version))
    return frames.encode(replica.receive(frames.decode(data), now_us, version))


def hear(
    replica: Replica, address: str, data: bytes, now_us: int, *, sent_us: int | None = None
) -> list[Send]:
    """Take the reply to a frame that was sent to `address`; return what to send next.

    `sent_us` is when that was, so that the reply tells of the clock there.

    Raises InvalidFrame, or UnknownProtocol for a version that is not spoken here.
    """
    if frames.version_of(data) == version2.VERSION:
        version2.check_spoken(len(replica.state.collected))
        frame = version2.decode(data)
    else:
        frame = frames.decode(data)
    return replica.answer(address, frame, now_us, sent_us=sent_us)
