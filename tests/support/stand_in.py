"""A module that sees other functions in one of its libraries, for a test's time."""

from types import ModuleType, SimpleNamespace
from typing import Any

import pytest


def stand_in(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType, library: str, **changed: Any
) -> None:
    """Let *module* alone find the functions of *changed* in what it imports as *library*.

    All others, threads that earlier tests left waiting among them, go on with the true library:
    one that sleeps must not be told what is meant for the module under test.
    """
    true = getattr(module, library)
    monkeypatch.setattr(module, library, SimpleNamespace(**vars(true) | changed))
