"""The cluster's secret of `lastword serve`: read at the start, and again at SIGHUP."""

import logging
from pathlib import Path
from secrets import randbits

from lastword.access.proof import Proof
from lastword.access.secret import load_keys, others_may_read
from lastword.cli.hangup import Hangup

logger = logging.getLogger(__name__)


def proof_of(path: Path | None, hangup: Hangup) -> Proof | None:
    """Return the proof of this start, by the secret in a file; SIGHUP reads the file anew."""
    if path is None:
        return None
    proof = Proof(load_keys(path), randbits(63) | 1)
    _warn(path)

    def reread() -> None:
        proof.replace_keys(load_keys(path))
        _warn(path)

    hangup.add("the cluster's secret", reread)
    return proof


def _warn(path: Path) -> None:
    if others_may_read(path):
        logger.warning("%s may be read by others than its owner: chmod 600", path)
