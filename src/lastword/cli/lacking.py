"""What one node has and another lacks, or has at an earlier time: found by digests.

The survey goes down to the elements that differ, and of those only what the source holds is read:
from it, and from the other where that holds something there, too. So the cost follows the
difference, and not the sets. Names and times travel, nothing is changed.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

from lastword.cli import reach
from lastword.cli.addresses import client_of
from lastword.cli.surveyor import Surveyor, Verdict, not_surveyed
from lastword.client.client import Client
from lastword.client.set_calls import SetCalls
from lastword.errors import LastwordError
from lastword.limits import POSITIONS_MAX
from lastword.replication.survey import Survey

ALL: Final = 1 << 62
"""Differing elements, where the survey is to find all: they are read as they are found."""


class Lacking:
    """Yields, set by set in parts, what `peer` lacks of `source`, of the sets that are wanted."""

    def __init__(self, source: str, peer: str, wanted: Callable[[str], bool]) -> None:
        self._source = source
        self._peer = peer
        self._wanted = wanted
        self._found: dict[str, list[tuple[int, bool]]] = {}

    async def parts(self) -> AsyncIterator[tuple[str, list[tuple[bytes, int]]]]:
        """Yield names of sets, and entries; raise Unreachable where a node cannot be surveyed."""
        transport = reach.transport()
        verdict = Verdict(survey=Survey(ALL, self._note))
        try:
            with client_of([self._source]) as source, client_of([self._peer]) as peer:
                async for _ in Surveyor(transport).steps([self._source, self._peer], verdict):
                    for part in self._read(source, peer):
                        yield part
        except LastwordError as error:
            raise not_surveyed(error) from error
        finally:
            await transport.close()

    def _note(self, set_name: bytes, position: int, holds: Sequence[bool]) -> None:
        name = set_name.decode(errors="replace")
        at_source, at_peer = holds
        if at_source and self._wanted(name):
            self._found.setdefault(name, []).append((position, at_peer))

    def _read(self, source: Client, peer: Client) -> list[tuple[str, list[tuple[bytes, int]]]]:
        """Read what was found since the last message."""
        found, self._found = self._found, {}
        parts = []
        for name, places in found.items():
            for start in range(0, len(places), POSITIONS_MAX):
                chunk = places[start : start + POSITIONS_MAX]
                held = _stamps(source, name, [position for position, _ in chunk])
                there = _stamps(peer, name, [position for position, at_peer in chunk if at_peer])
                later = [one for one in held.items() if one[1] > there.get(one[0], -1)]
                parts.append((name, later))
        return parts


def _stamps(client: Client, name: str, positions: list[int]) -> dict[bytes, int]:
    calls, stamps = SetCalls(client.caller, name), dict[bytes, int]()
    while positions:
        found = client.run(calls.entries_at(positions))
        stamps |= found.stamps
        positions = positions[found.looked_at :]
    return stamps
