"""Who may have links here: what runs, what is about to run, and what their hosts files say."""

from collections.abc import Mapping
from pathlib import Path

from arpanet import ARPANET_MASTERS, Container, Context
from arpanet_ambassador.links.specs import masters, root
from arpanet_ambassador.names import hosts, writing
from arpanet_ambassador.names.reading import HostsFiles
from arpanet_ambassador.names.unnamed import Unnamed
from arpanet_ambassador.networks import Networks
from arpanet_ambassador.planes.namespaces import name_of
from arpanet_ambassador.planes.plane import Home
from arpanet_ambassador.starting.describing import declares
from arpanet_ambassador.starting.following import Starting
from arpanet_ambassador.volume import Kept

__all__ = ["Clients"]


class Clients:
    """The containers of this host, as they were last seen. To be used from the agent's thread.

    :param name: of the container that clients are linked to.
    :param sees: whether this process sees the containers' own.
    :param place: where the links are that were added to running containers.
    :ivar containers: by id; ``None``: Docker was not seen yet.
    :ivar former: the container that clients are linked to, as it was when it last ran.
    :ivar namespaces: container id -> the kernel's name for its network namespace.
    :ivar networks: what Docker says of the networks that they are in.
    :ivar added: the links that were added to running containers.
    :ivar root: *masters*: what an address in the registry may begin with; to be told of those that
        the registry knows.
    """

    def __init__(self, context: Context, name: str, sees: bool, place: Path) -> None:
        self._context, self.name = context, name
        self.containers: Mapping[str, Container] | None = None
        self.former: Container | None = None
        self.namespaces: Mapping[str, str] = {}
        self.networks = Networks(lambda: context.engine.networks(), context.wake)
        self.added = Kept(place, context.wake)
        self.root = root(context.settings)
        given = context.settings[ARPANET_MASTERS]
        self.masters = masters(given, ())
        self._sees = sees
        self._hosts = HostsFiles(context.wake)
        self._unnamed = Unnamed(context.wake)
        self._starting = (
            Starting(self._may_declare, self._files, self._write, context.wake) if sees else None
        )

    @property
    def named(self) -> Mapping[str, frozenset[str]]:
        """Namespace -> the ambassador's addresses in the hosts files of its containers."""
        return self._hosts.found

    @property
    def unnamed(self) -> Mapping[str, Mapping[str, str]]:
        """Container name -> name that it dials -> why its hosts file was left alone there."""
        found, containers = self._unnamed.found, self.containers or {}
        return {containers[key].name: found[key] for key in found.keys() & containers.keys()}

    @property
    def holder(self) -> Home | None:
        """The container that clients are linked to."""
        for one in (self.containers or {}).values():
            if one.name == self.name:
                return Home(one.id, one.pid, started=one.started)
        return None

    def look(self, running: Mapping[str, Container], again: bool) -> None:
        """Take a complete look at Docker, with what is about to run.

        :param again: read all files anew, whether anything changed or not.
        """
        found = dict(running)
        self._unnamed.forget(running)
        if self._starting:
            self._starting.settled(running)
            found = {**running, **self._starting.found}  # those are later than Docker's word
        if found != self.containers or again:
            if found != self.containers:  # else what was made of it stays
                self.containers = found
                holders = (one for one in found.values() if one.name == self.name)
                self.former = next(holders, self.former)
            if self._sees:
                # each time: the name of one that has ended, of which Docker has yet to tell, may
                # be another's by now
                names = {one.id: name_of(one.pid) for one in found.values()}
                self.namespaces = self.namespaces if names == self.namespaces else names
                self._hosts.want(hosts.wanted(found, self.namespaces, self.name), again=again)
        self.networks.want(frozenset(n for one in found.values() for n in one.networks), again)

    def _may_declare(self, container: Container) -> bool:
        return declares(container) or container.id in self.added.links()

    def _write(self, container: Container, files: Path) -> None:
        found = writing.write(container, files, self.masters, self.root)
        self._unnamed.learn(container.id, found)

    def _files(self) -> Path:
        """Return the directory in which Docker keeps its containers."""
        found = self._context.engine.inspect(self.name) or {}
        return Path(found["HostsPath"]).parent.parent
