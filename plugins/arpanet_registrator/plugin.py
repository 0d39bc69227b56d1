"""The registrator as a plugin: a container on each slave, and what runs in it."""

from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

from arpanet import (
    ARPANET_IP,
    ARPANET_TLS,
    ARPANET_TTL,
    HOSTNAME,
    Container,
    Context,
    RegistryError,
    RegistryUnreachable,
    Setting,
    Status,
    Vault,
    addresses,
    agent_container,
    codec,
    hookimpl,
    node_image,
    node_status,
)
from arpanet_registrator.settings import (
    ARPANET_INTERNAL,
    ARPANET_IP_LABEL,
    NAME,
    REGISTRATOR_NAME,
    SETTINGS,
)

if TYPE_CHECKING:
    from arpanet_registrator.publisher import Publisher

__all__ = ["RegistratorPlugin"]

#: How many warnings ``arpanet status`` shows; the log has them all.
SHOWN = 3


class RegistratorPlugin:
    """Containers -> instances -> the registry."""

    agents = (NAME,)

    def __init__(self) -> None:
        self._publisher: Publisher | None = None

    @hookimpl
    def arpanet_settings(self) -> Sequence[Setting[Any]]:
        """Declare registrator's options."""
        return SETTINGS

    @hookimpl
    def arpanet_install(self, context: Context, role: str) -> None:
        """Have the node image ready."""
        if role == "slave":
            node_image(context)

    @hookimpl
    def arpanet_slave_start(self, context: Context) -> None:
        """Start the container, once this host's name and address are known to be its own."""
        addresses.check_local(context.settings[ARPANET_IP])
        context.registry.check(context.host("slave"))
        done = context.engine.ensure(
            agent_container(
                context,
                NAME,
                context.settings[REGISTRATOR_NAME],
                image=node_image(context),
                pid_host=True,  # to see who listens in a container
            )
        )
        context.say(f"registrator: container {context.settings[REGISTRATOR_NAME]} {done}")
        _elsewhere(context)

    @hookimpl
    def arpanet_slave_stop(self, context: Context) -> None:
        """Remove the container and this host's entries."""
        context.engine.remove_part(NAME)
        try:
            # another host of this name was refused here, but its entries would go by that name
            context.registry.check(context.host())
            context.registry.withdraw(context.settings[HOSTNAME])
        except RegistryUnreachable as problem:
            ttl = context.settings[ARPANET_TTL]
            context.say(f"{problem.message}: this host's entries vanish within {ttl} s")
        except RegistryError as problem:
            context.say(f"{problem.message}: its entries stay")

    @hookimpl
    def arpanet_containers_synced(
        self, context: Context, containers: Mapping[str, Container]
    ) -> None:
        """Publish. Each look at Docker is complete, so single registrations add nothing to it."""
        self._publish_with(context).containers(containers)

    @hookimpl
    def arpanet_agent_tick(self, context: Context) -> None:
        """Look for what was drained; leave the session's present trouble for ``arpanet status``."""
        if self._publisher:
            self._publisher.tick()

    @hookimpl
    def arpanet_agent_stop(self) -> None:
        """See to it that the masters have what was withdrawn last: this host may go down."""
        if self._publisher:
            self._publisher.close()

    @hookimpl
    def arpanet_status(self, context: Context) -> Sequence[Status]:
        """Say how the container is and what it has published."""
        return (node_status(context, NAME, _summary, "it has not seen Docker yet"),)

    def _publish_with(self, context: Context) -> "Publisher":
        if self._publisher is None:
            from arpanet_registrator.publisher import Publisher  # only an agent needs asyncio

            self._publisher = Publisher(context)
        return self._publisher


def _summary(state: Mapping[str, Any]) -> tuple[str, Sequence[str]]:
    detail = f"instances: {state['instances']}, services: {state['services']}"
    # one container's odd declaration is no fault of the host's: it shows, and the state stays ok;
    # an agent that runs an older arpanet than this one leaves their number only
    lines = list(state["warnings"]) if isinstance(state["warnings"], list) else []
    if len(lines) > SHOWN:
        lines[SHOWN:] = [f"{len(lines) - SHOWN} more warnings in its log"]
    by_hand = state.get("drained", ())
    lines += [f"drained by hand: 'arpanet drain {name} --undo' ends it" for name in by_hand]
    return "; ".join([detail, *lines]), [state["trouble"]] if state["trouble"] else []


def _elsewhere(context: Context) -> None:
    """Say what instances at other addresses than this host's need, where it has none of that.

    Which networks it needs, nobody knows yet: instances outside of those it has, ``status`` shows.
    """
    settings = context.settings
    internal, label = settings[ARPANET_INTERNAL], settings[ARPANET_IP_LABEL]
    given = [ARPANET_INTERNAL.name] if internal else []
    given += [ARPANET_IP_LABEL.name] if label else []
    known = settings[ARPANET_TLS]
    if given and known and not _networks(context):
        context.say(
            f"{', '.join(given)}: instances at addresses that this host's certificate does not name"
            f" are refused, unless a master has: arpanet certs allow {settings[HOSTNAME]}"
            " --range CIDR"
        )


def _networks(context: Context) -> bool:
    """Tell whether instances of this host may be in networks, as far as masters say so now."""
    vault: Vault | None = context.bus.first("arpanet_vault", context=context)
    if vault is None:
        return False
    with closing(vault), suppress(RegistryError, ValueError, TypeError):
        found = vault.read(f"public/hosts/{context.settings[HOSTNAME]}")
        given = codec.decode_object(found.value).get("addresses", ()) if found else ()
        return any("/" in str(one) for one in given)
    return False
