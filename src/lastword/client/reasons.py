"""Why a node did not answer a call over aiohttp, in words."""

from typing import Final

import aiohttp

from lastword.client.causes import CLOSED, NOT_HTTP, cause_in_words

_OTHERWISE: Final = (
    (aiohttp.ServerDisconnectedError, CLOSED),
    (aiohttp.ClientResponseError, NOT_HTTP),
)


def reason_of(error: Exception) -> str:
    """Return in a few words why a call over aiohttp had no answer."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return cause_in_words(error.certificate_error)
    if isinstance(error, aiohttp.ClientConnectorError):
        return cause_in_words(error.os_error)
    for kind, words in _OTHERWISE:
        if isinstance(error, kind):
            return words
    return cause_in_words(error)
