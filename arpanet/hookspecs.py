"""Every event and every extension point: one typed, documented, empty function each.

A plugin implements any of them with :data:`arpanet.hookimpl` and takes only the arguments it wants.
What an implementation raises stays with its plugin: in an agent it is logged under the plugin's
name and counted; on the command line an :class:`~arpanet.errors.ArpanetError` of a built-in ends
the command with one line, anybody else's is reported and the rest goes on.

"Command line" and "agents" say which process calls the hook (see :mod:`arpanet.agent.loop`). In an
agent the built-ins are called on its one deciding thread, and a third party's plugin on a thread of
its own, where of several states that wait only the newest counts (see :mod:`arpanet.pending`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:  # nothing runs in here
    from collections.abc import Mapping, Sequence
    from typing import Any

    from arpanet.context import Context
    from arpanet.records import Admission, Container, Formation, Link, Member, Snapshot, Status
    from arpanet.registry import Registry
    from arpanet.settings import Setting, Settings
    from arpanet.vault import Vault

hookspec = pluggy.HookspecMarker("arpanet")

# -- extension points: what a plugin adds --------------------------------------------------------


@hookspec
def arpanet_settings() -> Sequence[Setting[Any]]:
    """Return the settings that the plugin reads. Called once after loading, everywhere."""
    return ()


@hookspec(firstresult=True)
def arpanet_registry(context: Context) -> Registry | None:
    """Return the registry that ``ARPANET_REGISTRY`` names, ``None`` for another's scheme.

    Stops at the first result that is not ``None``. Called everywhere, when a registry is first
    needed. Must not do any I/O: unreachable is what its methods say.
    """


@hookspec(firstresult=True)
def arpanet_masters(context: Context) -> Sequence[Member] | None:
    """Return the current masters, asked of any of them. Command line: ``arpanet hosts``.

    Stops at the first result that is not ``None``. Raises ``RegistryUnreachable`` when no master
    answers.
    """


@hookspec(firstresult=True)
def arpanet_vault(context: Context) -> Vault | None:
    """Return where the cluster of ``ARPANET_REGISTRY`` keeps what is no instance.

    Stops at the first result that is not ``None``. Must not do any I/O: unreachable is what its
    methods say.
    """


@hookspec
def arpanet_hosts_admitted(context: Context, admissions: Sequence[Admission]) -> None:
    """Let these hosts in, each with what its role may do, and no other: the list is complete.

    Called on masters, from any thread: when a host was let in or shut out, before that one hears of
    it; and again and again, since a registry may be wiped or restored. Changes nothing twice.
    Raises ``RegistryError`` when that can't be done.
    """


@hookspec
def arpanet_trust_changed(context: Context) -> None:
    """Begin anew what reads once, when it begins, which CAs are trusted: others are now.

    Called on masters, from any thread, on one master at a time; again when it raised
    ``RegistryError``, or when the master died in the middle. What must not be away on two masters
    at once is seen to before it is ended here. Returns once it is there again.
    """


@hookspec(firstresult=True)
def arpanet_backends(context: Context, spec: str) -> Sequence[tuple[str, int]] | str | None:
    """Return where a link with the value *spec* goes now, ``None`` for another's kind of value.

    Stops at the first result that is not ``None``. Asked in the ambassador's agent, for values that
    begin with a word and a colon (``consul:redis``): when a link is declared, every 15 seconds and
    after ``backends.changed``. Must answer at once: keep answers fresh in a thread of your own. The
    addresses are checked as those in the registry are. An empty list refuses connections. One
    sentence says why there is no answer now: connections go on to where the last one was.
    """


@hookspec
def arpanet_links(context: Context) -> Sequence[Link]:
    """Return the links of this host's containers. Command line: ``arpanet links``."""
    return ()


@hookspec
def arpanet_status(context: Context) -> Sequence[Status]:
    """Return what the plugin runs on this host and how it is. Command line: ``arpanet status``.

    Must answer within seconds also when Docker or the registry does not, as ``down`` lines.
    """
    return ()


# -- a host's life: command line and watcher -----------------------------------------------------


@hookspec
def arpanet_host_join(context: Context, place: str, token: str) -> None:
    """Have this host let into a cluster.

    :param place: ``address:port`` of a master's enrolment; ``""``: a bundle that does not say it.
    :param token: what the cluster gave for it; ``""``: a bundle did already let it in.
    """


@hookspec
def arpanet_install(context: Context, role: str) -> None:
    """Make this host fit for *role*: ``core``, ``master`` or ``slave``. Changes nothing twice."""


@hookspec(firstresult=True)
def arpanet_master_meet(context: Context, formation: Formation) -> Formation | None:
    """Return what a discovery token comes down to on this host: to boot, or to join whom.

    Stops at the first result that is not ``None``, which means: as it was given. Called before
    ``master.start``, for a *formation* with a token; the answer keeps it.
    """


@hookspec
def arpanet_master_start(context: Context, formation: Formation) -> None:
    """Make this host a master. Running it twice changes nothing."""


@hookspec
def arpanet_master_stop(context: Context, leave: bool) -> None:
    """Stop this host's master, keep its data; with *leave*, give up its membership for good."""


@hookspec
def arpanet_slave_start(context: Context) -> None:
    """Make this host a slave. Running it twice changes nothing."""


@hookspec
def arpanet_slave_stop(context: Context) -> None:
    """Withdraw this host's instances and stop what ``slave.start`` started."""


@hookspec
def arpanet_settings_changed(context: Context, before: Settings, after: Settings) -> None:
    """Called by the watcher after a changed ``~/.arpanetrc`` was accepted.

    Called before the events of this host's roles run again with the new settings.
    """


# -- an agent's life: agents ----------------------------------------------------------------------


@hookspec
def arpanet_agent_start(context: Context) -> None:
    """Called first in an agent, before it follows Docker and the registry."""


@hookspec
def arpanet_agent_tick(context: Context) -> None:
    """Called about once a second, after what there was to do: for figures and for what is due."""


@hookspec
def arpanet_agent_stop(context: Context) -> None:
    """Called last when an agent is told to end: write out what is still to be written.

    A third party's plugin has a few seconds for it, and for what waits before it. Not called when
    the agent is killed.
    """


# -- a container's life: agents ------------------------------------------------------------------


@hookspec
def arpanet_container_register(context: Context, container: Container) -> None:
    """Take in *container*: it runs now, or what Docker says of it changed.

    Called once per container when the agent starts, then at every change. The record replaces any
    earlier one with the same ``id``.
    """


@hookspec
def arpanet_container_deregister(context: Context, container: Container) -> None:
    """Drop *container*: it runs no more. Called with the record as last registered."""


@hookspec
def arpanet_containers_synced(context: Context, containers: Mapping[str, Container]) -> None:
    """Act on a complete look at Docker: *containers* is every running container, by id.

    Called after the register and deregister calls of each comparison, also when there were none:
    at the agent's start, after every change, after every reconnect and every 30 seconds. What a
    plugin wants the world to look like is made so here: an incomplete view is never acted on.
    """


# -- the cluster's life: agents ------------------------------------------------------------------


@hookspec
def arpanet_services_changed(context: Context, before: Snapshot, after: Snapshot) -> None:
    """Called when the registry's content differs from what was last seen.

    The first call has an empty *before*. Never called with an empty *after* merely because the
    registry is unreachable: the last known good stays.
    """


@hookspec
def arpanet_links_changed(context: Context, before: Sequence[Link], after: Sequence[Link]) -> None:
    """Called after the links of this host's containers were changed in their planes."""


@hookspec
def arpanet_backends_changed(context: Context) -> None:
    """Ask ``arpanet_backends`` again: a plugin announces, from any thread, that answers changed."""
