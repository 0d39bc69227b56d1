"""The registry in etcd: one shape for both of etcd's APIs.

A *store* knows how etcd is spoken to; what a registry promises is made of it here.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from arpanet import (
    ARPANET_TLS,
    ARPANET_TTL,
    HOSTNAME,
    TTL,
    Follower,
    Host,
    Leadership,
    Presence,
    Registry,
    Session,
    Settings,
    Snapshot,
    checked_length,
)
from arpanet_etcd.registry.auto import AutoStore
from arpanet_etcd.registry.keys import Layout
from arpanet_etcd.registry.leadership import SeatLeadership
from arpanet_etcd.registry.memory import Memory
from arpanet_etcd.registry.mirror import Mirror
from arpanet_etcd.registry.presence import PulsePresence
from arpanet_etcd.registry.session import HostSession
from arpanet_etcd.registry.store import Store
from arpanet_etcd.registry.v3.store import V3Store
from arpanet_etcd.registry.view import View
from arpanet_etcd.settings import ARPANET_ETCD_API, ARPANET_FOREIGN, where

__all__ = ["STATE", "EtcdRegistry", "make_registry", "open_registry"]

#: Where agents keep what they know, inside their containers.
STATE = Path("/var/lib/arpanet/registry")


class EtcdRegistry:
    """See :class:`arpanet.registry.Registry`.

    :param ttl: seconds that a silent host's entries stay.
    :param state: the file in which a follower keeps what it knows; ``None``: nowhere.
    """

    def __init__(
        self, store: Store, layout: Layout, ttl: int = TTL, state: Path | None = None
    ) -> None:
        self._store, self._layout, self._ttl, self._state = store, layout, ttl, state
        self._running: list[Mirror | HostSession | SeatLeadership | PulsePresence] = []

    def read(self) -> Snapshot:
        """Return what the registry holds now."""
        view = View(self._layout)
        view.replace(self._store.listing().texts)
        return view.snapshot()

    def follow(self, notify: Callable[[Snapshot], None]) -> Follower:
        """Call *notify*, from another thread, with the state now and with every later one."""
        memory = Memory(self._state) if self._state else None
        mirror = Mirror(self._store, self._layout, notify, memory)
        self._running.append(mirror)
        return mirror

    def session(self, host: Host, alive: Callable[[], bool] | None = None) -> Session:
        """Begin, or take over, the session of *host*."""
        session = HostSession(self._store.writer(host, self._ttl), self._ttl, alive)
        self._running.append(session)
        return session

    def check(self, host: Host) -> None:
        """Refuse a second host with the name of a living one."""
        self._store.check(host)

    def withdraw(self, host: str) -> None:
        """Remove all entries of *host*, by name, at once."""
        self._store.withdraw(host)

    def leader(self, name: str) -> Leadership:
        """Stand for leading under *name*."""
        leadership = SeatLeadership(name, lambda: self._store.seat(name, self._ttl), self._ttl)
        self._running.append(leadership)
        return leadership

    def presence(self, host: str, agent: str, alive: Callable[[], bool]) -> Presence:
        """Let others see that *agent* of *host* moves."""
        presence = PulsePresence(lambda: self._store.pulse(host, agent), alive, self._ttl)
        self._running.append(presence)
        return presence

    def forget(self, host: str, agent: str) -> None:
        """Have nobody miss *agent* of *host*."""
        self._store.forget(host, agent)

    def silences(self) -> Mapping[tuple[str, str], float]:
        """Return (host name, agent) -> seconds since it was last heard of."""
        return self._store.silences()

    def tell(self, host: str, about: str, text: str) -> None:
        """Keep *text* as what *host* says about something."""
        self._store.tell(host, about, checked_length(text))

    def told(self, about: str) -> Mapping[str, str]:
        """Return host name -> what it said last about something."""
        return self._store.told(about)

    def close(self) -> None:
        """Let go of connections and threads."""
        while self._running:
            self._running.pop().close()
        self._store.close()


def open_registry(
    endpoints: Sequence[str],
    path: str,
    api: str = "v3",
    ttl: int = TTL,
    *,
    foreign: bool = False,
    leaves: bool = True,
    seed: str = "",
    state: Path | None = None,
) -> EtcdRegistry:
    """Return the registry below *path* in the cluster at *endpoints*. Does no I/O.

    :param endpoints: base URLs.
    :param path: begins with a slash and does not end with one.
    :param api: ``v3``, ``v2``, or ``auto``: v3 where it is answered, else v2.
    :param foreign: whether what others wrote is read, too.
    :param leaves: see :class:`arpanet_etcd.registry.keys.Layout`.
    :param seed: this host's name: hosts spread over the endpoints by it; ``""``: as given.
    :param state: see :class:`EtcdRegistry`.
    """
    layout = Layout(path, foreign, leaves)
    kinds = {"v3": (V3Store,), "v2": (_v2_store,), "auto": (V3Store, _v2_store)}
    stores: list[Store] = [make(endpoints, layout, seed) for make in kinds[api]]
    return EtcdRegistry(AutoStore(stores) if stores[1:] else stores[0], layout, ttl, state)


def _v2_store(endpoints: Sequence[str], layout: Layout, seed: str) -> Store:
    from arpanet_etcd.registry.v2.store import V2Store  # python-etcd takes a while to load

    return V2Store(endpoints, layout, seed)


def make_registry(settings: Settings, agent: str = "") -> Registry | None:
    """Return the registry that ``ARPANET_REGISTRY`` names, ``None`` when it is not etcd's. No I/O.

    :param agent: whose process this is: agents keep what they know.
    :raises SettingsError: the URL makes no sense.
    """
    found = where(settings)
    if found is None:
        return None
    masters, path = found
    return open_registry(
        masters,
        path,
        settings[ARPANET_ETCD_API],
        settings[ARPANET_TTL],
        foreign=settings[ARPANET_FOREIGN] == "on",
        leaves=not settings[ARPANET_TLS],
        seed=settings[HOSTNAME],
        state=STATE / f"{agent}.json" if agent else None,
    )
