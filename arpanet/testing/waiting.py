"""Waiting for what another thread or process does."""

import time
from collections.abc import Callable
from typing import TypeVar

import pytest

__all__ = ["wait_for"]

T = TypeVar("T")

_SELDOM = 0.2


def wait_for(condition: Callable[[], T], seconds: float = 10.0, every: float = 0.02) -> T:
    """Return the first true result of *condition*; fail, with the last one, after *seconds*.

    :param every: seconds between two looks. What is waited for needs the processor as well: so
        after one that took longer, it is as long as that took, and what lets wait for seconds is
        looked at less often.
    """
    start = time.monotonic()
    while True:
        began = time.monotonic()
        if result := condition():
            return result
        now = time.monotonic()
        if now > start + seconds:
            pytest.fail(f"not within {seconds:g} s; last result: {result!r}")
        time.sleep(max(every, now - began, min((now - start) / 10, _SELDOM)))
