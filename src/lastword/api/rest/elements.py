"""The calls of one element: `/<set>/<element>`."""

from lastword.api.http.forms import wanted_form
from lastword.api.http.messages import Request, Response
from lastword.api.rest.checks import check_added, check_no_body
from lastword.api.rest.queries import check_explain, time_of_query, timing_of_query
from lastword.api.rest.replies import presence, value_of, written_to
from lastword.api.rest.routes import Answer
from lastword.node.explain import explain
from lastword.node.node import Node
from lastword.store.operations import Write


class Elements:
    """Reads and writes single elements; a write is answered when it is on disk."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def get(self, request: Request, set_name: bytes, element: bytes) -> Answer:
        """Answer whether the element is in the set, or by `?explain` why it is as it is."""
        if request.query:
            check_explain(request)
            return self._explain(request, set_name, element)
        return presence(request, self._node.reads.contains(set_name, element))

    async def _explain(self, request: Request, set_name: bytes, element: bytes) -> Response:
        explained = await explain(self._node, set_name, element)
        return value_of(wanted_form(request), explained)

    def put(self, request: Request, set_name: bytes, element: bytes) -> Answer:
        """Add the element."""
        check_no_body(request)
        time, ghosts = timing_of_query(request)
        check_added(self._node.store, set_name, (element,))
        write = Write(set_name, add=(element,), time=time, ghosts=ghosts)
        return self._node.commits.submit(write, written_to(request))

    def delete(self, request: Request, set_name: bytes, element: bytes) -> Answer:
        """Remove the element."""
        check_no_body(request)
        write = Write(set_name, remove=(element,), time=time_of_query(request))
        return self._node.commits.submit(write, written_to(request))
