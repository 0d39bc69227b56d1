"""This host's Docker as plugins see it: a client's single steps, and what is made of them."""

from arpanet.docker import ensuring, following, memory, own, reviving
from arpanet.docker.client import Client
from arpanet.docker.inspect import container_record
from arpanet.docker.specs import ContainerSpec, OwnContainer
from arpanet.records import Container

__all__ = ["ContainerSpec", "Engine", "OwnContainer"]


class Engine(Client):
    """Everybody's running containers, and arpanet's own, running or not.

    :ivar processes: where the processes of Docker's host are shown.
    """

    processes = memory.PROCESSES

    def containers(self) -> dict[str, Container]:
        """Return every running container by id; one that ends meanwhile is left out."""
        found = (self.container(one) for one in self.listed())
        return {one.id: one for one in found if one}

    def container(self, container: str) -> Container | None:
        """Return a running container, ``None`` when it is not running."""
        inspected = self.inspect(container)
        return container_record(inspected) if inspected else None

    def follow(self, notify: following.Notify, resync: float = 30.0) -> following.Following:
        """Call *notify*, from another thread, with all running containers now and at each change.

        :param resync: seconds between two full comparisons.
        """
        return following.Following(self, notify, resync)

    def revive(self) -> reviving.Reviving:
        """Start arpanet's own containers, from another thread, when Docker has given them up."""
        return reviving.Reviving(self)

    def ensure(self, spec: ContainerSpec, *, settle: bool = True) -> str:
        """Make a node container be what *spec* says; see :func:`arpanet.docker.ensuring.ensure`."""
        self.sweep()
        return ensuring.ensure(self, spec, settle=settle)

    def sweep(self) -> None:
        """Remove the one-shot containers of commands that were killed before they could."""
        own.sweep(self)

    def own(self, part: str | None = None) -> list[OwnContainer]:
        """Return arpanet's own containers, running or not, by name."""
        return own.own(self, part)

    def read_file(self, name: str, path: str) -> bytes | None:
        """Return a file out of a container, also out of its memory; ``None``: there is none."""
        found = memory.read(self, name, path, self.processes)
        return super().read_file(name, path) if found is None else found

    def roles(self) -> set[str]:
        """Return what this host is: ``master``, ``slave``, both or neither."""
        return own.roles(self)

    def stop_part(self, part: str) -> list[str]:
        """Stop what runs of *part*, without removing it; return the names."""
        return own.stop_part(self, part)

    def remove_part(self, part: str) -> list[str]:
        """Stop and remove all containers of *part*; see :func:`arpanet.docker.own.remove_part`."""
        return own.remove_part(self, part)
