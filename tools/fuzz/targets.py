"""All targets, by name."""

from typing import Final

from tools.fuzz import answers, bodies, files, http, peers, resp, service
from tools.fuzz.target import Target

TARGETS: Final[dict[str, Target]] = {
    target.name: target
    for target in (
        *(bodies.JSON, bodies.NDJSON, bodies.MSGPACK, http.HTTP, http.PERCENT),
        *(resp.RESP, peers.FRAMES, peers.PEERS, peers.PROOF, answers.ANSWERS),
        *(files.BUNDLES, files.TOKENS, files.OPTIONS, service.REST, service.REDIS),
    )
}
