"""The single steps that working with containers is made of; the engine takes them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from arpanet.docker.following import Events

__all__ = ["Json", "Steps"]

Json = Mapping[str, Any]


class Steps(ABC):
    """Each raises ``EngineError``: ``Conflict`` where somebody else was faster."""

    @abstractmethod
    def subscribe(self) -> Events:
        """Return the stream of (container id, action): iterate it in one thread, close in any."""

    @abstractmethod
    def listed(self, label: str | None = None) -> list[str]:
        """Return the ids of what runs, or of all that carries *label*, running or not."""

    @abstractmethod
    def inspect(self, container: str) -> Json | None:
        """Return Docker's own description of a container, ``None`` when there is none."""

    @abstractmethod
    def create(self, name: str | None, body: Json) -> str:
        """Create a container, return its id; *body* is as Docker's API has it."""

    @abstractmethod
    def start(self, container: str) -> None:
        """Start a container."""

    @abstractmethod
    def stop(self, container: str) -> None:
        """Stop a container within its own stop time; Docker does not start it again by itself."""

    @abstractmethod
    def remove(self, container: str) -> None:
        """Remove a container, running or not, and its unnamed volumes."""

    @abstractmethod
    def rename(self, container: str, name: str) -> None:
        """Rename a container."""

    @abstractmethod
    def exec(
        self,
        name: str,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        timeout: int = 60,
    ) -> tuple[int, bytes, bytes]:
        """Run a program in a running container; return (exit code, stdout, stderr)."""

    @abstractmethod
    def logs(self, name: str, tail: int = 20) -> str:
        """Return the last lines of a container's output."""

    @abstractmethod
    def image_id(self, tag: str) -> str | None:
        """Return the id of the image that *tag* names here, ``None`` when there is none."""
