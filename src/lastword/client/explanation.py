"""Why an element is as it is: what `GET /<set>/<element>?explain` answers.

The node answers with these, and the client checks what it reads against them.
"""

from typing import Annotated, Literal

import msgspec

from lastword.limits import PEERS_MAX

State = Literal["added", "removed", "unknown"]
Micros = Annotated[int, msgspec.Meta(description="microseconds, of times since 1970")]
Text = Annotated[str, msgspec.Meta(max_length=1 << 17)]
Address = Annotated[str, msgspec.Meta(max_length=255)]

LOST_SHOWN_MAX = 20
"""States that lost, of each kind; the newest of them."""


class DotShown(msgspec.Struct):
    """The write: the run of the node that took it, and the number that it got there."""

    run: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]
    number: int


class Taker(msgspec.Struct, rename="camel"):
    """The node that took a write: its address, null where that is not known here."""

    address: Address | None
    this_node: bool


class Learned(msgspec.Struct, rename={"from_": "from"}):
    """Between which times the node learned of it; null where it cannot tell."""

    from_: Micros | None
    to: Micros | None


class Holder(msgspec.Struct):
    """Another member: whether it is known to have the write, or something later.

    `heard` is how long ago it last said anything, null for never.
    """

    address: Address
    has: bool
    heard: Micros | None


class Lost(msgspec.Struct, rename="camel"):
    """A state that lost: when it was given, by whom, and `at` when it lost here.

    A client that gave a time of its own, and lost, has no dot and was taken by nobody.
    """

    state: State
    time: Micros
    time_text: Text
    dot: DotShown | None
    taken_by: Taker | None
    at: Micros


class Explanation(msgspec.Struct, rename="camel", omit_defaults=True):
    """Why an element is as it is on one node.

    `state` is `unknown` where nothing is held. `ahead` is how far its time is ahead of the node's
    clock now, 0 if it is not. `collected_time`: what was removed from the set until then may have
    been forgotten. `tie`: whether it won by being a remove at the very time of an add; null where
    nothing is remembered that could tell. `superseded` are states that it or others took the place
    of, `refused` those that came and were older than what was held, as far as they are remembered:
    nothing is forgotten since `remembered_since`.
    """

    set: Text
    present: bool
    state: State
    time: Micros | None
    time_text: Text | None
    ahead: Micros
    dot: DotShown | None
    taken_by: Taker | None
    learned: Learned | None
    members: Annotated[list[Holder], msgspec.Meta(max_length=PEERS_MAX)]
    collected_time: Micros | None
    tie: bool | None
    superseded: Annotated[list[Lost], msgspec.Meta(max_length=LOST_SHOWN_MAX)]
    refused: Annotated[list[Lost], msgspec.Meta(max_length=LOST_SHOWN_MAX)]
    remembered_since: Micros
    why: Text
    element: Text | None = None
    element_base64: Text | None = None
