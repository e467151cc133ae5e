"""Wires of their own for every node: network namespaces on a bridge, cut and made lossy by nft.

The bridge is in a namespace too, the hub, which the calling thread enters: clients live there, and
nothing is added to the machine's own network. All that is made has a name that begins with `lw-`
and the id of this process; what an earlier run left behind is removed at the beginning.

Sources: ip-netns(8), network_namespaces(7), nft(8).
"""

import ctypes
import os
import re
import shutil
import socket
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from itertools import count
from pathlib import Path
from random import Random
from typing import Final

from tools.wires import Link, Place, Wires

FOLDER: Final = Path("/run/netns")
"""Where ip-netns(8) keeps the namespaces that have names."""

NODE_PORT: Final = 3000
PROXY_PORT: Final = 3001
HUB: Final = "hub"
HUB_HOST: Final = "10.77.0.254"
NODES_NET: Final = "10.77.0.0/25"
"""The nodes' addresses and not the hub's: whatever is cut, clients reach every node."""

_CLONE_NEWNET: Final = 0x4000_0000
_numbers: Final = count()


class NamespaceFault(Exception):
    """A command that makes or changes a namespace failed."""


class Namespaces(Wires):
    """The wires between nodes that each have a namespace; see `namespaces`."""

    can_lose = True

    def __init__(self, rng: Random, names: Sequence[str]) -> None:
        super().__init__(rng)
        self._label = f"lw-{os.getpid()}-{next(_numbers)}"
        self._hosts = {name: f"10.77.0.{number}" for number, name in enumerate(names, 1)}
        self._cut: tuple[Link, ...] = ()
        self._lost_percent = 0

    def create(self) -> None:
        """Make the hub and a namespace for each node, all connected."""
        hub = self.namespace(HUB)
        _run("ip", "netns", "add", hub)
        _in(hub, "link set lo up", "link add br0 type bridge", "link set br0 up")
        _in(hub, f"addr add {HUB_HOST}/24 dev br0")
        for number, (name, host) in enumerate(self._hosts.items(), 1):
            own = self.namespace(name)
            _run("ip", "netns", "add", own)
            _in(hub, f"link add veth{number} type veth peer name eth0 netns {own}")
            _in(hub, f"link set veth{number} master br0", f"link set veth{number} up")
            _in(own, "link set lo up", f"addr add {host}/24 dev eth0", "link set eth0 up")

    def delete(self) -> None:
        """Remove all of it; what was not made is left out."""
        for name in (*self._hosts, HUB):
            _delete(self.namespace(name))

    def namespace(self, name: str) -> str:
        """Return the name of a node's namespace, or of the hub's."""
        return f"{self._label}-{name}"

    def host(self, name: str) -> str:
        """Return the address of a node."""
        return self._hosts[name]

    async def cut(self, links: Iterable[Link]) -> None:
        """Drop every packet in these directions."""
        self._cut = tuple(links)
        self._load_rules()

    async def lose(self, percent: int) -> None:
        """Drop that share of all packets between nodes, at random."""
        self._lost_percent = percent
        self._load_rules()

    def _load_rules(self) -> None:
        """Give each namespace its rules, which take the place of those before at once.

        It takes a few milliseconds for each, so it may as well block.
        """
        senders: defaultdict[str, list[str]] = defaultdict(list)
        for sender, receiver in self._cut:
            senders[receiver].append(self._hosts[sender])
        for name in self._hosts:
            rules = _rules(senders[name], self._lost_percent)
            _run("ip", "netns", "exec", self.namespace(name), "nft", "-f", "-", given=rules)

    def _new_place(self, name: str) -> Place:
        host = self._hosts[name]
        with entered(self.namespace(name)):
            listener = socket.create_server((host, PROXY_PORT))
        return Place(
            listener,
            port=NODE_PORT,
            prefix=("ip", "netns", "exec", self.namespace(name)),
            options=("--host", host, "--insecure"),
        )


@contextmanager
def namespaces(rng: Random, names: Sequence[str]) -> Iterator[Namespaces]:
    """Make the wires, live in their hub, and remove them whatever happens.

    Until the end everything that this thread opens, and every process that it starts, is on the
    hub's network. Raises NamespaceFault where the machine does not let us.
    """
    remove_leftovers()
    wires = Namespaces(rng, names)
    try:
        wires.create()
        with entered(wires.namespace(HUB)):
            yield wires
    finally:
        wires.delete()


@contextmanager
def entered(namespace: str) -> Iterator[None]:
    """Let the calling thread, and it alone, be in a namespace for a while."""
    own = Path("/proc/thread-self/ns/net")
    with own.open("rb") as home, (FOLDER / namespace).open("rb") as other:
        _enter(other.fileno())
        try:
            yield
        finally:
            _enter(home.fileno())


def remove_leftovers() -> None:
    """Remove the namespaces of processes that are no more."""
    for path in FOLDER.glob("lw-*"):
        found = re.match(r"lw-(\d+)-", path.name)
        if found and not Path("/proc", found[1]).exists():
            _delete(path.name)


@cache
def why_not() -> str | None:
    """Return why this machine does not let us have namespaces, or None where it does."""
    if sys.platform != "linux":
        return "network namespaces are Linux's"
    if os.geteuid() != 0:
        return "network namespaces need root"
    for command in ("ip", "nft"):
        if shutil.which(command) is None:
            return f"there is no {command}"
    probe = Namespaces(Random(0), ("probe",))
    try:
        probe.create()
        rules = _rules([HUB_HOST], 1)
        _run("ip", "netns", "exec", probe.namespace("probe"), "nft", "-f", "-", given=rules)
    except NamespaceFault as fault:
        return f"namespaces do not work here: {fault}"
    finally:
        probe.delete()
    return None


def _rules(senders: Sequence[str], lost_percent: int) -> str:
    """Return the whole of a namespace's rules, for nft to load in one transaction."""
    drops = [f"ip saddr {host} drop" for host in senders]
    if lost_percent:
        drops.append(f"ip saddr {NODES_NET} numgen random mod 100 < {lost_percent} drop")
    lines = "\n".join(drops)
    return (
        "table ip lastword {}\n"
        "delete table ip lastword\n"
        "table ip lastword {\n"
        "chain input {\n"
        "type filter hook input priority 0; policy accept;\n"
        f"{lines}\n"
        "}\n}\n"
    )


def _in(namespace: str, *commands: str) -> None:
    _run("ip", "-netns", namespace, "-batch", "-", given="\n".join(commands))


def _delete(namespace: str) -> None:
    with suppress(NamespaceFault):
        if (FOLDER / namespace).exists():
            _run("ip", "netns", "delete", namespace)


def _run(*command: str, given: str = "") -> None:
    ended = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise NamespaceFault(f"{' '.join(command)}: {ended.stderr.strip()}")


def _enter(handle: int) -> None:
    """Call setns(2), which Python has from 3.12 on."""
    if ctypes.CDLL(None, use_errno=True).setns(handle, _CLONE_NEWNET) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
