"""What a hook implementation gets to work with: settings, Docker, the registry, the bus, words."""

import threading
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from arpanet import identity
from arpanet.errors import SettingsError
from arpanet.progress import Progress
from arpanet.settings import Settings

if TYPE_CHECKING:  # the engine imports the Docker SDK, which takes 0.2 s: only when it is used
    from arpanet.docker.engine import Engine
    from arpanet.events import Bus
    from arpanet.records import Host
    from arpanet.registry import Registry
    from arpanet.vault import Vault

__all__ = ["Context"]


class Context:
    """One process's view of its host.

    :ivar settings: valid, complete; replaced as a whole by the watcher.
    :ivar bus: announces events, asks plugins.
    :ivar say: says one line to the person who waits for this (stderr), or to the log in an agent.
    :ivar progress: shows what is being waited for: ``with context.progress("pulling redis:7"):``.
    :ivar packed: the node image that was found or packed, so that it is looked for once.
    :ivar agent: the name of the agent that this process is; ``""`` on the command line.
    :ivar wake: has an agent announce ``containers.synced`` again soon, from any thread: for plugins
        that retry, or that learn something from a thread of their own.
    :ivar alive: returns the seconds since the agent's deciding thread last moved, which it does
        every second when it is well; 0.0 on the command line. For whatever vouches for this
        process to others, such as a registry's session.
    """

    def __init__(
        self,
        settings: Settings,
        bus: "Bus",
        say: Callable[[str], None],
        agent: str = "",
    ) -> None:
        self.settings = settings
        self.bus = bus
        self.say = say
        self.progress = Progress(say)
        self.packed = ""
        self.agent = agent
        self.wake: Callable[[], None] = lambda: None
        self.alive: Callable[[], float] = lambda: 0.0
        self._building = {name: threading.RLock() for name in ("engine", "registry", "vault")}
        identity.use(identity.of(settings))

    def emit(self, event: str, **payload: Any) -> None:
        """Announce *event* to all plugins of this process."""
        self.bus.emit(event, context=self, **payload)

    @cached_property
    def engine(self) -> "Engine":
        """This host's Docker.

        :raises EngineUnreachable: it does not run, or may not be talked to.
        """
        from arpanet.docker.engine import Engine

        with self._building["engine"]:  # plugins have threads of their own
            found: Engine | None = self.__dict__.get("engine")
            return found or self.__dict__.setdefault("engine", Engine.connect())

    @cached_property
    def registry(self) -> "Registry":
        """The cluster's registry; does no I/O until it is used."""
        with self._building["registry"]:
            found: Registry | None = self.__dict__.get("registry")
            return found or self.__dict__.setdefault("registry", self._make_registry())

    @cached_property
    def vault(self) -> "Vault":
        """Where the cluster keeps what is no instance; does no I/O until it is used."""
        with self._building["vault"]:
            found: Vault | None = self.__dict__.get("vault")
            return found or self.__dict__.setdefault("vault", self._make_vault())

    def _make_registry(self) -> "Registry":
        from arpanet.registry import MEMORY, MemoryRegistry
        from arpanet.settings import ARPANET_REGISTRY

        if self.settings[ARPANET_REGISTRY] == MEMORY:
            return MemoryRegistry()
        registry: Registry | None = self.bus.first("arpanet_registry", context=self)
        if registry is None:
            url = self.settings[ARPANET_REGISTRY]
            raise SettingsError(
                f"ARPANET_REGISTRY={url}: no plugin knows this kind of registry",
                "use etcd://, or install the plugin that serves it",
            )
        return registry

    def _make_vault(self) -> "Vault":
        from arpanet.registry import MEMORY
        from arpanet.settings import ARPANET_REGISTRY
        from arpanet.vault import MemoryVault

        if self.settings[ARPANET_REGISTRY] == MEMORY:
            return MemoryVault()
        vault: Vault | None = self.bus.first("arpanet_vault", context=self)
        if vault is None:
            url = self.settings[ARPANET_REGISTRY]
            raise SettingsError(
                f"ARPANET_REGISTRY={url}: no plugin keeps more than instances there",
                "use etcd://, or install the plugin that serves it",
            )
        return vault

    def host(self, *roles: str) -> "Host":
        """Return this host's record, to hold a session with.

        :raises EngineUnreachable: the record holds the id of this host's engine.
        """
        import time

        from arpanet import __version__
        from arpanet.records import Host
        from arpanet.settings import ARPANET_IP, HOSTNAME

        name, address = self.settings[HOSTNAME], self.settings[ARPANET_IP]
        return Host(name, address, self.engine.id, roles, __version__, time.time())

    def adopt(self, settings: Settings) -> None:
        """Replace the settings; what was built from the old ones is built anew when next used."""
        self.close()
        self.settings = settings
        identity.use(identity.of(settings))

    def close(self) -> None:
        """Let go of what was used."""
        self.packed = ""
        for name in ("registry", "vault", "engine"):
            if name in self.__dict__:
                self.__dict__.pop(name).close()
