"""Which connections are looked at, and which are strays."""

from arpanet_ambassador.flows.reaper import Watch, endpoints, strays, watches
from arpanet_ambassador.links.plan import World, make
from arpanet_ambassador.planes.netlink import Flow
from arpanet_ambassador.planes.nftables.ruleset import Home

from arpanet.records import Snapshot
from tests.unit.ambassador.records import AMBASSADOR, backends, by_id, container, instance

WATCH = Watch(Home("id", 7), {"172.17.0.2"}, {"backend": {6379}, "connect": {80}})
HERE, GONE = ("10.0.0.1", 6379), ("10.0.0.2", 6379)


def flow(dialled, target):
    return Flow(("172.17.0.3", 40000), dialled, target, b"")


def test_strays():
    mine = [flow(("172.17.0.2", 6379), GONE), flow(("127.0.0.1", 80), GONE)]
    others = [
        flow(("172.17.0.2", 6379), HERE),
        flow(("172.17.0.2", 80), GONE),
        flow(("127.0.0.1", 6379), GONE),
        flow(("172.17.0.9", 6379), GONE),
    ]
    assert strays([*others, *mine], WATCH, {HERE}) == mine


def test_endpoints_from_everywhere():
    one = instance("redis", "10.0.0.1", 32768, local={"bridge": "172.17.0.9:6379"})
    assert endpoints(Snapshot({one.id: one})) == {("10.0.0.1", 32768), ("172.17.0.9", 6379)}


def test_fixed_addresses_are_not_watched():
    web = container("web", labels={"connect.80": "10.0.0.1:80", "connect.81": "redis"})
    fixed = container("fixed", labels={"connect.80": "10.0.0.1:80"})
    everything = by_id(web, fixed, backends())
    made = make(World(containers=everything, services={}, host="here", ambassador=AMBASSADOR))
    (watch,) = watches(made)
    assert (watch.home, watch.ports) == (Home("id-web", 7), {"connect": {81}})
