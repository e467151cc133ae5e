"""The admin tokens of `lastword serve`: read at the start, and again at SIGHUP."""

import logging
import time
from pathlib import Path

from lastword.access.gate import Gate
from lastword.access.secret import load_secrets, others_may_read
from lastword.api.held_tokens import HeldTokens
from lastword.cli.hangup import Hangup
from lastword.node.node import Node

logger = logging.getLogger(__name__)


def gate_of(path: Path | None, node: Node, hangup: Hangup) -> Gate | None:
    """Return the gate of a node by a file of admin tokens; without one everybody may all."""
    if path is None:
        return None
    gate = Gate(load_secrets(path), HeldTokens(node), time.monotonic)
    _warn(path)

    def reread() -> None:
        gate.replace_admins(load_secrets(path))
        _warn(path)

    hangup.add("the admin tokens", reread)
    return gate


def _warn(path: Path) -> None:
    if others_may_read(path):
        logger.warning("%s may be read by others than its owner: chmod 600", path)
