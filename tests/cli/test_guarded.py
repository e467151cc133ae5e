"""The commands for sets with nodes that ask for tokens, speak TLS and have a secret."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.access.certificates import Certificates, made
from tests.cli.running import run
from tools.processes import NodeProcess

pytestmark = pytest.mark.slow  # every test starts processes


class Guarded:
    """Files of a cluster, and commands that have some of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.certificates: Certificates = made(folder / "certs")
        self.secret, self.token = folder / "secret", folder / "token"
        for path, text in ((self.secret, "5e" * 32), (self.token, "ad" * 32)):
            path.write_text(text)
            path.chmod(0o600)

    @contextmanager
    def node(self, name: str) -> Iterator[str]:
        secret, token = str(self.secret), str(self.token)
        options = ("--cluster-secret-file", secret, "--admin-token-file", token)
        with NodeProcess(self.folder / name, *options, *self.certificates.options()) as node:
            yield node.address

    def reach(self, *, token: bool = True, secret: bool = True) -> tuple[str, ...]:
        given = ["--tls-ca", str(self.certificates.ca)]
        given += ["--token-file", str(self.token)] if token else []
        given += ["--cluster-secret-file", str(self.secret)] if secret else []
        return tuple(given)


def test_they_show_a_token_over_tls_and_say_what_is_missing(tmp_path: Path) -> None:
    guarded = Guarded(tmp_path)
    with guarded.node("a.db") as one, guarded.node("b.db") as two:
        all_files = guarded.reach()
        assert run(*all_files, "add", "fruit", "apple", "-a", one).code == 0
        assert run(*all_files, "members", "fruit", "-a", one).lines == ["apple"]
        assert run(*all_files, "peers", "-a", one).code == 0
        no_token = guarded.reach(token=False)
        refused = run(*no_token, "members", "fruit", "-a", one, "--json")
        assert refused.code == 1
        told = json.loads(refused.errors.splitlines()[0])["error"]
        assert told["code"] == "unauthenticated"
        assert run(*no_token, "get", "fruit", "apple", "-a", one).code == 5  # 1 would be "no"
        plain = run("members", "fruit", "-a", one)
        assert (plain.code, plain.output) == (5, b"")
        lacked = run(*all_files, "export", "--lacking", two, "-a", one)
        assert lacked.code == 0
        assert b'"lwwAdded":{"apple":' in lacked.output
        unproven = run(*guarded.reach(secret=False), "export", "--lacking", two, "-a", one)
        assert unproven.code == 5
        assert "--cluster-secret-file" in unproven.errors
