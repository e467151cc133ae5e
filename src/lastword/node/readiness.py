"""Should this node get traffic? Where not, why."""

from collections.abc import Iterator

from lastword.client.health import Reason
from lastword.client.text import printable
from lastword.errors import ClockOff
from lastword.node.node import Node


def unready(node: Node) -> Iterator[Reason]:
    """Yield what speaks against sending clients to this node; nothing where it is ready.

    Reads go on in all of these cases but the first, and may be old where it copies another.
    """
    if node.is_stopping:
        yield Reason("stopping", "the node is stopping")
    failure = node.store.writer.failure
    if failure is not None:
        yield Reason(failure.code, f"it takes no writes: {printable(str(failure))}")
    try:
        node.replica.verdict.check()
    except ClockOff as error:
        yield Reason(error.code, f"it takes no writes: {printable(str(error))}")
    source = node.notices.status.source
    if source is not None:
        message = f"it was away for too long, and copies {printable(source)}: it shows what is old"
        yield Reason("copying", message, source)
