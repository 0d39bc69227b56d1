"""Names and addresses of a lab: what is decided without looking at the machine."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from arpanet import ArpanetError, UsageError

__all__ = [
    "MAX_HOSTS",
    "Plan",
    "check_name",
    "check_size",
    "choose_subnet",
    "host_names",
    "hosts_file",
    "resolver_file",
    "uplink_name",
]

MAX_HOSTS = 50
#: Tried in this order; the first that touches no route of the machine is taken.
SUBNETS = tuple(
    IPv4Network(f"10.{second}.{third}.0/24") for second in (77, 177) for third in range(32)
)
#: Linux allows 15 characters in an interface's name, and three go to the prefix.
_NAME = re.compile(r"[a-z][a-z0-9-]{0,11}")
_FIRST_HOST = 11


def check_name(name: str) -> str:
    """Return *name*, which must be fit for a directory, an interface and a cgroup.

    :raises UsageError: it is not.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot name a lab", "take up to 12 of a-z, 0-9 and -, a letter first"
        )
    return name


def check_size(size: int) -> int:
    """Return *size*, a number of hosts that a lab can have.

    :raises UsageError: it is out of range.
    """
    if not 1 <= size <= MAX_HOSTS:
        raise UsageError(f"a lab cannot have {size} hosts", f"take 1 to {MAX_HOSTS}")
    return size


def host_names(size: int) -> list[str]:
    """Return the names of *size* hosts: ``host1`` and so on."""
    return [f"host{number}" for number in range(1, size + 1)]


def uplink_name(lab: str) -> str:
    """Return the name of the one interface that a lab adds to the machine."""
    return f"al-{lab}"


def choose_subnet(taken: Iterable[IPv4Network]) -> IPv4Network:
    """Return a subnet for a new lab.

    :param taken: what the machine has routes to.
    :raises ArpanetError: all subnets that a lab may have are in use.
    """
    in_use = list(taken)
    for subnet in SUBNETS:
        if not any(subnet.overlaps(other) for other in in_use):
            return subnet
    raise ArpanetError(
        f"every subnet from {SUBNETS[0]} to {SUBNETS[-1]} has a route on this machine",
        "take a lab down: arpanet lab down --name NAME",
    )


@dataclass(frozen=True)
class Plan:
    """Who has which address in *subnet*."""

    subnet: IPv4Network

    @property
    def gateway(self) -> IPv4Address:
        """The machine's own address in the lab."""
        return self.subnet.network_address + 1

    def address(self, host: str) -> IPv4Address:
        """Return the address of *host*: ``host1`` has the one that ends in 11."""
        return self.subnet.network_address + _FIRST_HOST - 1 + int(host.removeprefix("host"))

    def mac(self, host: str) -> str:
        """Return the hardware address of *host*.

        It must survive a power cut, as on a real host: the others remember it.
        """
        octets = b"\x02\xa1" + self.address(host).packed
        return ":".join(f"{octet:02x}" for octet in octets)


def hosts_file(plan: Plan, size: int) -> str:
    """Return the text of ``/etc/hosts`` on each host of a lab of *size*."""
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback"]
    lines += [f"{plan.address(name)} {name}" for name in host_names(size)]
    return "\n".join(lines) + "\n"


def resolver_file(plan: Plan) -> str:
    """Return the text of ``/etc/resolv.conf`` on each host.

    The machine answers there, and be it that it has no DNS: any other server is not reached from a
    lab, and each unknown name would have to be waited for.
    """
    return f"nameserver {plan.gateway}\noptions timeout:1 attempts:1\n"
