"""A node that speaks the Redis protocol too, as a process."""

from pathlib import Path
from typing import Final, Self

from tools.processes import NodeProcess

_ANNOUNCED: Final = "lastword speaks RESP at "


class RespNode(NodeProcess):
    """A node with an address for clients of Redis, the same at every start."""

    def __init__(
        self, database: Path, *options: str, port: int = 0, prefix: tuple[str, ...] = ()
    ) -> None:
        super().__init__(database, *options, port=port, prefix=prefix)
        self._resp_port = 0

    @property
    def resp_address(self) -> str:
        """The host:port that it speaks RESP on, known since its first start."""
        assert self._resp_port, "it was not started yet"
        return f"127.0.0.1:{self._resp_port}"

    def start(self) -> Self:
        """Start it, and return when it has said both of its addresses."""
        given, self._options = (
            self._options,
            (*self._options, "--redis-port", str(self._resp_port)),
        )
        try:
            super().start()
        finally:
            self._options = given
        line = self.process.read_line()
        if not line.startswith(_ANNOUNCED):
            fault = self.process.fault(f"announced {line!r}")
            self.kill()
            raise fault
        self._resp_port = int(line.rpartition(":")[2])
        return self
