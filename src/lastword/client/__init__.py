"""The sets of a cluster from a program: `Client`, `AsyncClient`, and `OfflineSet`.

It needs the library part of the package only, and none of the server's. What is named here is
imported when it is asked for: a blocking client has no use for an event loop.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lastword.client.answers import Listed
    from lastword.client.async_client import AsyncClient
    from lastword.client.async_set import AsyncRemoteSet
    from lastword.client.client import Client
    from lastword.client.exchange import Exchanged
    from lastword.client.offline import OfflineSet
    from lastword.client.remote_set import RemoteSet
    from lastword.client.watching import Event

__all__ = [
    "AsyncClient",
    "AsyncRemoteSet",
    "Client",
    "Event",
    "Exchanged",
    "Listed",
    "OfflineSet",
    "RemoteSet",
]

_PLACES = {
    "AsyncClient": "async_client",
    "AsyncRemoteSet": "async_set",
    "Client": "client",
    "Event": "watching",
    "Exchanged": "exchange",
    "Listed": "answers",
    "OfflineSet": "offline",
    "RemoteSet": "remote_set",
}


if not TYPE_CHECKING:  # else every name would be an attribute

    def __getattr__(name: str) -> Any:
        """Import what is asked for."""
        if name not in _PLACES:
            raise AttributeError(f"module 'lastword.client' has no attribute {name!r}")
        return getattr(import_module(f"lastword.client.{_PLACES[name]}"), name)
