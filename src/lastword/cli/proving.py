"""The cluster's secret of `lastword serve`: read at the start, and again at SIGHUP."""

from pathlib import Path
from secrets import randbits

from lastword.access.proof import Proof
from lastword.access.secret import load_keys
from lastword.cli.hangup import Hangup
from lastword.cli.shared_files import warn_where_shared


def proof_of(path: Path | None, hangup: Hangup) -> Proof | None:
    """Return the proof of this start, by the secret in a file; SIGHUP reads the file anew."""
    if path is None:
        return None
    proof = Proof(load_keys(path), randbits(63) | 1)
    warn_where_shared(path)

    def reread() -> None:
        proof.replace_keys(load_keys(path))
        warn_where_shared(path)

    hangup.add("the cluster's secret", reread)
    return proof
