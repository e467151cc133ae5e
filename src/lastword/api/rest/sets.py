"""The calls that write a whole set or several elements of it: `/<set>`."""

from collections.abc import Callable
from functools import partial

from lastword.api.http.messages import Request, Response
from lastword.api.rest.bodies import (
    Changed,
    decode_members,
    decode_patch,
    decode_state,
    is_packed,
)
from lastword.api.rest.checks import check_added, check_state
from lastword.api.rest.queries import Timing, ghosts_of_query, timing_of_query
from lastword.api.rest.replies import written_to
from lastword.api.rest.routes import Answer
from lastword.crdt.stamp import time_of
from lastword.errors import LastwordError
from lastword.limits import MERGE_SLICE_ELEMENTS
from lastword.node.node import Node
from lastword.store.ghosts import Ghosts
from lastword.store.operations import Merge, Write

SMALL_BODY_BYTES = 64 << 10
"""A body of up to so many bytes is decoded on the event loop: it takes about a millisecond."""


class Sets:
    """Merges states, and adds and removes elements together."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def post(self, request: Request, set_name: bytes) -> Response:
        """Check a state whole, then merge it in slices; a merge can be repeated."""
        ghosts = ghosts_of_query(request)
        node, decode = self._node, partial(decode_state, packed=is_packed(request))
        stamps = await node.read(lambda: decode(request.body))
        check_added(node.store, set_name, stamps)
        await node.read(lambda: check_state(node.store, set_name, stamps, ghosts))
        answer = written_to(request)
        if not stamps:
            return await node.commits.submit(Write(set_name), answer)
        return answer(await self._merge(set_name, stamps, ghosts))

    async def _merge(self, set_name: bytes, stamps: dict[bytes, int], ghosts: Ghosts) -> int:
        """Return the smallest time that was given, of those that were not all left out."""
        times: list[int] = []
        names = list(stamps)
        for start in range(0, len(names), MERGE_SLICE_ELEMENTS):
            part = {name: stamps[name] for name in names[start : start + MERGE_SLICE_ELEMENTS]}
            merge = Merge(set_name, part, ghosts)
            try:
                merged = await self._node.commits.submit(merge, lambda merged: merged)
            except LastwordError as error:
                raise _merged_in_part(error, start) from error
            if merged.time is not None:
                times.append(merged.time)
        return min(times or map(time_of, stamps.values()))

    def put(self, request: Request, set_name: bytes) -> Answer:
        """Add the elements in the body."""
        return self._change(request, set_name, decode_members)

    def patch(self, request: Request, set_name: bytes) -> Answer:
        """Add and remove the elements in the body."""
        return self._change(request, set_name, decode_patch)

    def _change(
        self, request: Request, set_name: bytes, decoder: Callable[..., Changed]
    ) -> Answer:
        timing = timing_of_query(request)
        decode = partial(decoder, request.body, packed=is_packed(request))
        if len(request.body) > SMALL_BODY_BYTES:
            return self._change_large(request, set_name, decode, timing)
        return self._write(request, set_name, decode(), timing)

    async def _change_large(
        self, request: Request, set_name: bytes, decode: Callable[[], Changed], timing: Timing
    ) -> Response:
        changed = await self._node.read(decode)
        answer = self._write(request, set_name, changed, timing)
        return answer if isinstance(answer, Response) else await answer

    def _write(
        self, request: Request, set_name: bytes, changed: Changed, timing: Timing
    ) -> Answer:
        add, remove = changed
        check_added(self._node.store, set_name, add)
        write = Write(set_name, add, remove, *timing)
        return self._node.commits.submit(write, written_to(request))


def _merged_in_part(error: LastwordError, merged: int) -> LastwordError:
    """Return `error`, saying how much of a state stands all the same."""
    if not merged:
        return error
    message = f"{error}; {merged} elements are merged, the others may not be"
    return error.reworded(message, hint=f"{error.hint} Then send the state again.")
