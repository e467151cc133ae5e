"""Whom a replica knows, and whether they answer. This is its own view and never travels.

A peer that does not answer is left alone for longer and longer, and never forgotten for it:
nothing here changes who is listed.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from lastword.replication.fence import Standing, Theirs
from lastword.replication.frames import PROTOCOL_VERSION
from lastword.replication.knowledge import Taken
from lastword.replication.lag import Lag
from lastword.replication.port import Randomness
from lastword.replication.reports import Report
from lastword.replication.vectors import covers

BACKOFF_US = 200_000
"""The first pause after a failed call; it doubles with each further one."""

OLD_VERSION_US = 3_600_000_000
"""How long a node is spoken to in an older version before the newest is tried again: it says so
itself when it starts anew, and one refused call an hour is nothing."""

STRANGER_US = 60_000_000
"""How long a stranger is remembered: far longer than any exchange takes."""

STRANGERS_MAX = 1_000
"""Strangers that are remembered: a cluster has some at its start, and a hoaxer any number."""

BACKOFF_MAX_US = 4_000_000
"""The longest pause: a healed partition is used within seconds, and a probe costs one packet."""


class Holding(NamedTuple):
    """That the run `run` there had this node's own writes of `own_run` up to `number`."""

    run: int
    own_run: int
    number: int


NO_HOLDING = Holding(0, 0, 0)


@dataclass(slots=True)
class Peer:
    """One address, as seen from here.

    `met` says that a walk over its log has ended during this run, after which the node there was
    a listed one, so that it will be called as such; `is_self` says that it leads here. `version`
    is that of the protocol spoken there, `run` the one that answered last. `holds` is what it last
    said of this node's writes, `theirs` what of collection, `report` what it covers; `lag` is how
    far the two are behind each other.
    """

    address: str
    failures: int = 0
    next_us: int = 0
    met: bool = False
    answered: bool = False
    is_self: bool = False
    version: int = PROTOCOL_VERSION
    run: int = 0
    old_until_us: int = 0
    taken: Taken = field(default_factory=Taken)
    theirs: Theirs = field(default_factory=Theirs)
    report: Report = field(default_factory=Report)
    holds: Holding = NO_HOLDING
    lag: Lag = field(default_factory=Lag)

    @property
    def is_resolved(self) -> bool:
        """Whether it has answered, or failed to, at least once."""
        return self.answered or self.failures > 0

    @property
    def was_heard(self) -> bool:
        """Whether it was ever heard on this file: in this run, or before it."""
        return self.answered or self.report.run != 0

    def is_known_to_have(self, run: int, number: int) -> bool:
        """Return whether it said that it covers the dot `(run, number)`."""
        held = self.holds
        return covers(self.report.entries, run, number) or (
            held.own_run == run and held.number >= number
        )

    def says_it_holds(self, run: int, own_run: int, number: int) -> None:
        """Note that `run` there has the writes of `own_run` up to `number`.

        A run only gains; another one may be of a file that went back.
        """
        held = self.holds
        if held.run == run and held.own_run == own_run:
            number = max(number, held.number)
        self.holds = Holding(run, own_run, number)

    def heard(self) -> None:
        """Note that it answers."""
        self.answered = True
        self.failures = 0
        self.next_us = 0

    def answers_as(self, run: int) -> None:
        """Note that it answers, by `run`; another run than before may speak another version."""
        self.heard()
        if run != self.run:
            self.version = PROTOCOL_VERSION if self.run else self.version
            self.run = run

    def speak(self, version: int, now_us: int) -> None:
        """Note that nothing newer than `version` is spoken there, for a while."""
        self.version = version
        self.old_until_us = now_us + OLD_VERSION_US

    def failed(self, now_us: int) -> None:
        """Note that a call failed, and leave it alone for a while."""
        self.failures += 1
        self.lag.is_level = False  # until it tells of its log again
        pause_us = min(BACKOFF_US << min(self.failures - 1, 10), BACKOFF_MAX_US)
        self.next_us = now_us + pause_us


class PeerBook:
    """Every address that was ever listed, given as a contact point, or heard from."""

    def __init__(self, contacts: Iterable[str]) -> None:
        self.contacts = frozenset(contacts)
        self._peers: dict[str, Peer] = {}

    def peer(self, address: str) -> Peer:
        """Return the peer at `address`, known or new."""
        found = self._peers.get(address)
        if found is None:
            found = self._peers[address] = Peer(address)
        return found

    def version_with(self, address: str, newest: int) -> int:
        """Return the version of the protocol to speak with `address`, `newest` at the most."""
        return min(self.peer(address).version, newest)

    def addresses_of_runs(self) -> dict[int, str]:
        """Return where the runs serve, or served, that were heard of."""
        found = {peer.report.run: address for address, peer in self._peers.items()}
        found |= {peer.run: address for address, peer in self._peers.items()}
        found.pop(0, None)
        return found

    def holders(self, listed: frozenset[str], own_run: int, number: int) -> int:
        """Return how many of the listed said last that they hold `own_run` up to `number`."""
        return sum(
            peer.holds.own_run == own_run and peer.holds.number >= number and not peer.is_self
            for peer in list(self._peers.values())
            if peer.address in listed
        )

    def keep(self, listed: frozenset[str], now_us: int) -> None:
        """Forget strangers that are silent; try the newest version again.

        A stranger is neither listed nor a contact point. It may be one that is not listed yet, and
        what it says has to be remembered for the few messages of an exchange.
        """
        strangers = self.strangers(listed)
        for peer in strangers:
            silent_us = peer.report.silent_us(now_us)
            if silent_us >= STRANGER_US or len(strangers) > STRANGERS_MAX:
                del self._peers[peer.address]
        for peer in self._peers.values():
            if peer.version < PROTOCOL_VERSION and now_us >= peer.old_until_us:
                peer.version = PROTOCOL_VERSION

    def forget_vectors(self) -> None:
        """Forget what was compared with this node's own vector: it is another file's now."""
        for peer in self._peers.values():
            peer.taken.forget()
            peer.taken.asked.clear()
            peer.theirs.covered = not peer.theirs.hash
            peer.theirs.standing = Standing.UNKNOWN
            peer.theirs.knows = None
            peer.lag.forget()
            peer.met = False

    def listed_others(self, listed: frozenset[str]) -> list[Peer]:
        """Return the members but those that lead here, in the order of their addresses."""
        peers = [self.peer(address) for address in sorted(listed)]
        return [peer for peer in peers if not peer.is_self]

    def contact_points(self) -> list[Peer]:
        """Return the contact points that this node was told of."""
        return [self.peer(address) for address in sorted(self.contacts)]

    def strangers(self, listed: frozenset[str]) -> list[Peer]:
        """Return those who are neither listed nor contact points, in the order of addresses."""
        addresses = self._peers.keys() - listed - self.contacts
        return [self._peers[address] for address in sorted(addresses)]

    def others(self, listed: frozenset[str]) -> list[Peer]:
        """Return whom to exchange with: the listed, and contact points until they were met.

        Contact points come back where no listed peer answers.
        """
        peers = [self.peer(address) for address in sorted(listed)]
        lonely = not any(
            peer.answered and not peer.failures and not peer.is_self for peer in peers
        )
        contacts = [self.peer(address) for address in sorted(self.contacts - listed)]
        peers += [peer for peer in contacts if lonely or not peer.met]
        return [peer for peer in peers if not peer.is_self]

    def chosen(
        self, listed: frozenset[str], *, fanout: int, rng: Randomness
    ) -> tuple[list[Peer], list[Peer]]:
        """Return the peers of one round, at random, and those who do not answer at present."""
        others = self.others(listed)
        silent = [peer for peer in others if peer.failures]
        answering = [peer for peer in others if not peer.failures]
        return rng.sample(answering, min(fanout, len(answering))), silent
