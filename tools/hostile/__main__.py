"""`python -m tools.hostile`: a crowd of slow clients at full size, and its figures."""

import subprocess
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from lastword.client.tls import client_tls
from tools.hostile.crowd import slow_crowd
from tools.processes import LASTWORD


def run(
    clients: Annotated[
        int, typer.Option(min=16, help="Slow clients, of all kinds alike.")
    ] = 1_000,
) -> None:
    """Send slow clients, and say when they were let go and how a probe was served beside."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        subprocess.run(
            [LASTWORD, "certs", str(folder / "certs"), "127.0.0.1"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        pair = (folder / "certs" / "127.0.0.1.pem", folder / "certs" / "127.0.0.1.key")
        seen = slow_crowd(folder, clients, pair, client_tls(folder / "certs" / "ca.pem"))
    for line in seen.said():
        print(line)
    if seen.last_s >= 30 or seen.probe.faults:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(run)
