"""The handler of a node's HTTP server: it finds the call that a request is for."""

from collections.abc import Mapping

from lastword.access.gate import Gate
from lastword.access.hosts import Hosts
from lastword.access.proof import Proof
from lastword.access.rights import OPEN, TOKENS_SET, Need, Right, Rights
from lastword.api.door import NO_DOORS, Door
from lastword.api.http.messages import SAFE_METHODS, Request
from lastword.api.paths import parse_path
from lastword.api.rest.about import LOOPBACK
from lastword.api.rest.bearer import rights_of
from lastword.api.rest.checks import check_origin
from lastword.api.rest.routes import Answer
from lastword.api.rest.table import Table
from lastword.config import Exposure
from lastword.node.node import Node

PEER_PATH = b"/_/peer"


class Rest:
    """The handler of one node's HTTP server; without a `gate` everybody may do everything.

    `secure`: it speaks TLS.
    """

    def __init__(
        self,
        node: Node,
        version: str,
        *,
        proof: Proof | None = None,
        gate: Gate | None = None,
        hosts: Hosts | None = None,
        exposure: Exposure = LOOPBACK,
        secure: bool = False,
        doors: Mapping[str, Door] = NO_DOORS,
    ) -> None:
        table = Table(node, version, proof, gate, exposure=exposure, doors=doors)
        self.routes = table.routes
        self._set = table.set
        self._element = table.element
        self._fixed = {route.path.encode(): route for route in table.fixed} | table.page
        self._fixed[b"*"] = table.set
        self._gate = gate
        self._hosts = hosts or Hosts()
        self._proves = proof is not None
        self._secure = secure

    def __call__(self, request: Request) -> Answer:
        """Answer a request; errors are raised."""
        method = request.method
        if method not in SAFE_METHODS:
            check_origin(request, secure=self._secure)
        self._check_host(request)
        fixed = self._fixed.get(request.path)
        if fixed is not None:
            answer = fixed.answer_to(method)
            need = fixed.need_of(method)
            rights = self._rights(request, need)
            if need is Need.EACH:
                return answer(request, rights)
            rights.check_node(need.right)
            return answer(request)
        set_name, element = parse_path(request.path)
        route = self._set if element is None else self._element
        answer = route.answer_to(method)
        if self._gate is not None:
            need = route.need_of(method)
            if need is not Need.NOTHING:
                self._rights(request, need).check(need.right, set_name)
        elif set_name == TOKENS_SET:
            OPEN.check(Right.ADMIN, set_name)
        if element is None:
            return answer(request, set_name)
        return answer(request, set_name, element)

    def _rights(self, request: Request, need: Need) -> Rights:
        if self._gate is None or need is Need.NOTHING:
            return OPEN
        return rights_of(self._gate, request)

    def _check_host(self, request: Request) -> None:
        """Refuse a call by a foreign name; messages of nodes prove themselves."""
        host = request.headers.get(b"host")
        if host is not None and not (self._proves and request.path == PEER_PATH):
            self._hosts.check(host)
