"""Certificates for tests, as `lastword certs` makes them."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

from lastword.cli.main import app
from lastword.client.tls import client_tls

LOCAL = "127.0.0.1,localhost,::1"


def run_certs(folder: Path, *arguments: str) -> None:
    result = CliRunner().invoke(app, ["certs", str(folder), *arguments])
    if result.exception is not None:
        raise result.exception


@dataclass(frozen=True)
class Certificates:
    """A CA in a folder, and a certificate of each host by it."""

    folder: Path

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    def client(self) -> ssl.SSLContext:
        """Return what a client believes the CA's certificates by."""
        return client_tls(self.ca)

    def pair(self, host: str = "127.0.0.1") -> tuple[Path, Path]:
        return self.folder / f"{host}.pem", self.folder / f"{host}.key"

    def options(self, host: str = "127.0.0.1") -> tuple[str, ...]:
        """Return those of `lastword serve`."""
        cert, key = self.pair(host)
        return ("--tls-cert", str(cert), "--tls-key", str(key), "--tls-ca", str(self.ca))


def made(folder: Path, *hosts: str) -> Certificates:
    run_certs(folder, *(hosts or (LOCAL,)))
    return Certificates(folder)
