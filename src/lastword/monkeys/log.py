"""The log of a check: every operation as a line of JSON, and at the end what the nodes held.

From it alone a verdict can be given again, by the same model.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TextIO

import msgspec

from lastword.errors import InvalidRequest
from lastword.monkeys.checker import Ledger
from lastword.monkeys.history import Kind, Operation, Outcome, Stamp


class OperationLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """One operation that has ended; times are microseconds, `time` since 1970."""

    number: int
    address: str
    element: bytes
    kind: Kind
    began: int
    ended: int
    outcome: Outcome
    time: int | None = None
    present: bool | None = None


class HeldLine(msgspec.Struct, frozen=True):
    """What a node held in the end: element, time, and whether it is removed."""

    holds: str
    entries: list[tuple[bytes, int, bool]]


_OPERATION: Final = msgspec.json.Decoder(OperationLine)
_HELD: Final = msgspec.json.Decoder(HeldLine)
_ENCODER: Final = msgspec.json.Encoder()


class Log:
    """Writes what happens to a text file, line by line."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def operation(self, at: Operation) -> None:
        """Write an operation that has ended."""
        self._write(
            OperationLine(
                at.number,
                at.address,
                at.element,
                at.kind,
                at.began_us,
                at.began_us if at.ended_us is None else at.ended_us,
                at.outcome,
                at.time,
                at.present,
            )
        )

    def held(self, states: Mapping[str, Mapping[bytes, Stamp]]) -> None:
        """Write what each node held in the end."""
        for address, state in states.items():
            entries = [(element, *stamp) for element, stamp in sorted(state.items())]
            self._write(HeldLine(address, entries))

    def _write(self, line: msgspec.Struct) -> None:
        self._file.write(_ENCODER.encode(line).decode() + "\n")


def replayed(lines: Iterable[str]) -> Ledger:
    """Return the ledger of a log: all that was asked in its order, and what was held, judged.

    Raises InvalidRequest where a line is none of a log.
    """
    operations: list[OperationLine] = []
    held: dict[str, dict[bytes, Stamp]] = {}
    for number, line in enumerate(lines, 1):
        try:
            if line.startswith('{"holds"'):
                state = _HELD.decode(line)
                held[state.holds] = {at: (time, removes) for at, time, removes in state.entries}
            else:
                operations.append(_OPERATION.decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InvalidRequest(f"line {number} is none of a checker's log: {error}") from error
    ledger = Ledger()
    for begins, said, operation in _events(operations):
        if begins:
            ledger.take_begin(operation)
        else:
            operation.time, operation.present = said.time, said.present
            ledger.end(operation, said.outcome, said.ended)
    ledger.judge(held)
    return ledger


def _events(lines: list[OperationLine]) -> Iterator[tuple[bool, OperationLine, Operation]]:
    """Yield begins and ends in their order; of two at one moment the begin comes first."""
    events = [(line.began, 0, line.number, line) for line in lines]
    events += [(line.ended, 1, line.number, line) for line in lines]
    begun: dict[int, Operation] = {}
    for _, is_end, number, line in sorted(events, key=lambda event: event[:3]):
        if is_end:
            yield False, line, begun.pop(number)
        else:
            at = Operation(number, line.address, line.element, line.kind, line.began)
            begun[number] = at
            yield True, line, at
