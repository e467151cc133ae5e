"""Certificates and calls that a node that speaks TLS does not take, on real nodes."""

import signal
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest

from lastword.api.transport import HttpTransport
from lastword.cli.authority import Authority
from lastword.client.tls import client_tls
from lastword.errors import Unreachable
from lastword.wall import wall_us
from tests.access.certificates import Certificates, made
from tests.eventually import eventually
from tools.processes import NodeProcess

pytestmark = pytest.mark.slow

HOST = "127.0.0.1"
READ_ANEW = "the certificate was read anew"


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return made(tmp_path / "certs")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def started(stack: ExitStack, folder: Path, name: str, *options: str) -> NodeProcess:
    return stack.enter_context(NodeProcess(folder / f"{name}.db", "-r", "0.1", *options))


def port_of(node: NodeProcess) -> int:
    return int(node.address.rpartition(":")[2])


def pair_of(folder: Path, cert: bytes, key: bytes) -> tuple[str, str]:
    folder.mkdir()
    (folder / "cert.pem").write_bytes(cert)
    (folder / "cert.key").write_bytes(key)
    (folder / "cert.key").chmod(0o600)
    return str(folder / "cert.pem"), str(folder / "cert.key")


def authority(certificates: Certificates, at_us: int) -> Authority:
    """Return the CA of the certificates as it signs at some time."""
    key = (certificates.folder / "ca.key").read_bytes()
    return Authority.load(certificates.ca.read_bytes(), key, at_us, "ca")


async def test_certificates_of_another_time_are_not_believed_and_the_reason_is_said(
    certificates: Certificates, tmp_path: Path, stack: ExitStack
) -> None:
    day_us = 86_400_000_000
    transport = HttpTransport(tls=certificates.client)
    try:
        for name, at_us, why in (
            ("expired", wall_us() - 3 * day_us, "certificate has expired"),
            ("early", wall_us() + 3 * day_us, "certificate is not yet valid"),
        ):
            signing = authority(certificates, at_us)
            cert, key = pair_of(tmp_path / name, *signing.certify([HOST], timedelta(days=1)))
            options = ("--tls-cert", cert, "--tls-key", key, "--tls-ca", str(certificates.ca))
            node = started(stack, tmp_path, f"node-{name}", *options)
            with pytest.raises(Unreachable, match=f"certificate is not believed: {why}"):
                await transport.send(node.address, b"")
    finally:
        await transport.close()


async def test_a_node_that_was_told_of_no_ca_believes_the_systems_only(
    certificates: Certificates, tmp_path: Path, stack: ExitStack
) -> None:
    cert, key = map(str, certificates.pair())
    first = started(stack, tmp_path, "first", *certificates.options())
    pair = ("--tls-cert", cert, "--tls-key", key)
    second = started(stack, tmp_path, "second", "-l", *pair, "-i", first.address)
    said = f"{first.address} did not answer: its certificate is not believed"
    eventually(lambda: said in second.stderr.read_text(), "it says so")


def test_older_tls_and_weak_ciphers_are_not_spoken(
    certificates: Certificates, tmp_path: Path, stack: ExitStack
) -> None:
    node = started(stack, tmp_path, "node", *certificates.options())

    def handshake(context: ssl.SSLContext) -> tuple[str | None, str]:
        plain = socket.create_connection((HOST, port_of(node)), timeout=30)
        with context.wrap_socket(plain, server_hostname=HOST) as connection:
            cipher = connection.cipher()
            assert cipher is not None
            return connection.version(), cipher[0]

    assert handshake(certificates.client())[0] == "TLSv1.3"
    older = client_tls(certificates.ca)
    older.maximum_version = ssl.TLSVersion.TLSv1_2
    version, cipher = handshake(older)
    assert (version, cipher.startswith("ECDHE-")) == ("TLSv1.2", True)
    oldest = client_tls(certificates.ca)
    with pytest.warns(DeprecationWarning, match="TLSv1 is deprecated"):
        oldest.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        oldest.maximum_version = ssl.TLSVersion.TLSv1_1
    oldest.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        handshake(oldest)
    for weak in ("AES128-SHA", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-NULL-SHA"):
        context = client_tls(certificates.ca)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(f"{weak}:@SECLEVEL=0")
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            handshake(context)


def test_what_is_said_in_plain_text_to_a_port_of_tls_is_not_done(
    certificates: Certificates, tmp_path: Path, stack: ExitStack
) -> None:
    node = started(stack, tmp_path, "node", "--redis-port", "0", *certificates.options())
    resp_port = int(node.process.read_line().rpartition(":")[2])
    for port, words in (
        (port_of(node), b"PUT /s/x HTTP/1.1\r\nHost: x\r\n\r\n"),
        (resp_port, b"SADD s x\r\n"),
        (resp_port, b"*3\r\n$4\r\nSADD\r\n$1\r\ns\r\n$1\r\nx\r\n"),
    ):
        with socket.create_connection((HOST, port), timeout=30) as plain:
            plain.sendall(words)
            assert b"HTTP" not in (received := _received(plain))
            assert not received.startswith(b":")
    plain = socket.create_connection((HOST, resp_port), timeout=30)
    with certificates.client().wrap_socket(plain, server_hostname=HOST) as connection:
        connection.sendall(b"SCARD s\r\n")
        assert connection.recv(100) == b":0\r\n"


def test_certificates_are_changed_under_load_and_no_call_fails(
    certificates: Certificates, tmp_path: Path, stack: ExitStack
) -> None:
    """On connections that stay open, and on new ones."""
    node = started(stack, tmp_path, "node", *certificates.options())
    context, calls, faults = certificates.client(), [0, 0], list[BaseException]()
    ended = False

    def call_on(lasting: bool) -> None:
        try:
            while not ended:
                plain = socket.create_connection((HOST, port_of(node)), timeout=30)
                with context.wrap_socket(plain, server_hostname=HOST) as connection:
                    while not ended:
                        connection.sendall(b"PUT /s/x HTTP/1.1\r\nHost: x\r\n\r\n")
                        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200")
                        calls[lasting] += 1
                        if not lasting:
                            break
        except BaseException as error:  # noqa: BLE001 - shown below
            faults.append(error)

    callers = [Thread(target=call_on, args=(lasting,)) for lasting in (False, True, False, True)]
    for caller in callers:
        caller.start()
    try:
        signing, serials = authority(certificates, wall_us()), set[str]()
        for number in range(5):
            pair = signing.certify([HOST], timedelta(days=1))
            for path, data in zip(certificates.pair(), pair, strict=True):
                path.write_bytes(data)
            node.process.signal(signal.SIGHUP)
            eventually(
                lambda number=number: node.stderr.read_text().count(READ_ANEW) == number + 1,  # type: ignore[misc]
                "it is read anew",
            )
            before = list(calls)
            eventually(
                lambda before=before: all(map(int.__gt__, calls, before)) or bool(faults),  # type: ignore[misc]
                "calls go on",
            )
            plain = socket.create_connection((HOST, port_of(node)), timeout=30)
            with context.wrap_socket(plain, server_hostname=HOST) as connection:
                serials.add(str((connection.getpeercert() or {})["serialNumber"]))
    finally:
        ended = True
        for caller in callers:
            caller.join(30)
    assert faults == []
    assert len(serials) == 5


def _received(connection: socket.socket) -> bytes:
    received = b""
    try:
        while part := connection.recv(1 << 16):
            received += part
    except ConnectionResetError:
        pass
    return received
