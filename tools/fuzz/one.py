"""`python -m tools.fuzz.one TARGET ...`: fuzz one target after the other, or play inputs again.

With atheris, which instruments the code of lastword and keeps what reaches new parts of it; where
there is no atheris, or with `--plain`, by mutations of ours alone. The same seed and number of
runs try the same inputs, as long as the code is the same. Exit code 0: nothing was found.
"""

import argparse
import os
import sys
import tempfile
import traceback
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any, Final

from tools.fuzz import plain
from tools.fuzz.target import INPUT_BYTES_MAX, Examine, Target

atheris: Any
try:
    atheris = import_module("atheris")
except ImportError:  # it is not made for every system
    atheris = None

UNIT_S: Final = 20
"""For one input, on a machine that others use too: most take less than a millisecond."""

MEMORY_MB: Final = 1_024
"""Of the process: no input of some kilobytes may need it."""

STRUCTURED: Final = 0.5
"""Of the mutations that change the structure, where a target has such."""


def main() -> int:
    """Fuzz or replay; return 1 where something was found."""
    options = _options()
    guided = atheris is not None and not options.plain and not options.replay
    targets = _load(instrumented=guided)
    if len(options.targets) == 1:
        return _run(targets[options.targets[0]], options, guided=guided)
    # Instrumenting takes seconds, so it is done once; libFuzzer ends the process that it runs in.
    return max([_forked(targets[name], options, guided=guided) for name in options.targets])


def _forked(target: Target, options: argparse.Namespace, *, guided: bool) -> int:
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status) and 1
    try:
        os._exit(_run(target, options, guided=guided))
    except BaseException:  # noqa: BLE001 - a fork must not go on as its parent
        traceback.print_exc()
        os._exit(1)


def _run(target: Target, options: argparse.Namespace, *, guided: bool) -> int:
    """Fuzz one target; from atheris there is no return."""
    examine = target.prepare()
    if options.replay:
        return _replay(examine, options.replay)
    findings = options.findings / target.name
    findings.mkdir(parents=True, exist_ok=True)
    if guided:
        _fuzz(target, examine, findings, options)
    bounds = plain.Bounds(options.seed, options.runs, options.seconds)
    return plain.fuzz(target, examine, findings, bounds)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz.one", description=__doc__)
    parser.add_argument("targets", nargs="+", metavar="TARGET")
    parser.add_argument("--runs", type=int, default=-1, help="inputs to try; default no bound")
    parser.add_argument("--seconds", type=int, default=0, help="time to spend; default no bound")
    parser.add_argument("--seed", type=int, default=1, help="of all that is random (default 1)")
    parser.add_argument("--findings", type=Path, default=Path("findings"), help="where to keep")
    parser.add_argument("--scratch", type=Path, help="an empty folder, for the work")
    parser.add_argument("--plain", action="store_true", help="without atheris")
    parser.add_argument("--replay", type=Path, nargs="+", help="examine these files, and no other")
    options = parser.parse_args()
    options.scratch = options.scratch or Path(tempfile.mkdtemp(prefix="lastword-fuzz-"))
    return options


def _load(*, instrumented: bool) -> dict[str, Target]:
    if not instrumented:
        from tools.fuzz.targets import TARGETS  # noqa: PLC0415 - an import is instrumented, or not
    else:
        with atheris.instrument_imports(include=["lastword"]):
            from tools.fuzz.targets import TARGETS  # noqa: PLC0415
    return TARGETS


def _replay(examine: Examine, paths: list[Path]) -> int:
    found = 0
    for path in paths:
        try:
            examine(path.read_bytes())
        except Exception:  # noqa: BLE001 - whatever comes out is what was found
            traceback.print_exc()
            found += 1
    print(f"{len(paths)} played, {found} found something")
    return min(found, 1)


def _fuzz(target: Target, examine: Examine, findings: Path, options: argparse.Namespace) -> None:
    """Give the process to libFuzzer, which ends it."""
    place = options.scratch / target.name
    seeds = place / "seeds"
    seeds.mkdir(parents=True)
    for number, seed in enumerate(target.seeds()):
        (seeds / str(number)).write_bytes(seed)
    words = place / "words"
    words.write_text("\n".join(map(_quoted, target.words)))
    corpus = place / "corpus"
    corpus.mkdir()
    arguments = [
        *(sys.argv[0], f"-runs={options.runs}", f"-max_total_time={options.seconds}"),
        *(f"-seed={options.seed}", f"-dict={words}", f"-artifact_prefix={findings}/"),
        *(f"-timeout={UNIT_S}", f"-rss_limit_mb={MEMORY_MB}", f"-max_len={INPUT_BYTES_MAX}"),
        *("-print_final_stats=1", "-len_control=20", str(corpus), str(seeds)),
    ]
    atheris.Setup(arguments, examine, **_mutator(target))
    atheris.Fuzz()


def _mutator(target: Target) -> dict[str, Any]:
    change = target.change
    if change is None:
        return {}

    def mutate(data: bytes, size_max: int, seed: int) -> bytes:
        rng = Random(seed)
        if rng.random() < STRUCTURED:
            data = change(data, rng)[:size_max]
            if rng.random() < STRUCTURED:
                return data
        return bytes(atheris.Mutate(data, size_max))

    return {"custom_mutator": mutate}


def _quoted(word: bytes) -> str:
    return '"' + "".join(f"\\x{byte:02x}" for byte in word) + '"'


if __name__ == "__main__":
    sys.exit(main())
