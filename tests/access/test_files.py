"""Files of a node: what tokens guard cannot be read past them by others on the machine."""

import os
import signal
import stat
from pathlib import Path

import pytest

from tests.access.certificates import made
from tests.eventually import eventually
from tests.restores.shown import put
from tools.processes import LASTWORD, NodeProcess, Process

pytestmark = pytest.mark.slow


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


def test_what_a_node_makes_and_its_backups_are_its_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    umask = os.umask(0)  # what a node inherits from a careless parent
    try:
        with NodeProcess(folder / "node.db") as node:
            put(node, "x")
            backup = (LASTWORD, "backup", str(folder / "copy.db"), "-a", node.address)
            with Process(*backup, stderr=tmp_path / "errors") as process:
                assert process.wait() == 0, process.errors()
            found = modes(folder)
    finally:
        os.umask(umask)
    own = {name: mode for name, mode in found.items() if not name.endswith(".stderr")}
    assert {"node.db", "node.db-wal", "copy.db"} <= own.keys()
    assert set(own.values()) == {0o600}, own


def test_files_with_secrets_that_others_may_use_are_warned_of(tmp_path: Path) -> None:
    certificates = made(tmp_path / "certs")
    secret, admin = tmp_path / "cluster.secret", tmp_path / "admin.token"
    secret.write_text("5e" * 32)
    admin.write_text("ad" * 32)
    key = certificates.pair()[1]
    shared = (secret, admin, key)
    for path in shared:
        path.chmod(0o640)
    options = ("--cluster-secret-file", str(secret), "--admin-token-file", str(admin))
    with NodeProcess(tmp_path / "node.db", *options, *certificates.options()) as node:
        for path in shared:
            assert f"{path} may be read or written by others" in node.stderr.read_text()
        for path in shared:
            path.chmod(0o600)
        node.process.signal(signal.SIGHUP)
        eventually(lambda: node.stderr.read_text().count("read anew") == 3, "it reads them")
        assert node.stderr.read_text().count("may be read or written") == 3


def test_a_node_that_takes_tokens_from_elsewhere_without_tls_says_so(tmp_path: Path) -> None:
    secret, admin, certificates = tmp_path / "s", tmp_path / "t", made(tmp_path / "certs")
    for path, content in ((secret, "5e" * 32), (admin, "ad" * 32)):
        path.write_text(content)
        path.chmod(0o600)
    proven = ("--cluster-secret-file", str(secret), "--admin-token-file", str(admin))
    wide = ("--host", "0.0.0.0", "--advertise", "127.0.0.1:9")
    for options, warns in (
        ((*wide, *proven), True),
        (proven, False),
        ((*wide, "--insecure"), False),
        ((*wide, *proven, *certificates.options()), False),
    ):
        with NodeProcess(tmp_path / f"{len(options)}.db", *options) as node:
            assert ("travel as they are" in node.stderr.read_text()) == warns
