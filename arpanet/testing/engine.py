"""A host's Docker that runs nothing, and notes what it is asked for."""

from collections.abc import Mapping, Sequence
from typing import Any

from arpanet.agent import statusfile
from arpanet.docker.specs import ContainerSpec, OwnContainer

__all__ = ["RecordingEngine"]


class RecordingEngine:
    """Stands in for :class:`arpanet.Engine` where a hook starts, looks at or removes containers.

    :ivar containers: arpanet's own; a test may add to them and change them.
    :ivar ensured: every spec that was asked for.
    :ivar did: every change that was asked for, as one line.
    :ivar files: path -> content, in any container.
    :ivar exit: what :meth:`exec` returns: exit code, stdout and stderr.
    """

    id = "engine-1"

    def __init__(self) -> None:
        self.containers: list[OwnContainer] = []
        self.ensured: list[ContainerSpec] = []
        self.did: list[str] = []
        self.files: dict[str, bytes] = {}
        self.exit: tuple[int, bytes, bytes] = (0, b"", b"")

    def has(self, name: str, part: str, state: str = "running") -> None:
        """Let a container of arpanet's own be there."""
        self.containers.append(OwnContainer(name, part, state, "image", f"id-{name}", "t0"))

    def own(self, part: str | None = None) -> list[OwnContainer]:
        """Return arpanet's own containers, of *part* only when it is given."""
        return [one for one in self.containers if part in (None, one.part)]

    def ensure(self, spec: ContainerSpec, *, settle: bool = True) -> str:
        """Have a container run as *spec* says."""
        self.ensured.append(spec)
        self.did.append(f"ensure {spec.name}")
        self.containers = [one for one in self.containers if one.name != spec.name]
        self.has(spec.name, spec.part)
        return "created"

    def remove_part(self, part: str) -> list[str]:
        """Remove the containers of *part*."""
        self.did.append(f"remove {part}")
        removed = [one.name for one in self.own(part)]
        self.containers = [one for one in self.containers if one.part != part]
        return removed

    def start(self, container: str) -> None:
        """Start a container."""
        self.did.append(f"start {container}")

    def inspect(self, container: str) -> dict[str, Any] | None:
        """Return the little of Docker's inspect that says how arpanet is run in it."""
        return {"Config": {"Entrypoint": ["/python", "-m", "arpanet"]}}

    def exec(
        self,
        name: str,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        timeout: int = 60,
    ) -> tuple[int, bytes, bytes]:
        """Run *argv* in a container."""
        self.did.append(f"exec {name}: {' '.join(argv)}")
        return self.exit

    def read_file(self, name: str, path: str) -> bytes | None:
        """Return a file of :attr:`files`, or what an agent of this test left as its status."""
        if path not in self.files and path.startswith(f"{statusfile.RUN}/"):
            file = statusfile.RUN / path.rpartition("/")[2]
            return file.read_bytes() if file.exists() else None
        return self.files.get(path)

    def close(self) -> None:
        """Nothing is held."""
