"""Containers + services -> tables, routes and links."""

from arpanet_ambassador.links.outcome import Troubles, links
from arpanet_ambassador.links.plan import World, make
from arpanet_ambassador.planes.nftables.ruleset import Home

from arpanet.records import Container, Link, Target
from tests.unit.ambassador.records import AMBASSADOR, backends, by_id, container, instance

REDIS = {"redis": (instance("redis", "10.0.0.1", 6379),)}
TARGET = Target("10.0.0.1", 6379, "other:c:6379")


def plan(*containers, services=REDIS, **more):
    everything = by_id(backends(), *containers)
    return make(
        World(containers=everything, services=services, host="here", ambassador=AMBASSADOR, **more)
    )


def web(**more):
    return container("web", linked=["redis"], env={"BACKEND_6379": "redis"}, **more)


def test_both_planes_are_given_the_same():
    made = plan(web(labels={"connect.80": "redis"}))
    table = made.tables["id-web"]
    assert (table.ambassador, table.backend) == ({"172.17.0.2"}, {6379: (TARGET,)})
    assert table.connect == {80: (TARGET,)}
    assert made.routes == {"172.17.0.3": {6379: (TARGET,)}}
    rules = made.rules["id-web"]
    assert (rules.home, rules.localnet, rules.networks) == (Home("id-web", 7), True, ("bridge",))


def test_a_new_interface_makes_other_rules():
    before = plan(web()).rules["id-web"]
    more = Container(**{**vars(web()), "networks": {"bridge": "172.17.0.3", "more": "172.18.0.3"}})
    assert plan(more).rules["id-web"] != before


def test_link_without_instances_is_refused_by_both_planes():
    made = plan(web(), services={})
    assert made.tables["id-web"].backend == {6379: ()}
    assert made.routes == {"172.17.0.3": {6379: ()}}
    (link,) = links(made, "auto", Troubles())
    assert (link.plane, link.error) == ("kernel", "service redis has no instance")


def test_bad_link_has_no_part_in_either():
    made = plan(web(labels={"connect.80": "a b"}), container("bad", labels={"connect.1": "a b"}))
    assert made.tables.keys() == {"id-web"}
    assert made.tables["id-web"].connect == {}


def test_address_in_the_hosts_file_counts_though_another_container_has_it_now():
    other = container("other", ip="172.17.0.9")
    made = plan(web(), other, named={"id-web": frozenset({"172.17.0.9"})})
    assert made.tables["id-web"].ambassador == {"172.17.0.2", "172.17.0.9"}


def test_remembered_address_counts_until_another_container_has_it():
    remembered = {"id-web": frozenset({"172.17.0.8", "172.17.0.9"})}
    made = plan(web(), container("other", ip="172.17.0.9"), remembered=remembered)
    assert made.tables["id-web"].ambassador == {"172.17.0.2", "172.17.0.8"}


def test_shared_namespace_is_one_table():
    guest = container("guest", mode="container:id-web", labels={"connect.80": "redis"}, pid=9)
    made = plan(web(), guest)
    assert made.tables.keys() == {"id-web"}
    assert made.tables["id-web"].connect == {80: (TARGET,)}
    assert made.rules["id-web"].home == Home("id-web", 7)


def test_reused_address_is_the_new_containers():
    """ambassadord's worst: a new container inherited a dead one's routes with its address."""
    heir = container("heir", env={"BACKEND_6379": "pg"}, linked=["pg"])
    pg = {"pg": (instance("pg", "10.0.0.7", 5432),), **REDIS}
    assert plan(web(), services=pg).routes["172.17.0.3"][6379][0].ip == "10.0.0.1"
    assert plan(heir, services=pg).routes["172.17.0.3"][6379][0].ip == "10.0.0.7"


def test_lookups():
    named = container("web", labels={"connect.1": "db:5432", "connect.2": "_a._tcp.b"})
    assert plan(named).lookups == {("db", 5432), ("_a._tcp.b", 0)}


# -- what carries a link -------------------------------------------------------------------------


def carried(made, plane="auto", **troubles):
    return [(one.plane, one.error) for one in links(made, plane, Troubles(**troubles))]


def test_link_record():
    assert links(plan(web()), "auto", Troubles()) == (
        Link("web", 6379, "redis", "redis:6379", (TARGET,), "kernel", ""),
    )


def test_kernel_trouble_goes_to_the_proxy_or_is_told():
    made = plan(web(labels={"connect.80": "redis"}))
    trouble = {"id-web": "no permission"}
    assert carried(made, namespaces=trouble) == [("", "no permission"), ("proxy", "")]
    assert carried(made, "kernel", namespaces=trouble) == [("", "no permission")] * 2


def test_proxy_plane_cannot_serve_localhost():
    made = plan(web(labels={"connect.80": "redis"}))
    (label, variable) = carried(made, "proxy")
    assert label[0] == ""
    assert "declare BACKEND_80" in label[1]
    assert variable == ("proxy", "")


def test_port_that_is_taken_matters_where_the_proxy_is_needed():
    ports = {6379: "the ambassador cannot listen on port 6379: Address already in use"}
    assert carried(plan(web()), ports=ports) == [("kernel", "")]
    assert carried(plan(web()), "proxy", ports=ports) == [("", ports[6379])]


def test_ipv6_targets_are_dialled_by_the_proxy():
    made = plan(
        container(
            "web",
            linked=["x"],
            env={"BACKEND_80": "[fd00::1]:80"},
            labels={"connect.81": "[fd00::1]:80"},
        )
    )
    assert made.tables["id-web"].backend == {}
    assert made.routes["172.17.0.3"][80][0].ip == "fd00::1"
    assert carried(made) == [
        ("proxy", ""),
        ("", "its addresses are IPv6, and the kernel plane carries IPv4 only"),
    ]


def test_only_this_clusters_masters_are_a_registry():
    urls = {f"connect.{n}": f"etcd://{h}:4001/x/services/redis" for n, h in ((1, "m"), (2, "z"))}
    made = plan(container("web", labels=urls), masters=frozenset({"m"}))
    assert [bool(one.targets) for one in made.resolved] == [True, False]
    assert "'z' is no master of this arpanet (m)" in made.resolved[1].error
