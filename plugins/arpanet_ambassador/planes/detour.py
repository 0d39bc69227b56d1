"""Dials under way to what fell silent, led to who answers; in the client's own network namespace.

The kernel sends a SYN again after a second, and again; one that its tracking of connections does
not know goes through the rules anew. Where rules carry the link, these lead to who is there by
now. A socket that was connected to the silent instance itself gets a way of its own:

    SYN, once more -> output: lead ------- (its port, whom it asks) -> who answers: DNAT
                   -> postrouting: leave - a source that could not be answered there -> masquerade
    input: sane <------------------------- what the tracking takes for no part of its flow: dropped

A way is used once: from then on the tracking knows where the connection leads. So it has a time
limit, and a later connection from that port goes where it likes. The table is needed for as long as
such a connection goes on; without one of these there is none.

What is answered in the very moment in which the tracking is told to forget it would hang. So who
has asked just now is left alone until it is clear that no answer is on its way.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress

from arpanet import sockets
from arpanet_ambassador.planes import netlink
from arpanet_ambassador.planes.netlink import Flow
from arpanet_ambassador.planes.nftables import nft
from arpanet_ambassador.planes.plane import Frontend, is_dialled

__all__ = ["TABLE", "YOUNG", "lead", "led", "remove", "render"]

Endpoint = tuple[str, int]
#: (the socket's own port, whom it asks, who is to answer, seconds until it has asked twice more)
Way = tuple[int, Endpoint, Endpoint, float]

TABLE = "arpanet_detours"
#: Seconds that a way is there after the second of its SYNs is due: one may leave just before it.
_MARGIN = 2
#: Seconds that a dial has to have waited: more than an answer takes.
YOUNG = 0.25
_REMOVE = f"delete table ip {TABLE}\n"
_EMPTY = f"""\
table ip {TABLE} {{
	map ways {{
		type inet_service . ipv4_addr . inet_service : ipv4_addr . inet_service
		flags timeout
	}}
	chain lead {{
		type nat hook output priority -100; policy accept;
		tcp flags & (fin | syn | rst | ack) == syn \
dnat ip addr . port to tcp sport . ip daddr . tcp dport map @ways
	}}
	chain leave {{
		type nat hook postrouting priority 100; policy accept;
		oifname != "lo" ct status dnat masquerade
	}}
	chain sane {{
		type filter hook input priority 0; policy accept;
		tcp flags & (syn | rst) == 0 ct state invalid drop
	}}
}}
"""


def render(ways: Sequence[Way], there: bool) -> str:
    """Return the transaction that leads these dials; pure.

    :param there: whether the table is.
    """
    elements = ", ".join(
        f"{port} . {asked[0]} . {asked[1]} timeout {int(due) + _MARGIN}s : {to[0]} . {to[1]}"
        for port, asked, to, due in ways
    )
    return ("" if there else _EMPTY) + f"add element ip {TABLE} ways {{ {elements} }}\n"


def lead(
    moves: Mapping[Endpoint, Sequence[Endpoint]],
    frontends: Collection[Frontend],
    linked: Collection[Endpoint],
) -> tuple[int, int]:
    """Lead what was not answered yet by one of *moves* to one of those in its place.

    :param moves: what is silent -> who answers instead.
    :param frontends: of the client's links.
    :param linked: whom sockets ask that links have connected, and nobody else.
    :return: how many dials that are, and how many are too young to be led: look again.
    :raises OSError: the kernel says no.
    :raises NftError: the same.
    """
    asking = sockets.asking()
    old = {(one.source, one.target) for one in asking if one.ago >= YOUNG}
    waiting = [one for one in netlink.flows() if not one.answered]
    stale = [one for one in waiting if one.target in moves and is_dialled(one.dialled, frontends)]
    ways = _ways(moves, linked, waiting, asking) if linked else {}
    young = {(one.source, one.dialled) for one in stale}.union(ways) - old
    stale = [one for one in stale if (one.source, one.dialled) in old]
    found = {pair: way for pair, way in ways.items() if pair in old}
    count = len(stale) + len(found)
    if found:
        nft.run(render(list(found.values()), _there()))
        # looked up only now: of who has asked again since then, the new way must not be forgotten
        stale += [
            one
            for one in netlink.flows(elsewhere=False)
            if one.target in moves and (one.source, one.dialled) in found
        ]
    for one in stale:
        with suppress(OSError):  # the app has given it up
            # it may be no more silent: who was answered since then, and is forgotten now, hangs
            if not netlink.answered(one.source, one.dialled):
                netlink.delete_flow(one.source, one.dialled)
    return count, len(young)


def _ways(
    moves: Mapping[Endpoint, Sequence[Endpoint]],
    linked: Collection[Endpoint],
    waiting: Iterable[Flow],
    asking: Iterable[sockets.Asking],
) -> Mapping[tuple[Endpoint, Endpoint], Way]:
    """Return (a socket, whom it asks) -> the way that it is to go."""
    led = netlink.ends(waiting)
    found: dict[tuple[Endpoint, Endpoint], Way] = {}
    for one in asking:
        pair = one.source, one.target
        instead = moves.get(led.get(pair, one.target), ())
        if instead and one.target in linked:
            found[pair] = one.source[1], one.target, instead[len(found) % len(instead)], one.due
    return found


def led() -> Mapping[tuple[Endpoint, Endpoint], Endpoint]:
    """Return (a socket's own address, its peer's) -> where it leads, of those with a way.

    :raises OSError: the kernel says no.
    """
    if not _there():
        return {}
    return netlink.ends(netlink.flows())


def remove() -> None:
    """Take the table away, unless connections go on that would hang without it.

    :raises OSError: the kernel says no.
    :raises NftError: the same.
    """
    if not _there():
        return
    ways = led()
    if not any((one.source, one.target) in ways for one in sockets.connections()):
        nft.run(_REMOVE)


def _there() -> bool:
    try:
        return any(True for _ in netlink.chains(TABLE))
    except OSError:  # a kernel without tables has none of ours
        return False
