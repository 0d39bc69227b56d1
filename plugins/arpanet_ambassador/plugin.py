"""The ambassador as a plugin: its containers on each slave, and what runs in them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from arpanet import (
    ArpanetError,
    Container,
    Context,
    EngineError,
    Link,
    Setting,
    Snapshot,
    Status,
    hookimpl,
)
from arpanet_ambassador.settings import (
    AMBASSADOR_NAME,
    ARPANET_CONNECT_WAIT,
    ARPANET_PLANE,
    NAME,
    PROXY,
    SETTINGS,
)

if TYPE_CHECKING:
    from arpanet_ambassador.ambassador import Ambassador
    from arpanet_ambassador.links.added import Added

__all__ = ["AmbassadorPlugin"]

# what a hook works with is imported where it is used: each process loads this module, and calls
# few of its hooks

#: What it does until it has seen both.
WAITING = "it waits for Docker and the registry; links of before go on as they were"


class AmbassadorPlugin:
    """Declared links -> resolved links -> planes."""

    agents = (NAME,)

    def __init__(self) -> None:
        self._ambassador: Ambassador | None = None

    @hookimpl
    def arpanet_settings(self) -> Sequence[Setting[Any]]:
        """Declare AMBASSADOR_NAME, ARPANET_PLANE and ARPANET_CONNECT_WAIT."""
        return SETTINGS

    # -- on the command line ---------------------------------------------------------------------

    @hookimpl
    def arpanet_install(self, context: Context, role: str) -> None:
        """Have the node image ready."""
        from arpanet import node_image

        if role == "slave":
            node_image(context)

    @hookimpl
    def arpanet_slave_start(self, context: Context) -> None:
        """Start what clients link to, and the ambassador."""
        from arpanet_ambassador import nodes

        settings = context.settings
        proxy_only = settings[ARPANET_PLANE] == PROXY
        added = _added(context) if proxy_only else {}
        nodes.start(context, settings[AMBASSADOR_NAME], proxy_only, added)

    @hookimpl
    def arpanet_slave_stop(self, context: Context) -> None:
        """Take the links out of the clients, then remove the containers."""
        from arpanet_ambassador import nodes

        nodes.stop(context, context.settings[AMBASSADOR_NAME])

    @hookimpl
    def arpanet_links(self, context: Context) -> Sequence[Link]:
        """Return what the running ambassador last wrote down."""
        from arpanet import statusfile
        from arpanet_ambassador import nodes
        from arpanet_ambassador.flows.files import PART
        from arpanet_ambassador.links import report

        engine, name = context.engine, nodes.running(context.engine)
        if state := statusfile.read(engine, name, NAME):
            seen = statusfile.read(engine, name, PART) or {}
            return report.with_counters(report.decode(state), seen.get("links", ()))
        raise EngineError(
            "the ambassador has not seen both Docker and the registry yet",
            "'arpanet status' says what it waits for",
        )

    @hookimpl
    def arpanet_status(self, context: Context) -> Sequence[Status]:
        """Say how the containers are, and how the links are."""
        from arpanet import node_status
        from arpanet_ambassador.links import report

        line = node_status(context, NAME, report.summary, WAITING)
        return (line,) if line.state in ("absent", "down") else (line, *_held(context))

    # -- in the agent ----------------------------------------------------------------------------

    @hookimpl
    def arpanet_containers_synced(
        self, context: Context, containers: Mapping[str, Container]
    ) -> None:
        """Settle. Each look at Docker is complete, so single registrations add nothing to it."""
        self._running(context).containers(containers)

    @hookimpl
    def arpanet_agent_tick(self) -> None:
        """Leave who talks to whom for ``arpanet flows``."""
        if self._ambassador:
            self._ambassador.observe()

    @hookimpl
    def arpanet_services_changed(self, context: Context, after: Snapshot) -> None:
        """Settle."""
        self._running(context).services(after)

    @hookimpl
    def arpanet_backends_changed(self) -> None:
        """Ask for them again; one that has not begun yet will ask anyway."""
        if self._ambassador:
            self._ambassador.backends()

    def _running(self, context: Context) -> "Ambassador":
        if self._ambassador is None:
            # here, since the command line needs nothing of it, and it takes 0.2 s
            from arpanet_ambassador.ambassador import Ambassador
            from arpanet_ambassador.planes.proxy import early

            settings = context.settings
            self._ambassador = Ambassador(
                context,
                settings[AMBASSADOR_NAME],
                settings[ARPANET_PLANE],
                wait=settings[ARPANET_CONNECT_WAIT],
                early=early.listener,
            )
        return self._ambassador


def _added(context: Context) -> Mapping[str, "tuple[Added, ...]"]:
    """Return the links that were added to running containers, as far as they can be read."""
    from arpanet_ambassador import volume
    from arpanet_ambassador.links.added import by_container

    try:
        kept = volume.read(volume.place_of(context.engine))
    except ArpanetError:  # it does not run, say; whoever reads them next says what is wrong
        return {}
    return by_container(kept, volume.now())


def _held(context: Context) -> Sequence[Status]:
    """Return a line when what clients are linked to does not run."""
    from arpanet_ambassador import nodes

    if any(holder.state == "running" for holder in context.engine.own(nodes.HOLDER)):
        return ()
    name = context.settings[AMBASSADOR_NAME]
    words = "does not run, so Docker refuses to start clients that are linked to it"
    return (Status(nodes.HOLDER, "down", f"container {name} {words}: run 'arpanet slave start'"),)
