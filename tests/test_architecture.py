"""Imports go down the list of rooms, and what only one place may know, only that place knows."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import lastword

SOURCE = Path(lastword.__file__).parent

ROOMS = (
    "errors",
    "limits",
    "address",
    "wall",
    "crdt",
    "__init__",
    "replication",
    "store",
    "simulation",
    "client",
    "config",
    "node",
    "access",
    "api",
    "monkeys",
    "cli",
    "__main__",
)
"""From the leaves up: a room imports only from rooms before it, and from itself."""

ALLOWED = {
    "crdt": {"errors", "limits"},
    "replication": {"errors", "limits", "address", "crdt"},
    "client": {"errors", "limits", "address", "wall", "crdt", "__init__"},
    "monkeys": {"errors", "limits", "address", "wall", "crdt", "__init__", "client"},
}
"""Rooms that may import fewer than the list of rooms says."""

PURE = {"crdt", "replication"}
IMPURE = {
    "aiohttp",
    "apsw",
    "asyncio",
    "datetime",
    "os",
    "pathlib",
    "random",
    "secrets",
    "select",
    "socket",
    "sqlite3",
    "ssl",
    "threading",
    "time",
    "uuid",
    "uvloop",
}
WALL_CALLS = {
    ("time", "time"),
    ("time", "time_ns"),
    ("time", "localtime"),
    ("time", "gmtime"),
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
}

MODULES = {
    ".".join(("lastword", *path.relative_to(SOURCE).with_suffix("").parts)): path
    for path in sorted(SOURCE.rglob("*.py"))
}
NAMES = sorted(MODULES)


def room_of(module: str) -> str:
    return module.split(".")[1]


def tree_of(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text())


def imported(module: str) -> Iterator[tuple[str, bool]]:
    """Yield every module that is imported, and whether it is named absolutely."""
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, True) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield (whole if _own(whole) else str(node.module)), node.level == 0


def _own(name: str) -> str | None:
    """Return the module of ours that is imported as `name`, if it is one."""
    for candidate in (name, f"{name}.__init__"):
        if candidate in MODULES:
            return candidate
    return None


def own_imports(module: str) -> set[str]:
    return {own for name, _ in imported(module) if (own := _own(name)) is not None}


def importers(library: str) -> set[str]:
    return {
        module
        for module in NAMES
        if any(name.partition(".")[0] == library for name, _ in imported(module))
    }


def test_every_file_stands_in_a_known_room() -> None:
    assert {room_of(module) for module in NAMES} <= set(ROOMS)
    assert len(NAMES) > 40


@pytest.mark.parametrize("module", NAMES)
def test_imports_go_down_the_list_of_rooms(module: str) -> None:
    room = room_of(module)
    below = ALLOWED.get(room, set(ROOMS[: ROOMS.index(room)]))
    assert {room_of(own) for own in own_imports(module)} <= below | {room}


@pytest.mark.parametrize("module", NAMES)
def test_imports_are_absolute(module: str) -> None:
    assert all(absolute for _, absolute in imported(module))


def test_imports_form_no_cycle() -> None:
    TopologicalSorter({module: own_imports(module) for module in NAMES}).prepare()


@pytest.mark.parametrize("module", [name for name in NAMES if room_of(name) in PURE])
def test_the_pure_rooms_know_no_time_no_randomness_and_no_io(module: str) -> None:
    assert IMPURE.isdisjoint(name.partition(".")[0] for name, _ in imported(module))


def test_one_package_knows_sqlite() -> None:
    assert importers("apsw") | importers("sqlite3")
    for module in importers("apsw") | importers("sqlite3"):
        assert module.startswith("lastword.store.sqlite.")


def test_one_package_knows_the_http_parser() -> None:
    assert importers("httptools")
    for module in importers("httptools"):
        assert module.startswith("lastword.api.http.")


def clock_reads(module: str) -> Iterator[tuple[str, str]]:
    """Yield what is read of the modules that know the time, as (owner, name)."""
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.ImportFrom):
            yield from ((str(node.module), alias.name) for alias in node.names)
        elif isinstance(node, ast.Attribute):
            match node.value:
                case ast.Name(owner) | ast.Attribute(attr=owner):
                    yield owner, node.attr


def test_one_file_reads_the_real_clock() -> None:
    assert [module for module in NAMES if WALL_CALLS.intersection(clock_reads(module))] == [
        "lastword.wall"
    ]
