"""What other nodes say: frames, what a replica does with them, and proofs of the secret."""

import hmac
from collections.abc import Iterator
from functools import partial
from random import Random
from struct import pack as packed
from typing import Final

from lastword.access.proof import WINDOW_US, Proof, Signed
from lastword.access.secret import Keys
from lastword.errors import PeerError, Unproven
from lastword.limits import FRAME_BYTES_MAX
from lastword.replication import frames, speech, version2
from lastword.replication.claims import pack_claims, unpack_claims
from lastword.replication.frames import Frame
from tools.fuzz.memory import ADDRESS, NOW_US, memory_store, replica_of
from tools.fuzz.structure import frame_changed
from tools.fuzz.target import Target, tried

OTHER: Final = "127.0.0.1:3001"
ROUNDS: Final = 12
"""Of a talk between two nodes: greeting, pages both ways, a comparison with its repair."""

WORDS: Final = (
    *(
        b"\x03\x9a",
        b"\x83",
        b"\x02\x92",
        b"\xcf\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"\xc0",
        b"\xc4\x00",
    ),
    *(
        b"\xdc\xff\xff",
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xc1",
        b"\x28\xb5\x2f\xfd",
    ),
)
SECRET: Final = b"0123456789abcdef0123456789abcdef"
START: Final = 7
NUMBERS: Final = 4


def _examine_frame(data: bytes) -> None:
    for decode, encode in ((frames.decode, frames.encode), (version2.decode, version2.encode)):
        if data:
            frame = tried(partial(decode, data), PeerError)
            if frame is not None:
                _check_frame(frame)
                assert decode(encode(frame)) == frame, "a frame is another after its way"
    if data:
        tried(lambda: frames.version_of(data), PeerError)


def _check_frame(frame: Frame) -> None:
    assert len(frames.encode_plain(frame)) <= 2 * FRAME_BYTES_MAX
    frames.furthest(frame, frame.run)
    if frame.page is not None:
        page = frames.page_of(frame, frame.page)
        assert frames.unpack_entries(frames.pack_entries(page.entries)) == page.entries
    for body in (frame.compare, frame.compared):
        if body is not None:
            claims = unpack_claims(body.claims)
            assert unpack_claims(pack_claims(claims)) == claims
    if frame.compare is not None:
        frames.step_of(frame.compare)
    if frame.compared is not None:
        frames.reply_of(frame.compared)
    if frame.survey is not None:
        assert len(frames.looks_of(frame.survey)) == len(frame.survey.looks)


def _examine_talk(data: bytes) -> None:
    """Give a frame to a node as a request, and to another as a reply."""
    asked, called = _Peer(ADDRESS, OTHER), _Peer(OTHER, ADDRESS)
    held = asked.held()
    reply = tried(lambda: speech.respond(asked.replica, data, NOW_US), PeerError)
    asked.store.check()
    if reply is None:
        assert asked.held() == held, "half applied"
    else:
        version = frames.version_of(reply)
        (version2 if version == version2.VERSION else frames).decode(reply)
    called.replica.tick(NOW_US, Random(0))
    tried(partial(speech.hear, called.replica, ADDRESS, data, NOW_US, sent_us=NOW_US), PeerError)
    for peer in (asked, called):
        peer.store.check()
        peer.replica.tick(NOW_US + 1_000_000, Random(0))
        peer.store.check()


class _Peer:
    """A node that knows another one."""

    def __init__(self, address: str, contact: str) -> None:
        self.store = memory_store(1_001 if address == ADDRESS else 2_001)
        self.replica = replica_of(self.store, address, (contact,))

    def held(self) -> object:
        """Return all that a frame may change."""
        return dict(self.store.all_rows()), self.store.log_end


def talk() -> Iterator[bytes]:
    """Yield all that two nodes say to each other from their first greeting on."""
    peers = {ADDRESS: _Peer(ADDRESS, OTHER), OTHER: _Peer(OTHER, ADDRESS)}
    now_us = NOW_US
    for _ in range(ROUNDS):
        now_us += 6_000_000
        for peer in peers.values():
            waiting = list(peer.replica.tick(now_us, Random(0)))
            while waiting:
                send = waiting.pop()
                said = speech.utter(peer.replica, send)
                reply = speech.respond(peers[send.address].replica, said, now_us)
                yield from (said, reply)
                waiting += speech.hear(peer.replica, send.address, reply, now_us)


def _seeds() -> Iterator[bytes]:
    kept: dict[tuple[object, ...], bytes] = {}
    for said in talk():
        frame = frames.decode(said)
        shape = tuple(type(getattr(frame, name)) for name in frame.__struct_fields__)
        kept.setdefault(shape, said)
    yield from kept.values()
    plain = frames.decode(next(iter(kept.values())))
    yield version2.encode(plain)


def _examine_proof(data: bytes) -> None:
    """Check a message, its header in the first line and its body behind it."""
    line, _, body = data.partition(b"\n")
    header = line.decode("latin-1")
    proof = Proof((Keys.of(SECRET),), START)
    outcome = tried(lambda: proof.check(header, body, NOW_US), Unproven)
    if outcome is not None:
        signed = outcome.signed
        assert signed.header() == header, "two headers say the same"
        assert signed.mac == _mac(signed, body), "a message is believed that nobody signed"
        old = signed.receiver != START or abs(signed.time_us - NOW_US) > WINDOW_US
        assert (outcome.refusal is not None) == old
        again = tried(lambda: proof.check(header, body, NOW_US), Unproven)
        assert again is None or again.refusal is not None, "a message counts twice"
    sent = Proof((Keys.of(SECRET),), START)
    signed = sent.sign(OTHER, b"", NOW_US)
    assert tried(lambda: sent.check_reply(OTHER, signed, header, (200, body)), Unproven) is None


def _mac(signed: Signed, body: bytes) -> bytes:
    key = hmac.digest(SECRET, b"lastword: a message between nodes", "sha256")
    return hmac.digest(key, packed(">4Q", *signed[:NUMBERS]) + body, "sha256")


def _proof_seeds() -> Iterator[bytes]:
    for receiver, off_us in ((START, 0), (9, 0), (START, 2 * WINDOW_US)):
        named = (NOW_US - off_us, 3, 1, receiver)
        signed = Signed(*named, b"")
        signed = signed._replace(mac=_mac(signed, b"body"))
        yield f"{signed.header()}\nbody".encode()
    yield b"1 0 0 0 0 0\n"


FRAMES: Final = Target("frames", lambda: _examine_frame, _seeds, WORDS, frame_changed)
PEERS: Final = Target("peers", lambda: _examine_talk, _seeds, WORDS, frame_changed)
PROOF: Final = Target(
    "proof", lambda: _examine_proof, _proof_seeds, (b"\n", b"0" * 16, b"1 ", b"-0", b"\xb2")
)
