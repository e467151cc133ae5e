"""The handler of a node's HTTP server: it finds the call that a request is for."""

from lastword.access.proof import Proof
from lastword.api.http.messages import SAFE_METHODS, Request
from lastword.api.paths import parse_path
from lastword.api.rest.checks import check_origin
from lastword.api.rest.routes import Answer
from lastword.api.rest.table import Table
from lastword.node.node import Node


class Rest:
    """The handler of one node's HTTP server."""

    def __init__(self, node: Node, version: str, proof: Proof | None = None) -> None:
        table = Table(node, version, proof)
        self.routes = table.routes
        self._set = table.set
        self._element = table.element
        self._fixed = {route.path.encode(): route for route in table.fixed}
        self._fixed[b"*"] = table.set

    def __call__(self, request: Request) -> Answer:
        """Answer a request; errors are raised."""
        method = request.method
        if method not in SAFE_METHODS:
            check_origin(request)
        fixed = self._fixed.get(request.path)
        if fixed is not None:
            return fixed.answer_to(method)(request)
        set_name, element = parse_path(request.path)
        if element is None:
            return self._set.answer_to(method)(request, set_name)
        return self._element.answer_to(method)(request, set_name, element)
