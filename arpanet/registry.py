"""Where instances are kept: the protocol, and a registry in memory.

What a reader may rely on: :meth:`Registry.read` is one consistent moment; a follower is told of
every state it missed as one new snapshot, never of an empty one because nobody answered. What a
host withdrew goes at once. What merely vanished (its host fell silent, the store was wiped,
restored or is another one) stays, marked ``unconfirmed``, until its host lists it again or says it
has no such instance, its address is taken by another, or a day has passed.

What a writer may rely on: a session makes the registry hold exactly what was last published for its
host, writes differences only, and puts things right by itself after lost leases and days without a
master. A host that dies takes its entries with it within :data:`TTL` seconds.

What is to be done once in the cluster is done by whoever leads under a name of the doer's own: see
:class:`Leadership`.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Protocol

from arpanet.errors import RegistryError
from arpanet.records import Host, Instance, Snapshot

__all__ = [
    "LINKS",
    "MEMORY",
    "TTL",
    "Follower",
    "Leadership",
    "MemoryRegistry",
    "Presence",
    "Registry",
    "Session",
    "checked_length",
]

#: Seconds that a silent host's entries stay.
TTL = 15

#: What hosts tell others of their containers' links under: see :func:`arpanet.codec.encode_links`.
LINKS = "links"

#: Bytes that a host may tell others about one thing.
LONGEST = 1_000_000

#: The ARPANET_REGISTRY of a process that keeps its registry to itself: for trying things out.
MEMORY = "memory://"

Notify = Callable[[Snapshot], None]
Alive = Callable[[], bool]


class Follower(Protocol):
    """A running mirror of the registry."""

    @property
    def trouble(self) -> str:
        """Why the mirror may be behind; ``""`` when it is up to date."""

    def close(self) -> None:
        """Stop; no call of *notify* begins after this returns."""


class Session(Protocol):
    """The entries of one host, kept alive."""

    @property
    def trouble(self) -> str:
        """Why the registry may not hold what was published; ``""`` when it does."""

    @property
    def refused(self) -> Mapping[str, str]:
        """Instance id -> why it, or one of its names, is not kept although the others are."""

    def publish(self, instances: Iterable[Instance]) -> None:
        """Let *instances* be all that this host has. Returns at once, raises nothing."""

    def close(self) -> None:
        """Write what was published last, then keep the entries alive no more.

        Returns within some seconds, whether that was possible or not. The entries stay until
        :data:`TTL` runs out.
        """


class Leadership(Protocol):
    """A candidate for doing what *name* stands for: one in the cluster does it at a time.

    What was done is noted with :meth:`keep`, and outlives leaders: the next goes on from there.
    """

    @property
    def leading(self) -> bool:
        """Whether it is this one now. Does no I/O.

        False as soon as it can't be proved, before another begins: look again before each deed.
        """

    def recall(self) -> str:
        """Return what a leader of this name kept last, ``""`` when none ever did.

        :raises RegistryUnreachable: no master answers.
        """

    def keep(self, note: str) -> None:
        """Keep *note*, of up to 1 MB, in the place of the last one.

        :raises RegistryError: this one does not lead, or not any more.
        :raises RegistryUnreachable: no master answers; it may have been kept.
        """

    def close(self) -> None:
        """Stand no more; another leads within :data:`TTL` seconds."""


class Presence(Protocol):
    """An agent that lets others see that it moves."""

    @property
    def trouble(self) -> str:
        """Always ``""``: that no master answers is said by whatever needs one."""

    def close(self) -> None:
        """Show it no more; it is missed until it is forgotten."""


class Registry(Protocol):
    """One cluster's registry. All methods may be called from any thread."""

    def read(self) -> Snapshot:
        """Return what the registry holds now.

        :raises RegistryUnreachable: no master answers, or they have no quorum.
        """

    def follow(self, notify: Notify) -> Follower:
        """Call *notify*, from another thread, with the state now and with every later one."""

    def session(self, host: Host, alive: Alive | None = None) -> Session:
        """Begin, or take over, the session of *host*.

        Returns at once: that another engine holds the name (see :meth:`check`) or that no master
        answers shows in the session's ``trouble``, and is tried again until closed.

        :param alive: asked before each refresh; while it says no, the entries are not kept alive.
        """

    def check(self, host: Host) -> None:
        """Refuse a second host with the name of a living one.

        :raises RegistryError: a living session of that name belongs to another engine.
        :raises RegistryUnreachable: no master answers.
        """

    def withdraw(self, host: str) -> None:
        """Remove all entries of *host*, by name, at once.

        :raises RegistryUnreachable: no master answers; they go with the host's lease.
        """

    def presence(self, host: str, agent: str, alive: Alive) -> Presence:
        """Let others see that *agent* of *host* moves, and miss it when it does not.

        Returns at once, raises nothing. It is missed for a day, or until the host is withdrawn.

        :param alive: asked before each sign of life; while it says no, none is given.
        """

    def forget(self, host: str, agent: str) -> None:
        """Have nobody miss *agent* of *host*: it is to be there no more.

        :raises RegistryUnreachable: no master answers.
        """

    def silences(self) -> Mapping[tuple[str, str], float]:
        """Return (host name, agent) -> seconds since it was last heard of.

        :raises RegistryUnreachable: no master answers.
        """

    def leader(self, name: str) -> Leadership:
        """Stand for leading under *name*, until closed. Returns at once, raises nothing."""

    def tell(self, host: str, about: str, text: str) -> None:
        """Keep *text*, of up to 1 MB, as what *host* says *about* something, for others to read.

        It says nothing of whether the host lives, and goes when the host is withdrawn.

        :raises RegistryError: it is not kept: it is too long, or there is no space.
        :raises RegistryUnreachable: no master answers; it may have been kept.
        """

    def told(self, about: str) -> Mapping[str, str]:
        """Return host name -> what it said last *about* something.

        :raises RegistryUnreachable: no master answers.
        """

    def close(self) -> None:
        """Let go of connections and threads."""


class MemoryRegistry:
    """A registry in this process: for tests, and for ``ARPANET_REGISTRY=memory://``."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._instances: dict[str, dict[str, Instance]] = {}
        self._hosts: dict[str, Host] = {}
        self._notify: list[Notify] = []
        #: name -> who stands for leading under it: the first one does
        self.candidates: dict[str, list[_MemoryLeadership]] = {}
        self.notes: dict[str, str] = {}
        self._told: dict[tuple[str, str], str] = {}
        self._present: set[tuple[str, str]] = set()

    def read(self) -> Snapshot:
        """See :class:`Registry`."""
        with self._lock:
            every = {i.id: i for own in self._instances.values() for i in own.values()}
            return Snapshot(every, dict(self._hosts))

    def follow(self, notify: Notify) -> "Follower":
        """See :class:`Registry`."""
        with self._lock:
            self._notify.append(notify)
            notify(self.read())
        return _MemoryFollower(self, notify)

    def session(self, host: Host, alive: Alive | None = None) -> "Session":
        """See :class:`Registry`."""
        try:
            self.check(host)
        except RegistryError as problem:
            return _MemorySession(self, host, str(problem))
        self.change(host.name, host, None)
        return _MemorySession(self, host)

    def check(self, host: Host) -> None:
        """See :class:`Registry`."""
        other = self._hosts.get(host.name)
        if other and other.engine != host.engine:
            raise duplicate_host(host, other)

    def withdraw(self, host: str) -> None:
        """See :class:`Registry`."""
        self.change(host, None, ())
        self._told = {key: text for key, text in self._told.items() if key[0] != host}
        self._present = {one for one in self._present if one[0] != host}

    def presence(self, host: str, agent: str, alive: Alive) -> "Presence":
        """See :class:`Registry`."""
        self._present.add((host, agent))
        return _MemoryPresence()

    def forget(self, host: str, agent: str) -> None:
        """See :class:`Registry`."""
        self._present.discard((host, agent))

    def silences(self) -> Mapping[tuple[str, str], float]:
        """See :class:`Registry`."""
        return dict.fromkeys(self._present, 0.0)

    def vanish(self, host: str) -> None:
        """Have *host* fall silent: its record goes, its entries stay unconfirmed."""
        own = self._instances.get(host, {}).values()
        self.change(host, None, [replace(one, unconfirmed=True) for one in own])

    def leader(self, name: str) -> "Leadership":
        """See :class:`Registry`."""
        return _MemoryLeadership(self, name)

    def tell(self, host: str, about: str, text: str) -> None:
        """See :class:`Registry`."""
        self._told[host, about] = checked_length(text)

    def told(self, about: str) -> Mapping[str, str]:
        """See :class:`Registry`."""
        return {host: text for (host, what), text in self._told.items() if what == about}

    def close(self) -> None:
        """See :class:`Registry`."""
        self._notify.clear()
        self.candidates.clear()

    def unfollow(self, notify: Notify) -> None:
        """Tell *notify* no more."""
        with self._lock:
            if notify in self._notify:  # closing the registry has dropped them all
                self._notify.remove(notify)

    def change(self, name: str, host: Host | None, instances: Iterable[Instance] | None) -> None:
        """Set a host's record and entries (``None``: leave the entries), then tell all."""
        with self._lock:
            before = self.read()
            if host:
                self._hosts[name] = host
            else:
                self._hosts.pop(name, None)
            if instances is not None:
                self._instances[name] = {one.id: one for one in instances}
            after = self.read()
            if after != before:
                for notify in list(self._notify):
                    notify(after)


class _MemoryFollower:
    trouble = ""

    def __init__(self, registry: MemoryRegistry, notify: Notify) -> None:
        self._registry, self._notify = registry, notify

    def close(self) -> None:
        self._registry.unfollow(self._notify)


class _MemorySession:
    refused: Mapping[str, str] = {}

    def __init__(self, registry: MemoryRegistry, host: Host, trouble: str = "") -> None:
        self._registry, self._host = registry, host
        self.trouble = trouble

    def publish(self, instances: Iterable[Instance]) -> None:
        if not self.trouble:
            self._registry.change(self._host.name, self._host, instances)

    def close(self) -> None:
        """Entries in memory have no lease: nothing to let go of."""


class _MemoryPresence:
    trouble = ""

    def close(self) -> None:
        """Who shares a process with all others is seen by them."""


class _MemoryLeadership:
    def __init__(self, registry: MemoryRegistry, name: str) -> None:
        self._registry, self._name = registry, name
        registry.candidates.setdefault(name, []).append(self)

    @property
    def leading(self) -> bool:
        return self._registry.candidates.get(self._name, [])[:1] == [self]

    def recall(self) -> str:
        return self._registry.notes.get(self._name, "")

    def keep(self, note: str) -> None:
        if not self.leading:
            raise not_leading(self._name)
        self._registry.notes[self._name] = note

    def close(self) -> None:
        standing = self._registry.candidates.get(self._name, [])
        if self in standing:
            standing.remove(self)


def checked_length(text: str) -> str:
    """Return *text*, which a host tells others.

    :raises RegistryError: it has more than a megabyte, which stores refuse in ways of their own.
    """
    if (size := len(text.encode())) > LONGEST:
        raise RegistryError(f"{size} bytes are more than the {LONGEST} that a host may tell")
    return text


def not_leading(name: str) -> RegistryError:
    """Return the error for a note of one that does not lead."""
    return RegistryError(f"another of the cluster leads {name} now")


def duplicate_host(host: Host, other: Host) -> RegistryError:
    """Return the error for a second host of one name."""
    return RegistryError(
        f"HOSTNAME {host.name} is taken by the host at {other.address}",
        "give each host a HOSTNAME of its own, or run 'arpanet slave stop' there",
    )
