"""An agent fed by hand."""

from arpanet.agent.loop import Agent
from arpanet.records import Container, Instance
from arpanet.testing.context import RecordingContext
from arpanet.testing.records import snapshot

__all__ = ["FedAgent"]


class FedAgent:
    """The loop of a node container, whose Docker and registry are what the test says.

    Hooks are called before each method returns, in the order that a real agent calls them.
    """

    def __init__(self, context: RecordingContext) -> None:
        self.context = context
        wake = context.wake
        self._agent = Agent(context)
        context.wake = wake  # the loop does not run: a test reads what it would have been told
        self._containers: tuple[Container, ...] = ()

    def start(self) -> None:
        """Announce ``agent.start``, as an agent does before anything else."""
        self.context.emit("agent.start")

    def stop(self) -> None:
        """Announce ``agent.stop``, as an agent that is told to end."""
        self.context.emit("agent.stop")

    def containers(self, *running: Container) -> None:
        """Let *running* be all containers of this host: the differences, then the whole."""
        self._containers = running
        self._agent.containers({one.id: one for one in running})

    def again(self) -> None:
        """Look at the same containers again, as after ``context.wake()`` or 30 seconds."""
        self.containers(*self._containers)

    def services(self, *instances: Instance) -> None:
        """Let *instances* be all that the registry holds."""
        self._agent.services(snapshot(*instances))
