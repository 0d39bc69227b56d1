"""A plan, and how the planes fared with it -> the links that ``arpanet links`` shows; pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from arpanet import Link
from arpanet_ambassador.links.declare import BACKEND
from arpanet_ambassador.links.plan import Plan, Resolved
from arpanet_ambassador.planes.nftables.ruleset import carried

__all__ = ["KERNEL", "PLANES", "PROXY", "Troubles", "links"]

KERNEL, PROXY = "kernel", "proxy"
#: What ARPANET_PLANE may be.
PLANES = ("auto", KERNEL, PROXY)


@dataclass(frozen=True)
class Troubles:
    """What the planes could not do.

    :ivar namespaces: id of a namespace's owner -> why the kernel plane does not serve it.
    :ivar ports: port -> why the proxy plane does not listen on it.
    """

    namespaces: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[int, str] = field(default_factory=dict)


def links(plan: Plan, plane: str, troubles: Troubles) -> tuple[Link, ...]:
    """Return every declared link with what carries it, by client, port and form."""
    return tuple(_link(one, plane, troubles) for one in plan.resolved)


def _link(one: Resolved, plane: str, troubles: Troubles) -> Link:
    declared = one.declared
    carrier, why = _carrier(one, plane, troubles) if declared.spec else ("", "")
    return Link(
        declared.client,
        declared.port,
        declared.text,
        declared.dials,
        one.targets,
        carrier,
        one.error or why,
    )


def _carrier(one: Resolved, plane: str, troubles: Troubles) -> tuple[str, str]:
    """Return the plane that carries a valid link, or ``""`` and why none does."""
    declared, why = one.declared, ""
    if plane != PROXY:
        why = troubles.namespaces.get(declared.namespace, "")
        if not why and one.targets and not carried(one.targets):
            why = "its addresses are IPv6, and the kernel plane carries IPv4 only"
        if not why:
            return KERNEL, ""
    if declared.form != BACKEND:
        return "", why or (
            f"the proxy plane cannot serve localhost: declare BACKEND_{declared.port} and dial the "
            "ambassador"
        )
    if plane == KERNEL:
        return "", why
    blocked = troubles.ports.get(declared.port, "")
    return ("", blocked) if blocked else (PROXY, "")
