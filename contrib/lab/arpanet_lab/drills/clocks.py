"""Clocks on the wall that jump; each jump begins with its block, and is undone after it."""

from collections.abc import Iterator
from contextlib import contextmanager

from arpanet_lab.clocks import jumped
from arpanet_lab.drills.etcd import leaders
from arpanet_lab.drills.site import Site
from arpanet_lab.host import Host

__all__ = ["ahead", "behind", "leader_ahead"]

_HOUR = 3600


@contextmanager
def ahead(site: Site) -> Iterator[None]:
    """Put the clock forward on the host where an instance will stop."""
    with _jumped(site, site.hosts[site.at], _HOUR):
        yield


@contextmanager
def behind(site: Site) -> Iterator[None]:
    """Put it back there: all that runs begins in times to come."""
    with _jumped(site, site.hosts[site.at], -_HOUR):
        yield


@contextmanager
def leader_ahead(site: Site) -> Iterator[None]:
    """Put the clock forward on the host of the masters' leader."""
    (host,) = leaders(site)
    with _jumped(site, host, _HOUR):
        yield


@contextmanager
def _jumped(site: Site, host: Host, seconds: int) -> Iterator[None]:
    site.ahead = {host.name: seconds}
    try:
        with jumped(host.pid, seconds):
            yield
    finally:
        site.ahead = {}
