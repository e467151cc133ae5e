"""The admin tokens of `lastword serve`: read at the start, and again at SIGHUP."""

import time
from pathlib import Path

from lastword.access.gate import Gate
from lastword.access.secret import load_secrets
from lastword.api.held_tokens import HeldTokens
from lastword.cli.hangup import Hangup
from lastword.cli.shared_files import warn_where_shared
from lastword.errors import ConfigError
from lastword.node.node import Node


def gate_of(path: Path | None, secret: Path | None, node: Node, hangup: Hangup) -> Gate | None:
    """Return the gate of a node by a file of admin tokens; without one everybody may all.

    `secret` is the file of the cluster's: raises ConfigError where a token is one.
    """
    if path is None:
        return None
    tokens = load_secrets(path)
    _check_apart(tokens, path, secret)
    gate = Gate(tokens, HeldTokens(node), time.monotonic)
    warn_where_shared(path)

    def reread() -> None:
        gate.replace_admins(load_secrets(path))
        warn_where_shared(path)

    hangup.add("the file of admin tokens", reread)
    return gate


def _check_apart(tokens: list[bytes], path: Path, secret: Path | None) -> None:
    if secret is not None and not set(load_secrets(secret)).isdisjoint(tokens):
        raise ConfigError(
            f"{path} and {secret} have a line in common",
            hint="A token is shown with every call, and the cluster's secret never: make another.",
        )
