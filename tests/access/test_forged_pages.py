"""Pages with entries, as nodes send them, to a real node: none is applied that is not proven.

Each attack is a message that the node would apply if it came right, and did not come before.
"""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lastword.access.proof import WINDOW_US, Proof, Signed
from lastword.access.secret import load_keys
from lastword.crdt.stamp import pack
from lastword.replication import frames, version2
from lastword.replication.entries import Cursor, Entry
from tests.access.test_nodes_that_prove import post, secret_of, write_secrets
from tests.calls import call
from tools.processes import NodeProcess

pytestmark = pytest.mark.slow

SECRET, OTHER_SECRET = "5e" * 32, "07" * 32
RUN, PEER = 77, "192.0.2.1:1"


class Target:
    """A real node with a secret, and a member of its cluster that tells it of an element."""

    def __init__(self, node: NodeProcess, start: int) -> None:
        self.node = node
        self.member = Proof(load_keys(secret_of(node.database)), start)
        self.meet(self.member)

    def meet(self, proof: Proof) -> None:
        """Let a member learn the node's start."""
        signed = proof.sign(self.node.address, b"", now_us())
        status, header, body = post(self.node, b"", signed.header())
        proof.check_reply(self.node.address, signed, header, (status, body))

    def page(self, element: bytes = b"planted", *, old: bool = False) -> bytes:
        """Return a page that the node waits for: the first of a member it has not read of."""
        run = int(json.loads(call(self.node.address, "GET", "/_/ready").body)["run"], 16)
        rows = (Entry(b"s", element, pack(now_us(), removed=False), RUN, 1),)
        page = frames.PageBody(
            for_run=run,
            cursor=Cursor(),
            reached=1,
            from_start=False,
            rows=frames.pack_entries(rows),
            seen=frames.VouchedBody(0, {RUN: 1}),
        )
        frame = frames.Frame(now_us(), RUN, PEER, frames.Log(1, 1), page=page)
        return version2.encode(frame) if old else frames.encode(frame)

    def sign(self, page: bytes, *, late_us: int = 0) -> Signed:
        return self.member.sign(self.node.address, page, now_us() - late_us)

    def holds(self) -> set[str]:
        answer = call(self.node.address, "GET", "/s")
        return set(json.loads(answer.body)["lwwAdded"]) if answer.status == 200 else set()

    def refuses(self, body: bytes, proof: str) -> None:
        assert post(self.node, body, proof)[0] == 403
        assert self.holds() == set()


def now_us() -> int:
    return time.time_ns() // 1_000


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def target(stack: ExitStack, folder: Path, name: str, start: int = 4711) -> Target:
    database = folder / f"{name}.db"
    write_secrets(database, SECRET)
    options = ("--cluster-secret-file", str(secret_of(database)))
    return Target(stack.enter_context(NodeProcess(database, "-r", "5", *options)), start)


def test_a_page_is_applied_once_and_no_change_of_it(tmp_path: Path, stack: ExitStack) -> None:
    node = target(stack, tmp_path, "node")
    page, other = node.page(), node.page(b"another")
    header = node.sign(page).header()
    fields = header.split(" ")
    stranger_file = tmp_path / "stranger"
    stranger_file.write_text(OTHER_SECRET)
    stranger = Proof(load_keys(stranger_file), node.member.start)
    forged = stranger.sign(node.node.address, page, now_us())._replace(
        receiver=int(fields[4], 16), number=99
    )
    for body, proof in (
        (page, ""),
        (node.page(old=True), ""),
        (other, header),
        (page[:-1], header),
        (page + b"\0", header),
        (page, header[:-1]),
        (page, header + "0"),
        (page, forged.header()),
        (page, " ".join([*fields[:3], f"{99:016x}", *fields[4:]])),
        (page, " ".join([*fields[:2], f"{RUN:016x}", *fields[3:]])),
        (page, " ".join([*fields[:5], fields[5].upper()])),
        (page, " ".join(["2", *fields[1:]])),
        (page, node.sign(page, late_us=WINDOW_US + 1_000_000).header()),
        (page, node.sign(page, late_us=-WINDOW_US - 5_000_000).header()),
        (
            page,
            Proof(load_keys(secret_of(node.node.database)), 12).sign("x", page, now_us()).header(),
        ),
    ):
        node.refuses(body, proof)
    assert post(node.node, page, header)[0] == 200
    assert node.holds() == {"planted"}
    assert post(node.node, page, header)[0] == 403


def test_a_page_held_back_is_taken_at_the_edge_of_the_window_only(
    tmp_path: Path, stack: ExitStack
) -> None:
    node = target(stack, tmp_path, "node")
    page = node.page()
    node.refuses(page, node.sign(page, late_us=WINDOW_US + 1_000_000).header())
    inside = node.sign(page, late_us=WINDOW_US - 20_000_000).header()
    assert post(node.node, page, inside)[0] == 200
    assert node.holds() == {"planted"}


def test_a_page_for_one_node_says_nothing_to_another_nor_after_a_start(
    tmp_path: Path, stack: ExitStack
) -> None:
    node, other = target(stack, tmp_path, "node"), target(stack, tmp_path, "other", 4712)
    for_other = other.page()
    header = other.sign(for_other).header()
    page = node.page()
    node.refuses(page, other.sign(page).header())
    node.refuses(for_other, header)
    before = node.sign(page).header()
    node.node.restart()
    node.refuses(page, before)
    assert post(other.node, for_other, header)[0] == 200  # it was right, for who it was for
    assert other.holds() == {"planted"}


def test_a_nodes_own_words_are_not_taken_for_anothers(tmp_path: Path, stack: ExitStack) -> None:
    """A reply is no message, a message is no reply, and neither is of another exchange."""
    node = target(stack, tmp_path, "node")
    page = node.page()
    wish = frames.encode(frames.Frame(now_us(), RUN, pull=frames.Pull((0, 0, 0), 0, {})))
    asked = node.sign(wish)
    status, reply_header, reply = post(node.node, wish, asked.header())
    assert status == 200
    version, time_, start, mac = reply_header.split(" ")
    as_message = " ".join([version, time_, start, f"{1:016x}", start, mac])
    node.refuses(reply, as_message)
    node.refuses(page, as_message)
    node.refuses(reply, reply_header)
    later = node.sign(wish)
    with pytest.raises(Exception, match="does not prove"):
        node.member.check_reply(node.node.address, later, reply_header, (status, reply))
    node.member.check_reply(node.node.address, asked, reply_header, (status, reply))


def test_a_header_that_comes_twice_proves_nothing(tmp_path: Path, stack: ExitStack) -> None:
    node = target(stack, tmp_path, "node")
    page = node.page()
    header = node.sign(page).header()
    node.refuses(page, f"{header}, {header}")
    assert post(node.node, page, header)[0] == 200
