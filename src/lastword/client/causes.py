"""Why a connection came to nothing, in words: the system's own where it said why."""

import os
import ssl
from typing import Final

from lastword.client.text import printable

TOO_LONG: Final = "it took too long"

CLOSED: Final = "it closed the connection; perhaps it speaks TLS there"

NOT_HTTP: Final = "its answer is not HTTP; perhaps it speaks TLS there"

_NO_TLS: Final = frozenset(
    {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"}
)
"""What OpenSSL says of an answer in plain HTTP."""


def cause_in_words(cause: Exception) -> str:
    """Return in a few words what became of a connection."""
    if isinstance(cause, ssl.SSLError):
        return printable(_of_tls(cause))
    if isinstance(cause, OSError) and cause.errno:
        own = os.strerror(cause.errno).lower() if cause.errno > 0 else str(cause.strerror)
        return printable(own)  # negative numbers are the resolver's
    return printable(str(cause)) or TOO_LONG


def _of_tls(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not believed: {error.verify_message}"
    if error.reason in _NO_TLS:
        return "it does not speak TLS there"
    return f"TLS failed: {(error.reason or str(error)).lower().replace('_', ' ')}"
