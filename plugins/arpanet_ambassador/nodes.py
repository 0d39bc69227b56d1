"""The ambassador's containers on a slave.

Clients are linked to a container that does nothing but keep a name and an address; the ambassador
itself runs in a second one. Docker ties a ``--link`` to the very container that had the name when
the client was made: once that one is replaced, Docker neither starts the client again nor lets
anybody ``exec`` into it. So what clients link to stays, whatever is upgraded or set otherwise.

Only for the proxy plane, the ambassador runs in the linked container itself: without privileges it
can't listen in the network namespace of another.
"""

from arpanet import ContainerSpec, Context, agent_container, node_image

__all__ = ["HOLDER", "NAME", "start", "stop"]

#: The part's name of the ambassador, also that of its agent and of its status file.
NAME = "ambassador"
#: The part's name of the container that is linked to.
HOLDER = "backends"
#: To enter others' namespaces and write rules there; SYS_PTRACE to look at any user's processes.
CAPABILITIES = ("NET_ADMIN", "SYS_ADMIN", "SYS_PTRACE")
#: Seconds that the removal of all tables may take.
CLEARING = 60


def start(context: Context, name: str, proxy_only: bool) -> None:
    """Make the containers be there; *name* is what clients link to."""
    image = node_image(context)
    if proxy_only:
        _clear(context)
        context.engine.remove_part(HOLDER)
    else:
        _hold(context, name, image)
    context.engine.ensure(
        agent_container(
            context,
            NAME,
            name if proxy_only else f"{name}_agent",
            image=image,
            network="bridge" if proxy_only else "host",
            capabilities=() if proxy_only else CAPABILITIES,
            pid_host=not proxy_only,
            security=() if proxy_only else ("apparmor=unconfined", "label=disable"),
        )
    )


def stop(context: Context) -> None:
    """Take the links out of the clients, then remove the containers."""
    _clear(context)
    context.engine.remove_part(NAME)
    context.engine.remove_part(HOLDER)


def _clear(context: Context) -> None:
    """Remove the tables through the running ambassador, which has the privileges for it."""
    for one in context.engine.own(NAME):
        entry = ((context.engine.inspect(one.id) or {}).get("Config") or {}).get("Entrypoint")
        if one.state != "running" or not entry:
            continue
        code, _, said = context.engine.exec(
            one.name,
            [entry[0], "-m", "arpanet_ambassador.planes.nftables.clearing"],
            timeout=CLEARING,
        )
        if code:
            lines = said.decode(errors="replace").strip().splitlines() or ["no reason was given"]
            context.say(f"links stay in some containers until these are restarted: {lines[-1]}")


def _hold(context: Context, name: str, image: str) -> None:
    engine = context.engine
    for one in engine.own(HOLDER):
        if one.name == name:
            if one.state != "running":
                engine.start(one.id)
            return
    if any(one.name == name for one in engine.own(NAME)):  # it served the proxy plane alone
        engine.remove_part(NAME)
    engine.ensure(ContainerSpec(HOLDER, name, image, ("hold",), role="slave", stop_seconds=1))
