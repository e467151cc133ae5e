"""Which certificates are believed, by whoever calls a node over TLS."""

import ssl
from pathlib import Path
from typing import Final

from lastword.errors import ConfigError

OLDEST: Final = ssl.TLSVersion.TLSv1_2
"""RFC 8996: what is older is broken."""


def client_tls(ca: Path | None) -> ssl.SSLContext:
    """Return what a client believes servers by: the CAs of a PEM file, or the system's.

    Raises ConfigError where there are none in the file.
    """
    try:
        context = ssl.create_default_context(cafile=ca)
    except OSError as error:  # also what is no PEM: ssl.SSLError is one
        reason = tls_reason(error)
        raise ConfigError(f"{ca} has no certificate of a CA: {reason}") from None
    context.minimum_version = OLDEST
    return context


def tls_reason(error: OSError) -> str:
    """Return in a few words what the system, or OpenSSL, found wrong with a file."""
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    return (error.strerror or str(error)).lower()
