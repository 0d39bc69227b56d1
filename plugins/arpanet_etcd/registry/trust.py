"""Whose instances count: what masters keep for every reader to see, as a decision. No I/O.

A host's record under ``public/hosts/`` says which addresses its instances may have, one under
``public/services/`` which hosts may offer a name. As long as no host has such a record, nobody was
ever let in, as with ``ARPANET_TLS=off``, and every host is believed. A host whose record is deleted
while others have theirs was shut out. When all of them go at once, they vanished with the store:
what they said stays until masters have put them back, so that a store that is wiped cuts nobody
off. So do reserved names, which are nobody else's meanwhile: one is released by its record's
deletion in a store that knows hosts, or was never told of any.
"""

import ipaddress
import logging
from collections.abc import Mapping

from arpanet import Instance, codec
from arpanet_etcd.registry.keys import Key

__all__ = ["ADMITTED", "NAMES", "RESERVED", "Trust", "reservation"]

log = logging.getLogger(__name__)

#: What the names of reserved services begin with in the vault.
NAMES = "public/services/"
#: The kinds of keys that this is about.
ADMITTED, RESERVED = "admitted", "reserved"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
#: Where a host's instances may be.
Grant = tuple[Network, ...]


class Trust:
    """What is known of hosts and names. A record that makes no sense changes nothing."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._hosts: dict[str, Grant] = {}
        #: hosts whose record the store holds, and those whose record went just now
        self._present: set[str] = set()
        self._gone: set[str] = set()
        self._reserved: dict[str, frozenset[str]] = {}
        self._names: dict[str, str] = {}
        #: the same of reserved names
        self._named: set[str] = set()
        self._unnamed: set[str] = set()

    @property
    def texts(self) -> Mapping[str, str]:
        """Host -> its record: what is to be remembered."""
        return self._texts

    @property
    def names(self) -> Mapping[str, str]:
        """Reserved name -> its record: the same."""
        return self._names

    def apply(self, parsed: Key, text: str | None) -> bool:
        """Take in a record, ``None``: it was deleted; return whether that decides differently.

        What a deleted record means, :meth:`settle` decides.
        """
        before = (self._hosts.get(parsed.id), len(self._hosts), self._reserved.get(parsed.id))
        try:
            if parsed.kind == RESERVED and text is None:
                self._named.discard(parsed.id)
                self._unnamed.add(parsed.id)
            elif parsed.kind == RESERVED and text is not None:
                self._named.add(parsed.id)
                self._reserved[parsed.id] = reservation(text)
                self._names[parsed.id] = text
            elif text is None:
                self._present.discard(parsed.id)
                self._gone.add(parsed.id)
            else:
                self._present.add(parsed.id)
                self._hosts[parsed.id] = _grant(text)
                self._texts[parsed.id] = text
        except ValueError as problem:
            log.warning("ignoring what is said of %s: %s", parsed.id, problem)
        now = (self._hosts.get(parsed.id), len(self._hosts), self._reserved.get(parsed.id))
        return now != before

    def settle(self, complete: bool) -> bool:
        """Decide about hosts and names without a record; return whether one went.

        Called when all that happened at one moment was taken in.

        :param complete: that was all that there is, of a store that is known.
        """
        gone = (self._hosts.keys() if complete else self._gone) - self._present
        free = (self._reserved.keys() if complete else self._unnamed) - self._named
        self._gone.clear()
        self._unnamed.clear()
        if self._hosts and not self._present:
            return False
        went = gone & self._hosts.keys(), free & self._reserved.keys()
        for host in went[0]:
            del self._hosts[host], self._texts[host]
        for name in went[1]:
            del self._reserved[name], self._names[name]
        return any(went)

    def begin_anew(self) -> None:
        """All is read from another store: what it lacks may be put back there."""
        for one in (self._present, self._gone, self._named, self._unnamed):
            one.clear()

    def knows(self, host: str) -> bool:
        """Whether *host* has a record."""
        return host in self._hosts

    def refusal(self, one: Instance) -> str:
        """Return why *one* must not be used, ``""``: it may."""
        if not self._hosts:
            return ""
        grant = self._hosts.get(one.host)
        if grant is None:
            return f"{one.host} has not been let in"
        if one.ip and not _within(one.ip, grant):
            return f"{one.host} may have no instance at {one.ip}"
        return ""

    def reserved(self, name: str, host: str) -> str:
        """Return why *host* may not offer *name*, ``""``: it may."""
        hosts = self._reserved.get(name)
        if hosts is None or host in hosts:
            return ""
        return f"{name} is reserved for {', '.join(sorted(hosts))}"


def _within(ip: str, networks: Grant) -> bool:
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return False
    return any(address in network for network in networks)


def _grant(text: str) -> Grant:
    given = codec.decode_object(text)
    addresses = given.get("addresses")
    if not isinstance(addresses, list):
        raise ValueError("has no list of addresses")
    return tuple(ipaddress.ip_network(str(one), strict=False) for one in addresses)


def reservation(text: str) -> frozenset[str]:
    """Return the hosts that a reserved name is for.

    :raises ValueError: *text* is no such record.
    """
    hosts = codec.decode_object(text).get("hosts")
    if not isinstance(hosts, list) or not hosts:
        raise ValueError("names no hosts")
    return frozenset(map(str, hosts))
