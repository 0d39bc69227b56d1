"""Links of one network namespace -> the text of its nft table; pure.

A packet's way, in the namespace of the client (nothing of this is in the host's):

    connect() -> output: dial ------- (address, port) -> a target in turn: DNAT
                 output: refuse ----- a link without targets -> TCP reset, at once
              -> postrouting: leave - a source that answers could not find -> masquerade
    prerouting: guard <- what comes from outside for 127.0.0.0/8 -> dropped
    input: sane <------- what the kernel's tracking takes for no part of its flow -> dropped

Rules look at first segments (SYN) only: a connection that was made through the proxy plane before
the table was there stays where it is, though the kernel's tracking sees it as a new one then.

A segment outside of its window is not translated back. The client's stack would see an address that
it never dialled, answer with a reset, and so end the connection at the server: hence *sane*.

The whole table is replaced in one transaction; established connections stay where they are.
"""

import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from arpanet import Target
from arpanet_ambassador.planes.plane import LOOPBACK, RESOLVER, Frontend, Home

__all__ = ["REMOVE", "TABLE", "Table", "carried", "render"]

TABLE = "arpanet"
#: Removes the table, whether or not it is there.
REMOVE = f"add table ip {TABLE}\ndelete table ip {TABLE}\n"

_PROTOCOLS = ("tcp", "udp")
_SYN = "tcp flags & (fin | syn | rst | ack) != syn accept"
_REJECT = {"tcp": "reject with tcp reset", "udp": "reject"}
#: Docker's own resolver is left out, with DNAT rules of Docker's in the client's namespace.
_LOOPBACK = f"ip daddr 127.0.0.0/8 ip daddr != {RESOLVER}"


@dataclass(frozen=True)
class Table:
    """What a namespace is to hold: what is dialled there -> where it leads now."""

    home: Home
    links: Mapping[Frontend, tuple[Target, ...]]


def carried(targets: Sequence[Target]) -> list[Target]:
    """Return those of *targets* that an IPv4 packet can be sent to."""
    return [target for target in targets if ":" not in target.ip]


def render(wanted: Table) -> str:
    """Return the transaction that makes the namespace hold *wanted*, nothing else of ours.

    A container's id differs between namespaces: not all of them begin with the same target.
    """
    if not wanted.links:
        return REMOVE
    served = {f: found for f in sorted(wanted.links) if (found := carried(wanted.links[f]))}
    refused = sorted(wanted.links.keys() - served.keys())
    targets = {(t.ip, t.port): t for found in served.values() for t in found}
    blocks = [
        *(_target(targets[key]) for key in sorted(targets)),
        *(_chain(_name(f), [_turns(wanted.home, f, found)]) for f, found in served.items()),
        _chain("dial", _dial(served, refused), "nat hook output priority -100"),
        _chain("leave", _leave(served), "nat hook postrouting priority 100"),
        _chain("sane", ["meta l4proto tcp ct state invalid drop"], "filter hook input priority 0"),
    ]
    # the kernel asks a filter chain about every packet, a nat chain about a connection's first one
    if refused:
        blocks.append(_chain("refuse", _refuse(refused), "filter hook output priority 0"))
    if any(one.loopback for one in wanted.links):
        guard = ['iifname != "lo" ip daddr 127.0.0.0/8 drop']
        blocks.append(_chain("guard", guard, "filter hook prerouting priority -300"))
    return f"{REMOVE}table ip {TABLE} {{\n" + "".join(blocks) + "}\n"


def _dial(served: Collection[Frontend], refused: Collection[Frontend]) -> list[str]:
    rules = [_SYN]
    for protocol in _PROTOCOLS:
        verdicts = [
            f"{f.address} . {f.port} : {f'goto {_name(f)}' if f in served else 'accept'}"
            for f in _single(protocol, [*served, *refused])
        ]
        if verdicts:
            rules.append(f"ip daddr . {protocol} dport vmap {{ {', '.join(verdicts)} }}")
    for protocol in _PROTOCOLS:
        verdicts = [f"{f.port} : goto {_name(f)}" for f in _everywhere(protocol, served)]
        if verdicts:
            rules.append(f"{_LOOPBACK} {protocol} dport vmap {{ {', '.join(verdicts)} }}")
    return rules


def _leave(served: Collection[Frontend]) -> list[str]:
    rules = []
    outside = sorted({IPv4Address(f.address) for f in served if not f.loopback})
    if outside:
        elements = ", ".join(map(str, outside))
        rules.append(
            f'oifname != "lo" ct status dnat ct original ip daddr {{ {elements} }} masquerade'
        )
    if any(f.loopback for f in served):
        rules.append('oifname != "lo" ip saddr 127.0.0.0/8 masquerade')
    return rules


def _refuse(refused: Collection[Frontend]) -> list[str]:
    rules = [_SYN]
    for protocol in _PROTOCOLS:
        if single := [f"{f.address} . {f.port}" for f in _single(protocol, refused)]:
            matched = f"ip daddr . {protocol} dport {{ {', '.join(single)} }}"
            rules.append(f"{matched} {_REJECT[protocol]}")
        if ports := [str(f.port) for f in _everywhere(protocol, refused)]:
            matched = f"{_LOOPBACK} {protocol} dport {{ {', '.join(ports)} }}"
            rules.append(f"{matched} {_REJECT[protocol]}")
    return rules


def _single(protocol: str, frontends: Iterable[Frontend]) -> list[Frontend]:
    found = [f for f in frontends if f.protocol == protocol and f.address != LOOPBACK]
    return sorted(found, key=lambda f: (IPv4Address(f.address), f.port))


def _everywhere(protocol: str, frontends: Iterable[Frontend]) -> list[Frontend]:
    return sorted(f for f in frontends if f.protocol == protocol and f.address == LOOPBACK)


def _name(frontend: Frontend) -> str:
    return f"{frontend.protocol}_{frontend.address}_{frontend.port}"


def _chain(name: str, rules: Sequence[str], hook: str = "") -> str:
    lines = [f"type {hook}; policy accept;"] if hook else []
    return f"\tchain {name} {{\n" + "".join(f"\t\t{one}\n" for one in [*lines, *rules]) + "\t}\n"


def _turns(home: Home, frontend: Frontend, targets: Sequence[Target]) -> str:
    """Return the rule that takes turns between *targets*, beginning with one that differs.

    Without that, a thousand clients with one connection each would all go to the first target.
    """
    ordered = sorted(targets)
    seed = f"{home.container}:{frontend.port}"
    first = zlib.crc32(seed.encode()) % len(ordered)
    turns = [_goto(one) for one in ordered[first:] + ordered[:first]]
    if len(turns) == 1:
        return turns[0]
    verdicts = ", ".join(f"{turn} : {goto}" for turn, goto in enumerate(turns))
    return f"numgen inc mod {len(turns)} vmap {{ {verdicts} }}"


def _goto(target: Target) -> str:
    return f"goto to_{target.ip}_{target.port}"


def _target(target: Target) -> str:
    return _chain(
        f"to_{target.ip}_{target.port}",
        [f"meta l4proto {{ tcp, udp }} dnat to {target.ip}:{target.port}"],
    )
