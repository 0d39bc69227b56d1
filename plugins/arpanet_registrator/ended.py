"""Containers that failed and, with ARPANET_DEREGISTER=on-success, stay registered.

So does registrator with ``-deregister on-success``: what crashed shows, rather than vanishes. It
shows as unhealthy, and goes when it is removed, runs again, ends well, or another container takes
over a port of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from arpanet import Container, EngineError

__all__ = ["Ended", "failed"]

Inspect = Callable[[str], Mapping[str, Any] | None]


class Ended:
    """Remembers those that stay; what failed before this process began is not known to it."""

    def __init__(self, inspect: Inspect) -> None:
        self._inspect = inspect
        self._running: Mapping[str, Container] = {}
        self._kept: dict[str, Container] = {}

    def look(self, running: Mapping[str, Container]) -> Mapping[str, Container]:
        """Return what failed among all that ran, given all that are *running* now."""
        ports = {binding for one in running.values() for binding in _bindings(one)}
        candidates = {**self._running, **self._kept}
        self._running = running
        self._kept = {
            # its addresses may be another's by now
            key: replace(one, health="unhealthy", networks={})
            for key, one in candidates.items()
            if key not in running and not ports & _bindings(one) and self._failed(key)
        }
        return self._kept

    def _failed(self, container: str) -> bool:
        try:
            return failed(self._inspect(container))
        except EngineError:  # not known: as registrator, keep it
            return True


def failed(inspected: Mapping[str, Any] | None) -> bool:
    """Whether a container that runs no more ended badly, by registrator's measure.

    It did unless it exited with 0 or by a signal (128 and above), or is gone.
    """
    state = (inspected or {}).get("State") or {}
    code = state.get("ExitCode") or 0
    return bool(inspected) and not (code == 0 or code & 128)


def _bindings(container: Container) -> set[tuple[str, int]]:
    return {(port.protocol, port.host_port) for port in container.ports if port.host_port}
