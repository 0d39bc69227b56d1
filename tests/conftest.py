"""What all tests share."""

import logging
import os
from collections.abc import Iterator

import pytest

from arpanet.testing import wait_for

__all__ = ["wait_for"]


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
