"""The lab's wires: a switch in a namespace of its own, one veth to each host, one to the machine.

The bridge is not in the machine's own namespace, because there a Docker engine's ``FORWARD DROP``
and ``bridge-nf-call-iptables=1`` would drop what crosses it, and because there is then nothing but
one interface to take away.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from arpanet import ArpanetError
from arpanet_lab.plan import Plan, uplink_name

__all__ = [
    "attach",
    "detach",
    "machine_routes",
    "plug",
    "relayed",
    "remove_uplink",
    "set_up_switch",
]

_SECONDS = 20.0
_BRIDGE = "lab"
_RELAY = Path(__file__).with_name("relay.py")


def machine_routes() -> list[IPv4Network]:
    """Return what the machine has routes to, without its default route."""
    table: list[dict[str, Any]] = json.loads(
        _run(["ip", "-j", "-4", "route", "show", "table", "all"])
    )
    networks = []
    for route in table:
        with suppress(ValueError):  # "default"
            networks.append(IPv4Network(route["dst"], strict=False))
    return [network for network in networks if network.prefixlen]


def set_up_switch(lab: str, plan: Plan, switch: int) -> None:
    """Make the bridge in the namespace of process *switch* and join the machine to it."""
    uplink = uplink_name(lab)
    remove_uplink(lab)
    _ip(f"link add {uplink} type veth peer name uplink netns {switch}")
    _ip(
        f"link add {_BRIDGE} type bridge mcast_snooping 0",
        f"link set uplink master {_BRIDGE} up",
        f"link set {_BRIDGE} up",
        inside=switch,
    )
    _ip(f"addr add {plan.gateway}/{plan.subnet.prefixlen} dev {uplink}", f"link set {uplink} up")


def remove_uplink(lab: str) -> None:
    """Take the lab's interface away from the machine, if it is there."""
    _delete(uplink_name(lab))


def attach(plan: Plan, switch: int, host: str, pid: int, plugged: bool) -> None:
    """Give *host*, held by process *pid*, its interface, address and route.

    A kernel takes its time to drop the wires of a dead namespace: what is left of the host's last
    life is taken away first.
    """
    detach(switch, host)
    _ip(
        f"link add {host} type veth peer name eth0 address {plan.mac(host)} netns {pid}",
        f"link set {host} up",
        inside=switch,
    )
    plug(switch, host, plugged)
    _ip(
        "link set lo up",
        f"addr add {plan.address(host)}/{plan.subnet.prefixlen} dev eth0",
        "link set eth0 up",
        f"route add default via {plan.gateway}",
        inside=pid,
    )


def detach(switch: int, host: str) -> None:
    """Take the wire of *host* away, if there is one."""
    _delete(host, switch)


def plug(switch: int, host: str, plugged: bool) -> None:
    """Connect *host* to the switch, or let all it sends and should get vanish.

    The host notices nothing: its interface stays up, as behind a switch that fails.
    """
    _ip(
        f"link set {host} master {_BRIDGE}" if plugged else f"link set {host} nomaster",
        inside=switch,
    )


@contextmanager
def relayed(switch: int, host: str, seconds: float, spread: float, port: int = 0) -> Iterator[None]:
    """Have a wire between *host* and the switch that is late: see :mod:`arpanet_lab.relay`."""
    near, far = f"{host}-near", f"{host}-far"
    _ip(
        f"link add {near} type veth peer name {far}",
        f"link set {near} up",
        f"link set {far} master {_BRIDGE} up",
        inside=switch,
    )
    try:
        relay = [sys.executable, "-I", str(_RELAY), host, near, *map(str, (seconds, spread, port))]
        with subprocess.Popen(
            ["nsenter", "--target", str(switch), "--net", *relay],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdin and process.stdout  # noqa: S101  (pipes were asked for)
            if process.stdout.readline() != "ready\n":
                raise ArpanetError(f"the wire of {host} can't be made longer")
            plug(switch, host, False)
            yield
            process.stdin.close()  # it ends, and what it has not passed on is lost
    finally:
        plug(switch, host, True)
        _delete(near, switch)


def _delete(interface: str, inside: int | None = None) -> None:
    with suppress(ArpanetError):  # it may be gone, or be going with the namespace of its other end
        _ip(f"link del {interface}", inside=inside)
    names = [link["ifname"] for link in json.loads(_run(["ip", "-j", "link"], inside))]
    if interface in names:
        raise ArpanetError(f"interface {interface} does not go", "run it again")


def _ip(*commands: str, inside: int | None = None) -> None:
    _run(["ip", "-batch", "-"], inside, "\n".join(commands) + "\n")


def _run(command: list[str], inside: int | None = None, text: str = "") -> str:
    prefix = [] if inside is None else ["nsenter", "--target", str(inside), "--net"]
    try:
        done = subprocess.run(
            prefix + command, input=text, capture_output=True, text=True, timeout=_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise ArpanetError(f"`{' '.join(command)}` did not end in {_SECONDS:.0f} seconds") from None
    if done.returncode:
        raise ArpanetError(f"`{' '.join(command)}` failed: {' '.join(done.stderr.split())}")
    return done.stdout
