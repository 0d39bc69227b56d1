"""Containers + services -> what each namespace is to hold, and the links that are shown."""

from dataclasses import replace

import pytest
from arpanet_ambassador.links import hints
from arpanet_ambassador.links.ground import World
from arpanet_ambassador.links.outcome import Links
from arpanet_ambassador.links.plan import Planner, make
from arpanet_ambassador.planes.chain import Carried
from arpanet_ambassador.planes.plane import LOOPBACK, NOWHERE, Frontend, Home

from arpanet.records import Link, Port, Target
from tests.unit.ambassador.records import (
    AMBASSADOR,
    backends,
    by_id,
    container,
    instance,
    leads,
    resolved,
)

REDIS = {"redis": (instance("redis", "10.0.0.1", 6379),)}
TARGET = Target("10.0.0.1", 6379, "other:c:6379")
DIALS = Frontend("172.17.0.2", 6379)


def plan(*containers, services=REDIS, own=None, **more):
    everything = by_id(own or backends(), *containers)
    return make(
        World(containers=everything, services=services, host="here", ambassador=AMBASSADOR, **more)
    )


def web(**more):
    return container("web", linked=["redis"], env={"BACKEND_6379": "redis"}, **more)


def test_both_forms():
    made = plan(web(labels={"connect.80": "redis"}))
    client = made.clients["id-web"]
    assert leads(made) == {DIALS: (TARGET,), Frontend(LOOPBACK, 80): (TARGET,)}
    assert (client.home, client.addresses) == (Home("id-web", 7, "", "t0"), {"172.17.0.3"})
    assert made.ambassadors == {"id-web": {"172.17.0.2"}}


def test_a_pool_is_one_for_all_who_see_it_alike():
    """Where its targets change, planes may change one thing for all of them."""
    label = {"connect.6379": "redis"}
    near, also, far = (
        container("near", network="bridge", labels=label),
        container("also", network="bridge", labels={"connect.80": "redis"}),
        container("far", network="private", labels=label),
    )
    clients = plan(near, also, far).clients.values()
    names = [name for one in clients for name in one.links.values()]
    assert (len(names), len(set(names))) == (3, 2)


def test_on_the_hosts_own_network_a_client_is_its_own_process():
    home = container("home", mode="host", pid=8, labels={"connect.80": "redis"})
    guest = container("guest", mode="container:id-home", pid=9, labels={"connect.80": "redis"})
    made = plan(home, guest, namespaces={"id-home": "net:[1]", "id-guest": "net:[1]"})
    homes = {key: one.home for key, one in made.clients.items()}
    assert homes == {
        "id-home": Home("id-home", 8, "", "t0", shared=True),
        "id-guest": Home("id-guest", 9, "", "t0", shared=True),
    }


def test_two_services_with_one_port():
    labels = {"connect.cache:6379": "redis", "connect.queue:6379": "10.0.0.9:6379"}
    made = plan(container("web", network="private", labels=labels))
    names = made.names["id-web"]
    assert {f.address: t[0].ip for f, t in leads(made).items()} == {
        names["cache"]: "10.0.0.1",
        names["queue"]: "10.0.0.9",
    }


def test_datagrams_go_to_instances_that_take_them():
    dns = (
        instance("dns", "10.0.0.1", 53, protocol="udp"),
        instance("dns", "10.0.0.2", 53, name="d"),
    )
    labels = {"connect.53/udp": "dns", "connect.53": "dns"}
    found = leads(plan(container("web", labels=labels), services={"dns": dns}))
    assert {(f.protocol, t[0].ip) for f, t in found.items()} == {
        ("udp", "10.0.0.1"),
        ("tcp", "10.0.0.2"),
    }


def test_link_without_instances_is_to_be_refused():
    made = plan(web(), services={})
    assert leads(made) == {DIALS: ()}
    (link,) = Links(made, Carried({("id-web", DIALS): "nftables"}))
    assert (link.plane, link.error) == ("nftables", "service redis has no instance")


def test_bad_link_has_no_part_in_it():
    made = plan(web(labels={"connect.80": "a b"}), container("bad", labels={"connect.1": "a b"}))
    assert {key: set(client.links) for key, client in made.clients.items()} == {"id-web": {DIALS}}


@pytest.mark.parametrize("value", ["a b", "10.0.0.1:http"])
def test_a_name_whose_link_makes_no_sense_leads_nowhere(value):
    """It is in the hosts file; without a link of its own it would lead where localhost leads."""
    labels = {"connect.6379": "redis", "connect.cache:6379": value, "connect.queue:80": "redis"}
    made = plan(container("web", labels=labels))
    client, names = made.clients["id-web"], made.names["id-web"]
    cache = Frontend(names["cache"], 6379)
    assert leads(made) == {
        Frontend(LOOPBACK, 6379): (TARGET,),
        cache: (),
        Frontend(names["queue"], 80): (TARGET,),
    }
    assert client.links[cache] == NOWHERE
    assert NOWHERE not in {client.links[one] for one in client.links.keys() - {cache}}
    carried = Carried({("id-web", one): "socket" for one in client.links})
    shown = {one.dials: (one.plane, bool(one.error)) for one in Links(made, carried)}
    assert shown["cache:6379"] == ("", True)
    assert shown["queue:80"] == ("socket", False)


def test_a_name_that_two_declare_differently_leads_nowhere():
    home = container("home", labels={"connect.cache:6379": "redis", "connect.6379": "redis"})
    guest = container("guest", mode="container:id-home", labels={"connect.cache:6379": "other"})
    links = leads(plan(home, guest), "id-home")
    assert sorted(links.values()) == [(), (TARGET,)]


def test_address_in_the_hosts_file_counts_though_another_container_has_it_now():
    other = container("other", ip="172.17.0.9")
    made = plan(web(), other, named={"id-web": frozenset({"172.17.0.9"})})
    assert made.ambassadors["id-web"] == {"172.17.0.2", "172.17.0.9"}


def test_remembered_address_counts_until_another_container_has_it():
    remembered = {"id-web": frozenset({"172.17.0.8", "172.17.0.9"})}
    made = plan(web(), container("other", ip="172.17.0.9"), remembered=remembered)
    assert made.ambassadors["id-web"] == {"172.17.0.2", "172.17.0.8"}


def test_without_any_address_of_the_ambassador_nothing_carries_it():
    """It was said to be carried all the same."""
    made = plan(web(), own=container("stranger", ip="172.17.0.7"))
    (link,) = Links(made, Carried())
    assert made.clients == {}
    assert link.plane == ""
    assert "arpanet_backends has no address that web could dial" in link.error


def test_shared_namespace_is_one_client():
    guest = container("guest", mode="container:id-web", labels={"connect.80": "redis"}, pid=9)
    made = plan(web(), guest)
    assert set(made.clients["id-web"].links) == {DIALS, Frontend(LOOPBACK, 80)}
    assert made.clients["id-web"].home.pid == 7


def test_namespace_whose_owner_stopped_is_one_client():
    """Two that joined it overwrote each other at every check."""
    guests = [
        container(name, mode="container:id-gone", labels={f"connect.{port}": "redis"}, pid=port)
        for name, port in (("one", 81), ("two", 82))
    ]
    spaces = {one.id: "net:[4026532008]" for one in guests}
    ((key, client),) = plan(*guests, namespaces=spaces).clients.items()
    assert (key, client.home.namespace) == ("net:[4026532008]",) * 2
    assert {frontend.port for frontend in client.links} == {81, 82}


def test_reused_address_is_the_new_containers():
    """ambassadord's worst: a new container inherited a dead one's routes with its address."""
    heir = container("heir", env={"BACKEND_6379": "pg"}, linked=["pg"])
    pg = {"pg": (instance("pg", "10.0.0.7", 5432),), **REDIS}
    first, second = plan(web(), services=pg), plan(heir, services=pg)
    (before,), (after,) = first.clients.values(), second.clients.values()
    assert before.addresses == after.addresses
    assert leads(first)[DIALS][0].ip == "10.0.0.1"
    assert leads(second, "id-heir")[DIALS][0].ip == "10.0.0.7"


def test_lookups():
    named = container("web", labels={"connect.1": "db:5432", "connect.2": "_a._tcp.b"})
    assert plan(named).lookups == {("db", 5432), ("_a._tcp.b", 0)}


def test_only_this_clusters_masters_are_a_registry():
    urls = {f"connect.{n}": f"etcd://{h}:4001/x/services/redis" for n, h in ((1, "m"), (2, "z"))}
    made = plan(container("web", labels=urls), masters=frozenset({"m"}))
    assert [bool(made.resolved(number).targets) for number in (0, 1)] == [True, False]
    assert "'z' is no master of this arpanet (m)" in made.resolved(1).error


@pytest.mark.parametrize(
    ("ports", "says"),
    [
        ((), "container priv runs here and publishes no port: run it with -p"),
        ((Port(80),), "container priv runs here and publishes no port: run it with -p"),
        ((Port(80, "tcp", "127.0.0.1", 80),), "container priv publishes its port on loopback only"),
        ((Port(80, "tcp", "0.0.0.0", 80),), ""),
    ],
)
def test_hint_where_a_service_runs_unpublished(ports, says):
    hidden = replace(container("priv", ip="172.17.0.8"), ports=ports)
    made = plan(container("web", labels={"connect.80": "priv"}), hidden)
    assert made.resolved(0).error == "service priv has no instance" + (f"; {says}" if says else "")


def test_hints_are_sought_once_for_all_links_and_once_somebody_asks(monkeypatch):
    """The last instance that goes would cost a thousand clients a look at each other."""
    made = []
    monkeypatch.setattr(hints, "unpublished", lambda every: made.append(1) or {})
    found = plan(*(container(f"web{n}", labels={"connect.80": f"s{n % 3}"}) for n in range(30)))
    links = Links(found, Carried())
    assert made == []
    assert all(one.error for one in links)
    assert made == [1]


# -- what carries a link -------------------------------------------------------------------------


def test_link_record():
    carried = Carried({("id-web", DIALS): "nftables"})
    assert Links(plan(web()), carried) == (
        Link("web", 6379, "redis", "redis:6379", (TARGET,), "nftables", ""),
    )


def test_why_it_is_not_the_best_plane_is_a_note_and_why_it_is_none_an_error():
    made = plan(web(labels={"connect.80": "redis"}))
    localhost = Frontend(LOOPBACK, 80)
    carried = Carried(
        {("id-web", DIALS): "proxy"},
        {("id-web", DIALS): ("no permission",), ("id-web", localhost): ("no permission", "nor I")},
    )
    label, variable = Links(made, carried)
    assert (label.plane, label.error, label.note) == ("", "no permission; nor I", "")
    assert (variable.plane, variable.error, variable.note) == ("proxy", "", "no permission")


def test_what_the_registry_lost_is_marked():
    services = {"redis": (instance("redis", "10.0.0.1", 6379, unconfirmed=True),)}
    made = plan(web(), services=services)
    assert made.unconfirmed() == {("10.0.0.1", 6379)}
    (link,) = Links(made, Carried({("id-web", DIALS): "nftables"}))
    assert (link.targets[0].ip, link.note) == ("10.0.0.1", "unconfirmed: 10.0.0.1:6379")


def test_what_is_silent_by_one_protocol_may_answer_by_the_other():
    both = [
        instance("dns", f"10.0.0.{number}", 53, name=f"{protocol}{number}", protocol=protocol)
        for protocol in ("tcp", "udp")
        for number in (1, 2)
    ]
    client = container("web", labels={"connect.53": "dns", "connect.53/udp": "dns"})
    silent = {"udp": frozenset({("10.0.0.1", 53)})}
    made = plan(client, services={"dns": tuple(both)}, silent=silent)
    found = {one.declared.protocol: [target.ip for target in one.targets] for one in resolved(made)}
    assert found == {"tcp": ["10.0.0.1", "10.0.0.2"], "udp": ["10.0.0.2"]}
    every = {("10.0.0.1", 53), ("10.0.0.2", 53)}
    assert made.watched("tcp") == made.watched("udp") == every


def test_the_services_that_links_lead_to():
    assert plan(web(labels={"connect.1": "none", "connect.2": "db:1"})).services == {
        "redis",
        "none",
    }


def test_what_a_change_does_not_touch_is_the_very_object_of_before():
    web = container("web", labels={"connect.80": "shop", "connect.81": "redis"})
    app = container("app", ip="172.17.0.4", labels={"connect.80": "shop"})
    containers = by_id(web, app, backends())
    one, two = instance("shop", "10.0.0.1", 80), instance("redis", "10.0.0.2", 80)

    def world(**services):
        return World(containers=containers, services=services, host="here", ambassador=AMBASSADOR)

    planner = Planner()
    first = planner.make(world(shop=(one,), redis=(two,)))
    assert planner.make(world(shop=(one,), redis=(two,), other=(one,))) is first
    second = planner.make(world(shop=(one,), redis=()))
    assert second.clients is first.clients
    same = [a is b for a, b in zip(first.ways, second.ways, strict=True)]
    assert sorted(same) == [False, True]
    assert second.pools == make(world(shop=(one,), redis=())).pools != first.pools
    third = planner.make(world(shop=(), redis=(two,)))
    assert third.pools == make(world(shop=(), redis=(two,))).pools != second.pools
    fewer = World(
        containers=by_id(app, backends()),
        services={"shop": (one,)},
        host="here",
        ambassador=AMBASSADOR,
    )
    assert planner.make(fewer).clients == make(fewer).clients
    assert planner.make(fewer).clients.keys() == {"id-app"}


def test_a_link_whose_name_its_client_does_not_have_says_so_and_stays():
    labels = {"connect.6379": "Redis", "connect.cache:80": "redis", "connect.81": "1.2.3.4:5"}
    left = {"web": {"redis": "a; b", "cache": "a; b"}}
    made = plan(web(labels=labels), unnamed=left)
    notes = {one.declared.dials: one.note for one in resolved(made)}
    assert notes == {
        "redis:6379": "",  # by --link and a variable
        "localhost:6379": "redis:6379 is not this link: a; b, or dial localhost:6379",
        "cache:80": "cache:80 is not this link: a; b",
        "localhost:81": "",
    }
    plans = Planner()
    world = World(
        containers=by_id(backends(), web(labels=labels)),
        services=REDIS,
        host="here",
        ambassador=AMBASSADOR,
    )
    assert {one.note for one in resolved(plans.make(world))} == {""}
    made = plans.make(replace(world, unnamed=left))
    assert {one.declared.dials: one.note for one in resolved(made)} == notes


def test_while_what_clients_are_linked_to_is_down_links_stay_where_they_were():
    client = container("web", network="private", env={"BACKEND_6379": "redis"})
    holder = backends(private="172.18.0.2")
    world = World(
        containers=by_id(holder, client), services=REDIS, host="here", ambassador=AMBASSADOR
    )
    plans = Planner()
    before = plans.make(world)
    down = replace(world, containers=by_id(client), remembered=before.ambassadors)
    assert "no network of web has arpanet_backends" in make(down).resolved(0).error
    after = plans.make(replace(down, former=holder))
    assert after.clients["id-web"].links == before.clients["id-web"].links
    assert [one.declared.dials for one in resolved(after)] == ["arpanet_backends:6379"]
