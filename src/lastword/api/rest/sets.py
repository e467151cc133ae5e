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
from lastword.api.rest.checks import check_members
from lastword.api.rest.queries import check_no_query, time_of_query
from lastword.api.rest.replies import written_to
from lastword.api.rest.routes import Answer
from lastword.crdt.stamp import time_of
from lastword.errors import LastwordError
from lastword.limits import MERGE_SLICE_ELEMENTS
from lastword.node.node import Node
from lastword.store.operations import Merge, Write

SMALL_BODY_BYTES = 64 << 10
"""A body of up to so many bytes is decoded on the event loop: it takes about a millisecond."""


class Sets:
    """Merges states, and adds and removes elements together."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def post(self, request: Request, set_name: bytes) -> Response:
        """Check a state whole, then merge it in slices; a merge can be repeated."""
        check_no_query(request)
        node, decode = self._node, partial(decode_state, packed=is_packed(request))
        stamps = await node.read(lambda: decode(request.body))
        check_members(node.store, set_name, stamps)
        await node.read(lambda: node.store.check_times(set_name, stamps))
        answer = written_to(request)
        if not stamps:
            return await node.commits.submit(Write(set_name), answer)
        names = list(stamps)
        for start in range(0, len(names), MERGE_SLICE_ELEMENTS):
            part = {name: stamps[name] for name in names[start : start + MERGE_SLICE_ELEMENTS]}
            try:
                await node.commits.submit(Merge(set_name, part), lambda _: None)
            except LastwordError as error:
                raise _merged_in_part(error, start) from error
        return answer(min(map(time_of, stamps.values())))

    def put(self, request: Request, set_name: bytes) -> Answer:
        """Add the elements in the body."""
        return self._change(request, set_name, decode_members)

    def patch(self, request: Request, set_name: bytes) -> Answer:
        """Add and remove the elements in the body."""
        return self._change(request, set_name, decode_patch)

    def _change(
        self, request: Request, set_name: bytes, decoder: Callable[..., Changed]
    ) -> Answer:
        time = time_of_query(request)
        decode = partial(decoder, request.body, packed=is_packed(request))
        if len(request.body) > SMALL_BODY_BYTES:
            return self._change_large(request, set_name, decode, time)
        return self._write(request, set_name, decode(), time)

    async def _change_large(
        self, request: Request, set_name: bytes, decode: Callable[[], Changed], time: int | None
    ) -> Response:
        changed = await self._node.read(decode)
        answer = self._write(request, set_name, changed, time)
        return answer if isinstance(answer, Response) else await answer

    def _write(
        self, request: Request, set_name: bytes, changed: Changed, time: int | None
    ) -> Answer:
        add, remove = changed
        check_members(self._node.store, set_name, add)
        return self._node.commits.submit(Write(set_name, add, remove, time), written_to(request))


def _merged_in_part(error: LastwordError, merged: int) -> LastwordError:
    """Return `error`, saying how much of a state stands all the same."""
    if not merged:
        return error
    message = f"{error}; {merged} elements are merged, the others may not be"
    return type(error)(message, hint=f"{error.hint} Then send the state again.")
