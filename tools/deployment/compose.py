"""The three nodes of compose.yaml, started as it says, from what the Dockerfile makes.

Names of services become ports of this machine.
"""

import re
import secrets
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import yaml

from tools.deployment.image import Image
from tools.deployment.linters import DEPLOY

PATIENCE_S: Final = 60.0


class Trial:
    """Nodes that run, their ports, and the admin's token."""

    def __init__(self, image: Image) -> None:
        self._image = image
        told = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())
        services: dict[str, Any] = told["services"]
        self._nodes = {name: at for name, at in services.items() if at["image"] == "lastword"}
        self.ports = dict(zip(self._nodes, _free_ports(len(self._nodes)), strict=True))
        self._secrets = image.folder / "secrets"
        self._secrets.mkdir()
        self.token = secrets.token_hex(32)
        for name, secret in (
            ("cluster_secret", secrets.token_hex(32)),
            ("admin_token", self.token),
        ):
            path = self._secrets / name
            path.write_text(f"{secret}\n")
            path.chmod(0o400)
            image.owned(path)

    def environment(self, name: str) -> dict[str, str]:
        """Return the environment of a service, as image and compose file set it."""
        data = self._image.folder / "data" / name
        data.mkdir(parents=True)
        self._image.owned(data)
        here = {**self._image.environment, **self._nodes[name]["environment"]}
        here = {key: self._mapped(value) for key, value in here.items()}
        here["LASTWORD_DATABASE"] = str(data / "lastword.db")
        here["LASTWORD_PORT"] = str(self.ports[name])
        here["LIVE"] = here["LIVE"].replace(":3000", f":{self.ports[name]}")
        return here

    def _mapped(self, value: str) -> str:
        value = value.replace("/run/secrets", str(self._secrets))
        names = "|".join(self.ports)
        return re.sub(rf"\b({names}):3000", lambda at: f"127.0.0.1:{self.ports[at[1]]}", value)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run all nodes within the block, and stop them in order."""
        with ExitStack() as stack:
            processes = [self._start(stack, name) for name in self.ports]
            yield
            for process in processes:
                process.terminate()
            for process in processes:
                if process.wait(PATIENCE_S) != 0:
                    raise SystemExit("a node did not end well")

    def _start(self, stack: ExitStack, name: str) -> "subprocess.Popen[bytes]":
        command = self._image.as_user([*self._image.entrypoint, *self._image.command])
        process = subprocess.Popen(
            command,
            env=self.environment(name),
            cwd=self._image.folder / "data" / name,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        stack.callback(process.kill)
        return process

    def is_healthy(self, name: str) -> bool:
        """Return what the image's health check says of a node."""
        live = f"http://127.0.0.1:{self.ports[name]}/_/live"
        environment = {**self._image.environment, "LIVE": live}
        done = subprocess.run(
            self._image.health, env=environment, capture_output=True, check=False
        )
        return done.returncode == 0

    def call(self, name: str, method: str, path: str) -> tuple[int, bytes]:
        """Call a node as an admin."""
        url = f"http://127.0.0.1:{self.ports[name]}{path}"
        headers = {"Authorization": f"Bearer {self.token}"}
        request = urllib.request.Request(url, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError as error:
            return 0, str(error).encode()


def until(condition: Any, what: str) -> None:
    """Return once a condition holds; end the program where it does not in time."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline_s:
            raise SystemExit(f"not within {PATIENCE_S:g} s: {what}")
        time.sleep(0.2)


def _free_ports(number: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
