"""What holds for every test: where skips are counted, one that is not allowed is a failure.

The environment variable SKIPS_ALLOWED has patterns of test names (`tests/x/test_y.py::test_z`,
without parameters), one a line; empty allows none. Without it every skip is allowed.
"""

import os
import signal
from collections.abc import Generator
from fnmatch import fnmatchcase

import pytest

VARIABLE = "SKIPS_ALLOWED"


def pytest_configure() -> None:
    """Let what the tests start be interrupted, also where they run in a shell's background.

    A shell lets those ignore SIGINT, and every process begins with what its parent ignores.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a test fail that was skipped and may not be."""
    report = yield
    if not hasattr(report, "wasxfail"):
        _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Let a file fail that was skipped as a whole and may not be."""
    report = yield
    _refuse_skip(report)
    return report


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    allowed = os.environ.get(VARIABLE)
    if not report.skipped or allowed is None:
        return
    name = report.nodeid.partition("[")[0]
    if not any(fnmatchcase(name, pattern) for pattern in allowed.split()):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{name} was skipped, which {VARIABLE} does not allow: {reason}"
