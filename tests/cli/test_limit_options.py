"""Every limit of what clients take is an option, and an option sets the limit that it names."""

from dataclasses import fields
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from lastword.api.http.limits import HttpLimits
from lastword.api.resp.limits import RespLimits
from lastword.cli.limit_options import HTTP, REDIS, Setting, with_limits
from lastword.errors import ConfigError

_HTTP, _REDIS = HttpLimits(), RespLimits()

NO_OPTIONS = {
    "read_bytes_min",  # these say with a time what slow is: the time is the option
    "write_bytes_min",
    "command_bytes_min",
    "linger_s",  # of what is refused already
    "linger_bytes_max",
    "queued_commands_max",  # of one transaction, which has its own limits
    "watched_names_max",
    "sweep_s",  # how often the others are looked at
}


def taken(*arguments: str, env: dict[str, str] | None = None) -> tuple[HttpLimits, RespLimits]:
    """Return the limits that a command is called with."""
    calls: list[tuple[Any, ...]] = []

    def command(port: int = 1, http: HttpLimits = _HTTP, redis: RespLimits = _REDIS) -> None:
        assert port == 1
        calls.append((http, redis))

    app = typer.Typer()
    app.command()(with_limits(command))
    result = CliRunner().invoke(app, arguments, env=env)
    if isinstance(result.exception, Exception):
        raise result.exception
    assert result.exit_code == 0, result.output
    ((http, redis),) = calls
    return http, redis


def test_without_options_the_limits_are_the_defaults() -> None:
    assert taken() == (HttpLimits(), RespLimits())


@pytest.mark.parametrize("given", ["line", "environment"])
@pytest.mark.parametrize("setting", [*HTTP, *REDIS], ids=lambda setting: setting.option)
def test_an_option_sets_its_limit_and_no_other(setting: Setting, given: str) -> None:
    value = int(setting.least) + 1
    if given == "line":
        found = taken(setting.option, str(value))
    else:
        found = taken(env={f"LASTWORD_{setting.parameter.upper()}": str(value)})
    group = 0 if setting in HTTP else 1
    before = (HttpLimits(), RespLimits())
    changed = {
        (number, field.name)
        for number in (0, 1)
        for field in fields(before[number])
        if getattr(found[number], field.name) != getattr(before[number], field.name)
    }
    assert changed == {(group, setting.field)}
    assert getattr(found[group], setting.field) == value


@pytest.mark.parametrize(("kind", "settings"), [(HttpLimits, HTTP), (RespLimits, REDIS)])
def test_every_limit_has_an_option_or_a_reason(kind: Any, settings: tuple[Setting, ...]) -> None:
    names = {field.name for field in fields(kind)}
    named = [setting.field for setting in settings]
    assert len(named) == len(set(named))
    assert names - set(named) <= NO_OPTIONS
    assert set(named) <= names


def test_a_time_without_an_end_is_refused() -> None:
    with pytest.raises(ConfigError, match="--http-idle-timeout is no number"):
        taken("--http-idle-timeout", "inf")
