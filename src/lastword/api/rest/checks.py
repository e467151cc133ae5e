"""What is checked of a request beside its path and its body's shape."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from lastword.access.rights import TOKENS_SET
from lastword.access.token import parse_record
from lastword.address import checked_address
from lastword.api.http.messages import Request
from lastword.errors import ForeignOrigin, InvalidRequest
from lastword.limits import PEERS_MAX, TOKENS_MAX
from lastword.store.base import BaseStore
from lastword.store.ghosts import Ghosts, check_ghosts
from lastword.store.operations import PEERS_SET

_OWN_SITE: Final = frozenset({b"same-origin", b"none"})
"""What browsers say in Sec-Fetch-Site (W3C, Fetch Metadata) of a call that no other page began."""


def check_origin(request: Request, *, secure: bool) -> None:
    """Refuse a write that a page from elsewhere makes a browser send (RFC 6454, section 7).

    On a node that speaks TLS (`secure`) a page that came without is from elsewhere, too: whoever
    is on the way may have written it. In front of one that does not, a proxy may.
    """
    if request.headers.get(b"sec-fetch-site", b"none").lower() not in _OWN_SITE:
        raise ForeignOrigin("a page from another site wants to write")
    origin = request.headers.get(b"origin")
    if origin is None:
        return
    scheme, _, place = origin.lower().partition(b"://")
    if not place or place != request.headers.get(b"host", b"").lower():
        raise ForeignOrigin("a page from another origin wants to write")
    if secure and scheme != b"https":
        raise ForeignOrigin("a page that came without TLS wants to write")


def check_no_body(request: Request) -> None:
    """Refuse a body where the path says it all."""
    if request.body:
        raise InvalidRequest(
            "the element is in the path, and the body must be empty",
            hint="PUT /<set> and PATCH /<set> take elements in the body.",
        )


def check_added(
    store: BaseStore,
    set_name: bytes,
    elements: Iterable[bytes],
    besides: Iterable[str] = (),
) -> None:
    """Refuse what may not be added to a reserved set.

    To `_tokens_` that is what is no token's record, to `_peers_` what is no address, and to both
    one too many; the addresses `besides` are about to be listed.
    """
    if set_name == TOKENS_SET:
        _check_records(store, tuple(elements))
    if set_name != PEERS_SET:
        return
    addresses = {checked_address(element.decode(errors="replace")) for element in elements}
    if addresses and len(addresses.union(besides, store.members())) > PEERS_MAX:
        raise InvalidRequest(f"a cluster has at most {PEERS_MAX} members")


def _check_records(store: BaseStore, elements: Sequence[bytes]) -> None:
    for element in elements:
        parse_record(element)
    held = store.totals().get(TOKENS_SET)
    count = 0 if held is None else held.entries
    if count + len(elements) > TOKENS_MAX:
        count += sum(store.stamp_of(TOKENS_SET, element) is None for element in elements)
        if count > TOKENS_MAX:
            raise InvalidRequest(
                f"a cluster has at most {TOKENS_MAX} tokens",
                hint="Revoke some; they count until their tombstones are collected.",
            )


def check_state(
    store: BaseStore, set_name: bytes, stamps: Mapping[bytes, int], ghosts: Ghosts
) -> None:
    """Raise FutureTime or GhostElements where a state is refused, before any of it is merged.

    What passes may still have ghosts by the time that it is merged, if a collection comes between.
    """
    store.check_times(set_name, stamps)
    if ghosts is Ghosts.REFUSE:
        collected_time = store.ledger.collected_time(set_name)
        check_ghosts(stamps, collected_time, lambda at: store.stamp_of(set_name, at))
