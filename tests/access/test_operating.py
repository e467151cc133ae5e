"""Three nodes with secret, tokens and TLS, run and changed as the documents say."""

import asyncio
import shutil
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lastword.client.node import AsyncNode
from lastword.client.tls import client_tls
from tests.access.certificates import made
from tests.eventually import eventually
from tools.processes import LASTWORD, NodeProcess, Process

pytestmark = pytest.mark.slow

SECRET, NEW_SECRET = "5e" * 32, "ab" * 32
ADMIN, NEW_ADMIN = "ad" * 32, "da" * 32
READ_ANEW = ("the cluster's secret", "the file of admin tokens", "the certificate")


class Cluster:
    """Three nodes that share their files, and the commands of who runs them."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self.secret, self.admin, self.ca = (folder / name for name in ("secret", "admin", "ca"))
        self.written = 0
        for path, content in ((self.secret, SECRET), (self.admin, ADMIN)):
            self.write(path, content)
        self.certificates = made(folder / "certs")
        shutil.copy(self.certificates.ca, self.ca)
        self.nodes: list[NodeProcess] = []
        for number in range(3):
            told = ("-i", self.nodes[0].address) if self.nodes else ()
            options = (*self._options(), "-r", "0.1", "-f", "1", *told)
            node = NodeProcess(folder / f"{number}.db", *options)
            self.nodes.append(stack.enter_context(node))

    def _options(self) -> tuple[str, ...]:
        cert, key = map(str, self.certificates.pair())
        return (
            *("--cluster-secret-file", str(self.secret), "--admin-token-file", str(self.admin)),
            *("--tls-cert", cert, "--tls-key", key, "--tls-ca", str(self.ca)),
        )

    @property
    def first(self) -> str:
        return self.nodes[0].address

    def write(self, path: Path, *lines: str) -> None:
        path.write_text("".join(f"{line}\n" for line in lines))
        path.chmod(0o600)

    def take_files(self) -> None:
        """Let every node read its files anew; wait until all have."""
        for node in self.nodes:
            told = {what: node.stderr.read_text().count(f"{what} was read") for what in READ_ANEW}
            node.process.signal(signal.SIGHUP)
            for what, before in told.items():
                eventually(
                    lambda node=node, what=what, before=before: (  # type: ignore[misc]
                        node.stderr.read_text().count(f"{what} was read") > before
                    ),
                    f"{what} is read anew",
                )

    def run(self, *arguments: str, token: Path | None = None) -> str:
        """Run a command, which must succeed; return its output."""
        errors = self._folder / "errors"
        errors.unlink(missing_ok=True)
        reach = ("--tls-ca", str(self.ca), "--token-file", str(token or self.admin))
        command = (LASTWORD, *reach, "--cluster-secret-file", str(self.secret), *arguments)
        with Process(*command, stderr=errors) as process:
            output = "\n".join(process.read_rest(60))
            assert process.wait() == 0, (arguments, output, process.errors())
        return output

    def write_and_agree(self, token: str) -> None:
        """Write to each node, see that they agree, and that each holds all of it."""
        asyncio.run(self._write(token))
        assert "3 nodes agree" in self.run("verify", self.first)
        asyncio.run(self._read(token))

    async def _write(self, token: str) -> None:
        for node in self.nodes:
            async with AsyncNode(node.address, tls=client_tls(self.ca), token=token) as client:
                await client.put("team-red", f"{self.written}".encode())
            self.written += 1

    async def _read(self, token: str) -> None:
        for node in self.nodes:
            async with AsyncNode(node.address, tls=client_tls(self.ca), token=token) as client:
                held = await client.state("team-red")
            assert {f"{number}".encode() for number in range(self.written)} <= held.keys()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with ExitStack() as stack:
        yield Cluster(tmp_path, stack)


def test_everything_is_changed_without_a_stop(cluster: Cluster, tmp_path: Path) -> None:
    at = ("-a", cluster.first)
    token = cluster.run("token", "create", *at, "--write", "team-*", "--note", "the team")
    eventually(lambda: "3 nodes agree" in cluster.run("verify", cluster.first), "they agree")
    cluster.write_and_agree(token)

    newer = made(tmp_path / "newer")
    cluster.write(cluster.secret, SECRET, NEW_SECRET)
    cluster.write(cluster.admin, ADMIN, NEW_ADMIN)
    cluster.ca.write_bytes(cluster.ca.read_bytes() + newer.ca.read_bytes())
    cluster.take_files()
    cluster.write_and_agree(token)
    cluster.write(cluster.secret, NEW_SECRET, SECRET)
    for source, place in zip(newer.pair(), cluster.certificates.pair(), strict=True):
        shutil.copy(source, place)
    cluster.take_files()
    cluster.write_and_agree(token)
    cluster.write(cluster.secret, NEW_SECRET)
    cluster.write(cluster.admin, NEW_ADMIN)
    shutil.copy(newer.ca, cluster.ca)
    cluster.take_files()
    cluster.write_and_agree(token)
    for node in cluster.nodes:
        node.restart()  # it speaks by the new files alone, and calls others anew
    cluster.write_and_agree(token)
    for node in cluster.nodes:
        shown = node.stderr.read_text()
        secrets = (SECRET, NEW_SECRET, ADMIN, NEW_ADMIN, token.split("_")[2])
        assert not [secret for secret in secrets if secret in shown]
        assert "is refused" not in shown
        assert "not believed" not in shown


def test_every_command_reaches_such_nodes(cluster: Cluster, tmp_path: Path) -> None:
    at = ("-a", cluster.first)
    token = cluster.run("token", "create", *at, "--write", "team-*", "--note", "the team")
    cluster.write(own := tmp_path / "team.token", token)
    eventually(lambda: "3 nodes agree" in cluster.run("verify", cluster.first), "they agree")
    cluster.write_and_agree(token)
    assert "takes writes" in cluster.run("doctor", cluster.first)
    assert "tombstones held" in cluster.run("tombstones", cluster.first)
    bundle, copy = str(tmp_path / "team.bundle"), str(tmp_path / "copy.db")
    cluster.run("export", "team-red", "-o", bundle, *at, token=own)
    assert b"_tokens_" not in Path(bundle).read_bytes()
    cluster.run("export", "-o", bundle, *at)
    assert b"_tokens_" not in Path(bundle).read_bytes()
    cluster.run("backup", copy, *at)
    assert "holds" in cluster.run("check", "-d", copy)
    assert token.split("_")[2].encode() not in Path(copy).read_bytes()
    reach = ("--tls-ca", str(cluster.ca), "--token-file", str(own))
    play = (LASTWORD, *reach, "monkey", "normal", *at, "-s", "team-red")
    with Process(*play, stderr=tmp_path / "monkey.errors") as process:
        for _ in range(3):
            assert process.read_line().split()[0] in {"get", "put", "delete"}
    cluster.run("token", "revoke", token.split("_")[1], *at)
    assert token.split("_")[1] not in cluster.run("token", "list", *at)
    cluster.run("leave", "-a", cluster.nodes[2].address)
    assert "2 nodes agree" in cluster.run("verify", cluster.first)
