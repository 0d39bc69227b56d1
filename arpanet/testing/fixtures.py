"""pytest's plugin for the authors of plugins: loaded by its entry point, so it imports little."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from arpanet.registry import MemoryRegistry
    from arpanet.testing import FedAgent, RecordingContext

__all__ = ["arpanet_agent", "arpanet_context", "arpanet_registry"]


@pytest.fixture
def arpanet_registry() -> "Iterator[MemoryRegistry]":
    """A registry in memory, the one of all contexts of the test."""
    from arpanet.registry import MemoryRegistry

    registry = MemoryRegistry()
    yield registry
    registry.close()


@pytest.fixture
def arpanet_context(
    arpanet_registry: "MemoryRegistry", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> "Callable[..., RecordingContext]":
    """Make a context over some plugins: ``arpanet_context(Greeter(), GREETING="moin")``.

    See :class:`arpanet.testing.RecordingContext`. What agents leave for ``arpanet status`` goes to
    the test's own directory.
    """
    from arpanet.agent import statusfile
    from arpanet.testing import RecordingContext

    monkeypatch.setattr(statusfile, "RUN", tmp_path / "run")

    def make(*plugins: object, agent: str = "", **settings: str) -> RecordingContext:
        return RecordingContext(*plugins, agent=agent, registry=arpanet_registry, **settings)

    return make


@pytest.fixture
def arpanet_agent(
    arpanet_context: "Callable[..., RecordingContext]",
) -> "Callable[..., FedAgent]":
    """Make an agent fed by hand: ``arpanet_agent(Greeter()).containers(container("r0"))``.

    See :class:`arpanet.testing.FedAgent`; the arguments are those of ``arpanet_context``.
    """
    from arpanet.testing import FedAgent

    def make(*plugins: object, agent: str = "registrator", **settings: str) -> FedAgent:
        return FedAgent(arpanet_context(*plugins, agent=agent, **settings))

    return make
