"""Nodes in one process whose frames are delivered by hand, at once and in order."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from lastword.errors import UnknownProtocol
from lastword.limits import PAGE_ROWS_MAX
from lastword.replication import frames, speech, version2
from lastword.replication.frames import Frame, Log, Pull
from lastword.replication.membership import Identity
from lastword.replication.replica import Replica, Send
from lastword.replication.settings import ReplicaSettings
from lastword.store.memory import MemoryStore
from tests.stores import MemoryStores, covers_its_rows, stamps

TICK_US = 200_000
SETTINGS = ReplicaSettings()
A, B, C = "a:1", "b:1", "c:1"


@dataclass
class Node:
    store: MemoryStore
    replica: Replica


@dataclass
class Sent:
    """A frame that was sent, and the reply to it, if there was one."""

    source: str
    target: str
    frame: Frame
    reply: Frame | None = None


class Net:
    def __init__(self, folder: Path) -> None:
        self.stores = MemoryStores(folder)
        self.rng = Random(0)
        self.now_us = 0
        self.nodes: dict[str, Node] = {}
        self.sent: list[Sent] = []

    def start(
        self,
        address: str,
        *contacts: str,
        settings: ReplicaSettings = SETTINGS,
        page_rows: int = PAGE_ROWS_MAX,
    ) -> Node:
        store = self.stores.open(address, page_rows=page_rows)
        identity = Identity(default=address, contacts=contacts)
        node = Node(store, Replica(store, identity, settings, self.stores.wall))
        self.nodes[address] = node
        return node

    def stop(self, address: str) -> None:
        del self.nodes[address]
        self.stores.close(address)

    def restart(self, address: str, *contacts: str, settings: ReplicaSettings = SETTINGS) -> Node:
        self.stop(address)
        return self.start(address, *contacts, settings=settings)

    def tick(self, address: str) -> None:
        """Let one node do what is due, and deliver all that comes of it."""
        self.deliver(address, self.nodes[address].replica.tick(self.now_us, self.rng))

    def rounds(self, count: int) -> None:
        for _ in range(count):
            for address in list(self.nodes):
                self.tick(address)
            self.pass_time(TICK_US)

    def pass_time(self, us: int) -> None:
        self.now_us += us
        self.stores.wall.now_us += us

    def deliver(self, source: str, sends: Iterable[Send]) -> None:
        replica = self.nodes[source].replica
        waiting = deque(sends)
        while waiting:
            send = waiting.popleft()
            try:
                reply = self.reply(source, send)
            except UnknownProtocol:
                waiting += replica.refused(send.address, self.now_us)
                continue
            if reply is None:
                waiting += replica.silence(send.address, self.now_us)
            else:
                waiting += replica.answer(send.address, reply, self.now_us)

    def reply(self, source: str, send: Send) -> Frame | None:
        """Carry one frame there and its reply back, as bytes; None where nobody is."""
        sent = Sent(source, send.address, send.frame)
        self.sent.append(sent)
        if send.address in self.nodes:
            data = speech.utter(self.nodes[source].replica, send)
            target = self.nodes[send.address].replica
            reply = speech.respond(target, data, self.now_us)
            sent.reply = decoded(self.nodes[source].store, reply)
        return sent.reply


def decoded(store: MemoryStore, data: bytes) -> Frame:
    """Return the frame in `data`, of either version, as the node of `store` hears it."""
    if data[0] != version2.VERSION:
        return frames.decode(data)
    version2.check_spoken(len(store.collected))
    return version2.decode(data)


def pair(net: Net) -> tuple[Node, Node]:
    """Return two nodes that know each other and have nothing to say."""
    a, b = net.start(A), net.start(B, A)
    net.rounds(4)
    net.sent.clear()
    return a, b


def assert_converged(nodes: Iterable[Node]) -> None:
    first, *others = nodes
    for node in others:
        assert stamps(node.store) == stamps(first.store)
        assert node.store.seen == first.store.seen
    assert all(covers_its_rows(node.store) for node in (first, *others))


def greeting(store: MemoryStore, address: str, pull: Pull | None = None) -> Frame:
    log = Log(store.log_end, store.seen.state.hash)
    return Frame(1, store.run, address, log, pull)
