"""The limits of a node as options of `lastword serve`: one table, and what makes options of it.

A limit stands with its default and that one's reason in `HttpLimits` or `RespLimits`. Here it gets
a name, the least that it may be, and what changing it costs. Options, environment, keys of TOML
and the test of docs/REFERENCE.md follow from this table.
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from math import isfinite
from typing import Annotated, Any, Final, get_type_hints

import typer

from lastword.api.http.limits import HttpLimits
from lastword.api.resp.limits import RespLimits
from lastword.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Setting:
    """One limit as an option. `unit` is shown in the help, such as SECONDS."""

    field: str
    option: str
    least: float
    unit: str
    help: str

    @property
    def parameter(self) -> str:
        """What the command's function calls it."""
        return self.option.removeprefix("--").replace("-", "_")


HTTP: Final = (
    Setting(
        "connections_max", "--http-connections-max", 1, "COUNT",
        "Connections of HTTP at once, nodes' included; one more is told so (503). Each costs "
        "about 10 KiB, and a file of the process's.",
    ),
    Setting(
        "address_connections_max", "--http-address-connections-max", 1, "COUNT",
        "Of these, those of one address. Less leaves more to others; a proxy, or a network behind "
        "one address, needs as many as all its clients.",
    ),
    Setting(
        "held_bytes_max", "--http-held-bytes-max", 1 << 20, "BYTES",
        "What requests of all connections hold together until they are answered. Less saves "
        "memory; more takes more large bodies at once.",
    ),
    Setting(
        "body_bytes_max", "--http-body-bytes-max", 1 << 20, "BYTES",
        "The largest body (413). It is held whole: more takes more memory, less refuses larger "
        "states. Messages of nodes are bodies, too.",
    ),
    Setting(
        "headers_bytes_max", "--http-headers-bytes-max", 1 << 10, "BYTES",
        "First line, headers and trailers of a request together (431).",
    ),
    Setting(
        "target_bytes_max", "--http-target-bytes-max", 1 << 10, "BYTES",
        "Path and query of a request (414). Less refuses longer elements in paths.",
    ),
    Setting(
        "pipeline_max", "--http-pipeline-max", 1, "COUNT",
        "Requests of one connection that are answered side by side. Further ones wait.",
    ),
    Setting(
        "handshake_s", "--tls-handshake-timeout", 0.1, "SECONDS",
        "For a TLS handshake, over REST and the Redis protocol alike.",
    ),
    Setting(
        "header_s", "--http-header-timeout", 0.1, "SECONDS",
        "For a request's headers to arrive whole (408), and for a connection's first request. "
        "More lets slow clients hold connections; less fails on links that lose packets.",
    ),
    Setting(
        "read_s", "--http-read-timeout", 0.1, "SECONDS",
        "For each further 16 KiB of a body to arrive (408), or its end. More lets slower clients "
        "in, which hold a connection for as long.",
    ),
    Setting(
        "body_s", "--http-body-timeout", 1, "SECONDS",
        "For a whole body (408). More lets larger bodies come over slower links.",
    ),
    Setting(
        "idle_s", "--http-idle-timeout", 0.1, "SECONDS",
        "For a connection between two requests. More spares clients connecting again.",
    ),
    Setting(
        "write_s", "--http-write-timeout", 0.1, "SECONDS",
        "For a client to take each further 16 KiB of its answers; then it is cut off.",
    ),
)  # fmt: skip
"""The limits of HTTP, for clients and other nodes alike."""

REDIS: Final = (
    Setting(
        "clients_max", "--redis-clients-max", 1, "COUNT",
        "Redis clients at once; one more is told so. Each costs about 10 KiB.",
    ),
    Setting(
        "address_clients_max", "--redis-address-clients-max", 1, "COUNT",
        "Of these, those of one address. Less leaves more to others.",
    ),
    Setting(
        "held_bytes_max", "--redis-held-bytes-max", 1 << 20, "BYTES",
        "What commands and replies of all Redis clients hold together. Less saves memory; more "
        "takes more large ones at once.",
    ),
    Setting(
        "idle_s", "--redis-timeout", 0, "SECONDS",
        "Close a Redis client that sends nothing for so long; 0 is never. Less frees "
        "connections, and makes pools of clients connect again.",
    ),
    Setting(
        "keepalive_s", "--redis-keepalive", 0, "SECONDS",
        "Ask by TCP whether a Redis client that was quiet for so long is still there; 0 never "
        "asks. Less finds those that vanished sooner, for more packets.",
    ),
    Setting(
        "command_s", "--redis-command-timeout", 0.1, "SECONDS",
        "For each further 16 KiB of a command to arrive, or its end, and for a client's first "
        "command.",
    ),
    Setting(
        "write_s", "--redis-write-timeout", 0.1, "SECONDS",
        "For a Redis client to take each further 16 KiB of its replies; then it is cut off.",
    ),
    Setting(
        "bulk_bytes_max", "--redis-bulk-bytes-max", 65_536, "BYTES",
        "The longest argument that is read at all. A member over 65,536 bytes gets an error; one "
        "over this ends the connection.",
    ),
    Setting(
        "arguments_max", "--redis-arguments-max", 16, "COUNT",
        "Arguments of one Redis command; more end the connection.",
    ),
    Setting(
        "query_buffer_bytes_max", "--redis-query-buffer-bytes-max", 131_072, "BYTES",
        "What is held of one Redis client's command until it is whole; more ends the connection.",
    ),
    Setting(
        "output_buffer_bytes_max", "--redis-output-buffer-bytes-max", 65_536, "BYTES",
        "The longest reply to one Redis client, which is held until it is read; what needs more "
        "gets an error.",
    ),
)  # fmt: skip
"""The limits of the Redis protocol."""

_GROUPS: Final[dict[Any, tuple[Setting, ...]]] = {HttpLimits: HTTP, RespLimits: REDIS}


def with_limits(command: Callable[..., None]) -> Callable[..., None]:
    """Return `command` with an option for each limit, in place of its parameters of limits."""
    parameters = inspect.signature(command).parameters.values()
    groups = {one.name: one.annotation for one in parameters if one.annotation in _GROUPS}

    def run(**values: Any) -> None:
        for name, value in values.items():
            if isinstance(value, float) and not isfinite(value):
                raise ConfigError(f"--{name.replace('_', '-')} is no number: {value}")
        limits = {
            name: kind(**{s.field: values.pop(s.parameter) for s in _GROUPS[kind]})
            for name, kind in groups.items()
        }
        command(**values, **limits)

    expanded = [
        parameter
        for one in parameters
        for parameter in (_options(groups[one.name]) if one.name in groups else (one,))
    ]
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__annotations__ = {one.name: one.annotation for one in expanded} | {"return": None}
    run.__signature__ = inspect.Signature(expanded)  # type: ignore[attr-defined]  # read by typer
    return run


def _options(kind: Any) -> Iterator[inspect.Parameter]:
    """Yield a parameter for each limit that has an option, with its type and default."""
    types, defaults = get_type_hints(kind), {field.name: field.default for field in fields(kind)}
    for setting in _GROUPS[kind]:
        name = setting.parameter
        option = typer.Option(
            setting.option,
            min=setting.least,
            metavar=setting.unit,
            envvar=f"LASTWORD_{name.upper()}",
            help=setting.help,
        )
        yield inspect.Parameter(
            name,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            default=defaults[setting.field],
            annotation=Annotated[types[setting.field], option],
        )
