"""Under which address a node lists itself in `_peers_`, decided once at its start.

It lists at most one, its own: the advertised one; else an address that turns out to lead to
itself, a listed one or a contact point; else its default. It may have been unlisted while it was
down: where the first member that it meets says so, it lists itself again. What is removed later
stands until its next start. Members that do not answer are none of its business.
"""

from dataclasses import dataclass

from lastword.address import is_address
from lastword.replication.peers import PeerBook
from lastword.replication.port import State

PATIENCE_US = 3_000_000
"""How long the first answers are awaited before the default is listed: long enough for a name to
be looked up and a node to answer, short enough that a lonely node is soon listed."""

REPLACED_FAILURES = 10
"""Calls without an answer after which an address that was replaced is unlisted: with the pauses
between calls that is half a minute, in which a node that lives there would have answered."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Where a node serves, and whom it was told of.

    `advertise` is what the operator said that others reach it by; `default` what it falls back
    to; empty where that would mean nothing elsewhere.
    """

    default: str = ""
    advertise: str | None = None
    contacts: tuple[str, ...] = ()


class Membership:
    """A node's own address, and whether it stands among the listed ones."""

    def __init__(self, state: State, peers: PeerBook, identity: Identity) -> None:
        self.address = identity.advertise or identity.default
        self._state = state
        self._peers = peers
        self._advertised = identity.advertise is not None
        self.has_left = False
        self._settled = False
        self._confirmed = False
        self._asked: frozenset[str] = frozenset()
        self._deadline_us: int | None = None
        self._replaced: str | None = None

    def tick(self, now_us: int) -> None:
        """List this node, as soon as it is clear under which address."""
        if self._settled:
            self._confirm()
            return
        if self._advertised:
            self._list_advertised()
            return
        if self._deadline_us is None:
            self._deadline_us = now_us + PATIENCE_US
            self._asked = frozenset(filter(is_address, self._state.members()))
            self._asked |= self._peers.contacts
        waiting = any(not self._peers.peer(address).is_resolved for address in self._asked)
        if self.address and (not waiting or now_us >= self._deadline_us):
            self._settle(self.address)

    def found_self(self, address: str) -> None:
        """Note that `address` leads to this node."""
        self._peers.peer(address).is_self = True
        if address == self._replaced:
            self._unlist(address)
        if not self._settled and not self._advertised:
            self._settle(address)

    def found_other(self, address: str) -> None:
        """Note that another node answers at `address`."""
        self._peers.peer(address).is_self = False
        if address == self._replaced:
            self._replaced = None

    def found_silent(self, address: str) -> None:
        """Note that nobody answered at `address`."""
        silent = self._peers.peer(address).failures >= REPLACED_FAILURES
        if address == self._replaced and silent:
            self._unlist(address)

    def list_again(self) -> None:
        """List this node if it is not: what it holds now is another node's copy."""
        if self.address not in self._state.members():
            self.list_anew()

    def list_anew(self) -> None:
        """List this node at a new time: it may have been unlisted where this is not known yet."""
        if self._settled and not self.has_left:
            self._state.list_member(self.address)

    def leave(self) -> None:
        """Unlist this node, until its next start."""
        self._settled = self._confirmed = self.has_left = True
        if self.address in self._state.members():
            self._state.unlist_member(self.address)

    def _confirm(self) -> None:
        """See once, when a walk over a member's log has ended, that this node is still listed."""
        if not self._confirmed:
            members = self._peers.listed_others(self._state.members() - {self.address})
            self._confirmed = any(peer.met for peer in members)
            if self._confirmed:
                self.list_again()

    def _unlist(self, address: str) -> None:
        self._replaced = None
        self._state.unlist_member(address)

    def _list_advertised(self) -> None:
        """List the advertised address in place of the one that this file listed before.

        The old one goes once it leads here, or was silent for long: a copied file must not unlist
        the node that it was copied from, and a lost frame is no silence.
        """
        before = self._state.listed_before
        if before != self.address and before in self._state.members():
            self._replaced = before
        self._settle(self.address)

    def _settle(self, address: str) -> None:
        self.address = address
        self._settled = True
        if address not in self._state.members():
            self._state.list_member(address)
