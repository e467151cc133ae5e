"""TLS of a node: its certificate, and which certificates of other nodes it believes.

TLS hides what travels and shows a client that it speaks with the host that it meant. That a node
is one of the cluster, the cluster's secret proves (`proof.py`).
"""

import ssl
from pathlib import Path
from typing import Final, NoReturn

from lastword.client.tls import OLDEST, client_tls, tls_reason
from lastword.errors import ConfigError


class NodeTls:
    """The TLS of one node: `server` for who calls it, `client` for calling others.

    Files are PEM: `cert` has the node's certificate with those between it and the CA, `key` its
    private key without a passphrase, `ca` the CAs of other nodes (None: the system's).
    """

    def __init__(self, cert: Path, key: Path, ca: Path | None) -> None:
        """Read the files; raise ConfigError where they cannot be used."""
        self._cert, self._key, self._ca = cert, key, ca
        self.server = _server(cert, key)
        self.client = client_tls(ca)

    def reread(self) -> None:
        """Read the files anew, for the connections that begin from now on.

        Raises ConfigError where they cannot be used; then all stays as it was.
        """
        _server(self._cert, self._key)
        client = client_tls(self._ca)
        _load(self.server, self._cert, self._key)
        self.client = client


def _server(cert: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = OLDEST
    _load(context, cert, key)
    return context


def _load(context: ssl.SSLContext, cert: Path, key: Path) -> None:
    for path in (cert, key):
        try:
            path.open("rb").close()
        except OSError as error:
            raise ConfigError(f"{path} cannot be read: {tls_reason(error)}") from None

    def refuse() -> NoReturn:  # else OpenSSL would ask on the terminal
        raise ConfigError(f"{key} is locked by a passphrase", hint=_HOW_TO_UNLOCK)

    try:
        context.load_cert_chain(cert, key, password=refuse)
    except OSError as error:
        raise ConfigError(
            f"{cert} and {key} are no certificate and its key: {tls_reason(error)}",
            hint="Both are PEM files; lastword certs makes some for trials.",
        ) from None


_HOW_TO_UNLOCK: Final = "Write it without one: (umask 077; openssl pkey -in KEY -out NEW)."
