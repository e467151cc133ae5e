"""What a node says to, and believes of, somebody who has taken over another's address."""

from collections.abc import AsyncIterator, Callable

import pytest

from lastword.access.proof import HEADER, WINDOW_US, Outcome, Proof, Signed
from lastword.access.secret import Keys
from lastword.api.http.messages import Request, Response
from lastword.api.http.server import HttpServer
from lastword.api.transport import HttpTransport
from lastword.errors import Unproven, Unreachable
from lastword.wall import wall_us

KEYS, OTHER_KEYS = Keys.of(b"a secret of this cluster"), Keys.of(b"a secret of another one")
FRAME = b"what only members may read"
Answering = Callable[[Request], Response]


class Impostor:
    """Whoever serves at an address, and a node's transport that calls there.

    `received` are the bodies that came since the last call began.
    """

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.address = ""
        self.answering: Answering = lambda _: Response()
        self.transport = HttpTransport(proof=Proof((KEYS,), 11))

    def __call__(self, request: Request) -> Response:
        self.received.append(request.body)
        return self.answering(request)

    async def send(self) -> bytes:
        self.received.clear()
        return await self.transport.send(self.address, FRAME)


@pytest.fixture
async def impostor() -> AsyncIterator[Impostor]:
    impostor = Impostor()
    server = await HttpServer.start(impostor, host="127.0.0.1", port=0)
    impostor.address = f"127.0.0.1:{server.port}"
    yield impostor
    await impostor.transport.close()
    await server.close(0)


def member(start: int, *, late_us: int = 0) -> Answering:
    """Return what answers as a node of the cluster; its clock is behind by `late_us`."""
    proof = Proof((KEYS,), start)

    def answer(request: Request) -> Response:
        header = request.headers[HEADER.lower().encode()].decode()
        outcome = proof.check(header, request.body, wall_us())
        status, body = (403, b"no") if outcome.refusal else (200, b"well: " + request.body)
        signed = proof.sign_reply(outcome, status, body, wall_us() - late_us)
        return Response(status, body, headers=((HEADER.encode(), signed.encode()),))

    return answer


async def test_a_node_that_proves_itself_is_told_all_after_an_empty_message(
    impostor: Impostor,
) -> None:
    impostor.answering = member(22)
    assert await impostor.send() == b"well: " + FRAME
    assert impostor.received == [b"", FRAME]
    assert await impostor.send() == b"well: " + FRAME
    assert impostor.received == [FRAME]
    impostor.answering = member(33)  # started anew
    assert await impostor.send() == b"well: " + FRAME
    assert impostor.received == [FRAME, FRAME]


@pytest.mark.parametrize("status", [200, 403, 400, 500, 307])
async def test_who_proves_nothing_is_told_nothing_and_not_believed(
    impostor: Impostor, status: int
) -> None:
    """A node without a secret answers so, too: nobody is talked down to do without."""
    elsewhere = ((b"Location", f"http://{impostor.address}/_/peer".encode()),)
    impostor.answering = lambda _: Response(status, b"reply", headers=elsewhere)
    with pytest.raises((Unproven, Unreachable)) as caught:
        await impostor.send()
    assert isinstance(caught.value, Unproven) == (status in {200, 403})
    assert impostor.received == [b""]


async def test_a_reply_without_its_own_proof_is_not_believed_of_a_node_that_was_met(
    impostor: Impostor,
) -> None:
    answer = member(22)
    impostor.answering = answer
    await impostor.send()
    kept: list[Response] = []

    def keep(request: Request) -> Response:
        kept.append(answer(request))
        return kept[-1]

    impostor.answering = keep
    await impostor.send()
    (right,) = kept
    ((name, signature),) = right.headers
    for reply in (
        Response(200, right.body),
        right,  # of the message before
        Response(200, right.body, headers=((name, signature[:-1]),)),
    ):
        impostor.answering = lambda _, reply=reply: reply  # type: ignore[misc]
        with pytest.raises(Unproven):
            await impostor.send()

    def changed(request: Request, *, status: int = 200, more: bytes = b"") -> Response:
        found = answer(request)
        return Response(status, bytes(found.body) + more, headers=found.headers)  # type: ignore[arg-type]

    for change in ({"status": 403}, {"more": b"."}):
        impostor.answering = lambda request, change=change: changed(request, **change)  # type: ignore[misc]
        with pytest.raises(Unproven):
            await impostor.send()


async def test_another_secret_or_another_time_is_not_believed(impostor: Impostor) -> None:
    foreign = Proof((OTHER_KEYS,), 22)

    def answer(request: Request) -> Response:
        version, *numbers, mac = request.headers[HEADER.lower().encode()].decode().split(" ")
        assert version == "1"
        time_us, sender, number, receiver = (int(one, 16) for one in numbers)
        message = Signed(time_us, sender, number, receiver, bytes.fromhex(mac))
        signed = foreign.sign_reply(Outcome(message, OTHER_KEYS), 403, b"no", wall_us())
        return Response(403, b"no", headers=((HEADER.encode(), signed.encode()),))

    impostor.answering = answer
    with pytest.raises(Unproven, match="does not prove"):
        await impostor.send()
    impostor.answering = member(22, late_us=WINDOW_US + 5_000_000)
    with pytest.raises(Unproven, match=r"clock of .* is -30[0-9] s off"):
        await impostor.send()
    assert impostor.received == [b""]
