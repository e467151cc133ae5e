"""Sets of a node into a bundle: whole states, or only what another node lacks."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import BinaryIO

from lastword.cli.addresses import client_of
from lastword.cli.lacking import Lacking
from lastword.cli.reach import node_at
from lastword.cli.screen import Gauge
from lastword.client.set_calls import SetCalls
from lastword.client.text import shown_element
from lastword.crdt.bundle import BundleWriter, Counts
from lastword.errors import ConfigError, LastwordError
from lastword.wall import wall_us


class Written:
    """A file that a bundle goes into, and how many bytes of it there are."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = 0

    def lines(self, lines: Iterable[bytes]) -> None:
        """Write some lines."""
        for line in lines:
            self._file.write(line)
            self.size += len(line)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which sets of a node are exported: those that are named, or that begin with a prefix."""

    address: str
    names: tuple[str, ...]
    prefix: str

    def has(self, name: str) -> bool:
        """Return whether a set is one of them. Reserved sets have to be named."""
        if self.names:
            return name in self.names
        return name.startswith(self.prefix) and not name.startswith("_")

    def listed(self) -> tuple[list[str], int | None]:
        """Return their names, and how many entries they hold, if that can be told."""
        with client_of([self.address]) as client:
            if not self.names:
                found = list(client.sets(self.prefix))
                return [one.name for one in found], sum(
                    one.present + one.tombstones for one in found
                )
            try:
                counts = [
                    client.run(SetCalls(client.caller, name).counts()) for name in self.names
                ]
            except LastwordError:  # reading the set says what is wrong
                return list(self.names), None
            return list(self.names), sum(count.present + count.tombstones for count in counts)


@dataclass(slots=True)
class Exporting:
    """One export: from which node, and into what."""

    address: str
    written: Written
    shown: Gauge
    writer: BundleWriter = field(default_factory=BundleWriter)
    read: int = 0

    async def all_of(self, chosen: Chosen) -> Counts:
        """Write the whole states of sets; return what is in the bundle."""
        names, total = chosen.listed()
        self.shown.expect(total)
        self._begin()
        async with node_at(self.address) as node:
            for name in names:
                before = self.read
                async for entries in node.entries(name):
                    self._put(name, entries)
                if chosen.names and self.read == before:
                    raise self._holds_nothing(name)
        return self._end()

    async def lacked_by(self, peer: str, chosen: Chosen) -> Counts:
        """Write what another node lacks, or has at an earlier time."""
        self._begin()
        async for name, entries in Lacking(self.address, peer, chosen.has).parts():
            self._put(name, entries)
        return self._end()

    def _begin(self) -> None:
        self.written.lines([self.writer.begin(self.address, wall_us())])

    def _put(self, name: str, entries: list[tuple[bytes, int]]) -> None:
        if entries:
            self.written.lines(self.writer.put(name, entries))
            self.read += len(entries)
            self.shown.at(elements=self.read, size=self.written.size, done=self.read)

    def _end(self) -> Counts:
        self.written.lines(self.writer.end())
        return self.writer.counts

    def _holds_nothing(self, name: str) -> ConfigError:
        return ConfigError(
            f"{self.address} holds nothing of a set {shown_element(name.encode())}",
            hint="lastword sets lists the sets; without a name all are exported.",
        )
