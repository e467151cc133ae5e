"""`lastword certs`: a small CA for trials, and certificates of nodes by it."""

import os
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from lastword.address import is_address
from lastword.errors import ConfigError, FileUnusable
from lastword.wall import wall_us

if TYPE_CHECKING:
    from lastword.cli.authority import Authority

DAYS_MAX: Final = 3_650

CA: Final = "ca"


def certs(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Made if it is not there.")],
    hosts: Annotated[
        list[str],
        typer.Argument(
            metavar="HOST...",
            help="A certificate for each: a name or an IP address, or several of one node, "
            "joined by commas; the first names the files.",
        ),
    ],
    days: Annotated[
        int, typer.Option(min=1, max=DAYS_MAX, help="How long the certificates are valid.")
    ] = 365,
) -> None:
    """Make a small CA for trials, and a certificate for each node by it.

    FOLDER then has ca.pem and ca.key, HOST.pem and HOST.key. Called again it makes further
    certificates by the CA that is there. Whoever has ca.key can be any node: keep it off them.

    Exit code 0. 2: a host is none. 3: a file is there already, or cannot be written.
    """
    named = [_names(host) for host in hosts]
    try:
        from lastword.cli.authority import Authority  # noqa: PLC0415 - an extra
    except ImportError:
        raise ConfigError(
            "lastword certs needs the package cryptography",
            hint="pip install 'lastword[certs]', or make certificates with openssl",
        ) from None
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        authority = _authority(Authority, folder, days)
        for names in named:
            cert, key = authority.certify(names, timedelta(days=days))
            _write(folder / f"{_file_name(names[0])}.key", key)
            _write(folder / f"{_file_name(names[0])}.pem", cert)
    except OSError as error:
        name = error.filename or folder
        reason = "is there already" if isinstance(error, FileExistsError) else error.strerror
        raise FileUnusable(
            f"{name} {reason}", hint="Nothing is overwritten: move it away first."
        ) from None
    first, ca = folder / _file_name(named[0][0]), folder / f"{CA}.pem"
    typer.echo(
        f"{len(named)} certificates for {days} days, by {ca}. A node:\n"
        f"  lastword serve --tls-cert {first}.pem --tls-key {first}.key --tls-ca {ca}\n"
        f"A command: lastword --tls-ca {ca} doctor {named[0][0]}:3000"
    )


def _authority(made_by: "type[Authority]", folder: Path, days: int) -> "Authority":
    """Return the CA of the folder, which is made if there is none."""
    cert, key = folder / f"{CA}.pem", folder / f"{CA}.key"
    if cert.exists() or key.exists():
        return made_by.load(cert.read_bytes(), key.read_bytes(), wall_us(), str(cert))
    authority = made_by.make(wall_us(), timedelta(days=max(days, DAYS_MAX)))
    _write(key, authority.key_pem())
    _write(cert, authority.cert_pem())
    return authority


def _names(host: str) -> list[str]:
    names = host.split(",")
    for name in names:
        if not (_is_ip(name) or is_address(f"{name}:1")) or name == CA:
            raise ConfigError(f"{name!r} is no name of a host and no IP address")
    return names


def _is_ip(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _file_name(name: str) -> str:
    return name.replace(":", "_")


def _write(path: Path, data: bytes) -> None:
    """Write a new file that only its owner may read."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(data)
