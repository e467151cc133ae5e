"""The JSON of a state, read as it arrives: in memory is what is not a whole entry yet."""

import re
from typing import Final

import msgspec

from lastword.crdt.wire import JsonState, stamps_of
from lastword.errors import LastwordError, Unreachable

PENDING_BYTES_MAX: Final = 1 << 20
"""An element of 64 KiB, where JSON writes six bytes for one, and its time: 400 KB."""

_MAP: Final = rb'\s*+"(lww(?:Added|Removed)(?:Base64)?)"\s*+:\s*+\{'
_FIRST_MAP: Final = re.compile(rb"\s*+\{%b" % _MAP)
_NEXT_MAP: Final = re.compile(rb"\s*+,%b" % _MAP)
_PAIR: Final = rb'\s*+"(?:[^"\\]++|\\.)*+"\s*+:\s*+[0-9]++\s*+'
_PAIRS: Final = re.compile(rb"(?:%b,)++" % _PAIR, re.DOTALL)
_LAST: Final = re.compile(rb"((?:%b)?+)\s*+\}" % _PAIR, re.DOTALL)
_END: Final = re.compile(rb"\s*+\}")
_state: Final = msgspec.json.Decoder(JsonState)


class StateReader:
    """Takes the bytes of a state in any pieces, and gives the entries that are whole by now.

    Raises Unreachable for what is no state.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._pending = bytearray()
        self._map: bytes | None = None
        self._maps: set[bytes] = set()
        self._comma = self._ended = False

    def feed(self, data: bytes) -> list[tuple[bytes, int]]:
        """Return the entries that `data` completes."""
        self._pending += data
        entries: list[tuple[bytes, int]] = []
        while self._step(entries):
            pass
        if self._ended and self._pending.isspace():
            self._pending.clear()
        if len(self._pending) > PENDING_BYTES_MAX or (self._ended and self._pending):
            raise self._no_state()
        return entries

    def close(self) -> None:
        """Raise Unreachable unless the state has come to its end."""
        if not self._ended:
            raise self._no_state()

    def _step(self, entries: list[tuple[bytes, int]]) -> bool:
        if self._map is None:
            return self._outside()
        found = _PAIRS.match(self._pending)
        if found is not None:
            entries += self._entries(self._map, found[0][:-1])
        else:
            found = _LAST.match(self._pending)
            if found is None:
                return False
            if self._comma and not found[1].strip():
                raise self._no_state()
            entries += self._entries(self._map, found[1])
            self._map = None
        self._comma = self._map is not None
        del self._pending[: found.end()]
        return True

    def _outside(self) -> bool:
        if self._ended:
            return False
        found = (_NEXT_MAP if self._maps else _FIRST_MAP).match(self._pending)
        if found is not None:
            self._map = bytes(found[1])
            if self._map in self._maps:
                raise self._no_state()
            self._maps.add(self._map)
        elif self._maps:
            found = _END.match(self._pending)
            self._ended = found is not None
        if found is not None:
            del self._pending[: found.end()]
        return found is not None

    def _entries(self, name: bytes, pairs: bytes) -> list[tuple[bytes, int]]:
        try:
            return list(stamps_of(_state.decode(b'{"%b":{%b}}' % (name, pairs))).items())
        except (LastwordError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._no_state() from error

    def _no_state(self) -> Unreachable:
        return Unreachable(f"{self._address} answered, but not with a whole state")
