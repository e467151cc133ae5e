"""Asks nodes, from outside, where they differ. It changes nothing, and keeps to their sums."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from secrets import randbits
from typing import Final

from lastword.api.transport import HttpTransport
from lastword.client.text import printable
from lastword.errors import CorruptStore, LastwordError, Unproven, Unreachable
from lastword.replication import frames
from lastword.replication.comparison import NONCE_BITS
from lastword.replication.frames import Frame, Surveyed, survey_body
from lastword.replication.survey import Look, Survey, View
from lastword.wall import wall_us

_PROVE: Final = (
    "Nodes are compared as one of them: lastword --cluster-secret-file FILE verify, with the same "
    "file that they have."
)


@dataclass(slots=True)
class Verdict:
    """What a survey came to: the roots of all nodes, and where they differ."""

    roots: dict[str, int] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)
    survey: Survey = field(default_factory=Survey)

    @property
    def agrees(self) -> bool:
        """Whether all nodes hold the same."""
        return len(set(self.roots.values())) == 1


class Surveyor:
    """Asks nodes, as one that is no member: its frames say no address."""

    def __init__(self, transport: HttpTransport) -> None:
        self._transport = transport
        self._run = randbits(NONCE_BITS)
        self.damaged: list[str] = []

    async def distinct(self, addresses: Iterable[str]) -> list[str]:
        """Return the addresses without those that lead to a node that another one leads to."""
        by_run: dict[int, str] = {}
        for address in dict.fromkeys(addresses):
            try:
                reply, _ = await self._ask(address, 0, [])
            except CorruptStore:
                self.damaged.append(address)
            else:
                by_run.setdefault(reply.run, address)
        if not by_run:
            raise CorruptStore(f"damaged, and none is sound: {', '.join(self.damaged)}")
        return list(by_run.values())

    async def survey(self, addresses: Sequence[str]) -> Verdict:
        """Survey all nodes once, under one nonce."""
        verdict = Verdict()
        async for _ in self.steps(addresses, verdict):
            pass
        return verdict

    async def steps(self, addresses: Sequence[str], verdict: Verdict) -> AsyncIterator[None]:
        """Survey all nodes once, message by message: after each, `verdict` has more."""
        nonce = randbits(NONCE_BITS)
        while not verdict.survey.is_over:
            looks = verdict.survey.next_looks()
            answers = await asyncio.gather(
                *(self._ask(address, nonce, looks) for address in addresses)
            )
            surveyed = [found for _, found in answers]
            verdict.roots = dict(zip(addresses, (found.root for found in surveyed), strict=True))
            if verdict.agrees:
                return
            verdict.survey.take([[View(*view) for view in found.views] for found in surveyed])
            yield

    async def _ask(
        self, address: str, nonce: int, looks: Sequence[Look]
    ) -> tuple[Frame, Surveyed]:
        frame = Frame(wall_us(), self._run, survey=survey_body(nonce, looks))
        reply = frames.decode(await self._transport.send(address, frames.encode(frame)))
        if reply.surveyed is None:
            raise CorruptStore(f"{address} shows nothing, since it is damaged")
        if not bool(looks) <= len(reply.surveyed.views) <= len(looks):
            raise Unreachable(f"{address} did not answer as a node does")
        return reply, reply.surveyed


def not_surveyed(error: LastwordError) -> LastwordError:
    """Return the error of a survey that came to nothing: that a node is damaged, or no answer."""
    if isinstance(error, CorruptStore):
        return error
    hint = _PROVE if isinstance(error, Unproven) else error.hint
    return Unreachable(printable(str(error)), hint=hint)
