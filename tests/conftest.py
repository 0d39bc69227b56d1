"""What all tests share."""

import logging
import os
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

T = TypeVar("T")


def wait_for(condition: Callable[[], T], seconds: float = 10.0, every: float = 0.02) -> T:
    """Return the first true result of *condition*; fail, with the last one, after *seconds*."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds:g} s; last result: {result!r}")
        time.sleep(every)
    return result


@pytest.fixture(autouse=True)
def logging_restored() -> Iterator[None]:
    """Put back what a test's command line did to logging."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: "pytest.CallInfo[None]"):  # type: ignore[no-untyped-def]
    """In CI a skip is a failure: what was not tested there was not tested."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
