"""`lastword certs`: what it makes holds, also where certificates are verified strictly."""

import ssl
import stat
import subprocess
from pathlib import Path

import pytest

from lastword.access.tls import NodeTls
from lastword.client.tls import client_tls
from lastword.errors import ConfigError, FileUnusable
from tests.access.certificates import LOCAL, made, run_certs


def test_certificates_are_verified_and_their_files_are_the_owners(tmp_path: Path) -> None:
    folder = tmp_path / "certs"
    certificates = made(folder, LOCAL, "n2.example", "::1")
    assert {path.name for path in folder.iterdir()} == {
        f"{name}.{kind}"
        for name in ("ca", "127.0.0.1", "n2.example", "__1")
        for kind in ("pem", "key")
    }
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for host, check in (("n2.example", "-verify_hostname"), ("127.0.0.1", "-verify_ip")):
        command = ("openssl", "verify", "-x509_strict", "-CAfile", certificates.ca, check, host)
        subprocess.run((*command, certificates.pair(host)[0]), check=True, capture_output=True)


def test_a_later_host_has_its_certificate_by_the_same_ca(tmp_path: Path) -> None:
    certificates = made(tmp_path, "n1.example")
    ca = certificates.ca.read_bytes()
    run_certs(tmp_path, "n2.example", "--days", "7")
    assert certificates.ca.read_bytes() == ca
    command = ("openssl", "verify", "-CAfile", certificates.ca, certificates.pair("n2.example")[0])
    subprocess.run(command, check=True, capture_output=True)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    certificates = made(tmp_path, "n1.example")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(FileUnusable, match=r"n1\.example\.key is there already"):
        run_certs(tmp_path, "n1.example")
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    (tmp_path / "ca.key").write_text("no key")
    with pytest.raises(ConfigError, match="are no CA"):
        run_certs(tmp_path, "n2.example")
    made(tmp_path / "other", "x")
    (tmp_path / "ca.key").write_bytes((tmp_path / "other" / "ca.key").read_bytes())
    with pytest.raises(ConfigError, match="do not belong together"):
        run_certs(tmp_path, "n2.example")
    assert certificates.ca.read_bytes() == before[certificates.ca]


@pytest.mark.parametrize("host", ["", "a b", "ca", "n1,", "../n1", "n1:3000", "-n"])
def test_what_is_no_host_is_refused_before_anything_is_made(tmp_path: Path, host: str) -> None:
    with pytest.raises(ConfigError, match="is no name of a host"):
        run_certs(tmp_path / "certs", "--", host)
    assert not (tmp_path / "certs").exists()


def test_files_that_cannot_be_used_are_refused_in_one_line(tmp_path: Path) -> None:
    certificates = made(tmp_path, "n1", "n2")
    cert, key = certificates.pair("n1")
    for files, message in (
        ((tmp_path / "gone.pem", key, None), "gone.pem cannot be read: no such file"),
        ((cert, certificates.pair("n2")[1], None), "no certificate and its key: key values mis"),
        ((key, key, None), "no certificate and its key"),
        ((cert, key, key), "has no certificate of a CA"),
        ((cert, key, tmp_path / "gone.pem"), "has no certificate of a CA: no such file"),
    ):
        with pytest.raises(ConfigError, match=message) as caught:
            NodeTls(*files)
        assert "\n" not in str(caught.value)


def test_a_locked_key_is_refused_and_nobody_is_asked_for_its_passphrase(tmp_path: Path) -> None:
    cert, key = made(tmp_path, "n1").pair("n1")
    locked = tmp_path / "locked.key"
    command = ("openssl", "pkey", "-in", key, "-aes256", "-passout", "pass:xyzzy", "-out", locked)
    subprocess.run(command, check=True, capture_output=True)
    with pytest.raises(ConfigError, match="is locked by a passphrase"):
        NodeTls(cert, locked, None)


def test_what_is_older_than_tls_1_2_is_not_spoken(tmp_path: Path) -> None:
    cert, key = made(tmp_path, "n1").pair("n1")
    tls = NodeTls(cert, key, tmp_path / "ca.pem")
    for context in (tls.server, tls.client, client_tls(None)):
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert tls.client.check_hostname
    assert tls.client.verify_mode == ssl.CERT_REQUIRED
