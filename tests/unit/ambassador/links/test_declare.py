"""Containers -> declared links."""

import pytest
from arpanet_ambassador.links.declare import BACKEND, CONNECT, Declaring, declared, owner
from arpanet_ambassador.links.specs import Service

from tests.unit.ambassador.records import AMBASSADOR, backends, by_id, container


def links(*containers, own=None, **more):
    everything = by_id(*containers, own or backends())
    return declared(Declaring(containers=everything, ambassador=AMBASSADOR, **more))


def only(*containers):
    (link,) = links(*containers)
    return link


@pytest.mark.parametrize("name", ["BACKEND_6379", "backend_6379", "Backend_06379"])
def test_variable(name):
    link = only(container("web", linked=["redis"], env={name: "redis", "BACKEND_URL": "x"}))
    assert (link.client, link.form, link.port, link.text) == ("web", BACKEND, 6379, "redis")
    assert (link.dials, link.spec, link.error) == ("redis:6379", Service("redis"), "")


def test_label():
    labels = {"connect.6379": "redis", "xconnect.1": "a", "connect.": "c"}
    link = only(container("web", network="private", labels=labels))
    assert (link.form, link.port, link.dials, link.error) == (CONNECT, 6379, "localhost:6379", "")


def test_both_forms_on_one_container():
    found = links(
        container("web", linked=["b"], env={"BACKEND_80": "a"}, labels={"connect.80": "b"})
    )
    assert [(link.form, link.text, link.error) for link in found] == [
        (BACKEND, "a", ""),
        (CONNECT, "b", ""),
    ]


def test_alias_that_fits_the_service_is_the_one_that_is_dialled():
    web = container(
        "web", linked=["backends", "pg"], env={"BACKEND_5432": "pg", "BACKEND_6379": "redis"}
    )
    assert [link.dials for link in links(web)] == ["pg:5432", "backends:6379"]


def test_without_a_link_on_the_default_bridge_only_the_address_serves():
    assert only(container("web", env={"BACKEND_80": "a"})).dials == "172.17.0.2:80"


def test_on_a_network_that_the_ambassador_was_connected_to_its_name_serves():
    web = container("web", network="private", env={"BACKEND_80": "a"})
    (link,) = links(web, own=backends(private="172.18.0.2"))
    assert (link.dials, link.error) == ("arpanet_backends:80", "")


def test_on_a_network_without_the_ambassador_the_label_is_recommended():
    link = only(container("web", network="private", env={"BACKEND_80": "a"}))
    assert link.spec is None
    assert "no network of web has arpanet_backends" in link.error
    assert "use the label connect.80=a" in link.error


@pytest.mark.parametrize("how", [{"labels": {"connect.80": "a"}}, {"env": {"BACKEND_80": "a"}}])
def test_without_a_network(how):
    assert "without a network" in only(container("web", mode="none", **how)).error


def test_on_the_hosts_own_network_each_is_a_client_of_its_own():
    both = [container(name, mode="host", labels={"connect.80": name}) for name in ("a", "b")]
    names = {"id-a": "net:[1]", "id-b": "net:[1]"}
    found = links(*both, namespaces=names)
    assert [(one.namespace, one.error) for one in found] == [("id-a", ""), ("id-b", "")]


def test_on_the_hosts_own_network_the_label_is_recommended():
    link = only(container("web", mode="host", env={"BACKEND_80": "a"}))
    assert "use the label connect.80=a" in link.error


@pytest.mark.parametrize("port", ["0", "65536", "99999999999999999999"])
def test_port_out_of_range(port):
    bad, good = sorted(
        links(container("web", labels={f"connect.{port}": "a", "connect.80": "b"})),
        key=lambda link: link.error == "",
    )
    assert "must be a number from 1 to 65535" in bad.error
    assert good.error == ""


def test_bad_value_touches_no_other():
    bad, good = links(container("web", labels={"connect.1": "a b", "connect.2": "b"}))
    assert "neither a service name" in bad.error
    assert (good.error, good.spec) == ("", Service("b"))


def test_one_port_twice_is_refused_unless_it_says_the_same():
    twice = links(container("web", linked=["r"], env={"BACKEND_80": "a", "backend_80": "b"}))
    assert [link.error for link in twice] == ["port 80 is declared as 'a' and 'b': keep one"] * 2
    same = links(container("web", linked=["r"], env={"BACKEND_80": "a", "backend_80": "a"}))
    assert [link.error for link in same] == ["", ""]


def test_shared_namespace():
    home = container("home", linked=["r"], env={"BACKEND_80": "a"})
    guest = container("guest", mode="container:id-home", labels={"connect.81": "b"})
    second = container("second", mode="container:guest", env={"BACKEND_82": "c"})
    found = links(home, guest, second)
    assert {link.namespace for link in found} == {"id-home"}
    assert [(link.client, link.dials) for link in found] == [
        ("guest", "localhost:81"),
        ("home", "r:80"),
        ("second", "r:82"),
    ]


def test_conflict_in_a_shared_namespace():
    home = container("home", labels={"connect.80": "a"})
    guest = container("guest", mode="container:id-home", labels={"connect.80": "b"})
    assert ["keep one" in link.error for link in links(home, guest)] == [True, True]


def test_namespace_outlives_its_owner():
    guest = container("guest", mode="container:id-gone")
    assert owner(guest, by_id(guest)) is guest


def test_circle_ends():
    one = container("one", mode="container:id-two")
    two = container("two", mode="container:id-one")
    assert owner(one, by_id(one, two)) in (one, two)


def test_guest_of_the_host_network():
    home = container("home", mode="host")
    guest = container("guest", mode="container:id-home", labels={"connect.80": "a"})
    link = only(home, guest)
    assert (link.namespace, link.error) == ("id-guest", "")


def test_the_ambassador_declares_nothing():
    own = backends()
    own.labels["connect.80"] = "a"
    assert links(own=own) == []


# -- other forms ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "dials", "rest"),
    [
        ("connect.53/udp", "localhost:53/udp", ("", 53, "udp")),
        ("connect.80/tcp", "localhost:80", ("", 80, "tcp")),
        ("connect.cache:6379", "cache:6379", ("cache", 6379, "tcp")),
        ("connect.DNS.example:53/udp", "DNS.example:53/udp", ("dns.example", 53, "udp")),
    ],
)
def test_labels(label, dials, rest):
    link = only(container("web", labels={label: "a"}))
    assert (link.dials, (link.name, link.port, link.protocol), link.error) == (dials, rest, "")


@pytest.mark.parametrize("name", ["BACKEND_53_UDP", "backend_53_udp"])
def test_variable_for_datagrams(name):
    link = only(container("web", linked=["dns"], env={name: "dns"}))
    assert (link.dials, link.protocol) == ("dns:53/udp", "udp")


def test_one_port_at_two_names_by_both_protocols_is_no_conflict():
    labels = {"connect.a:53": "a", "connect.b:53": "b", "connect.53": "c", "connect.53/udp": "d"}
    assert [link.error for link in links(container("web", labels=labels))] == [""] * 4


# -- what was meant for a link -------------------------------------------------------------------


@pytest.mark.parametrize(
    "label",
    [
        "connect.redis=6379",
        "connect.6379/sctp=redis",
        "connect.80x=a",
        "connect.a:b=c",
        "connect.cache.6379=redis",
        "Connect.6379=redis",
    ],
)
def test_a_label_that_is_no_link_is_told(label):
    key, _, value = label.partition("=")
    bad, good = links(container("web", labels={key: value, "connect.80": "b"}))
    assert (bad.spec, good.error) == (None, "")
    assert f"the label {label} is no link: write connect.<port>=<service>" in bad.error


@pytest.mark.parametrize(
    "name",
    ["localhost", "a.LocalHost", "10.0.0.5", "10.1", "a..b", "a.", "a" * 64, f"a.{'b' * 64}"],
)
def test_a_name_that_no_app_would_look_up_is_told(name):
    labels = {f"connect.{name}:80": "a", "connect.80": "b", "connect.10.example:80": "c"}
    bad, *good = links(container("web", labels=labels))
    assert (bad.spec, bad.name, [link.error for link in good]) == (None, "", ["", ""])
    assert f"'{name}' is no host name that can be given to a service" in bad.error
    assert "write another, or connect.80=a for localhost" in bad.error


def test_other_peoples_labels_are_not_spoken_of():
    labels = {"connect.class": "org.example.Sink", "connect.": "a", "connected": "80"}
    labels |= {"connect.v2": "a", "connect.rest.port": "a"}
    assert links(container("web", labels=labels)) == []


def test_linked_without_saying_what_for_is_told():
    link = only(container("web", linked=["redis"], env={"OTHER": "x"}))
    assert (link.spec, link.dials) == (None, "redis")
    assert "linked to arpanet_backends, but no variable says what for" in link.error
    assert only(container("web", linked=["redis"], env={"BACKEND_1": "a"})).error == ""


def test_a_namespace_that_two_outlived_is_one():
    """Its owner has stopped: Docker's records alone would make it two."""
    one = container("one", mode="container:id-gone", labels={"connect.80": "a"})
    two = container("two", mode="container:id-gone", labels={"connect.80": "b"})
    spaces = {"id-one": "net:[1]", "id-two": "net:[1]"}
    found = links(one, two, namespaces=spaces)
    assert {link.namespace for link in found} == {"net:[1]"}
    assert ["keep one" in link.error for link in found] == [True, True]


def test_a_guest_that_has_no_process_yet_is_known_by_its_owners_namespace():
    home = container("home")
    guest = container("guest", mode="container:id-home", labels={"connect.80": "a"})
    spaces = {"id-home": "net:[1]", "id-guest": ""}
    (link,) = links(home, guest, namespaces=spaces)
    assert link.namespace == "net:[1]"
