"""How the commands reach nodes: over TLS or not, and what they prove of themselves.

It is said before the command's name, or by the environment: the same for every command.
"""

import ssl
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from secrets import randbits
from typing import Final

from lastword.access.proof import Proof
from lastword.access.secret import Keys, load_keys
from lastword.access.tls import client_tls
from lastword.api.transport import HttpTransport
from lastword.client.node import AsyncNode


@dataclass(frozen=True, slots=True)
class Reach:
    """What a command calls nodes by: CAs (None: no TLS), and the keys of the cluster's secret."""

    tls: ssl.SSLContext | None = None
    keys: tuple[Keys, ...] = ()

    @classmethod
    def of(cls, *, tls: bool, tls_ca: Path | None, cluster_secret_file: Path | None) -> "Reach":
        """Read the files; raise ConfigError where one cannot be used."""
        return cls(
            client_tls(tls_ca) if tls or tls_ca is not None else None,
            () if cluster_secret_file is None else load_keys(cluster_secret_file),
        )


said: Final[ContextVar[Reach]] = ContextVar("said", default=Reach())  # noqa: B039 - frozen
"""What was said to the command that runs."""


def node_at(address: str) -> AsyncNode:
    """Return a client of the node at an address."""
    return AsyncNode(address, tls=said.get().tls)


def transport() -> HttpTransport:
    """Return a transport for frames, as one that is no member; on a running loop only."""
    reach = said.get()
    proof = Proof(reach.keys, randbits(63) | 1) if reach.keys else None
    tls = reach.tls
    return HttpTransport(proof=proof, tls=None if tls is None else lambda: tls)
