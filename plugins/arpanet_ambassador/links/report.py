"""The links and how they are, as the status file keeps them and as one line each; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from arpanet import Link, Target

__all__ = ["decode", "encode", "line", "summary"]


def encode(links: Sequence[Link], plane: str, drift: int, reset: int) -> dict[str, Any]:
    """Return the content of the status file.

    :param drift: how often somebody else's change of a table was put right.
    :param reset: how many connections to instances that are gone were reset.
    """
    return {
        "plane": plane,
        "drift": drift,
        "reset": reset,
        "links": [asdict(link) for link in links],
    }


def decode(state: Mapping[str, Any]) -> tuple[Link, ...]:
    """Return the links of a status file."""
    return tuple(
        Link(**{**one, "targets": tuple(Target(**target) for target in one["targets"])})
        for one in state["links"]
    )


def line(link: Link) -> str:
    """Return what became of *link*, for the log."""
    where = ", ".join(f"{target.ip}:{target.port}" for target in link.targets)
    return f"{link.client}: {link.dials} = {link.spec} -> {link.error or f'{where} ({link.plane})'}"


def summary(state: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Return figures and troubles of a status file, for ``arpanet status``.

    Trouble is what this host can't do: carry a link that leads somewhere. A link that leads nowhere
    is its client's mistake, or a service that is down elsewhere: noted, and no fault of the host.
    """
    links = decode(state)
    nowhere = [link for link in links if link.error and not link.targets]
    stuck = [link for link in links if link.error and link.targets]
    carried = {plane: sum(link.plane == plane for link in links) for plane in ("kernel", "proxy")}
    details = [f"{len(links)} links: {carried['kernel']} in the kernel, {carried['proxy']} proxied"]
    if state["drift"]:
        details.append(f"changes by others put right: {state['drift']}")
    if state["reset"]:
        details.append(f"stuck connections reset: {state['reset']}")
    if nowhere:
        details.append(_first(nowhere, "lead nowhere"))
    return "; ".join(details), [_first(stuck, "are not carried")] if stuck else []


def _first(links: Sequence[Link], what: str) -> str:
    first = f"{links[0].client}: {links[0].error}"
    return f"{len(links)} {what}, see 'arpanet links'; {first}"
