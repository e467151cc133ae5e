"""What comes by files and from stores: bundles, records of tokens, options in TOML."""

import atexit
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any, Final

from typer.main import get_command

from lastword.access.gate import Gate
from lastword.access.rights import Right
from lastword.access.token import ID_BYTES, SECRET_BYTES, make, parse_record
from lastword.cli import config_file
from lastword.cli.main import app
from lastword.crdt.bundle import BundleReader, BundleWriter, Slice, bundle_lines
from lastword.crdt.stamp import pack
from lastword.errors import (
    ConfigError,
    InvalidBundle,
    InvalidElement,
    LastwordError,
    NewerFormat,
    TooManyFailures,
    Unauthenticated,
)
from tools.fuzz.bodies import JSON_WORDS
from tools.fuzz.structure import json_changed, of_lines
from tools.fuzz.target import Examine, Target, tried

SLICES: Final = (
    ("s", {b"a": pack(1, removed=False), b"\xff": pack(2, removed=True)}),
    ("t", {b"": pack(3, removed=True)}),
)
GRANTS: Final = [("read", "a*"), ("write", "[a-c]?"), ("admin", "*")]
NAMES: Final = (b"a", b"abc", b"_tokens_", b"\xff", b"a" * 255)
CONFIG: Final = b'port = 3000\ninsecure = true\nreplication-delay = 0.5\ninitial-peer = ["a:1"]\n'
TOML_WORDS: Final = (
    *(
        b"port",
        b"database",
        b"initial-peer",
        b"replication-delay",
        b'"""',
        b"[[",
        b"1e400",
        b"nan",
    ),
    *(b"0x", b"\\uD800", b"\0", b"1979-05-27T07:32:00Z", b" = ", b"'", b"[a.b]", b"\xef\xbb\xbf"),
)


def _examine_bundle(data: bytes) -> None:
    slices = tried(lambda: _slices(data), InvalidBundle, NewerFormat)
    if slices is not None:
        assert sum(len(name) for at in slices for name in at.stamps) <= len(data)
        again = _slices(_written(slices))
        assert [_flat(again)] == [_flat(slices)], "a bundle is another after its way"


def _slices(data: bytes) -> list[Slice]:
    return list(BundleReader(bundle_lines(BytesIO(data))))


def _flat(slices: list[Slice]) -> list[tuple[str, bytes, int]]:
    return [(at.set_name, *held) for at in slices for held in at.stamps.items()]


def _written(slices: list[Slice]) -> bytes:
    writer = BundleWriter()
    lines = [writer.begin("a:1", 5)]
    for at in slices:
        lines += writer.put(at.set_name, at.stamps.items())
    return b"".join((*lines, *writer.end()))


class _Held:
    """A set `_tokens_` of one element."""

    def __init__(self, element: bytes) -> None:
        self._element = element

    def version(self) -> object:
        return self._element

    def elements(self) -> list[bytes]:
        return [self._element]


def _examine_record(data: bytes) -> None:
    record = tried(lambda: parse_record(data), InvalidElement)
    if record is not None:
        assert parse_record(record.element()) == record
        rights = record.rights()
        for name in NAMES:
            assert rights.allows(Right.READ, name) >= rights.allows(Right.ADMIN, name)
    gate = Gate((), _Held(data), lambda: 0.0)
    refused: tuple[type[LastwordError], ...] = (Unauthenticated, TooManyFailures)
    assert tried(lambda: gate.admit(data, "a"), *refused) is None, "no record is its own token"


def _prepare_config() -> Examine:
    folder = Path(mkdtemp(prefix="lastword-fuzz-"))
    atexit.register(rmtree, folder, ignore_errors=True)
    path = folder / "options.toml"
    command: Any = get_command(app)
    context = command.commands["serve"].make_context("serve", [], resilient_parsing=True)

    def examine(data: bytes) -> None:
        path.write_bytes(data)
        context.default_map = None
        if tried(lambda: config_file.load(context, path), ConfigError) is not None:
            known = {option.name for option in context.command.params}
            assert context.default_map.keys() <= known

    return examine


def _bundle_seeds() -> Iterator[bytes]:
    whole = _written([Slice(*at) for at in SLICES])
    yield from (whole, _written([]), whole[:-1])


def _record_seeds() -> Iterator[bytes]:
    yield make(bytes(ID_BYTES + SECRET_BYTES), GRANTS, "a note", 5).record.element()  # type: ignore[arg-type]


BUNDLES: Final = Target(
    "bundles",
    lambda: _examine_bundle,
    _bundle_seeds,
    (*JSON_WORDS, b'{"end":', b'"sets":', b'"slices":', b'"format":"lastword-bundle"'),
    of_lines(json_changed),
)
TOKENS: Final = Target(
    "tokens",
    lambda: _examine_record,
    _record_seeds,
    (b'"grants":', b'["read","*"]', b"\\\\", b"[^", b"]", b"a-", b"*?", b"\\ud800", b'"id":'),
    json_changed,
)
OPTIONS: Final = Target("options", _prepare_config, lambda: (CONFIG, b""), TOML_WORDS)
