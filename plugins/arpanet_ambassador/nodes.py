"""The ambassador's containers on a slave.

Clients are linked to a container that does nothing but keep a name and an address; the ambassador
itself runs in a second one. Docker ties a ``--link`` to the very container that had the name when
the client was made: once that one is replaced, Docker neither starts the client again nor lets
anybody ``exec`` into it. So what clients link to stays, whatever is upgraded, stopped or set
otherwise: it is renamed rather than made anew, and outlives ``slave stop`` while one is linked to
it.

For the proxy plane alone, the ambassador joins the network namespace of the linked container: it
needs no privileges then but to write rules there.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from arpanet import (
    ContainerSpec,
    Context,
    Engine,
    EngineError,
    NameTaken,
    OwnContainer,
    agent_container,
    node_image,
)
from arpanet_ambassador.settings import NAME

if TYPE_CHECKING:
    from arpanet_ambassador.links.added import Added

__all__ = ["HOLDER", "LINKS", "running", "start", "stop"]

#: The part's name of the container that is linked to.
HOLDER = "backends"
#: Where the ambassador sees the links that were added to running containers, and the volume that
#: outlives it.
LINKS, _VOLUME = Path("/var/lib/arpanet/links"), "arpanet_links"
#: To enter others' namespaces and write rules there; SYS_PTRACE to look at any user's processes.
CAPABILITIES = ("NET_ADMIN", "SYS_ADMIN", "SYS_PTRACE")
#: Seconds that the removal of all links may take.
CLEARING = 60
_NONE: Mapping[str, "tuple[Added, ...]"] = MappingProxyType({})


def start(
    context: Context, name: str, proxy_only: bool, added: Mapping[str, "tuple[Added, ...]"] = _NONE
) -> None:
    """Make the containers be there; *name* is what clients link to.

    :param added: container id -> the links that were added to it.
    :raises EngineError: clients are linked to what would have to be replaced; nothing was touched.
    """
    engine = context.engine
    image = node_image(context)
    entered = _enters_namespaces(engine)
    if proxy_only:
        _warn_of_lost(context, name, added)
    fresh = _hold(engine, name, image)
    if proxy_only and (fresh or entered):  # else it stays in the namespace that the other has left
        engine.stop_part(NAME)
    if proxy_only and entered:  # while what it was still tells so: this may be interrupted
        _clear(context, name, image)
    engine.ensure(_agent(context, name, image, proxy_only))


def stop(context: Context, name: str) -> None:
    """Remove the ambassador, take the links out of the clients, let go of what they link to."""
    engine = context.engine
    holders = engine.own(HOLDER)
    entered = _enters_namespaces(engine)
    if not holders and not engine.own(NAME):  # somebody may have removed all: its volume stays
        entered = engine.volume_labels(_VOLUME) is not None
    engine.remove_part(NAME)
    if entered:
        _clear(context, name, node_image(context))
    for one in holders:
        if clients := engine.linked(one.id):
            if not entered and one.state == "running":  # it has what the proxy alone has left there
                _clear(context, one.name, node_image(context), proxy_only=True)
            context.say(
                f"container {one.name} stays: Docker starts none of {_names(clients)} without it, "
                "since they are linked to it; remove them, and run this again"
            )
        else:
            engine.stop(one.id)
            engine.remove(one.id)


def _agent(
    context: Context, name: str, image: str, proxy_only: bool, command: Sequence[str] = ()
) -> ContainerSpec:
    return agent_container(
        context,
        NAME,
        f"{name}_agent",
        image=image,
        command=tuple(command) or ("agent", NAME),
        volumes={_VOLUME: f"{LINKS}:ro"},
        network=f"container:{name}" if proxy_only else "host",
        capabilities=() if proxy_only else CAPABILITIES,
        also=("NET_ADMIN",) if proxy_only else (),  # in what it joins: see proxy/early.py
        pid_host=not proxy_only,
        security=() if proxy_only else ("apparmor=unconfined", "label=disable"),
    )


def running(engine: Engine) -> str:
    """Return the name of the ambassador's container.

    :raises EngineError: it does not run.
    """
    for one in engine.own(NAME):
        if one.state == "running":
            return one.name
    raise EngineError("the ambassador is not running", "run 'arpanet slave start'")


def _enters_namespaces(engine: Engine) -> bool:
    """Tell whether an ambassador of this host can have left something in clients' namespaces."""
    agents = [engine.inspect(one.id) for one in engine.own(NAME)]
    if not agents:  # removed by somebody: then it may
        return bool(engine.own(HOLDER))
    return any(one and one["HostConfig"].get("PidMode") == "host" for one in agents)


def _clear(context: Context, name: str, image: str, proxy_only: bool = False) -> None:
    """Take the links out of all clients, in a container of its own: the ambassador may be dead.

    :param proxy_only: it has left nothing but in the namespace of the container *name*.
    """
    command = ("clear", "--here") if proxy_only else ("clear",)
    spec = _agent(context, name, image, proxy_only, command)
    code, _, said = context.engine.run_to_end(spec, CLEARING)
    if code:
        lines = said.decode(errors="replace").strip().splitlines() or ["no reason was given"]
        context.say(f"links stay in some containers until these are restarted: {lines[-1]}")


def _warn_of_lost(context: Context, name: str, added: Mapping[str, "tuple[Added, ...]"]) -> None:
    """Say which links the proxy plane can't carry, before it is the only one."""
    from arpanet_ambassador.links.declare import CONNECT, Declaring, declared

    containers = context.engine.containers()
    links = declared(Declaring(containers=containers, ambassador=name, added=added))
    lost = [
        f"{one.client} ({one.dials})"
        for one in links
        if one.spec and (one.form == CONNECT or one.protocol != "tcp")
    ]
    if lost:
        words = f"the proxy plane carries TCP to {name} only, so these links end"
        context.say(f"{words}: {_names(lost)}")


def _hold(engine: Engine, name: str, image: str) -> bool:
    """Have the container that clients link to run; tell whether it was started just now."""
    held = engine.own(HOLDER)
    named = next((one for one in held if one.name == name), None)
    if named is None:
        _make_room(engine, name)
        if not held:
            # process 1 ends by no signal that it does not handle: it is given no time to
            spec = ContainerSpec(
                HOLDER, name, image, ("infinity",), entrypoint=("sleep",), stop_seconds=0
            )
            # it does nothing that could fail, and the next one's image is the same
            return engine.ensure(spec, settle=False) != "unchanged"
        # one that clients are linked to, if there is such a one
        named = max(held, key=lambda one: len(engine.linked(one.id)))
        engine.rename(named.id, name)
    if named.state != "running":
        engine.start(named.id)
        return True
    return False


def _make_room(engine: Engine, name: str) -> None:
    """See to it that nobody has *name*.

    :raises NameTaken: a stranger has it.
    :raises EngineError: an ambassador of a former version has it, and clients are linked to that.
    """
    found = engine.inspect(name)
    if found is None:
        return
    former: list[OwnContainer] = [one for one in engine.own(NAME) if one.name == name]
    if not former:
        raise NameTaken(
            f"the name {name} is taken by a container of image {found['Config']['Image']}",
            "rename that one, or give another AMBASSADOR_NAME in ~/.arpanetrc",
        )
    if clients := engine.linked(former[0].id):
        raise EngineError(
            f"container {name} has to be replaced once, and Docker would not start "
            f"{_names(clients)} again, which are linked to it",
            "remove these clients first, and make them again afterwards",
        )
    engine.remove_part(NAME)


def _names(names: Sequence[str]) -> str:
    return ", ".join(sorted(names))
