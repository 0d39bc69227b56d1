"""Waiting for what another thread or process does."""

import time
from collections.abc import Callable
from typing import TypeVar

import pytest

__all__ = ["wait_for"]

T = TypeVar("T")


def wait_for(condition: Callable[[], T], seconds: float = 10.0, every: float = 0.02) -> T:
    """Return the first true result of *condition*; fail, with the last one, after *seconds*.

    :param every: seconds between two looks; after one that took longer, as long as it took: what
        is waited for needs the processor as well.
    """
    deadline = time.monotonic() + seconds
    while True:
        began = time.monotonic()
        if result := condition():
            return result
        now = time.monotonic()
        if now > deadline:
            pytest.fail(f"not within {seconds:g} s; last result: {result!r}")
        time.sleep(max(every, now - began))
