"""Which connections are looked at, and which are strays."""

from arpanet_ambassador.flows.reaper import Endpoints, Reaper, Watch, strays, watches
from arpanet_ambassador.links.ground import World
from arpanet_ambassador.links.plan import make
from arpanet_ambassador.planes.netlink import Flow
from arpanet_ambassador.planes.plane import LOOPBACK, Frontend, Home

from arpanet.records import Snapshot
from tests.unit.ambassador.records import AMBASSADOR, backends, by_id, container, instance

WATCH = Watch(Home("id", 7), frozenset({Frontend("172.17.0.2", 6379), Frontend(LOOPBACK, 80)}))
HERE, GONE = ("10.0.0.1", 6379), ("10.0.0.2", 6379)


def flow(dialled, target):
    return Flow(("172.17.0.3", 40000), dialled, target)


def test_strays():
    mine = [flow(("172.17.0.2", 6379), GONE), flow(("127.0.0.1", 80), GONE)]
    others = [
        flow(("172.17.0.2", 6379), HERE),
        flow(("172.17.0.2", 80), GONE),
        flow(("127.0.0.1", 6379), GONE),
        flow(("127.0.0.11", 80), GONE),  # Docker's own resolver
        flow(("172.17.0.9", 6379), GONE),
    ]
    assert strays([*others, *mine], WATCH, {HERE}) == mine


def test_container_addresses_count_on_their_own_host_only():
    """Every host has a 172.17.0.9: another's living one kept this host's dead one known."""
    one = instance("redis", "10.0.0.1", 32768, local={"bridge": "172.17.0.9:6379"})
    found = Snapshot({one.id: one})
    assert Endpoints().of(found, "other") == {
        ("10.0.0.1", 32768),
        ("172.17.0.9", 6379),
    }
    assert Endpoints().of(found, "here") == {("10.0.0.1", 32768)}


def test_what_is_stopping_is_still_known():
    """Its server may accept nobody any more: what it serves must not be reset for that."""
    one = instance("redis", "10.0.0.1", 6379, health="stopping")
    known = Endpoints().of(Snapshot({one.id: one}), "other")
    assert strays([flow(("172.17.0.2", 6379), HERE)], WATCH, known) == []
    assert strays([flow(("172.17.0.2", 6379), HERE)], WATCH, frozenset()) != []


def test_endpoints_of_one_snapshot_after_another():
    one, two = (instance("redis", "10.0.0.1", 6379, name=name) for name in "ab")
    other = instance("redis", "10.0.0.2", 6379, name="c")
    found = Endpoints()
    both = frozenset({HERE, GONE})
    assert found.of(Snapshot(by_id(one, two, other)), "here") == both
    assert found.of(Snapshot(by_id(two, other)), "here") == both  # another has the address, too
    assert found.of(Snapshot(by_id(two)), "here") == {HERE}
    assert found.of(Snapshot(), "here") == frozenset()


def test_fixed_addresses_are_not_watched():
    web = container("web", labels={"connect.80": "10.0.0.1:80", "connect.81": "redis"})
    fixed = container("fixed", labels={"connect.80": "10.0.0.1:80"})
    everything = by_id(web, fixed, backends())
    made = make(World(containers=everything, services={}, host="here", ambassador=AMBASSADOR))
    (watch,) = watches(made)
    assert (watch.home.container, watch.frontends) == ("id-web", {Frontend(LOOPBACK, 81)})


def test_nothing_is_dialled_that_no_connection_leads_to(monkeypatch):
    """What is in the registry is written by others: it is not dialled from here because of that."""
    asked = []

    def dialled(addresses):
        asked.extend(addresses)
        return [(one, False) for one in addresses]

    monkeypatch.setattr("arpanet_ambassador.flows.reaper.dialled", dialled)
    dropped = []
    reaper = Reaper(lambda: frozenset({GONE}), dropped.append)
    reaper.reap((), frozenset({HERE}), lost=frozenset({("10.0.0.3", 1), ("10.0.0.4", 1)}))
    assert (asked, dropped) == ([], [])
    reaper.reap((), frozenset({HERE}), lost=frozenset({GONE, ("10.0.0.4", 1)}))
    assert (asked, dropped) == ([GONE], [GONE])
