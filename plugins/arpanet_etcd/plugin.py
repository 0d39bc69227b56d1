"""The plugin: masters, and the registry in etcd."""

import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from arpanet import (
    HOSTNAME,
    Admission,
    Context,
    Formation,
    Member,
    Registry,
    RegistryError,
    Setting,
    Settings,
    Status,
    Vault,
    hookimpl,
    hostport,
)
from arpanet_etcd.settings import ETCD_PEERPORT, SETTINGS, endpoints, where

if TYPE_CHECKING:
    from arpanet_etcd.masters.users import Access
    from arpanet_etcd.registry.v3.leafkeeper import LeafKeeper
    from arpanet_etcd.upkeep.caretaker import Caretaker
    from arpanet_etcd.upkeep.upgrader import Upgrader

__all__ = ["EtcdPlugin"]

# what a hook works with is imported where it is used: each process loads this module, and calls
# few of its hooks


class EtcdPlugin:
    """Runs in every process: agents need the registry, the command line the masters too."""

    def __init__(self) -> None:
        self._admitting = threading.Lock()  # a host may be let in on any thread
        self._access: Access | None = None
        self._access_to: Settings | None = None
        self._running: list[Caretaker | LeafKeeper | Upgrader] = []

    @hookimpl
    def arpanet_settings(self) -> Sequence[Setting[Any]]:
        """Declare ``ETCD_*`` and ``ARPANET_ETCD_API``."""
        return SETTINGS

    @hookimpl
    def arpanet_registry(self, context: Context) -> Registry | None:
        """Answer for ``ARPANET_REGISTRY=etcd://``."""
        from arpanet_etcd.registry.registry import make_registry

        return make_registry(context.settings, context.agent)

    @hookimpl
    def arpanet_vault(self, context: Context) -> Vault | None:
        """Answer for ``ARPANET_REGISTRY=etcd://``."""
        from arpanet_etcd.registry.vault import make_vault

        return make_vault(context.settings)

    @hookimpl
    def arpanet_masters(self, context: Context) -> Sequence[Member] | None:
        """Ask any master for all of them; another registry has masters of its own."""
        from arpanet_etcd.client.gateway import Gateway

        if where(context.settings) is None:
            return None
        return Gateway(endpoints(context.settings)).member_list()

    @hookimpl
    def arpanet_hosts_admitted(self, context: Context, admissions: Sequence[Admission]) -> None:
        """Make them etcd's users, each with what its role may do, and turn authentication on."""
        from arpanet_etcd.masters.users import make_access

        with self._admitting:
            if self._access_to is not context.settings:
                if self._access:
                    self._access.close()
                self._access, self._access_to = make_access(context), context.settings
            if self._access:
                self._access.admit(admissions, context.settings[HOSTNAME])

    @hookimpl
    def arpanet_trust_changed(self, context: Context) -> None:
        """Start this host's etcd again."""
        from arpanet_etcd.masters import restart

        if where(context.settings):
            restart.restart(context)

    @hookimpl
    def arpanet_agent_start(self, context: Context) -> None:
        """In a master's agent, begin to care for the masters, and to do what others ask."""
        if context.agent != "master" or where(context.settings) is None:
            return
        from arpanet_etcd.upkeep.scheduling import make_caretaker, make_leafkeeper
        from arpanet_etcd.upkeep.upgrader import make_upgrader

        made = (make_caretaker(context), make_leafkeeper(context), make_upgrader(context))
        self._running = [one for one in made if one]
        for one in self._running:
            one.start()

    @hookimpl
    def arpanet_agent_stop(self, context: Context) -> None:
        """End it."""
        while self._running:
            self._running.pop().close()

    @hookimpl
    def arpanet_status(self, context: Context) -> Sequence[Status]:
        """Say how this host's master, the whole cluster, and the way to it are."""
        from arpanet_etcd.masters import status
        from arpanet_etcd.registry import status as registry
        from arpanet_etcd.upkeep import status as upkeep

        lines = [*status.status(context), *registry.status(context)]
        return [*lines, *upkeep.status(context)]

    @hookimpl(trylast=True)
    def arpanet_host_join(self, context: Context, place: str) -> None:
        """Note that this host, once it is let in, is of a cluster: it must not begin another."""
        from arpanet_etcd.masters import mark

        if where(context.settings):
            address, port = place and hostport.split(place)[0], context.settings[ETCD_PEERPORT]
            mark.let_in(context.settings, hostport.joined(address, port) if address else "")

    @hookimpl
    def arpanet_install(self, context: Context, role: str) -> None:
        """Get the etcd image."""
        if role == "master":
            from arpanet_etcd.masters import image

            image.provide(context, install=True)

    @hookimpl
    def arpanet_master_meet(self, context: Context, formation: Formation) -> Formation | None:
        """Look into the token, and take it where nobody has."""
        from arpanet_etcd.masters import meeting

        return meeting.meet(context, formation)

    @hookimpl
    def arpanet_master_start(self, context: Context, formation: Formation) -> None:
        """Start, form or join."""
        from arpanet_etcd.masters import starting

        starting.start(context, formation)

    @hookimpl
    def arpanet_slave_start(self, context: Context) -> None:
        """Note which cluster this host serves, so that it can't begin another by mistake."""
        from arpanet_etcd.masters import container, mark, peers

        if where(context.settings):
            with suppress(RegistryError):  # whether it answers now is the registrator's to say
                cluster = peers.agreed(endpoints(context.settings))
                mark.remember(context.settings, cluster, container.own(context))

    @hookimpl
    def arpanet_master_stop(self, context: Context, leave: bool) -> None:
        """Stop, or leave for good."""
        from arpanet_etcd.masters import leaving

        leaving.leave(context) if leave else leaving.stop(context)
