"""Links of one network namespace -> the text of its nft table; pure.

A packet's way, in the namespace of the client (nothing of this is in the host's):

    connect() -> output: dial ------- (ambassador or loopback, port) -> a target in turn: DNAT
                 output: refuse ----- a link without targets -> TCP reset, at once
              -> postrouting: leave - a source that answers could not find -> masquerade
    prerouting: guard <- what comes from outside for 127.0.0.0/8 -> dropped

Rules look at first segments (SYN) only: a connection that was made through the proxy plane before
the table was there stays where it is, though the kernel's tracking sees it as a new one then.

The whole table is replaced in one transaction; established connections stay where they are.
"""

import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from arpanet import Target

__all__ = ["REMOVE", "TABLE", "Home", "Rules", "Table", "carried", "render"]

TABLE = "arpanet"
#: Removes the table, whether or not it is there.
REMOVE = f"add table ip {TABLE}\ndelete table ip {TABLE}\n"

#: port -> targets; none: to be refused.
Ports = Mapping[int, Sequence[Target]]

_SYN = "tcp flags & (fin | syn | rst | ack) != syn accept"
#: Docker's own resolver, with DNAT rules of Docker's in the client's namespace.
_LOOPBACK = "ip daddr 127.0.0.0/8 ip daddr != 127.0.0.11"


@dataclass(frozen=True)
class Table:
    """What the links of one namespace come to.

    :ivar seed: differs between namespaces, so that not all of them begin with the same target.
    :ivar ambassador: IPv4 addresses at which the namespace's apps dial the ambassador.
    """

    seed: str
    ambassador: Collection[str] = ()
    backend: Ports = field(default_factory=dict)
    connect: Ports = field(default_factory=dict)


@dataclass(frozen=True)
class Home:
    """A container that owns a network namespace, in which others may live too."""

    container: str
    pid: int


@dataclass(frozen=True)
class Rules:
    """What one namespace is to hold.

    :ivar text: the transaction, from :func:`render`.
    :ivar localnet: whether links on localhost need ``route_localnet``.
    :ivar started: of the container, and *networks* it is in: new ones have new interfaces.
    """

    home: Home
    text: str
    localnet: bool = False
    started: str = ""
    networks: tuple[str, ...] = ()


def carried(targets: Sequence[Target]) -> list[Target]:
    """Return those of *targets* that an IPv4 packet can be sent to."""
    return [target for target in targets if ":" not in target.ip]


def render(table: Table) -> str:
    """Return the transaction that makes the namespace hold *table* and nothing else of ours."""
    backend = table.backend if table.ambassador else {}
    if not backend and not table.connect:
        return REMOVE
    forms = (("backend", "ip daddr @ambassador", backend), ("connect", _LOOPBACK, table.connect))
    dial, refuse, chains = [_SYN], [_SYN], []
    for form, where, ports in forms:
        served = {port: carried(ports[port]) for port in sorted(ports) if carried(ports[port])}
        refused = sorted(ports.keys() - served.keys())
        if served:
            verdicts = ", ".join(f"{port} : goto {form}_{port}" for port in served)
            dial.append(f"{where} tcp dport vmap {{ {verdicts} }}")
        if refused:
            ports_text = ", ".join(map(str, refused))
            refuse.append(f"{where} tcp dport {{ {ports_text} }} reject with tcp reset")
        for port, targets in served.items():
            chains.append(_chain(f"{form}_{port}", [_turns(f"{table.seed}:{port}", targets)]))
    leave = ['oifname != "lo" ct status dnat ct original ip daddr @ambassador masquerade']
    guard = []
    if table.connect:
        leave.append('oifname != "lo" ip saddr 127.0.0.0/8 masquerade')
        guard.append('iifname != "lo" ip daddr 127.0.0.0/8 drop')
    every = {(t.ip, t.port): t for ports in (backend, table.connect) for t in _all(ports)}
    blocks = [
        _ambassadors(table.ambassador),
        *(_target(every[key]) for key in sorted(every)),
        *chains,
        _chain("dial", dial, "nat hook output priority -100"),
        _chain("leave", leave, "nat hook postrouting priority 100"),
    ]
    # the kernel asks a filter chain about every packet, a nat chain about a connection's first one
    if refuse[1:]:
        blocks.append(_chain("refuse", refuse, "filter hook output priority 0"))
    if guard:
        blocks.append(_chain("guard", guard, "filter hook prerouting priority -300"))
    return f"{REMOVE}table ip {TABLE} {{\n" + "".join(blocks) + "}\n"


def _all(ports: Ports) -> list[Target]:
    return [target for targets in ports.values() for target in carried(targets)]


def _ambassadors(addresses: Collection[str]) -> str:
    ordered = sorted(addresses, key=lambda one: [int(part) for part in one.split(".")])
    elements = f"\t\telements = {{ {', '.join(ordered)} }}\n" if ordered else ""
    return f"\tset ambassador {{\n\t\ttype ipv4_addr\n{elements}\t}}\n"


def _chain(name: str, rules: Sequence[str], hook: str = "") -> str:
    lines = [f"type {hook}; policy accept;"] if hook else []
    return f"\tchain {name} {{\n" + "".join(f"\t\t{one}\n" for one in [*lines, *rules]) + "\t}\n"


def _turns(seed: str, targets: Sequence[Target]) -> str:
    """Return the rule that takes turns between *targets*, beginning with one that *seed* chooses.

    Without that, a thousand clients with one connection each would all go to the first target.
    """
    ordered = sorted(targets)
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
        [f"meta l4proto tcp dnat to {target.ip}:{target.port}"],
    )
