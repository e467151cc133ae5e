"""How the commands reach nodes: over TLS or not, and what they prove of themselves.

It is said before the command's name, or by the environment: the same for every command.
"""

import ssl
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from secrets import randbits
from typing import Final

from lastword.access.proof import Proof
from lastword.access.secret import Keys, load_keys, load_secrets
from lastword.api.transport import HttpTransport
from lastword.client.node import AsyncNode
from lastword.client.tls import client_tls
from lastword.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Reach:
    """What a command calls nodes by: CAs (None: no TLS), the cluster's secret, its own token."""

    tls: ssl.SSLContext | None = None
    keys: tuple[Keys, ...] = ()
    token: str | None = field(default=None, repr=False)

    @classmethod
    def of(
        cls,
        *,
        tls: bool,
        tls_ca: Path | None,
        cluster_secret_file: Path | None,
        token_file: Path | None,
    ) -> "Reach":
        """Read the files; raise ConfigError where one cannot be used."""
        return cls(
            client_tls(tls_ca) if tls or tls_ca is not None else None,
            () if cluster_secret_file is None else load_keys(cluster_secret_file),
            None if token_file is None else _token(token_file),
        )


said: Final[ContextVar[Reach]] = ContextVar("said", default=Reach())  # noqa: B039 - frozen
"""What was said to the command that runs."""


def node_at(address: str) -> AsyncNode:
    """Return a client of the node at an address."""
    reach = said.get()
    return AsyncNode(address, tls=reach.tls, token=reach.token)


def transport() -> HttpTransport:
    """Return a transport for frames, as one that is no member; on a running loop only."""
    reach = said.get()
    proof = Proof(reach.keys, randbits(63) | 1) if reach.keys else None
    tls = reach.tls
    return HttpTransport(proof=proof, tls=None if tls is None else lambda: tls)


def _token(path: Path) -> str:
    """Return the first token in a file; raise ConfigError where it has none."""
    token = load_secrets(path)[0].decode("ascii", "replace")
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise ConfigError(f"{path} has no token: one is printable ASCII without spaces")
    return token
