"""Proof between nodes: a message comes from who knows the secret, is new, and is meant for us.

A message carries the time, the start of its sender with a number that is never used again in it,
and the start of its receiver; HMAC-SHA256 (RFC 2104) goes over these and the body. So it says
nothing to another node, and nothing to this one after its next start; within one, what came
before is known by a window over each sender's numbers (as RFC 4303, section 3.4.3). A reply
carries a MAC over that of the message, so that it answers this one and no other.

docs/PROTOCOL.md, "Proof", is the authority. There is no I/O here, no clock and no randomness.
"""

import hmac
from collections import Counter, OrderedDict
from dataclasses import dataclass
from struct import Struct
from typing import Final, NamedTuple

from lastword.access.secret import Keys
from lastword.errors import Unproven

HEADER: Final = "Lastword-Proof"
VERSION: Final = "1"

WINDOW_US: Final = 300_000_000
"""Five minutes: more than any message travels, and than clocks are off whose writes are taken.
More lets a message that was held back count for longer; less cuts off a clock that is wrong."""

NUMBERS_KEPT: Final = 4_096
"""A sender's numbers that arrive so far behind its greatest one are refused: a node has some
dozens of messages on their way at once."""

SENDERS_MAX: Final = 4_096
"""Starts of senders that are remembered, the latest ones; only who has the secret adds one. Of the
others what was the latest time is kept, and nothing is taken from them that is not later."""

UNKNOWN: Final = 0
"""In the place of a receiver's start that is not known yet. Such a message is only answered by the
start."""

_SIGNED = Struct(">QQQQ")
_REPLIED = Struct(">QQH")
_MAC_BYTES: Final = 32
_NUMBERS: Final = 4


class Signed(NamedTuple):
    """A message's proof: microseconds since 1970, starts as 64-bit integers, and the MAC."""

    time_us: int
    sender: int
    number: int
    receiver: int
    mac: bytes

    def header(self) -> str:
        """Return it as it travels."""
        return " ".join((VERSION, *(f"{value:016x}" for value in self[:_NUMBERS]), self.mac.hex()))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is to be answered to a message: itself, or that it is refused though it was signed."""

    signed: Signed
    keys: Keys
    refusal: Unproven | None = None


class Proof:
    """Signs and verifies for one start of a node, which `start` names: not 0, below 2^64."""

    def __init__(self, keys: tuple[Keys, ...], start: int) -> None:
        self.start = start
        self.refused: Counter[str] = Counter()
        self._keys = keys
        self._number = 0
        self._starts: dict[str, int] = {}
        self._senders: OrderedDict[int, _Numbers] = OrderedDict()
        self._forgotten_us = 0

    def replace_keys(self, keys: tuple[Keys, ...]) -> None:
        """Sign by other keys from now on, and believe those only."""
        self._keys = keys

    def knows(self, address: str) -> bool:
        """Return whether whoever serves at `address` has proven itself to this node."""
        return address in self._starts

    def sign(self, address: str, body: bytes, now_us: int) -> Signed:
        """Return the proof of a message to `address`."""
        self._number += 1
        named = (now_us, self.start, self._number, self._starts.get(address, UNKNOWN))
        return Signed(*named, _message_mac(self._keys[0], named, body))

    def check(self, header: str, body: bytes, now_us: int) -> Outcome:
        """Return what a message is to be answered by, which was signed by who has the secret.

        Raises Unproven where it was not, and where it came before.
        """
        try:
            return self._checked(header, body, now_us)
        except Unproven as error:
            self.refused[error.reason] += 1
            raise

    def _checked(self, header: str, body: bytes, now_us: int) -> Outcome:
        if not header:
            raise Unproven("the message carries no proof of the cluster's secret", "unsigned")
        signed = _parsed(header)
        keys = self._keys_of(signed, body)
        if signed.receiver != self.start:
            return self._refusal(signed, keys, "misdirected", "it was meant for another start")
        if abs(signed.time_us - now_us) > WINDOW_US:
            off_s = (signed.time_us - now_us) / 1e6
            return self._refusal(signed, keys, "expired", f"its time is off by {off_s:.0f} s")
        if not self._take(signed):
            raise Unproven("the message came before", "replayed")
        return Outcome(signed, keys)

    def sign_reply(self, outcome: Outcome, status: int, body: bytes, now_us: int) -> str:
        """Return the proof of the reply to a message, by the key that signed the message."""
        mac = _reply_mac(outcome.keys, outcome.signed, (now_us, self.start, status), body)
        return f"{VERSION} {now_us:016x} {self.start:016x} {mac.hex()}"

    def check_reply(
        self, address: str, signed: Signed, header: str, reply: tuple[int, bytes]
    ) -> int:
        """Return the time at which a reply, its status and body, was signed.

        It teaches the start of who serves there. Raises Unproven where it proves nothing.
        """
        status, body = reply
        numbers, mac = _numbers_and_mac(header, 2)
        time_us, start = numbers
        for keys in self._keys:
            expected = _reply_mac(keys, signed, (time_us, start, status), body)
            if hmac.compare_digest(mac, expected):
                self._starts[address] = start
                return time_us
        raise Unproven(f"{address} does not prove that it knows the cluster's secret", "forged")

    def _keys_of(self, signed: Signed, body: bytes) -> Keys:
        for keys in self._keys:
            if hmac.compare_digest(signed.mac, _message_mac(keys, signed[:_NUMBERS], body)):
                return keys
        raise Unproven("the message was not signed by the cluster's secret", "forged")

    def _refusal(self, signed: Signed, keys: Keys, reason: str, message: str) -> Outcome:
        if signed.receiver != UNKNOWN:
            self.refused[reason] += 1
        return Outcome(signed, keys, Unproven(message, reason))

    def _take(self, signed: Signed) -> bool:
        """Note that a message came; return whether it is new.

        Of a sender that is not remembered all is new that is later than what came of those that
        were forgotten.
        """
        numbers = self._senders.get(signed.sender)
        if numbers is None:
            if signed.time_us <= self._forgotten_us:
                return False
            numbers = self._senders[signed.sender] = _Numbers()
        self._senders.move_to_end(signed.sender)
        if len(self._senders) > SENDERS_MAX:
            _, forgotten = self._senders.popitem(last=False)
            self._forgotten_us = max(self._forgotten_us, forgotten.latest_us)
        return numbers.take(signed.number, signed.time_us)


class _Numbers:
    """Which of one sender's numbers came: the greatest, and a bit for each of those below it.

    `latest_us` is the latest time of any of them.
    """

    __slots__ = ("_came", "_greatest", "latest_us")

    def __init__(self) -> None:
        self._greatest = 0
        self._came = 0
        self.latest_us = 0

    def take(self, number: int, time_us: int) -> bool:
        """Note a number; return whether it is new, as far as that is remembered."""
        self.latest_us = max(self.latest_us, time_us)
        ahead = number - self._greatest
        if ahead > 0:
            kept = self._came << ahead if ahead < NUMBERS_KEPT else 0
            self._came = (kept | 1) & ((1 << NUMBERS_KEPT) - 1)
            self._greatest = number
            return True
        bit = 1 << -ahead if -ahead < NUMBERS_KEPT else 0
        if not bit or self._came & bit:
            return False
        self._came |= bit
        return True


def _message_mac(keys: Keys, named: tuple[int, ...], body: bytes) -> bytes:
    return hmac.digest(keys.message, _SIGNED.pack(*named) + body, "sha256")


def _reply_mac(keys: Keys, signed: Signed, named: tuple[int, int, int], body: bytes) -> bytes:
    return hmac.digest(keys.reply, signed.mac + _REPLIED.pack(*named) + body, "sha256")


def _parsed(header: str) -> Signed:
    (time_us, sender, number, receiver), mac = _numbers_and_mac(header, _NUMBERS)
    return Signed(time_us, sender, number, receiver, mac)


def _numbers_and_mac(header: str, count: int) -> tuple[list[int], bytes]:
    """Return what a header consists of; raise Unproven where it is not one."""
    version, *fields = header.split(" ")
    lengths = [16] * count + [2 * _MAC_BYTES]
    digits = frozenset("0123456789abcdef")
    right = [len(part) for part in fields] == lengths and digits.issuperset("".join(fields))
    if version != VERSION or not right:
        raise Unproven(f"a {HEADER} is missing, or is none of version {VERSION}", "malformed")
    return [int(part, 16) for part in fields[:count]], bytes.fromhex(fields[count])
