"""A cluster of two or three nodes whose every step is said by hand, and judged by the oracle.

A step is a few words: `add 0 x`, `exchange 1 0`, `restore 0`. What a history of them leads to
follows from the words alone. Replicas, frames and memory stores are the product's; there is no
network, and no time but that each step is later than the one before.
"""

import pickle
from dataclasses import dataclass
from typing import NamedTuple, cast

from lastword.crdt.stamp import pack
from lastword.replication.frames import Frame
from lastword.replication.hashing import key_of
from lastword.replication.membership import Identity
from lastword.replication.replica import Replica, Send
from lastword.replication.settings import ReplicaSettings
from lastword.simulation.coverage import uncovered
from lastword.simulation.disk import SimulatedStore, empty_image, formed_image
from lastword.simulation.oracle import Oracle, is_converged
from lastword.simulation.protocol import decoded, encoded
from lastword.simulation.settings import EPOCH_US
from lastword.simulation.steered import RUNS_FROM, OwnWall, Runs, Steered, Wall
from lastword.simulation.timeline import Timeline
from lastword.simulation.violated import Violated
from lastword.store.base import StoreOptions
from lastword.store.ghosts import Ghosts
from lastword.store.memory import MemoryImage
from lastword.store.operations import Merge, Write

STEP_US = 120_000_000
"""Between two steps: a mark of the log is a minute, so all of the step before is old by then."""

INTERVAL_US = 1 << 40
"""Between two rounds of collection: more than all steps of a history take."""

COMPARE_US = 1 << 41
"""Between two comparisons."""

PAGE_ROWS = 2
"""The list of members fills the first page of a copy, so that every copy has another one."""

ROUNDS_MAX = 8
"""Rounds in which all exchange with all until they agree: a copy, what it offers, new dots."""

CALLS_MAX = 40
"""Calls of one conversation: far more than the few pages of so few elements."""

SET = b"s"


@dataclass(slots=True)
class SmallNode:
    """A node: its store, its replica, and what its starts have in common."""

    index: int
    store: SimulatedStore
    replica: Replica
    wall: OwnWall
    runs: Runs


class Saved(NamedTuple):
    """A copy of a node's disk, and what the node had acknowledged until then."""

    node: int
    image: MemoryImage
    own: dict[tuple[bytes, bytes], int]


class Flying(NamedTuple):
    """A reply that is under way to a node, from an address."""

    node: int
    address: str
    data: bytes


class SmallCluster:
    """The nodes, which know each other, and may collect, from the begin."""

    def __init__(self, nodes: int = 2) -> None:
        self.addresses = tuple(f"n{index}:1" for index in range(nodes))
        self.oracle = Oracle(self.addresses)
        self.wall = Wall()
        self.now_us = 0
        self.saved: Saved | None = None
        self.flying: Flying | None = None
        self.nodes: list[SmallNode] = []
        self._time = Timeline()
        founder = RUNS_FROM - 1
        for index in range(nodes):
            wall, runs = OwnWall(self.wall), Runs(index)
            store = self._store(index, formed_image(self.addresses, founder), runs)
            self.nodes.append(
                SmallNode(index, store, self._replica(index, store, wall), wall, runs)
            )
        self._meet()

    def copy(self) -> bytes:
        """Return what `of_copy` makes a cluster of that is as this one is now."""
        return pickle.dumps(self, pickle.HIGHEST_PROTOCOL)

    @staticmethod
    def of_copy(copied: bytes) -> "SmallCluster":
        """Return the cluster that was copied."""
        cluster = pickle.loads(copied)  # noqa: S301 - made a moment ago by `copy`
        return cast("SmallCluster", cluster)

    def play(self, *steps: str) -> None:
        """Do one step after another. Raise Violated where a check does not hold."""
        for step in steps:
            verb, *words = step.split()
            self._pass_time()
            getattr(self, f"do_{verb}")(*words)
            for node in self.nodes:
                node.store.flush()
            self.oracle.acknowledged.check_somewhere(self._images())

    def settle(self) -> bool:
        """Let all exchange with all until they agree, and check what they hold.

        Return False where two are behind each other, which is an operator's to decide.
        """
        self.flying = None
        for _ in range(ROUNDS_MAX):
            self._exchange_all()
            stores = [node.store for node in self.nodes]
            if is_converged(stores) and not any(map(_is_left, stores)):
                self.oracle.check_end(stores)
                return True
            agree = all(store.seen == stores[0].seen for store in stores)
            for node in self.nodes:
                self.play(f"redot {node.index}", *([f"collect {node.index}"] if agree else []))
        if any(self._are_apart(node) for node in self.nodes):
            return False
        raise Violated("convergence", f"not after {ROUNDS_MAX} rounds")

    # -- steps

    def do_add(self, node: str, element: str) -> None:
        """Let a client add an element."""
        self._write(self.nodes[int(node)], element, Write(SET, add=(element.encode(),)))

    def do_remove(self, node: str, element: str) -> None:
        """Let a client remove an element."""
        self._write(self.nodes[int(node)], element, Write(SET, remove=(element.encode(),)))

    def do_old(self, node: str, element: str) -> None:
        """Let a client merge an add from before the begin, and leave it out where asked."""
        stamps = {element.encode(): pack(EPOCH_US - 1, removed=False)}
        self._write(self.nodes[int(node)], element, Merge(SET, stamps, Ghosts.REMOVE))

    def do_exchange(self, taker: str, giver: str) -> None:
        """Let one call the other until nothing changes by it: news go both ways."""
        node, address = self.nodes[int(taker)], self.addresses[int(giver)]
        before = None
        while before != (before := self._progress(node, address)):
            self._pass_time()
            self._converse(node, self._ticked(node, address))

    def do_compare(self, taker: str, giver: str) -> None:
        """Let one compare all that it holds with the other."""
        node, address = self.nodes[int(taker)], self.addresses[int(giver)]
        self.now_us += 2 * COMPARE_US
        self._ticked(node, address)  # the first only says when
        self.now_us += 2 * COMPARE_US
        self._converse(node, [at for at in self._ticked(node, address) if at.frame.compare])

    def do_ask(self, taker: str, giver: str) -> None:
        """Let one call the other, whose reply is under way from then on."""
        node, address = self.nodes[int(taker)], self.addresses[int(giver)]
        for send in self._ticked(node, address)[:1]:
            self.flying = Flying(node.index, address, self._reply(send))

    def do_deliver(self) -> None:
        """Let the reply that is under way arrive; what its taker would send is lost."""
        if self.flying is not None:
            flying, self.flying = self.flying, None
            replica = self.nodes[flying.node].replica
            replica.answer(flying.address, decoded(flying.data), self.now_us)

    def do_collect(self, index: str) -> None:
        """Let a node collect, though no tombstone is old."""
        node = self.nodes[int(index)]
        node.replica.collection.tick(self.now_us)
        node.wall.ahead_us += INTERVAL_US
        node.replica.collection.tick(self.now_us)

    def do_redot(self, index: str) -> None:
        """Let a node give new dots to rows whose dots it does not cover."""
        self.nodes[int(index)].store.redot(age_us=0)

    def do_lapse(self, index: str, gone: str) -> None:
        """Take a node out of the members, by hand at another one."""
        self.oracle.standings.takes_out(int(gone))
        self.nodes[int(index)].store.unlist_member(self.addresses[int(gone)])

    def do_leave(self, index: str) -> None:
        """Let a node leave as planned, as soon as the others hold what it holds."""
        self.oracle.standings.takes_out(int(index))
        self.nodes[int(index)].replica.leaving.go_on()

    def do_list(self, index: str, other: str) -> None:
        """Put a node into the members, by hand at another one."""
        self.nodes[int(index)].store.list_member(self.addresses[int(other)])

    def do_rejoin(self, index: str, source: str) -> None:
        """Let a node copy another, by hand, though they are behind each other."""
        node, address = self.nodes[int(index)], self.addresses[int(source)]
        self.oracle.rejoins(node.index)
        self._converse(node, node.replica.rejoin(address, self.now_us))

    def do_crash(self, index: str) -> None:
        """Stop a node dead, and start it again."""
        self._start(self.nodes[int(index)], self.nodes[int(index)].store.image)

    def do_save(self, index: str) -> None:
        """Copy a node's disk."""
        node = self.nodes[int(index)]
        own = self.oracle.acknowledged.own(node.index)
        self.saved = Saved(node.index, node.store.image.copy(), own)

    def do_restore(self, index: str) -> None:
        """Put the copied disk back in the place of the node's."""
        if self.saved is not None and self.saved.node == int(index):
            own = dict(self.saved.own)
            self._replace(self.nodes[int(index)], self.saved.image.copy(), own)

    def do_wipe(self, index: str) -> None:
        """Give a node an empty disk in the place of its own."""
        self._replace(self.nodes[int(index)], empty_image(), {})

    # -- how they are done

    def _pass_time(self) -> None:
        self.wall.now_us += STEP_US
        self.now_us += STEP_US

    def _meet(self) -> None:
        for _ in range(2):
            self._exchange_all()
        for node in self.nodes:
            self.play(f"collect {node.index}")
        self._exchange_all()

    def _exchange_all(self) -> None:
        for taker in range(len(self.nodes)):
            for giver in range(len(self.nodes)):
                if taker != giver:
                    self.play(f"exchange {taker} {giver}")

    def _write(self, node: SmallNode, element: str, write: Write | Merge) -> None:
        node.store.execute(write)
        name = (SET, key_of(SET, element.encode(), node.store.digest_key))
        row = node.store.image.rows.get(name)
        if row is not None:  # else it was left out, as something long removed
            self.oracle.acknowledge(node.index, name, row.stamp, self.now_us, self._images())

    def _images(self) -> list[MemoryImage]:
        return [node.store.image for node in self.nodes]

    @staticmethod
    def _progress(node: SmallNode, address: str) -> tuple[object, ...]:
        """Return what a call may change, as far as another call may follow from it."""
        store, theirs = node.store, node.replica.peers.peer(address).theirs
        copy = store.copy
        return (
            store.run,
            store.seen.state.hash,
            store.log_end,
            store.cursor(address),
            theirs.standing,
            theirs.knows,
            node.replica.source,
            copy and copy.log_end,
        )

    def _ticked(self, node: SmallNode, address: str) -> list[Send]:
        """Let a node do what is due; what it sends to others than `address` is lost."""
        sends = node.replica.tick(self.now_us, Steered(address))
        return [send for send in sends if send.address == address]

    def _converse(self, node: SmallNode, sends: list[Send]) -> None:
        calls = 0
        while sends:
            calls += 1
            if calls > CALLS_MAX:
                raise Violated("bytes within budget", "a conversation does not end")
            send = sends.pop(0)
            reply = decoded(self._reply(send))
            more = node.replica.answer(send.address, reply, self.now_us)
            sends += [at for at in more if at.address == send.address]

    def _reply(self, send: Send) -> bytes:
        target = self.nodes[self.addresses.index(send.address)].replica
        frame: Frame = decoded(encoded(send.frame))
        return encoded(target.receive(frame, self.now_us))

    def _are_apart(self, node: SmallNode) -> bool:
        return any(
            node.replica.peers.peer(address).theirs.standing.name == "APART"
            for address in self.addresses
        )

    def _replace(
        self, node: SmallNode, image: MemoryImage, own: dict[tuple[bytes, bytes], int]
    ) -> None:
        before = node.store.image
        images = [at.store.image if at is not node else image for at in self.nodes]
        self.oracle.acknowledged.put_back(node.index, own)
        self.oracle.lost(node.index, before, images)
        self._start(node, image)

    def _start(self, node: SmallNode, image: MemoryImage) -> None:
        if self.flying is not None and self.flying.node == node.index:
            self.flying = None
        node.store = self._store(node.index, image, node.runs)
        node.replica = self._replica(node.index, node.store, node.wall)

    def _store(self, index: int, image: MemoryImage, runs: Runs) -> SimulatedStore:
        options = StoreOptions(wall=self.wall, new_run=runs, page_rows=PAGE_ROWS)
        return SimulatedStore(options, image, node=index, judge=self.oracle, time=self._time)

    def _replica(self, index: int, store: SimulatedStore, wall: OwnWall) -> Replica:
        address = self.addresses[index]
        contacts = tuple(at for at in self.addresses if at != address)
        settings = ReplicaSettings(
            fanout=1,
            full_interval_us=COMPARE_US,
            grace_us=0,
            collect_interval_us=INTERVAL_US,
        )
        return Replica(store, Identity(address, address, contacts), settings, wall)


def _is_left(store: SimulatedStore) -> bool:
    """Return whether there is a dot that is not covered, or a tombstone."""
    return bool(uncovered(store)) or any(at.tombstones for at in store.totals().values())
