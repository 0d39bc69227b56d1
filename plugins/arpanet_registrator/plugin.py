"""The registrator as a plugin: a container on each slave, and what runs in it."""

from collections.abc import Mapping, Sequence
from typing import Any

from arpanet import agent, hookimpl, images, network, statusfile
from arpanet.context import Context
from arpanet.errors import EngineError, RegistryError, RegistryUnreachable
from arpanet.records import Container, Snapshot, Status
from arpanet.registry import TTL
from arpanet.settings import ARPANET_IP, HOSTNAME, Setting, container_name
from arpanet.specs import ContainerSpec
from arpanet_registrator.publisher import NAME, Publisher

__all__ = ["REGISTRATOR_NAME", "RegistratorPlugin"]

REGISTRATOR_NAME = Setting(
    "REGISTRATOR_NAME",
    container_name,
    "arpanet_registrator",
    "The name of the registrator's container.",
)
SOCKET = "/var/run/docker.sock"


class RegistratorPlugin:
    """Containers -> instances -> the registry."""

    agents = (NAME,)

    def __init__(self) -> None:
        self._publisher: Publisher | None = None

    @hookimpl
    def arpanet_settings(self) -> Sequence[Setting[Any]]:
        """Declare REGISTRATOR_NAME."""
        return (REGISTRATOR_NAME,)

    @hookimpl
    def arpanet_install(self, context: Context, role: str) -> None:
        """Have the node image ready."""
        if role == "slave":
            images.node_image(context)

    @hookimpl
    def arpanet_slave_start(self, context: Context) -> None:
        """Start the container, once this host's name and address are known to be its own."""
        network.check_local(context.settings[ARPANET_IP])
        context.registry.check(context.host("slave"))
        done = context.engine.ensure(
            ContainerSpec(
                part=NAME,
                name=context.settings[REGISTRATOR_NAME],
                image=images.node_image(context),
                command=("agent", NAME),
                role="slave",
                env=context.settings.environment(),
                network="host",
                volumes={SOCKET: SOCKET},
            )
        )
        context.say(f"registrator: container {context.settings[REGISTRATOR_NAME]} {done}")

    @hookimpl
    def arpanet_slave_stop(self, context: Context) -> None:
        """Remove the container and this host's entries."""
        context.engine.remove_part(NAME)
        try:
            # another host of this name was refused here, but its entries would go by that name
            context.registry.check(context.host())
            context.registry.withdraw(context.settings[HOSTNAME])
        except RegistryUnreachable as problem:
            context.say(f"{problem.message}: this host's entries vanish within {TTL} s")
        except RegistryError as problem:
            context.say(f"{problem.message}: its entries stay")

    @hookimpl
    def arpanet_containers_synced(
        self, context: Context, containers: Mapping[str, Container]
    ) -> None:
        """Publish. Each look at Docker is complete, so single registrations add nothing to it."""
        self._publish_with(context).containers(containers)

    @hookimpl
    def arpanet_services_changed(self, context: Context, after: Snapshot) -> None:
        """Learn which ids other hosts hold."""
        self._publish_with(context).services(after)

    @hookimpl
    def arpanet_status(self, context: Context) -> Sequence[Status]:
        """Say how the container is and what it has published."""
        try:
            return (_status(context),)
        except EngineError as problem:
            return (Status(NAME, "down", str(problem)),)

    def _publish_with(self, context: Context) -> Publisher:
        if self._publisher is None:
            self._publisher = Publisher(context)
        return self._publisher


def _status(context: Context) -> Status:
    own = context.engine.own(NAME)
    if not own:
        return Status(NAME, "absent", "'arpanet slave start' starts it")
    one = own[0]
    where = f"see 'docker logs {one.name}'"
    if one.state != "running":
        return Status(NAME, "down", f"container {one.name} is {one.state}: {where}")
    state = statusfile.read(context.engine, one.name, NAME)
    loop = statusfile.read(context.engine, one.name, agent.STATUS) or {}
    troubles = [str(loop[key]) for key in ("docker", "registry") if loop.get(key)]
    if state is None:
        return Status(NAME, "degraded", "; ".join(troubles) or "it has not seen Docker yet")
    detail = f"{state['instances']} instances of {state['services']} services"
    if state["warnings"]:
        detail += f", {state['warnings']} warnings: {where}"
    troubles += [state["trouble"]] if state["trouble"] and not loop.get("registry") else []
    if failures := loop.get("failures"):
        troubles.append(f"plugins failed: {', '.join(failures)}: {where}")
    return Status(NAME, "degraded" if troubles else "ok", "; ".join([detail, *troubles]))
