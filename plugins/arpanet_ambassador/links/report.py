"""The links and how they are, as the status file keeps them and as one line each; pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from arpanet import Link, codec, hostport

__all__ = ["decode", "encode", "line", "lines", "summary", "with_counters"]

#: Targets that a line of the log names, and links of one way that have lines of their own.
_SHOWN, _APART = 10, 10


def encode(packed: str, drift: int, reset: int) -> str:
    """Return the content of the status file.

    :param packed: the links, as :attr:`Links.packed` has them.
    :param drift: how often somebody else's change of a table was put right.
    :param reset: how many connections to instances that are gone were reset.
    """
    return f'{{"drift": {drift}, "reset": {reset}, {packed}}}'


def decode(state: Mapping[str, Any]) -> tuple[Link, ...]:
    """Return the links of a status file."""
    return codec.unpack_links(state)


def with_counters(links: Sequence[Link], counted: Iterable[Mapping[str, Any]]) -> tuple[Link, ...]:
    """Return *links* with how often they were used, as far as that is known."""
    known = {(one["client"], one["dials"]): one for one in counted}
    found = []
    for link in links:
        one = known.get((link.client, link.dials))
        more = {name: one[name] for name in ("made", "refused", "last")} if one else {}
        found.append(replace(link, **more) if link.plane == "socket" else link)
    return tuple(found)


def line(link: Link) -> str:
    """Return what became of *link*, for the log."""
    where = ", ".join(hostport.joined(one.ip, one.port) for one in link.targets[:_SHOWN])
    if more := len(link.targets[_SHOWN:]):
        where = f"{where} and {more} more"
    return f"{link.client}: {link.dials} = {link.spec} -> {link.error or f'{where} ({link.plane})'}"


def lines(before: Sequence[Link], after: Sequence[Link]) -> Iterator[str]:
    """Yield what became of the links that differ: of many that go one way, only the first."""
    for first, *others in _groups(before, after):
        if len(others) < _APART:
            yield from (line(after[number]) for number in (first, *others))
        else:
            yield f"{line(after[first])}; the same for {len(others)} more links"


def _groups(before: Sequence[Link], after: Sequence[Link]) -> Iterable[list[int]]:
    # the agent has it loaded long since; the command line, which asks for figures, needs none of it
    from arpanet_ambassador.links.outcome import Links

    if isinstance(after, Links) and isinstance(before, Links) and after.alike(before):
        return after.moved(before)
    known = {(one.client, one.dials, one.spec): one for one in before}
    groups: dict[tuple[str, int, str, str], list[int]] = {}
    for number, one in enumerate(after):
        if known.get((one.client, one.dials, one.spec)) != one:
            key = one.spec, id(one.targets), one.plane, one.error
            groups.setdefault(key, []).append(number)
    return groups.values()


def summary(state: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Return figures and troubles of a status file, for ``arpanet status``.

    That a link leads nowhere is its client's affair, or its service's; that nothing carries one
    that leads somewhere is the host's.
    """
    links = decode(state)
    carried = Counter(link.plane for link in links if link.plane)
    by_plane = ", ".join(f"{carried[plane]} by {plane}" for plane in sorted(carried))
    details = [f"links: {len(links)}" + (f" ({by_plane})" if carried else "")]
    if bad := [link for link in links if link.error]:
        first = f"{bad[0].client}: {bad[0].error}"
        details.append(f"{len(bad)} lead nowhere, see 'arpanet links'; {first}")
    if state["drift"]:
        details.append(f"changes by others put right: {state['drift']}")
    if state["reset"]:
        details.append(f"stuck connections reset: {state['reset']}")
    lost = [link for link in links if link.targets and not link.plane]
    troubles = (
        [f"not carried: {len(lost)} of {len(links)} links; {lost[0].client}: {lost[0].error}"]
        if lost
        else []
    )
    return "; ".join(details), troubles
