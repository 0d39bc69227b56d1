"""What arpanet does with containers, made of :class:`~arpanet.docker.steps.Steps`."""

from collections.abc import Mapping
from pathlib import Path

from arpanet.docker import ensuring, following
from arpanet.docker.inspect import container_record
from arpanet.docker.specs import ONCE_LABEL, PART_LABEL, ROLE_LABEL, ContainerSpec, OwnContainer
from arpanet.docker.steps import Json, Steps
from arpanet.records import Container

__all__ = ["Fleet"]


class Fleet(Steps):
    """Everybody's running containers, and arpanet's own, running or not."""

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

    def ensure(self, spec: ContainerSpec) -> str:
        """See :func:`arpanet.docker.ensuring.ensure`."""
        self.sweep()
        return ensuring.ensure(self, spec)

    def sweep(self) -> None:
        """Remove the one-shot containers of commands that were killed before they could."""
        for one in self.listed(ONCE_LABEL):
            inspected = self.inspect(one)
            owner = inspected and inspected["Config"]["Labels"][ONCE_LABEL]
            if owner and not _lives(owner):
                self.remove(one)

    def own(self, part: str | None = None) -> list[OwnContainer]:
        """Return arpanet's own containers, running or not, by name."""
        label = PART_LABEL if part is None else f"{PART_LABEL}={part}"
        inspected = (self.inspect(one) for one in self.listed(label))
        return sorted((_own(one) for one in inspected if one), key=lambda one: one.name)

    def read_memory(self, name: str, path: str) -> bytes | None:
        """Return a file out of a running container's memory (a tmpfs); ``None``: there is none.

        Its own ``cat`` reads it, since Docker's archives are of disks.
        """
        found = self.inspect(name)
        if not found or found["State"]["Status"] != "running":
            return None
        if not any(path.startswith(f"{one}/") for one in found["HostConfig"].get("Tmpfs") or ()):
            return None
        code, content, _ = self.exec(name, ["cat", path])
        return content if code == 0 else None

    def roles(self) -> set[str]:
        """Return what this host is: ``master``, ``slave``, both or neither.

        A part that was stopped does not count; one that an interrupted :meth:`ensure` was about to
        start does.
        """
        alive = ("running", "restarting", "paused", "created")
        return {one.role for one in self.own() if one.state in alive and one.role}

    def stop_part(self, part: str) -> list[str]:
        """Stop what runs of *part*, without removing it; return the names."""
        running = [one for one in self.own(part) if one.state in ("running", "restarting")]
        for one in running:
            self.stop(one.id)
        return [one.name for one in running]

    def remove_part(self, part: str) -> list[str]:
        """Stop and remove all containers of *part*; named volumes stay. Return the names."""
        found = self.own(part)
        for one in found:
            self.stop(one.id)
            self.remove(one.id)
        return [one.name for one in found]


def _lives(pid: str) -> bool:
    """Return whether a process still works: one that was killed and not reaped has no words."""
    try:
        return bool(Path("/proc", pid, "cmdline").read_bytes())
    except OSError:
        return False


def _own(inspected: Mapping[str, Json]) -> OwnContainer:
    config, state = inspected["Config"], inspected["State"]
    return OwnContainer(
        name=str(inspected["Name"]).lstrip("/"),
        part=config["Labels"][PART_LABEL],
        state=state["Status"],
        image=config["Image"],
        id=str(inspected["Id"]),
        started=state["StartedAt"],
        role=config["Labels"].get(ROLE_LABEL, ""),
    )
