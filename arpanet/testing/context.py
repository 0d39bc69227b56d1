"""A context that records: what a hook gets, and what a test looks at afterwards."""

from typing import Any, NoReturn, cast

import pluggy

from arpanet import hookspecs
from arpanet.context import Context
from arpanet.docker.engine import Engine
from arpanet.events import Bus
from arpanet.registry import MemoryRegistry, Registry
from arpanet.settings import Settings, Source, declared
from arpanet.testing.engine import RecordingEngine

__all__ = ["RecordingContext"]


class RecordingContext(Context):
    """A real context over *plugins*, without Docker and with a registry in memory.

    What an implementation raises reaches the test. Settings not given are the host ``h1`` at
    127.0.0.1 and the defaults.

    :param plugins: objects or modules with hook implementations: checked, and told of events.
    :param agent: the agent that this process is to be; ``""``: the command line.
    :param registry: shared, to make several contexts the hosts of one cluster.
    :param given: settings, as a person writes them.
    :ivar said: every line that was said.
    :ivar emitted: every (event, payload) that was announced.
    :ivar woken: how often the agent was asked to look again.
    :ivar docker: what ``context.engine`` is.
    """

    def __init__(
        self,
        *plugins: object,
        agent: str = "",
        registry: Registry | None = None,
        **given: str,
    ) -> None:
        manager = pluggy.PluginManager("arpanet")
        manager.add_hookspecs(hookspecs)
        for plugin in plugins:
            manager.register(plugin)
            manager.check_pending()
        bus = Bus(manager, _raise)
        texts = {"HOSTNAME": "h1", "ARPANET_IP": "127.0.0.1", **given}
        settings = declared(bus)
        if unknown := texts.keys() - {one.name for one in settings}:
            raise TypeError(f"no plugin here declares {', '.join(sorted(unknown))}")
        sources = {name: Source(text, "test") for name, text in texts.items()}
        self.said: list[str] = []
        super().__init__(Settings(settings, sources), bus, self.said.append, agent)
        self.emitted: list[tuple[str, dict[str, Any]]] = []
        self.woken = 0
        self.wake = self._wake
        self.docker = RecordingEngine()
        self.engine = cast("Engine", self.docker)
        self.registry = registry or MemoryRegistry()

    def emit(self, event: str, **payload: Any) -> None:
        """Note *event*, and announce it to the plugins of this context."""
        self.emitted.append((event, payload))
        super().emit(event, **payload)

    def _wake(self) -> None:
        self.woken += 1


def _raise(_plugin: str, _hook: str, problem: BaseException) -> NoReturn:
    raise problem
