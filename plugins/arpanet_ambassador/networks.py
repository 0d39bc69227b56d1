"""What Docker's networks keep their containers from: asked of Docker, by a worker."""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from arpanet import EngineError

__all__ = ["Kinds", "Networks", "kinds"]

log = logging.getLogger(__name__)

#: The option by which containers of one bridge can't dial each other (``--icc=false``).
_ICC = "com.docker.network.bridge.enable_icc"


class Kinds(NamedTuple):
    """Names of networks that are special.

    :ivar isolated: their containers can't dial each other.
    :ivar internal: nothing outside of them can be dialled from there.
    """

    isolated: frozenset[str] = frozenset()
    internal: frozenset[str] = frozenset()


def kinds(described: Iterable[Mapping[str, Any]]) -> Kinds:
    """Return what Docker's own descriptions of its networks come to; pure."""
    every = list(described)
    return Kinds(
        frozenset(
            one["Name"]
            for one in every
            if str((one.get("Options") or {}).get(_ICC, "")).lower() == "false"
        ),
        frozenset(one["Name"] for one in every if one.get("Internal")),
    )


class Networks:
    """Asks when there are networks that were not there before: what they are never changes.

    :param ask: returns Docker's descriptions; called from a worker.
    :param changed: called from there when :attr:`found` differs.
    :ivar found: replaced as a whole.
    """

    def __init__(
        self, ask: Callable[[], Iterable[Mapping[str, Any]]], changed: Callable[[], None]
    ) -> None:
        self._ask, self._changed = ask, changed
        self.found = Kinds()
        self._known: frozenset[str] = frozenset()
        self._asking = threading.Lock()

    def want(self, names: frozenset[str], again: bool = False) -> None:
        """Know of *names*; ask *again* also where they are known. Returns at once."""
        if (again or not names <= self._known) and self._asking.acquire(blocking=False):
            threading.Thread(target=self._look, args=(names,), name="networks", daemon=True).start()

    def _look(self, names: frozenset[str]) -> None:
        try:
            found = kinds(self._ask())
            before, self.found, self._known = self.found, found, names
        except EngineError as problem:  # the next look at Docker asks again
            log.debug("networks: %s", problem)
            return
        finally:
            self._asking.release()
        if found != before:
            self._changed()
