"""A state is read in whatever pieces it arrives, and what is none is refused."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastword.client.states import PENDING_BYTES_MAX, StateReader
from lastword.crdt.wire import encode_json
from lastword.errors import Unreachable
from lastword.limits import ELEMENT_BYTES_MAX, STAMP_MAX

STATES = st.dictionaries(
    st.binary(max_size=6) | st.text('",{}[]:\\ \n\x00é1', max_size=6).map(str.encode),
    st.integers(0, STAMP_MAX),
    max_size=9,
)


def read(*parts: bytes) -> dict[bytes, int]:
    reader = StateReader("a:1")
    entries = [entry for part in parts for entry in reader.feed(part)]
    reader.close()
    assert len(dict(entries)) == len(entries)
    return dict(entries)


@given(STATES, st.integers(1, 20))
def test_a_state_is_read_in_any_pieces(stamps: dict[bytes, int], size: int) -> None:
    data = encode_json(stamps.items())
    assert read(data) == stamps
    assert read(*(data[at : at + size] for at in range(0, len(data), size))) == stamps
    spaced = msgspec.json.format(data)
    assert read(*(spaced[at : at + size] for at in range(0, len(spaced), size))) == stamps


@given(STATES)
def test_a_state_that_is_cut_short_is_refused(stamps: dict[bytes, int]) -> None:
    data = encode_json(stamps.items())
    for end in range(len(data)):
        with pytest.raises(Unreachable):
            read(data[:end])


def test_the_longest_element_is_read_byte_for_byte() -> None:
    stamps = {b"\0" * ELEMENT_BYTES_MAX: 2, b"\xff" * ELEMENT_BYTES_MAX: 3}
    data = encode_json(stamps.items())
    assert read(*(data[at : at + 4_096] for at in range(0, len(data), 4_096))) == stamps


def test_space_behind_a_state_may_come_late() -> None:
    assert read(b'{"lwwAdded":{"a":1}}', b" ", b"\r\n") == {b"a": 2}


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"null", b"[]", b"{}x", b'{"lwwAdded":{"a":-1}}', b'{"lwwAdded":{"a":1.5}}'),
        *(b'{"other":{"a":1}}', b'{"lwwAdded":{"a":99999999999999999999}}', b'{"lwwAdded":{"a"}}'),
        *(b'{"lwwAddedBase64":{"!":1}}', b'{"lwwAdded":{"\xff":1}}', b'{"lwwAdded":{a:1}}'),
        *(b"}", b" }", b'{"lwwAdded":{"a":1,}}', b',"lwwAdded":{}}', b'{"lwwAdded":{},}'),
        *(b'{"lwwAdded":{}{"lwwRemoved":{}}', b'{"lwwAdded":{}}}', b'{"lwwAdded":{}}{}'),
        b'{"lwwAdded":{"a":1},"lwwAdded":{}}',
        b'{"lwwAdded":{"' + b"a" * (PENDING_BYTES_MAX + 1),
    ],
    ids=range(22),
)
def test_what_is_no_state_is_refused(data: bytes) -> None:
    with pytest.raises(Unreachable, match="not with a whole state"):
        read(data)
