"""What a node says of itself, and the frames of other nodes."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from lastword.access.gate import Gate
from lastword.access.proof import HEADER, Outcome, Proof
from lastword.api.door import NO_DOORS, Door
from lastword.api.http.answers import Refusal, told
from lastword.api.http.forms import JSON, wanted_form
from lastword.api.http.messages import Request, Response
from lastword.api.page.files import PAGE_PATH
from lastword.api.rest.backups import BackingUp, Backups
from lastword.api.rest.operating import Copying, copying_of
from lastword.api.rest.page import sends_there
from lastword.api.rest.queries import check_no_query, max_lag_s
from lastword.api.rest.tags import VARY
from lastword.client.condition import Used
from lastword.client.health import Reason
from lastword.config import Exposure
from lastword.errors import LastwordError, Unproven, http_status
from lastword.node.condition import condition_of
from lastword.node.convergence import Convergence
from lastword.node.metrics import NodeMetrics
from lastword.node.node import Node
from lastword.node.readiness import unready
from lastword.replication.status import lags_of

logger = logging.getLogger(__name__)

FRAME_TYPE: Final = b"application/msgpack"
LOOPBACK: Final = Exposure()
METRICS_PATIENCE_S: Final = 1.0
"""How long the replica is waited for, which itself may wait for the disk."""

LIVE: Final = {"live": True}

SHOWN_SETS_MAX: Final = 1_000
"""Damaged sets that are named; of more the metric has the number."""


class Damaged(msgspec.Struct):
    """What is damaged: pages that cannot be read, and sets that are not served.

    `facts` are of the file itself; `scrubbed` says how many seconds ago the last scrub ended.
    """

    pages: int
    sets: list[str]
    facts: list[str]
    scrubbed: int | None
    log_frames_unread: int


class Ready(msgspec.Struct, rename="camel"):
    """What a node is and holds; nodes whose digests are the same hold the same."""

    ready: bool
    reasons: list[Reason]
    copying: Copying | None
    backing_up: BackingUp | None
    damage: Damaged
    run: str
    address: str
    members: list[str]
    sets: int
    log_end: int
    digest: str


def damaged(node: Node) -> Damaged:
    """Return what is damaged on a node."""
    damage = node.store.damage
    return Damaged(
        damage.pages,
        sorted(name.decode(errors="replace") for name in damage.sets)[:SHOWN_SETS_MAX],
        list(damage.facts),
        node.scrubbing.seconds_since,
        node.store.log_frames_unread,
    )


class About:
    """Answers the calls that are about the node."""

    def __init__(
        self,
        node: Node,
        version: str,
        backups: Backups,
        proof: Proof | None = None,
        gate: Gate | None = None,
        *,
        doors: Mapping[str, Door] = NO_DOORS,
        exposure: Exposure = LOOPBACK,
    ) -> None:
        self._version = version
        self._doors = doors
        self._exposure = exposure
        self._node = node
        self._proof = proof
        self._backups = backups
        self._store = node.store
        self._convergence = Convergence(node)
        self._metrics = NodeMetrics(
            node,
            version,
            unproven={} if proof is None else proof.refused,
            refused_tokens={} if gate is None else gate.failures,
            doors=doors,
        )
        self._root = {
            "name": "lastword",
            "page": "/_/",
            "version": version,
            "what": "a replicated store of sets",
            "sets": "/<set>",
            "elements": "/<set>/<element>",
            "listing": "/_/sets",
            "bulk": "/_/bulk",
            "contains": "/_/contains",
            "entries": "/_/entries",
            "live": "/_/live",
            "ready": "/_/ready",
            "converged": "/_/converged",
            "condition": "/_/condition",
            "history": "/_/history",
            "metrics": "/_/metrics",
            "clock": "/_/clock",
            "future": "/_/future",
            "tombstones": "/_/tombstones",
            "scrub": "/_/scrub",
            "backup": "/_/backup",
            "openapi": "/_/openapi.json",
            "reference": "docs/REFERENCE.md",
        }

    def root(self, request: Request) -> Response:
        """Say what this is, and where to look; a browser is sent to the page."""
        if sends_there(request):
            check_no_query(request)
            return Response(303, headers=((b"Location", PAGE_PATH.encode()), VARY))
        return _facts(request, self._root)

    def ready(self, request: Request) -> Response:
        """Say whether the node is to get traffic, and what it holds."""
        check_no_query(request)
        node, store, reasons = self._node, self._store, list(unready(self._node))
        facts = Ready(
            ready=not reasons,
            reasons=reasons,
            copying=copying_of(node.notices.status),
            backing_up=self._backups.under_way,
            damage=damaged(node),
            run=f"{store.run:016x}",
            address=node.replica.membership.address,
            members=sorted(store.members()),
            sets=len(store.totals()),
            log_end=store.log_end,
            digest="".join(f"{lane:016x}" for lane in store.sums()),
        )
        return _facts(request, facts, 503 if reasons else 200)

    async def condition(self, request: Request) -> Response:
        """Say what an operator has to know: settings, disk, limits."""
        check_no_query(request)
        node, version, exposure = self._node, self._version, self._exposure
        found = await node.read(lambda: condition_of(node, version, exposure))
        found.limits += (
            Used(f"connections, {protocol}", door.inside, door.connections_max)
            for protocol, door in self._doors.items()
        )
        return _shown(request, found, 200)

    def live(self, request: Request) -> Response:
        """Say that the event loop turns, and nothing else."""
        return _facts(request, LIVE)

    async def converged(self, request: Request) -> Response:
        """Say whether all members have what the others had a moment ago."""
        found = await self._convergence.judge(max_lag_s(request))
        return _shown(request, found, 200 if found.converged else 503)

    def history(self, request: Request) -> Response:
        """Show what was done during the last hour."""
        check_no_query(request)
        return _shown(request, self._node.history.shown(), 200)

    async def metrics(self, request: Request) -> Response:
        """Show the metrics."""
        check_no_query(request)
        try:
            lags = await asyncio.wait_for(self._node.ask(lags_of), METRICS_PATIENCE_S)
        except TimeoutError:  # it waits for a disk that hangs, and the rest is shown without it
            lags = ()
        return Response(body=self._metrics.render(lags), content_type=self._metrics.content_type)

    async def take_frame(self, request: Request) -> Response:
        """Answer another node, which has to prove that it is one where there is a secret."""
        check_no_query(request)
        if self._proof is None:
            reply = await self._node.receive(request.body)
            return Response(body=reply, content_type=FRAME_TYPE)
        return await self._take_signed(self._proof, request)

    async def _take_signed(self, proof: Proof, request: Request) -> Response:
        """Answer a message that is signed; the answer is signed too, also where it refuses."""
        wall = self._store.options.wall
        outcome = self._checked(proof, request, wall())
        try:
            if outcome.refusal is not None:
                raise outcome.refusal
            reply = await self._node.receive(request.body)
            status, body, content_type = 200, reply, FRAME_TYPE
        except LastwordError as error:
            status, content_type = http_status(error), JSON.content_type
            body = JSON.encode(Refusal(told(error, JSON)))
        signature = proof.sign_reply(outcome, status, body, wall()).encode()
        return Response(status, body, content_type, ((HEADER.encode(), signature),))

    def _checked(self, proof: Proof, request: Request, now_us: int) -> Outcome:
        header = request.headers.get(HEADER.lower().encode(), b"").decode("latin-1")
        try:
            return proof.check(header, request.body, now_us)
        except Unproven as error:
            if proof.refused[error.reason] == 1:
                logger.warning("a message to /_/peer is refused: %s", error)
            raise


def _facts(
    request: Request, facts: Ready | Mapping[str, str | bool], status: int = 200
) -> Response:
    check_no_query(request)
    return _shown(request, facts, status)


def _shown(request: Request, facts: Any, status: int) -> Response:
    """Show facts; in JSON as a line, for who looks at them by hand."""
    form = wanted_form(request)
    line = form.encode(facts) + (b"\n" if form is JSON else b"")
    return Response(status, line, form.content_type)
