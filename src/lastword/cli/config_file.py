"""`--config FILE`: the options of a command in TOML, under their long names.

The command's own parameters are the table: an option that is added to it may stand in a file at
once. What stands there is a default: the environment and the command line win over it.
"""

import inspect
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple, get_args, get_origin, get_type_hints

import typer

from lastword.errors import ConfigError
from lastword.limits import SHOWN_BYTES_MAX

FILE_BYTES_MAX: Final = 1 << 20
"""A file of options has a few lines; a larger one was named by mistake."""


class Option(NamedTuple):
    """An option: its parameter in the command's function, and that one's type."""

    name: str
    kind: Any


def load(context: typer.Context, path: Path | None) -> Path | None:
    """Take the options of a file as defaults; raise ConfigError where one cannot be meant so."""
    if path is not None:
        known = _options(context.command)
        context.default_map = {
            _known(known, key, path).name: _checked(known[key].kind, key, value, path)
            for key, value in _read(path).items()
        }
    return path


def _options(command: Any) -> dict[str, Option]:
    """Return all options by their long names, but `--config`, which a file cannot ask for."""
    kinds = get_type_hints(inspect.unwrap(command.callback))
    return {
        _long_name(option.opts): Option(option.name, kinds[option.name])
        for option in command.params
        if not option.is_eager
    }


def _long_name(names: list[str]) -> str:
    return next(name for name in names if name.startswith("--")).removeprefix("--")


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
        if len(data) > FILE_BYTES_MAX:
            raise ConfigError(f"{path} has more than {FILE_BYTES_MAX} bytes")
        return tomllib.loads(data.decode())
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {(error.strerror or str(error)).lower()}"
        ) from None
    except (ValueError, RecursionError) as error:  # also what is no UTF-8
        reason = " ".join(str(error).split())
        raise ConfigError(f"{path} is not TOML: {reason[:200]}") from None


def _known(known: dict[str, Option], key: str, path: Path) -> Option:
    if key not in known:
        raise ConfigError(
            f"{path} has {_shown(key)}, which is no option",
            hint=f"There are: {', '.join(sorted(known))}.",
        )
    return known[key]


def _checked(kind: Any, key: str, value: Any, path: Path) -> Any:
    """Return `value` if it is what an option of this type takes."""
    parts = {get_origin(part) or part: part for part in get_args(kind) or (kind,)}
    if list in parts:
        (inner,) = get_args(parts[list])
        what, fits = _KINDS.get(inner, _TEXT)
        what = f"a list, each of it {what}"
        right = isinstance(value, list) and all(map(fits, value))
    else:
        what, fits = next((_KINDS[part] for part in parts if part in _KINDS), _TEXT)
        right = fits(value)
    if not right:
        raise ConfigError(f"{path}: {key} is {what}, not {_shown(repr(value))}")
    return value


def _shown(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text[:SHOWN_BYTES_MAX])


_TEXT: Final = ("text", lambda value: type(value) is str)
_KINDS: Final[dict[Any, tuple[str, Callable[[Any], bool]]]] = {
    int: ("a whole number", lambda value: type(value) is int),
    float: ("a number", lambda value: type(value) in {int, float}),
    bool: ("true or false", lambda value: type(value) is bool),
}
"""What an option of each type is called, and what of TOML it takes; all others are text."""
