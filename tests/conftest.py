"""What all tests share."""

import gc
import logging
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import pytest

from arpanet import testing

#: Names the process that all processes of a test session stem from.
SESSION = "TEST_SESSION"

#: What PYTHONPATH was at the session's start: processes beside the first get that one's whole path.
PATH = "TEST_PYTHONPATH"

#: How many times longer than on an idle machine things may take before that is a failure.
SLOW = 6

#: The tests on real hosts and real daemons.
REAL = tuple(str(Path(__file__).parent / name) for name in ("services", "lab"))

T = TypeVar("T")


def wait_for(condition: Callable[[], T], seconds: float = 10.0, every: float = 0.02) -> T:
    """Return the first true result of *condition*; fail, with the last one, if none comes.

    :param seconds: what it may take on an idle machine; :data:`SLOW` times as much is waited.
    """
    return testing.wait_for(condition, seconds * SLOW, every)


def pytest_configure(config: pytest.Config) -> None:
    """Take signals as a command does that is started from a terminal.

    A shell lets what it starts in the background ignore SIGINT, and so would all that tests start.
    SIGTERM ends a run as Ctrl-C does: with its cleanup.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    os.environ.setdefault(SESSION, str(os.getpid()))
    given = os.environ.setdefault(PATH, os.environ.get("PYTHONPATH", ""))
    if given:
        os.environ["PYTHONPATH"] = given
    else:
        os.environ.pop("PYTHONPATH", None)


@pytest.fixture(autouse=True)
def logging_restored() -> Iterator[None]:
    """Put back what a test's command line did to logging."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


# -- the run as a whole --------------------------------------------------------------------------


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Say who has which tests when they run side by side."""
    from tests.support.sharing import ByCluster

    return ByCluster(config, log)


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what is there by now, all of which stays."""
    gc.freeze()


def pytest_sessionfinish() -> None:
    """Remove what the processes of this session had in common."""
    if os.environ[SESSION] == str(os.getpid()) and find_spec("arpanet_lab"):
        from tests.support.labs import end_session

        end_session()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Close what pytest-rerunfailures leaves open in a worker: its end would warn of it."""
    counted = getattr(config, "failures_db", None)
    if hasattr(counted, "sock"):
        counted.sock.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In CI, whose machines are shared, what fails on real hosts and daemons is run once more.

    Elsewhere it fails at once, as it should where somebody can look for the cause. A run that
    needs more than a few of these has failed (``--max-suite-reruns``), and each is shown with what
    it said the first time.
    """
    if os.environ.get("CI"):
        for item in items:
            if str(item.path).startswith(REAL):
                item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """In CI a skip is a failure: what was not tested there was not tested."""
    return _unskipped((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Iterator[None]:
    """The same for a module that skips itself."""
    return _unskipped((yield))


def _unskipped(report):  # type: ignore[no-untyped-def]
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say of each part of the tests what became of it and how long it took."""
    cases: dict[str, Counter[str]] = {}
    seconds: Counter[str] = Counter()
    for outcome, reports in terminalreporter.stats.items():
        for report in reports:
            if not isinstance(report, pytest.TestReport):
                continue
            part = "/".join(report.nodeid.partition("::")[0].split("/")[:2])
            seconds[part] += report.duration
            if outcome:  # none: a setup or an ending that went well
                cases.setdefault(part, Counter())[outcome] += 1
    for part, counted in sorted(cases.items()):
        words = ", ".join(f"{number} {outcome}" for outcome, number in sorted(counted.items()))
        terminalreporter.write_line(f"{part:16} {words} in {seconds[part]:.0f} s")
