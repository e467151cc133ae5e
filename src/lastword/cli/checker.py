"""`lastword monkey checker`: drives nodes, and proves or disproves what they promise.

Exit codes: 0 proven, 1 violated, 5 some node did not answer at the end and could not be judged,
after Ctrl-C as without it: the verdict is of what was done until then.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random, SystemRandom
from secrets import token_hex
from time import monotonic_ns
from typing import Annotated, TextIO

import msgspec
import typer

from lastword.cli.latency_screen import LatencyScreen
from lastword.cli.reach import node_at
from lastword.errors import ConfigError
from lastword.monkeys.checker import Checker, Driven, Ledger
from lastword.monkeys.histogram import Histogram
from lastword.monkeys.judgement import Judgement, judge
from lastword.monkeys.log import Log, replayed
from lastword.monkeys.model import Violation
from lastword.monkeys.pace import Rate
from lastword.monkeys.setting import Setting

VIOLATED = 1
NOT_JUDGED = 5

Addresses = Annotated[
    list[str] | None,
    typer.Option("-a", "--address", metavar="HOST:PORT", help="A node; may be repeated."),
]
OwnSet = Annotated[
    str | None,
    typer.Option(
        "-s",
        "--setname",
        metavar="SET",
        help="The set to write to, which nobody else may write to. Default: a new one.",
    ),
]
ForSeconds = Annotated[
    float, typer.Option("--for", metavar="SECONDS", min=0, help="Write for so long.")
]
Settle = Annotated[
    float,
    typer.Option(
        "--settle",
        metavar="SECONDS",
        min=0,
        help="Wait so long at the end until all nodes are there and agree.",
    ),
]
PerSecond = Annotated[
    float, typer.Option("--rate", metavar="PER_SECOND", min=0.001, help="Operations a second.")
]
Workers = Annotated[
    int,
    typer.Option("--workers", metavar="NUMBER", min=1, max=1000, help="Operations at once."),
]
Elements = Annotated[
    int,
    typer.Option("--elements", metavar="NUMBER", min=1, max=1_000_000, help="Of the set."),
]
Seed = Annotated[
    int | None,
    typer.Option(
        "--seed", metavar="NUMBER", help="What is asked of which node. Default: by chance."
    ),
]
LogFile = Annotated[
    Path | None,
    typer.Option("--log", metavar="FILE", help="Write every operation there, as JSON lines."),
]
Replay = Annotated[
    Path | None,
    typer.Option("--replay", metavar="FILE", help="Judge such a log again, and do nothing else."),
]


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a check does: where, for how long, how much, and from which seed."""

    addresses: tuple[str, ...]
    set_name: str
    for_s: float
    settle_s: float
    rate: float
    workers: int
    elements: int
    seed: int


def checker(  # noqa: PLR0917 - the options of the command; nobody calls it by position
    address: Addresses = None,
    set_name: OwnSet = None,
    for_s: ForSeconds = 60.0,
    settle_s: Settle = 60.0,
    rate: PerSecond = 200.0,
    workers: Workers = 16,
    elements: Elements = 1000,
    seed: Seed = None,
    log: LogFile = None,
    replay: Replay = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdict as JSON.")] = False,
) -> None:
    """Drive several nodes, remember every answer, and prove or disprove what they promise.

    At the end nothing acknowledged is missing on any node, and all hold the same; meanwhile a node
    shows what it acknowledged. Nodes may go away and come back. What is wrong is shown by the
    fewest operations that prove it.
    """
    if replay is not None:
        judgement = _replayed(replay)
    else:
        plan = _Plan(
            tuple(dict.fromkeys(address or ["localhost:3000"])),
            f"checker-{token_hex(4)}" if set_name is None else set_name,
            for_s,
            settle_s,
            rate,
            workers,
            elements,
            SystemRandom().getrandbits(32) if seed is None else seed,
        )
        with _opened(log) as file:
            judgement = asyncio.run(_check(plan, file))
    typer.echo(_as_json(judgement) if as_json else "\n".join(judgement.lines()))
    raise typer.Exit(_code(judgement))


def _code(judgement: Judgement) -> int:
    if judgement.is_violated:
        return VIOLATED
    return 0 if judgement.is_proven else NOT_JUDGED


@contextlib.contextmanager
def _opened(path: Path | None) -> Iterator[TextIO | None]:
    if path is None:
        yield None
        return
    try:
        file = path.open("x", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be made: {error.strerror}") from error
    with file:
        yield file


async def _check(plan: _Plan, file: TextIO | None) -> Judgement:
    log = None if file is None else Log(file)
    latencies, ledger = Histogram(), Ledger() if log is None else Ledger(log.operation)
    began_us = monotonic_ns() // 1_000

    def now_us() -> int:
        return monotonic_ns() // 1_000 - began_us

    def facts() -> list[str]:
        found = len(ledger.violations)
        told = f"{ledger.acknowledged():,} writes acknowledged, {ledger.unknown():,} not answered"
        return [f"{told}, {found} violations found" if found else told]

    title = f"{plan.set_name} on {len(plan.addresses)} nodes, seed {plan.seed}"
    screen = LatencyScreen(title, latencies, now_us, facts)
    screen.warn(f"checks with {title}")
    async with contextlib.AsyncExitStack() as stack:
        nodes = [await stack.enter_async_context(node_at(at)) for at in plan.addresses]
        setting = Setting(
            nodes[0],
            plan.set_name,
            Random(plan.seed),  # noqa: S311 - a seed is to be repeatable
            asyncio.sleep,
            now_us,
            say=screen.warn,
            warn=screen.warn,
        )
        check = Checker(setting, [*map(Driven, nodes)], ledger, plan.elements, latencies)
        async with screen.shown():
            await _play(check, plan)
        screen.warn(screen.summary())
        judgement, states = await judge(check, settle_s=plan.settle_s)
    if log is not None:
        log.held(states)
    return judgement


async def _play(check: Checker, plan: _Plan) -> None:
    """Let it write until its time is over, or Ctrl-C ends it."""
    task = asyncio.current_task()
    with contextlib.suppress(TimeoutError):
        try:
            async with asyncio.timeout(plan.for_s):
                await check.play(Rate(plan.rate), plan.workers)
        except asyncio.CancelledError:  # Ctrl-C: what was done until now is judged
            if task is not None:
                task.uncancel()


def _replayed(path: Path) -> Judgement:
    try:
        with path.open(encoding="utf-8") as file:
            ledger = replayed(file)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    return Judgement.of(ledger, ledger.examined, absent=())


class _Shown(msgspec.Struct, rename="camel"):
    check: str
    element: bytes
    sentence: str
    history: list[str]


class _Verdict(msgspec.Struct, rename="camel"):
    verdict: str
    acknowledged: int
    unanswered: int
    elements: int
    nodes: tuple[str, ...]
    absent: tuple[str, ...]
    violations: list[_Shown]


def _as_json(judgement: Judgement) -> str:
    verdict = {0: "proven", VIOLATED: "violated", NOT_JUDGED: "not judged"}[_code(judgement)]
    return msgspec.json.encode(
        _Verdict(
            verdict,
            judgement.acknowledged,
            judgement.unknown,
            judgement.elements,
            judgement.addresses,
            judgement.absent,
            [_shown(violation) for violation in judgement.violations],
        )
    ).decode()


def _shown(violation: Violation) -> _Shown:
    history = [str(operation) for operation in violation.history]
    return _Shown(violation.check, violation.element, violation.sentence, history)
