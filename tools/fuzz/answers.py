"""What a client reads: answers of a node, or of whoever says that it is one."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from lastword.client.answers import Answer, Ready
from lastword.client.clock import ClockReport, FuturePage
from lastword.client.states import StateReader
from lastword.crdt.wire import decode_json, encode_json
from lastword.errors import LastwordError, Unreachable
from lastword.limits import ELEMENT_BYTES_MAX, STAMP_MAX, TIME_MAX
from tools.fuzz.bodies import JSON_WORDS, STATES
from tools.fuzz.structure import behind, json_changed
from tools.fuzz.target import TOLD_CHARS_MAX, Target, bytewise, pieces, tried

STATUSES: Final = (200, 404, 400, 409, 422, 503, 302, 201)
SAID: Final = (
    {"error": {"code": "ghosts", "message": "m", "elements": ["a"], "elementsBase64": ["/w=="]}},
    {"error": {"code": "clock_off", "message": "m\x1b[2J", "hint": "h"}},
    {"sets": [{"name": "s", "present": 1, "tombstones": 0}], "after": None},
    {"hasLeft": True, "waitsFor": ["a:1"]},
    {"backingUp": {"done": 1, "pages": 2}},
)
READS: Final[tuple[Callable[[Answer], Any], ...]] = (
    *(Answer.presence, Answer.state, Answer.sets, Answer.tombstones, Answer.leaves),
    *(Answer.nothing, Answer.time),
    lambda answer: answer.shaped(ClockReport),
    lambda answer: answer.shaped(FuturePage),
    lambda answer: answer.shaped(Ready),
)


def _examine(data: bytes) -> None:
    """Read a body under a status that its first byte says, and a header of its beginning."""
    if not data:
        return
    status, body = STATUSES[data[0] % len(STATUSES)], data[1:]
    header = body[:30].decode("latin-1")
    answer = Answer("a:1", status, {"Lastword-Time": header}, body)
    for read in READS:
        _check(read, answer)
    whole = _streamed(body)
    assert _streamed(*pieces(body)) == whole, "a state depends on how its bytes were cut"
    assert _streamed(*bytewise(body)) == whole, "a state differs where it comes byte by byte"
    if whole is not None:
        held = tried(lambda: decode_json(body), LastwordError)
        assert len(dict(whole)) < len(whole) or held == dict(whole), "it is no state at once"
        assert all(0 <= stamp <= STAMP_MAX for _, stamp in whole)
        assert sum(len(element) for element, _ in whole) <= len(body)


def _check(read: Callable[[Answer], Any], answer: Answer) -> None:
    said, error = _said(read, answer)
    if error is not None:
        assert str(error).isprintable(), "an answer commands the terminal"
        assert error.hint.isprintable()
        assert len(str(error)) < TOLD_CHARS_MAX
    elif read is Answer.time:
        assert answer.status == 200
        assert 0 <= said <= TIME_MAX
    elif read is Answer.state:
        assert all(len(element) <= ELEMENT_BYTES_MAX for element in said)


def _said(read: Callable[[Answer], Any], answer: Answer) -> tuple[Any, LastwordError | None]:
    try:
        return read(answer), None
    except LastwordError as error:
        return None, error


def _streamed(*parts: bytes) -> list[tuple[bytes, int]] | None:
    """Return the entries of a state that comes in parts, None where it is none."""

    def read() -> list[tuple[bytes, int]]:
        reader = StateReader("a:1")
        entries = [entry for part in parts for entry in reader.feed(part)]
        reader.close()
        return entries

    return tried(read, Unreachable)


def _seeds() -> Iterator[bytes]:
    for state in STATES:
        yield b"\0" + encode_json(state.items())
    for status, said in enumerate(SAID):
        yield bytes((status,)) + msgspec.json.encode(said)
        yield b"\0" + msgspec.json.encode(said)
    yield from (b"\0null", b"\1null", b"\0true", b"\x001750000000000000")


ANSWERS: Final = Target(
    "answers", lambda: _examine, _seeds, (*JSON_WORDS, b'"error":'), behind(1, json_changed)
)
