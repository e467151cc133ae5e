"""The calls of one element: `/<set>/<element>`."""

from lastword.api.http.messages import Request, Response
from lastword.api.rest.checks import check_added, check_no_body
from lastword.api.rest.queries import check_no_query, time_of_query, timing_of_query
from lastword.api.rest.replies import presence, written_to
from lastword.api.rest.routes import Answer
from lastword.node.node import Node
from lastword.store.operations import Write


class Elements:
    """Reads and writes single elements; a write is answered when it is on disk."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def get(self, request: Request, set_name: bytes, element: bytes) -> Response:
        """Answer whether the element is in the set."""
        if request.query:
            check_no_query(request)
        return presence(request, self._node.reads.contains(set_name, element))

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
