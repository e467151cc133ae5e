"""The cluster's secret of `lastword serve`: read at the start, and again at SIGHUP."""

import asyncio
import logging
import signal
from functools import partial
from pathlib import Path
from secrets import randbits

from lastword.access.proof import Proof
from lastword.access.secret import load_keys, others_may_read
from lastword.errors import ConfigError

logger = logging.getLogger(__name__)


def proof_of(path: Path | None) -> Proof | None:
    """Return the proof of this start, by the secret in a file; SIGHUP reads the file anew."""
    if path is None:
        return None
    proof = Proof(load_keys(path), randbits(63) | 1)
    _warn(path)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, partial(_read_anew, proof, path))
    return proof


def _read_anew(proof: Proof, path: Path) -> None:
    """Take over the file's secrets; where that fails, those before stay."""
    try:
        proof.replace_keys(load_keys(path))
    except ConfigError as error:
        logger.error("the cluster's secret stays as it was: %s", error)  # noqa: TRY400 - no fault of ours
        return
    _warn(path)
    logger.warning("the cluster's secret was read anew")


def _warn(path: Path) -> None:
    if others_may_read(path):
        logger.warning("%s may be read by others than its owner: chmod 600", path)
