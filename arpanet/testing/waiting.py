"""Waiting for what another thread or process does."""

import time
from collections.abc import Callable
from typing import TypeVar

import pytest

__all__ = ["wait_for"]

T = TypeVar("T")


def wait_for(condition: Callable[[], T], seconds: float = 10.0, every: float = 0.02) -> T:
    """Return the first true result of *condition*; fail, with the last one, after *seconds*."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds:g} s; last result: {result!r}")
        time.sleep(every)
    return result
