"""The plugin: answers for values that begin with ``consul:``."""

import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from arpanet import Context, Setting, hookimpl
from arpanet_consul.query import KIND, parse
from arpanet_consul.watch import Watch

__all__ = ["CONSUL_HTTP_ADDR", "ConsulPlugin"]

#: Seconds after which a question that no link asks any more is forgotten; links ask every 15.
FORGET = 60.0


def server(text: str) -> str:
    """The base URL of an HTTP server; as Consul's own programs have it, ``http://`` may lack."""
    url = text if "://" in text else f"http://{text}"
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
        raise ValueError("must be a host and a port, or http://host:port")
    return url.rstrip("/")


CONSUL_HTTP_ADDR = Setting(
    "CONSUL_HTTP_ADDR", server, "127.0.0.1:8500", "The Consul agent that links are looked up at."
)


class ConsulPlugin:
    """``consul:redis`` -> where Consul says that redis runs, as long as its checks pass."""

    agents = ("ambassador",)

    def __init__(self) -> None:
        self._watches: dict[str, Watch] = {}
        self._asked: dict[str, float] = {}

    @hookimpl
    def arpanet_settings(self) -> Sequence[Setting[Any]]:
        """Declare CONSUL_HTTP_ADDR."""
        return [CONSUL_HTTP_ADDR]

    @hookimpl
    def arpanet_backends(
        self, context: Context, spec: str
    ) -> Sequence[tuple[str, int]] | str | None:
        """Return what the watch of *spec* knows by now; the first question begins it."""
        if not spec.startswith(KIND):
            return None
        self._forget(spec)
        if spec not in self._watches:
            try:
                query = parse(spec)
            except ValueError as problem:
                return str(problem)
            self._watches[spec] = Watch(
                context.settings[CONSUL_HTTP_ADDR],
                query,
                lambda: context.emit("backends.changed"),
            )
        return self._watches[spec].answer

    def _forget(self, asked: str) -> None:
        now = time.monotonic()
        self._asked[asked] = now
        for spec in [one for one, at in self._asked.items() if now - at > FORGET]:
            del self._asked[spec]
            if watch := self._watches.pop(spec, None):
                watch.close()
