"""Ending what hosts that were shut out still have open at this host's etcd.

etcd asks for rights when a watch begins, and for a certificate when a connection does; what is open
then goes on. Who is at the other end of a connection is known by its address alone, and a thief may
dial from anywhere: so what is kept is what comes from the addresses of hosts that are let in.
A host that dials from another address loses its connections when somebody is shut out, and makes
them anew.
"""

import errno
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address

from arpanet import Admission, RegistryError, sockets

__all__ = ["Cutting", "strange"]

log = logging.getLogger(__name__)


class Cutting:
    """Knows who was let in when it last looked. Used by one thread.

    :param places: (ip, port) that etcd listens on here for other hosts; none: it never looks.
    """

    def __init__(self, places: Collection[tuple[str, int]]) -> None:
        self._places = frozenset((ip_address(ip), port) for ip, port in places)
        self._known: Mapping[str, Admission] | None = None

    def look(self, admissions: Sequence[Admission]) -> None:
        """End the connections of who is not among *admissions* any more, or with other words.

        The first time, those from no host's address; later, when somebody was shut out only.

        :raises RegistryError: the kernel refuses to; the next look tries again.
        """
        now = {one.host: _dialling(one) for one in admissions}
        before = self._known
        gone = [one for one in (before or {}).values() if now.get(one.host) != one]
        if self._places and (before is None or gone):
            self._end(now.values(), gone)
        self._known = now

    def _end(self, admitted: Iterable[Admission], gone: Iterable[Admission]) -> None:
        try:
            found = [one for one in sockets.connections() if self._here(one.source)]
            for one in strange(found, admitted, gone):
                log.info("ending the connection from %s:%d", *one.target)
                try:
                    sockets.destroy(one)
                except OSError as problem:
                    if problem.errno != errno.ENOENT:  # else it has ended just now
                        raise
        except OSError as problem:
            raise RegistryError(
                "connections that were open before somebody was shut out go on:"
                f" the kernel does not end them: {problem.strerror}",
                "start etcd again on this host: docker restart arpanet_etcd",
            ) from problem

    def _here(self, source: tuple[str, int]) -> bool:
        return (ip_address(source[0]), source[1]) in self._places


def _dialling(one: Admission) -> Admission:
    """Return it with its own addresses alone: from a network of its instances no host dials."""
    return replace(one, addresses=tuple(a for a in one.addresses if "/" not in a))


def strange(
    found: Iterable[sockets.Connection],
    admitted: Iterable[Admission],
    gone: Iterable[Admission],
) -> list[sockets.Connection]:
    """Return those of *found* that come from no host's address, or from that of one that is gone.

    This host itself is none of them, by whichever way it dials.
    """
    lost = _addresses(gone)
    kept = _addresses(admitted) - lost
    return [
        one
        for one in found
        if (ip := ip_address(one.target[0])) in lost or not (ip.is_loopback or ip in kept)
    ]


def _addresses(admissions: Iterable[Admission]) -> set[IPv4Address | IPv6Address]:
    return {ip_address(address) for one in admissions for address in one.addresses}
