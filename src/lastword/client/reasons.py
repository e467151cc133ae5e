"""Why a node did not answer, in words: the system's own where it said why."""

import os
import ssl
from typing import Final

import aiohttp

from lastword.client.text import printable

_NO_TLS: Final = frozenset(
    {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"}
)
"""What OpenSSL says of an answer in plain HTTP."""

_OTHERWISE: Final = (
    (aiohttp.ServerDisconnectedError, "it closed the connection; perhaps it speaks TLS there"),
    (aiohttp.ClientResponseError, "its answer is not HTTP; perhaps it speaks TLS there"),
)


def reason_of(error: Exception) -> str:
    """Return in a few words why a call over aiohttp had no answer."""
    cause: Exception = error
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        cause = error.certificate_error
    elif isinstance(error, aiohttp.ClientConnectorError):
        cause = error.os_error
    if isinstance(cause, ssl.SSLError):
        return printable(_of_tls(cause))
    if isinstance(cause, OSError) and cause.errno:
        own = os.strerror(cause.errno).lower() if cause.errno > 0 else str(cause.strerror)
        return printable(own)  # negative numbers are the resolver's
    for kind, words in _OTHERWISE:
        if isinstance(error, kind):
            return words
    return printable(str(error)) or "it took too long"


def _of_tls(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not believed: {error.verify_message}"
    if error.reason in _NO_TLS:
        return "it does not speak TLS there"
    return f"TLS failed: {(error.reason or str(error)).lower().replace('_', ' ')}"
